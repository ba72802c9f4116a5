//! What the bins prove of ranks, and the bracket around a quantile.

use super::bins::{Bin, Histogram, greater};
use super::pool::{from_ordered, to_ordered};
use crate::sketch::Error;

/// A quantile's estimate, and the values that the true one lies between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileBounds {
    /// The true quantile is not less.
    pub lower: f64,
    /// The estimate.
    pub estimate: f64,
    /// The true quantile is not greater.
    pub upper: f64,
}

/// For the rounding of counts.
const ABOVE: f64 = 1.0 + 1.0 / (1u64 << 40) as f64;
/// By how much of its extents the center of a bin may miss the mean of its values, through additions.
const ADDITIONS: f64 = 1.0 / (1u64 << 26) as f64;
/// And by how much of its greatest value: 2^12 merges, each rounded to the same side.
const ROUNDINGS: f64 = 1.0 / (1u64 << 40) as f64;
/// Of more bins the guaranteed error of rank is taken from the slack alone.
const MANY_BINS: usize = 1024;

impl Bin {
    /// At least and at most so many of its values are `<= x`.
    ///
    /// All of them lie from `low` to `high`: below `low` there is none, from `high` on there are all. Their mean is the
    /// center `c`. So by Markov's inequality, of `high - v >= 0`, whose mean is `high - c`, at most the share
    /// `(high - c) / (high - x)` reaches `high - x`; and of `v - low` at most `(c - low) / (x - low)` exceeds `x - low`.
    /// The center is a rounded mean, and may miss the true one by `missed`. Where extents are not known, nor is the mean:
    /// Druid's centers are none.
    #[inline(always)]
    fn between_how_many(&self, x: f64) -> (u64, u64) {
        let count = self.mass.count();
        if !(self.low.is_finite() && self.high.is_finite()) {
            return (0, count);
        }
        if x < self.low {
            return (0, 0);
        }
        if x >= self.high {
            return (count, count);
        }
        let Bin { center, low, high, .. } = *self;
        // Quarters, since distances, and sums of them, may overflow.
        let (c, l, h, at) = (center / 4.0, low / 4.0, high / 4.0, x / 4.0);
        let missed = (h - l) * ADDITIONS + greater(l.abs(), h.abs()) * ROUNDINGS + f64::MIN_POSITIVE;
        let of_all = |share: f64| (count as f64 * share * ABOVE).min(count as f64) as u64;
        if x < center {
            (0, count.min(of_all((h - c + missed) / (h - at))))
        } else {
            (count - count.min(of_all((c - l + missed) / (at - l))), count)
        }
    }
}

impl Histogram {
    /// At least and at most so many values are `<= x`: what the extents prove, and what the slack does.
    fn between_how_many(&self, x: f64) -> (u64, u64) {
        let (mut least, mut most, mut up_to) = (0, 0, 0);
        for at in 0..self.bins.len() {
            let bin = self.bins.get(at);
            let (lower, upper) = bin.between_how_many(x);
            least += lower;
            most += upper;
            up_to += if bin.center <= x { bin.mass.count() } else { 0 };
        }
        (least.max(up_to.saturating_sub(self.slack)), most.min(up_to.saturating_add(self.slack)))
    }

    /// The bracket of the least value `v` such that at least `q count` values are `<= v`; `None` of an empty histogram.
    ///
    /// `v` is not below the least number up to which there may be `q count` values, and not above the least one up to
    /// which there must be. An exact histogram gives `v` itself.
    pub fn quantile_bounds(&self, q: f64) -> Result<Option<QuantileBounds>, Error> {
        let Some(estimate) = self.quantile(q)? else { return Ok(None) };
        let rank = self.rank(q)?;
        let lower = self.least_number(|x| self.between_how_many(x).1 as f64 >= rank);
        let upper = self.least_number(|x| self.between_how_many(x).0 as f64 >= rank);
        Ok(Some(QuantileBounds { lower: lower.min(estimate), estimate, upper: upper.max(estimate) }))
    }

    /// The least number from minimum to maximum for which this holds; it holds for all above it. The maximum if none.
    fn least_number(&self, holds: impl Fn(f64) -> bool) -> f64 {
        let (mut low, mut high) = (to_ordered(self.min), to_ordered(self.max));
        while low < high {
            let middle = ((i128::from(low) + i128::from(high)) >> 1) as i64;
            if holds(from_ordered(middle)) { high = middle } else { low = middle + 1 }
        }
        from_ordered(high) + 0.0
    }

    /// The guaranteed error of rank, as a fraction of the count: for any `x`, the fraction of the values `<= x` differs
    /// by no more from that of the counts of the bins with centers `<= x`. 0 while every bin is exact; below 2 / bins
    /// after one cut. Through merges it is the lesser of what the slack says, proved at
    /// [`reduce`](super::reduce::reduce), and of what the extents do.
    pub fn rank_error(&self) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        let off = if self.bins.len() > MANY_BINS { self.slack } else { self.slack.min(self.most_off()) };
        off as f64 / self.count as f64
    }

    /// By how much the counts up to a number may be off: least values at a center, most just below the next.
    fn most_off(&self) -> u64 {
        let (mut off, mut before) = (0, 0);
        for (center, count) in self.bins() {
            let (_, most) = self.between_how_many(center.next_down());
            let (least, _) = self.between_how_many(center);
            off = off.max(most.saturating_sub(before)).max((before + count).saturating_sub(least));
            before += count;
        }
        off
    }
}
#[cfg(test)]
mod tests {
    use super::super::{HistogramBuilder, MaxBins};

    #[test]
    fn the_bracket_holds_through_merges() {
        let mut all = Vec::new();
        let mut union = HistogramBuilder::new(MaxBins::new(10).unwrap());
        for part in 0..40u32 {
            let values: Vec<f64> = (0..500u32).map(|i| f64::from((i * (part + 3) * 7919) % 10_007).powi(3)).collect();
            let mut builder = HistogramBuilder::new(MaxBins::new(10).unwrap());
            builder.extend(&values).unwrap();
            union.merge_histogram(&builder.finish()).unwrap();
            all.extend(values);
        }
        all.sort_by(f64::total_cmp);
        let union = union.finish();
        let mut widths = 0.0;
        for rank in 1..=all.len() {
            let bounds = union.quantile_bounds(rank as f64 / all.len() as f64).unwrap().unwrap();
            let truth = all[rank - 1];
            assert!(bounds.lower <= truth && truth <= bounds.upper, "{bounds:?} of {truth}");
            let count_in = |x: f64| all.partition_point(|&value| value <= x) as f64;
            widths += (count_in(bounds.upper) - count_in(bounds.lower)) / all.len() as f64 / all.len() as f64;
        }
        assert!(widths < 0.7, "a bracket of everything proves nothing: {widths}");
    }
}
