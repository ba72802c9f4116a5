//! How far off the estimate may be.

use std::sync::LazyLock;

use super::image::HllImage;
use super::interpolation::{self, rows};
use crate::sketch::bounds::checked_deviations;
use crate::sketch::{Bounds, Error};

const RELATIVE_ERRORS: &str = include_str!("../../../../duckdb_sketch/data/hll_relative_error.csv");

/// DataSketches' relative standard error of the coupon estimator.
const COUPON_ERROR: f64 = 0.409 / 8192.0;
/// sqrt(ln 2) and sqrt(3 ln 2 - 1), as DataSketches rounds them: the errors times sqrt(k) of HIP and of merged
/// sketches.
const HIP_FACTOR: f64 = 0.832_554_6;
const MERGED_FACTOR: f64 = 1.038_96;
/// Up to here the quantiles of the error were measured; beyond, the normal approximation holds.
const GREATEST_MEASURED_LG_K: u8 = 12;

/// Quantiles of the relative error, by lg_k from 4: [merged, HIP] × [lower, upper] × standard deviations.
static MEASURED: LazyLock<Vec<[[[f64; 3]; 2]; 2]>> = LazyLock::new(|| {
    let mut table = vec![[[[f64::NAN; 3]; 2]; 2]; usize::from(GREATEST_MEASURED_LG_K) - 3];
    for (line, row) in RELATIVE_ERRORS.lines().skip(1).zip(rows(RELATIVE_ERRORS)) {
        let (lg_k, hip) = (row[0] as usize, row[1] as usize);
        let side = usize::from(line.contains("upper"));
        table[lg_k - 4][hip][side] = [row[3], row[4], row[5]];
    }
    table
});

impl HllImage<'_> {
    /// The estimate with the interval of that many standard deviations: 1 covers 68 %, 2 covers 95.4 %, 3 covers 99.7 %.
    pub fn bounds(&self, num_std_dev: i64) -> Result<Bounds, Error> {
        let num_std_dev = checked_deviations(num_std_dev)?;
        let estimate = self.estimate()?;
        let at_least = f64::from(self.occupied()?);
        Ok(match self.coupon_count() {
            Some(count) => {
                let (center, error) = (interpolation::coupons(count), num_std_dev as f64 * COUPON_ERROR);
                let (lower, upper) = (center / (1.0 + error), center / (1.0 - error));
                Bounds { lower: lower.max(at_least), estimate, upper: upper.max(at_least) }
            }
            None => {
                let [lower, upper] = self.relative_errors(num_std_dev);
                // The estimate of a damaged image may be below its number of registers.
                let lower = (estimate / (1.0 + lower)).max(at_least.min(estimate));
                Bounds { lower, estimate, upper: estimate / (1.0 + upper) }
            }
        })
    }

    /// Of the lower bound, positive, and of the upper, negative.
    fn relative_errors(&self, num_std_dev: usize) -> [f64; 2] {
        let (lg_k, hip) = (self.lg_k(), self.hip().is_some());
        if lg_k.get() <= GREATEST_MEASURED_LG_K {
            let sides = MEASURED[usize::from(lg_k.get()) - 4][usize::from(hip)];
            return sides.map(|by_std_dev| by_std_dev[num_std_dev - 1]);
        }
        let factor = if hip { HIP_FACTOR } else { MERGED_FACTOR };
        let error = num_std_dev as f64 * factor / f64::from(lg_k.k()).sqrt();
        [error, -error]
    }
}

#[cfg(test)]
mod tests {
    use super::MEASURED;

    #[test]
    fn the_file_is_whole() {
        for by_hip in MEASURED.iter() {
            for [lower, upper] in by_hip {
                assert!(lower.iter().all(|&error| error > 0.0) && upper.iter().all(|&error| error < 0.0));
            }
        }
    }
}
