//! Ranks and quantiles: what the bins say of the distribution between them.
//!
//! Each bin's values lie on a [`Piece`] of the axis, from where those of the bin before end to where those of the next
//! one begin. Values on a grid are read on it: what a bin says of a value lies half a step on either side.

use super::bins::Histogram;
use super::grid::Grid;
use super::piece::{Piece, ends_between};
use super::refine::FEW_BINS;
use crate::sketch::Error;

impl Histogram {
    /// About how many values are `<= x`; exact where the bins around `x` are.
    pub fn count_below(&self, x: f64) -> Result<f64, Error> {
        if x.is_nan() {
            return Err(Error::bad_parameter("x is NaN, and must be a number"));
        }
        if self.is_empty() || x < self.min {
            return Ok(0.0);
        }
        if x >= self.max {
            return Ok(self.count as f64);
        }
        let x = match self.read_grid().steps_up_to(x) {
            Some(steps) => self.read_grid().middle_behind(steps),
            None => x,
        };
        // Rounding may leave a little more than there are.
        Ok(self.interpolate(x).min(self.count as f64))
    }

    /// About how many values are `< x`.
    pub(super) fn count_strictly_below(&self, x: f64) -> Result<f64, Error> {
        // The first bin may lie at the minimum although its values differ: its center is rounded.
        if x <= self.min {
            return Ok(0.0);
        }
        if x > self.max {
            return Ok(self.count as f64);
        }
        let grid = self.read_grid();
        if let Some(steps) = grid.steps_up_to(x) {
            let before = if grid.value_of(steps) == x { steps - 1.0 } else { steps };
            return Ok(self.interpolate(grid.middle_behind(before)).min(self.count as f64));
        }
        let at = self.bins.centers.partition_point(|&center| center < x);
        let equal = match self.bins.centers.get(at) {
            Some(&center) if center == x && self.bins.masses[at].is_exact() => self.bins.masses[at].count(),
            _ => 0,
        };
        Ok(self.count_below(x)? - equal as f64)
    }

    /// The fraction of the values that are `<= x`; `None` of an empty histogram.
    pub fn cdf(&self, x: f64) -> Result<Option<f64>, Error> {
        let below = self.count_below(x)?;
        Ok((!self.is_empty()).then(|| below / self.count as f64))
    }

    /// The least `x` with `count_below(x) >= q count`: the inverse. `None` of an empty histogram.
    pub fn quantile(&self, q: f64) -> Result<Option<f64>, Error> {
        let rank = self.rank(q)?;
        if self.is_empty() {
            return Ok(None);
        }
        // The extremes are exact, and not what rounding leaves of an interpolation.
        if q == 0.0 {
            return Ok(Some(self.min));
        }
        if q == 1.0 {
            return Ok(Some(self.max));
        }
        Ok(Some(self.value_of_rank(rank)))
    }

    /// `q count`; a whole number if it is one but for rounding, so that exact histograms find the value of that rank.
    pub(super) fn rank(&self, q: f64) -> Result<f64, Error> {
        if !(0.0..=1.0).contains(&q) {
            return Err(Error::bad_parameter(format!("q is {q}, and must be from 0 to 1")));
        }
        let count = self.count as f64;
        let rank = q * count;
        let whole = rank.round();
        Ok(if (rank - whole).abs() <= count * 2f64.powi(-50) { whole } else { rank })
    }

    fn interpolate(&self, x: f64) -> f64 {
        if self.is_read_as_trapezoids() { self.trapezoid_below(x) } else { self.pieces_below(x) }
    }

    fn value_of_rank(&self, rank: f64) -> f64 {
        if self.is_read_as_trapezoids() {
            return self.trapezoid_point(rank);
        }
        let point = self.pieces_point(rank).clamp(self.min, self.max);
        self.to_grid(point, rank)
    }

    /// Few bins are read as in the paper, and so are images that know no extents.
    fn is_read_as_trapezoids(&self) -> bool {
        let knows_nothing = |at: usize| self.bins.lows[at].is_infinite() && self.bins.highs[at].is_infinite();
        let mut inexact = (0..self.bins.len()).filter(|&at| !self.bins.masses[at].is_exact());
        self.max_bins.get() < FEW_BINS || inexact.all(knows_nothing)
    }

    /// The grid that answers lie on. Exact bins need none.
    fn read_grid(&self) -> Grid {
        if self.is_read_as_trapezoids() { Grid::NONE } else { self.grid }
    }

    /// The least value of the grid up to which there are as many values as up to `point`, but for rounding.
    fn to_grid(&self, point: f64, rank: f64) -> f64 {
        let grid = self.read_grid();
        let Some(steps) = grid.steps_up_to(point + grid.half_step()) else { return point };
        let enough = rank - self.count as f64 * 2f64.powi(-50);
        let reaches = |steps: f64| self.interpolate(grid.middle_behind(steps)) >= enough;
        let mut steps = steps;
        for _ in 0..4 {
            steps += if reaches(steps) { 0.0 } else { 1.0 };
        }
        for _ in 0..4 {
            steps -= if reaches(steps - 1.0) { 1.0 } else { 0.0 };
        }
        grid.value_of(steps).clamp(self.min, self.max)
    }

    fn pieces_below(&self, x: f64) -> f64 {
        let bins = &self.bins;
        let next = bins.centers.partition_point(|&center| center <= x);
        let before = |at: usize| bins.masses[..at].iter().map(|mass| mass.count()).sum::<u64>() as f64;
        // `x` lies among the values of the bin of the center before it, or of the next one, or between them.
        let behind = if next < bins.len() { self.piece(next) } else { None };
        if let Some(piece) = behind.filter(|piece| x >= piece.low()) {
            return before(next) + bins.masses[next].count() as f64 * piece.share_below(x);
        }
        let Some(last) = next.checked_sub(1) else { return 0.0 };
        let share = self.piece(last).map_or(1.0, |piece| piece.share_below(x));
        before(last) + bins.masses[last].count() as f64 * share
    }

    fn pieces_point(&self, rank: f64) -> f64 {
        let bins = &self.bins;
        let mut before = 0;
        for at in 0..bins.len() {
            let count = bins.masses[at].count();
            if rank <= (before + count) as f64 {
                let share = ((rank - before as f64) / count as f64).clamp(0.0, 1.0);
                return self.piece(at).map_or(bins.centers[at], |piece| piece.point_of(share));
            }
            before += count;
        }
        self.max
    }

    /// Where the values of a bin end and those of the next one begin.
    fn ends(&self, left: usize) -> (f64, f64) {
        let at = |at: usize| (at < self.bins.len()).then(|| self.bins.get(at));
        let (before, after) = (left.checked_sub(1).and_then(at), at(left + 2));
        let (left, right) = (self.bins.get(left), self.bins.get(left + 1));
        ends_between(before.as_ref(), &left, &right, after.as_ref(), self.read_grid().half_step())
    }

    /// Where the values of a bin lie; none if they all equal its center.
    fn piece(&self, at: usize) -> Option<Piece> {
        let bins = &self.bins;
        let half_step = self.read_grid().half_step();
        let bin = bins.get(at);
        let low = match at.checked_sub(1) {
            Some(_) => self.ends(at - 1).1,
            None => bin.low.max(self.min) - half_step,
        };
        let high = match at + 1 < bins.len() {
            true => self.ends(at).0,
            false => bin.high.min(self.max) + half_step,
        };
        (!bin.mass.is_exact() && low < high).then(|| Piece::new(low, bin.center, high))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HistogramBuilder, MaxBins};
    use super::*;

    fn example() -> Histogram {
        let mut builder = HistogramBuilder::new(MaxBins::new(20).unwrap());
        let values = (0..10_000u32).map(|i| if i % 5 == 0 { 3.0 } else { f64::from(i % 977).powf(1.7) - 100.0 });
        builder.extend(&values.collect::<Vec<_>>()).unwrap();
        builder.finish()
    }

    #[test]
    fn quantile_and_count_below_are_inverses() {
        let histogram = example();
        let mut last = f64::NEG_INFINITY;
        for i in 0..=1000 {
            let q = f64::from(i) / 1000.0;
            let x = histogram.quantile(q).unwrap().unwrap();
            assert!(x >= last, "quantiles ascend");
            last = x;
            let below = histogram.count_below(x).unwrap();
            assert!(below >= q * 10_000.0 - 1e-6, "{q}");
            let just_before = histogram.count_below(x - 1e-9 * x.abs().max(1.0)).unwrap();
            assert!(just_before <= q * 10_000.0 + 1e-3, "{q}: {just_before}");
        }
    }

    #[test]
    fn the_whole_range_holds_everything() {
        let histogram = example();
        assert_eq!(histogram.count_below(f64::NEG_INFINITY).unwrap(), 0.0);
        assert_eq!(histogram.count_below(f64::INFINITY).unwrap(), 10_000.0);
        assert_eq!(histogram.quantile(0.0).unwrap(), histogram.min());
        assert_eq!(histogram.quantile(1.0).unwrap(), histogram.max());
        assert!(histogram.quantile(1.5).is_err() && histogram.quantile(f64::NAN).is_err());
    }

    #[test]
    fn a_wide_gap_stays_nearly_empty() {
        let mut builder = HistogramBuilder::new(MaxBins::new(20).unwrap());
        let values = (0..10_000u32).map(|i| f64::from(i % 977) / 977.0 + if i % 3 == 0 { 1e6 } else { 0.0 });
        builder.extend(&values.collect::<Vec<_>>()).unwrap();
        let histogram = builder.finish();
        let (third, two_thirds) = (3_334.0, 6_666.0);
        for x in [2.0, 10.0, 1e3, 5e5, 999_990.0, 999_999.0] {
            let below = histogram.count_below(x).unwrap();
            assert!((below - two_thirds).abs() < 0.02 * third, "{x}: {below}");
            let back = histogram.quantile(below / 10_000.0).unwrap().unwrap();
            assert!((back - x).abs() < 1e-3 * x, "{x}: {back}");
        }
    }

    #[test]
    fn the_greatest_quantile_is_the_maximum_however_small() {
        let mut builder = HistogramBuilder::new(MaxBins::new(2).unwrap());
        builder.extend(&[-3.0, -1.0, 7e-206]).unwrap();
        assert_eq!(builder.finish().quantile(1.0).unwrap(), Some(7e-206));
    }
}
