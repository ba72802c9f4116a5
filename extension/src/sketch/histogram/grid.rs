//! The grid that values lie on: whole multiples of a power of ten, as integers and decimals of a fixed scale do.
//!
//! Nothing in an image says it. But a center is the mean of its bin: times the count it is a sum, and a sum of whole
//! numbers is one. So bins whose sums are all whole, to the digits that doubles have, hold whole numbers: that others
//! have such sums by chance is less likely than one in 2^30.

use super::bins::Histogram;

/// Decimal places that all values are written with; or that they lie on no grid.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Grid {
    /// How many steps 1 has: a power of ten. 0 without a grid.
    power: f64,
}

/// The finest grid: beyond, doubles are near one by chance.
const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Steps up to here are counted exactly, so that a number on one grid is on each finer one.
const MOST_STEPS: f64 = (1_u64 << 50) as f64;
/// Adding and taking off this number rounds one of fewer than [`MOST_STEPS`] to a whole one.
const WHOLES: f64 = (3_u64 << 51) as f64;
/// That sums are whole by chance must be less likely.
const CHANCE: f64 = 1.0 / (1 << 30) as f64;
/// What rounding may have added to a sum, as a part of it; and the least that it must be allowed.
const ROUNDING: f64 = 1.0 / (1_u64 << 43) as f64;
const LEAST_ROUNDING: f64 = 1.0 / (1_u64 << 48) as f64;
/// A sum that rounding may have moved farther says nothing.
const MOST_ROUNDING: f64 = 0.125;

impl Grid {
    /// No grid.
    pub const NONE: Grid = Grid { power: 0.0 };

    /// The coarsest grid that the values of a histogram lie on, as far as its bins tell.
    pub fn of(histogram: &Histogram) -> Self {
        let &Histogram { min, max, .. } = histogram;
        let most = min.abs().max(max.abs());
        // What is not on the finest grid that can be counted there is on none.
        let Some(finest) = POWERS.iter().rposition(|power| most * power < MOST_STEPS) else { return Grid::NONE };
        if !is_on(min, POWERS[finest]) || !is_on(max, POWERS[finest]) || histogram.is_exact() {
            return Grid::NONE;
        }
        let found = POWERS[..=finest].iter().find(|&&power| all_are_on(histogram, power));
        found.map_or(Grid::NONE, |&power| Grid { power })
    }

    /// Whether a number lies on the grid.
    pub fn holds(self, x: f64) -> bool {
        self.power > 0.0 && is_on(x, self.power)
    }

    /// The middle of the step behind `x`: what lies on the grid is `<= x` just if it is below. `x` itself without a grid.
    pub fn behind(self, x: f64) -> f64 {
        match self.steps(x) {
            Some((power, steps)) => (floor(x, steps, power) + 0.5) / power,
            None => x,
        }
    }

    /// The middle of the step before `x`.
    pub fn before(self, x: f64) -> f64 {
        match self.steps(x) {
            Some((power, steps)) => (-floor(-x, -steps, power) - 0.5) / power,
            None => x,
        }
    }

    /// The number on the grid in whose step `x` lies, the lower of two; `x` itself without a grid.
    pub fn nearest(self, x: f64) -> f64 {
        match self.steps(x) {
            // A middle that was rounded up is still the middle.
            Some((power, steps)) => (steps - 0.5 - steps.abs() * 2f64.powi(-50)).ceil() / power + 0.0,
            None => x,
        }
    }

    /// `x` in steps, about, where these can be counted.
    fn steps(self, x: f64) -> Option<(f64, f64)> {
        let steps = x * self.power;
        (self.power > 0.0 && steps.abs() < MOST_STEPS).then_some((self.power, steps))
    }
}

/// The greatest whole number of steps that is not above `x`, which is `steps` but for rounding.
fn floor(x: f64, steps: f64, power: f64) -> f64 {
    let whole = nearest_whole(steps);
    if whole / power <= x { whole } else { whole - 1.0 }
}

/// The nearest whole number, the even one of two. Quicker than `round`, for which CPUs have no instruction.
fn nearest_whole(steps: f64) -> f64 {
    (steps + WHOLES) - WHOLES
}

/// Whether this is the double nearest to a whole number of steps, as a decimal becomes one.
fn is_on(value: f64, power: f64) -> bool {
    let steps = value * power;
    steps.abs() < MOST_STEPS && nearest_whole(steps) / power == value
}

/// Whether minimum, maximum and exact bins lie on a grid, and the sums of the others prove it.
fn all_are_on(histogram: &Histogram, power: f64) -> bool {
    if !is_on(histogram.min, power) || !is_on(histogram.max, power) {
        return false;
    }
    let mut chance = 1.0;
    for (&center, mass) in histogram.bins.centers.iter().zip(&histogram.bins.masses) {
        if mass.is_exact() {
            if !is_on(center, power) {
                return false;
            }
            continue;
        }
        let sum = center * power * mass.count() as f64;
        let rounding = (sum.abs() * LEAST_ROUNDING).max((sum.abs() * ROUNDING).min(MOST_ROUNDING));
        if rounding <= MOST_ROUNDING {
            if (sum - nearest_whole(sum)).abs() > rounding {
                return false;
            }
            // Values on both sides of 0 may cancel.
            if chance > CHANCE && sum != 0.0 {
                chance *= (2.0 * rounding).max(CHANCE);
            }
        }
    }
    chance <= CHANCE
}

#[cfg(test)]
mod tests {
    use super::super::{HistogramBuilder, MaxBins};
    use super::*;

    fn histogram(bins: i64, values: impl Iterator<Item = f64>) -> Histogram {
        let mut builder = HistogramBuilder::new(MaxBins::new(bins).unwrap());
        builder.extend(&values.collect::<Vec<_>>()).unwrap();
        builder.finish()
    }

    #[test]
    fn the_sums_of_bins_say_which_grid_their_values_lie_on() {
        let of = |scale: f64, power: f64| {
            Grid::of(&histogram(20, (0..9000).map(|i| (f64::from(i * i % 7919) * scale).round() / power))).power
        };
        assert_eq!((of(1.0, 1.0), of(1.0, 100.0), of(1.0, 1e9)), (1.0, 100.0, 1e9));
        assert_eq!((of(1.0, 3.0), of(1.0, 1e10)), (0.0, 0.0));
        let one_of_many =
            |odd: f64| Grid::of(&histogram(20, (0..9000).map(|i| if i == 4321 { odd } else { f64::from(i) })));
        assert_eq!(
            (one_of_many(17.0).power, one_of_many(17.25).power, one_of_many(1.0 / 3.0).power),
            (1.0, 100.0, 0.0)
        );
    }

    #[test]
    fn sums_too_large_for_their_digits_say_nothing() {
        let grid = |offset: f64| Grid::of(&histogram(20, (0..9000).map(|i| f64::from(i) + offset))).power;
        assert_eq!((grid(1e9), grid(1e14)), (1.0, 0.0));
    }

    #[test]
    fn every_cent_is_found_from_the_middles_beside_it() {
        let grid = Grid { power: 100.0 };
        for cents in (-300_000..300_000).step_by(7) {
            let value = f64::from(cents) / 100.0;
            let (before, behind) = (grid.before(value), grid.behind(value));
            assert!(before < value && value < behind);
            for x in [value, before * 0.4 + value * 0.6, behind] {
                assert_eq!(grid.nearest(x), value);
            }
        }
        assert_eq!((Grid::NONE.behind(0.3), Grid::NONE.before(0.3), Grid::NONE.nearest(0.3)), (0.3, 0.3, 0.3));
        assert_eq!((grid.behind(f64::INFINITY), grid.nearest(1e300)), (f64::INFINITY, 1e300));
    }
}
