//! What a sketch estimates, and how far off that may be.

use std::sync::LazyLock;

use super::image::ThetaImage;
use crate::sketch::bounds::checked_deviations;
use crate::sketch::{Bounds, Error};

const EQUIVALENT_DEVIATIONS: &str = include_str!("../../../../duckdb_sketch/data/theta_equivalent_deviations.csv");

/// Of that many entries and fewer the binomial distribution is not a normal one.
const FEW: usize = 120;
/// Up to so high an estimate the distribution is summed up; beyond, the normal one with equivalent deviations is close.
const SUMMED_UP_TO: f64 = 360.0;
/// So near to 1, theta leaves hardly anything out.
const NEARLY_ALL: f64 = 1.0 - 1e-5;
/// What lies beyond 1, 2 and 3 standard deviations, on one side.
const TAILS: [f64; 3] = [0.158_655_319_158_602_64, 0.022_750_261_890_413_57, 0.001_349_812_686_173_179_6];

/// By entries from 1: of 1, 2 and 3 standard deviations those of a normal distribution whose interval ends where the
/// binomial one's does, [lower, upper].
static EQUIVALENT: LazyLock<Vec<[[f64; 3]; 2]>> = LazyLock::new(|| {
    let number = |field: &str| field.parse().expect("a number");
    let row = |line: &str| {
        let fields: Vec<f64> = line.split(',').skip(1).map(number).collect();
        [0, 3].map(|first| [0, 1, 2].map(|deviations| fields[first + deviations]))
    };
    EQUIVALENT_DEVIATIONS.lines().skip(1).map(row).collect()
});

impl ThetaImage<'_> {
    /// How many values it has seen, about.
    #[inline(always)]
    pub fn estimate(&self) -> f64 {
        f64::from(self.count()) / self.fraction()
    }

    /// The estimate with the interval of that many standard deviations, as DataSketches computes it (Thaler, Lang, Saydakov,
    /// Rhodes): of how many values as many entries as there are would be above or below theta by chance.
    pub fn bounds(&self, num_std_dev: i64) -> Result<Bounds, Error> {
        let deviations = checked_deviations(num_std_dev)?;
        let (entries, theta, estimate) = (self.count() as usize, self.fraction(), self.estimate());
        if !self.is_sample() {
            return Ok(Bounds { lower: estimate, estimate, upper: estimate });
        }
        let lower = lower(entries, theta, deviations).max(entries as f64).min(estimate);
        Ok(Bounds { lower, estimate, upper: upper(entries, theta, deviations).max(estimate) })
    }
}

fn lower(entries: usize, theta: f64, deviations: usize) -> f64 {
    let tail = TAILS[deviations - 1];
    match entries {
        0 => 0.0,
        1 => ((-tail).ln_1p() / (-theta).ln_1p()).floor(),
        _ if entries > FEW => normal(entries as f64 - 0.5, theta, -(deviations as f64)) - 0.5,
        _ if theta > NEARLY_ALL => entries as f64,
        _ if theta < entries as f64 / SUMMED_UP_TO => {
            normal(entries as f64 - 0.5, theta, -EQUIVALENT[entries - 1][0][deviations - 1]) - 0.5
        }
        _ => trials(entries, theta, |sum| sum > tail) - 1.0,
    }
}

fn upper(entries: usize, theta: f64, deviations: usize) -> f64 {
    let tail = TAILS[deviations - 1];
    match entries {
        0 => (tail.ln() / (-theta).ln_1p()).ceil(),
        _ if entries > FEW => normal(entries as f64 + 0.5, theta, deviations as f64) + 0.5,
        _ if theta > NEARLY_ALL => (entries + 1) as f64,
        _ if theta < entries as f64 / SUMMED_UP_TO => {
            normal(entries as f64 + 0.5, theta, EQUIVALENT[entries - 1][1][deviations - 1]) + 0.5
        }
        _ => trials(entries + 1, theta, |sum| sum >= 1.0 - tail),
    }
}

/// How many values there are if that many entries are that many standard deviations away from what is expected of them: the
/// solution of a quadratic equation.
fn normal(entries: f64, theta: f64, deviations: f64) -> f64 {
    let width = deviations * ((1.0 - theta) / theta).sqrt();
    let estimate = entries / theta;
    estimate + width * width / 2.0 + width / 2.0 * (width * width + 4.0 * estimate).sqrt()
}

/// After how many trials, each a success by the probability, the probability of that many successes is reached.
fn trials(successes: usize, probability: f64, is_reached: impl Fn(f64) -> bool) -> f64 {
    let successes = successes as f64;
    // That the last success comes with the last trial.
    let mut last = probability.powf(successes);
    let (mut sum, mut trials) = (last, successes);
    while !is_reached(sum) {
        last *= (1.0 - probability) * trials / (trials + 1.0 - successes);
        sum += last;
        trials += 1.0;
    }
    trials
}

#[cfg(test)]
mod tests {
    use super::super::image::of_entries;
    use super::super::lg_nom::LgNom;
    use super::*;

    #[test]
    fn the_file_is_whole() {
        assert_eq!(EQUIVALENT.len(), FEW);
        for [lower, upper] in EQUIVALENT.iter() {
            assert!(lower.is_sorted() && upper.is_sorted() && lower[0] > 0.7 && upper[2] < 3.0);
        }
    }

    #[test]
    fn bounds_are_around_the_estimate_and_grow() {
        for count in [0u64, 1, 2, 3, 50, 119, 120, 121, 4096] {
            let entries: Vec<u64> = (1..=count).collect();
            for lg_theta in [13, 30, 52, 58, 61, 62] {
                let image = of_entries(LgNom::DEFAULT, 1 << lg_theta, &entries);
                let image = ThetaImage::parse(&image).unwrap();
                let bounds = [1, 2, 3].map(|deviations| image.bounds(deviations).unwrap());
                for b in bounds {
                    assert!(count as f64 <= b.lower && b.lower <= b.estimate && b.estimate <= b.upper, "{b:?}");
                }
                assert!(bounds.is_sorted_by(|a, b| a.lower >= b.lower && a.upper <= b.upper), "{bounds:?}");
            }
        }
    }

    #[test]
    fn nothing_cut_off_is_exact() {
        let image = of_entries(LgNom::DEFAULT, super::super::entry::MAX_THETA, &[1, 2, 3]);
        let bounds = ThetaImage::parse(&image).unwrap().bounds(3).unwrap();
        assert_eq!((bounds.lower, bounds.estimate, bounds.upper), (3.0, 3.0, 3.0));
    }
}
