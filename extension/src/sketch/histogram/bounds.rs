//! What the bins prove: between which numbers the count of the values up to any `x` lies.
//!
//! Of a bin of `m` values in `[low, high]` whose mean is `center`, none is `<= x` where `x < low`, and all are where
//! `x >= high`. In between:
//! - if `x < center`: `k` values of at most `x` and the others of at most `high` have a sum of at most
//!   `k x + (m - k) high`, which must not be less than `m center`. So `k <= m (high - center) / (high - x)`;
//! - if `x > center`: `j` values above `x` and the others of at least `low` have a sum of at least `j x + (m - j) low`,
//!   which must not be more than `m center`. So `j <= m (center - low) / (x - low)`, and `k >= m - j`.
//!
//! The center is the mean but for rounding. A center is summed up from the distances to a number that is at most as far from 0
//! as the values (if these have one sign), so that a sum of `n` distances is off by no more than about `n` ulp of
//! itself. What is off goes into the next merge with the weight of its values, so that it adds up only along merges that
//! follow each other; and of these a bin of `m` values has less than `m` behind it.
//!
//! The slack bounds the same count in another way, by that of the centers up to `x`: see
//! [`reduce`](super::reduce::reduce). Both hold, so the narrower does.

use super::bins::{Bin, Histogram};
use super::curve::Curves;
use super::pool::{from_ordered, to_ordered};
use super::reduce::between;
use crate::sketch::{Bounds, Error};

/// By how much a center may miss the mean of its values, for each value that was added up and for each merge.
const ROUNDING: f64 = 8.0 * f64::EPSILON;
/// As many merges may follow each other.
const MOST_MERGES: f64 = (1 << 20) as f64;
/// For what rounding adds to a sum of counts.
const UPWARDS: f64 = 1.0 + 1.0 / (1_u64 << 44) as f64;
/// Of more bins the slack alone is asked: to look around each of them would take too long.
const MOST_BINS: usize = 1024;
/// How often an interval is halved, at most, to find where a bracket is farthest from the answer.
const HALVINGS: u32 = 5;
/// How many intervals wait, at most, until it is known how far off answers are elsewhere.
const MOST_WAITING: usize = 64;

impl Bin {
    /// Which part of the values is `<= x` at least, and at most.
    #[inline(always)]
    fn parts_up_to(&self, x: f64) -> (f64, f64) {
        let (low, high, center) = (self.extent.low, self.extent.high, self.center);
        if x < low {
            return (0.0, 0.0);
        }
        if x >= high {
            return (1.0, 1.0);
        }
        let off = self.rounding();
        let above = if x > center { ratio(center - low + off, x - low) } else { 1.0 };
        let most = if x < center { ratio(high - center + off, high - x) } else { 1.0 };
        (1.0 - above, most)
    }

    /// By how much the center may miss the mean.
    #[inline(always)]
    fn rounding(&self) -> f64 {
        let (low, high, count) = (self.extent.low, self.extent.high, self.mass.count() as f64);
        let is_one_sign = (low >= 0.0) | (high <= 0.0);
        let size = if is_one_sign { self.center.abs() } else { low.abs().max(high.abs()) };
        ROUNDING * (count * (high - low).min(size) + count.min(MOST_MERGES) * size)
    }
}

/// At most 1, which is what stands for distances that are not finite.
#[inline(always)]
fn ratio(part: f64, whole: f64) -> f64 {
    let ratio = part / whole;
    if ratio < 1.0 { ratio } else { 1.0 }
}

impl Histogram {
    /// Between which numbers the count of the values `<= x` lies.
    pub fn rank_bounds(&self, x: f64) -> Result<(u64, u64), Error> {
        if x.is_nan() {
            return Err(Error::bad_parameter("x is NaN, and must be a number"));
        }
        Ok(Brackets::of(self).at(x))
    }

    /// The bracket of the least value `v` such that at least `q count` values are `<= v`; `None` of an empty histogram.
    ///
    /// `v` is above every number up to which there are fewer than `q count` values at most, and not above one up to which
    /// there are as many at least. An exact histogram gives `v` itself.
    pub fn quantile_bounds(&self, q: f64) -> Result<Option<Bounds>, Error> {
        let Some(estimate) = self.quantile(q)? else { return Ok(None) };
        let (rank, brackets) = (self.rank(q)?, Brackets::of(self));
        let lower = brackets.first(|(_, most)| most as f64 >= rank);
        let upper = brackets.first(|(least, _)| least as f64 >= rank);
        Ok(Some(Bounds { lower: lower.min(estimate), estimate, upper: upper.max(estimate) }))
    }

    /// The guaranteed rank error, as a fraction of the count: [`cdf`](Histogram::cdf) is off by no more, whatever `x`. 0
    /// while every bin is exact.
    pub fn rank_error(&self) -> f64 {
        if self.is_exact() {
            return 0.0;
        }
        let by_slack = self.farthest_by_slack();
        let by_extents = if self.bins.len() <= MOST_BINS { Brackets::of(self).farthest() } else { by_slack };
        by_extents.min(by_slack) / self.count as f64
    }

    /// By how much an answer may be off by the slack: the sum of the counts up to `x` differs from the truth by
    /// no more, and an answer from that sum by one bin.
    fn farthest_by_slack(&self) -> f64 {
        let largest = self.bins.masses.iter().map(|mass| mass.count()).max().unwrap_or(0);
        self.slack.saturating_add(largest).min(self.count) as f64
    }
}

/// The brackets of the counts up to all numbers.
struct Brackets<'a> {
    histogram: &'a Histogram,
    bins: Vec<Bin>,
    /// Of each bin the count of those before it, and that of all.
    before: Vec<u64>,
}

/// Between which numbers the count up to a number lies, and what is answered.
#[derive(Clone, Copy)]
struct Place {
    x: f64,
    least: f64,
    most: f64,
    answer: f64,
}

impl<'a> Brackets<'a> {
    fn of(histogram: &'a Histogram) -> Self {
        let bins: Vec<Bin> = histogram.bins.iter().collect();
        let mut before = vec![0];
        before.extend(bins.iter().scan(0, |sum, bin| {
            *sum += bin.mass.count();
            Some(*sum)
        }));
        Brackets { histogram, bins, before }
    }

    /// The bracket of the count up to `x`.
    fn at(&self, x: f64) -> (u64, u64) {
        self.at_among(x, 0.0, &self.bins)
    }

    /// The same, where `sure` values are `<= x` and those of `bins` may be.
    #[inline(always)]
    fn at_among(&self, x: f64, sure: f64, bins: &[Bin]) -> (u64, u64) {
        let &Histogram { count, slack, min, max, .. } = self.histogram;
        if count == 0 || x < min {
            return (0, 0);
        }
        if x >= max {
            return (count, count);
        }
        let (mut least, mut most) = (sure, sure);
        for bin in bins {
            let (at_least, at_most) = bin.parts_up_to(x);
            least += bin.mass.count() as f64 * at_least;
            most += bin.mass.count() as f64 * at_most;
        }
        let counted = self.before[self.histogram.bins.centers.partition_point(|&center| center <= x)];
        let least = ((least / UPWARDS).ceil() as u64).max(counted.saturating_sub(slack)).max(1);
        let most = ((most * UPWARDS) as u64).min(counted.saturating_add(slack)).min(count - 1);
        // Bytes that nobody has written may prove what cannot be.
        (least.min(most), most)
    }

    /// How many values lie at or below all numbers from one to another, and the bins of which some may.
    fn around(&self, from: f64, to: f64) -> (f64, Vec<Bin>) {
        let sure = self.bins.iter().filter(|bin| bin.extent.high <= from).map(|bin| bin.mass.count()).sum::<u64>();
        let may = |bin: &&Bin| bin.extent.high > from && bin.extent.low <= to;
        (sure as f64, self.bins.iter().filter(may).copied().collect())
    }

    /// The least number at which something holds of the bracket that holds from somewhere on; the maximum at the latest.
    fn first(&self, holds: impl Fn((u64, u64)) -> bool) -> f64 {
        let &Histogram { min, max, .. } = self.histogram;
        if holds(self.at(min)) {
            return min;
        }
        let centers = &self.histogram.bins.centers;
        let at = centers.partition_point(|&center| !holds(self.at(center)));
        let from = if at > 0 { centers[at - 1] } else { min };
        let to = centers.get(at).copied().unwrap_or(max);
        let (sure, bins) = self.around(from, to);
        let (mut without, mut with) = (to_ordered(from), to_ordered(to));
        while without.abs_diff(with) > 1 {
            let middle = (without & with) + ((without ^ with) >> 1);
            if holds(self.at_among(from_ordered(middle), sure, &bins)) { with = middle } else { without = middle }
        }
        from_ordered(with)
    }

    /// By how much an answer may be off, at most.
    ///
    /// Bracket and answer ascend with `x`. So from `a` to right before `b` they are not farther apart than one at `a` from
    /// the other right before `b`. Where that is more than was found elsewhere, the interval is halved.
    fn farthest(&self) -> f64 {
        let (curves, min, max) = (Curves::of(self.histogram), self.histogram.min, self.histogram.max);
        let of_bin = |bin: &Bin| [bin.extent.low.max(min), bin.center, bin.extent.high.min(max)];
        let mut ends: Vec<f64> = self.bins.iter().flat_map(of_bin).collect();
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let place = |x: f64, sure: f64, bins: &[Bin]| {
            let (least, most) = self.at_among(x, sure, bins);
            Place { x, least: least as f64, most: most as f64, answer: curves.count_below(x).unwrap_or(0.0) }
        };
        let look = |waiting: &mut Vec<[Place; 2]>, farthest: &mut f64| {
            for [from, to] in waiting.drain(..) {
                if bound(from, to) <= *farthest {
                    continue;
                }
                let (sure, bins) = self.around(from.x, to.x);
                farthest_between(&|x| place(x, sure, &bins), from, to, HALVINGS, farthest);
            }
        };
        // What is off at one number is known at once, so that only where it may be more is looked for it.
        let (mut farthest, mut waiting) = (0.0_f64, Vec::with_capacity(MOST_WAITING));
        let mut sweep = Sweep::over(&self.bins);
        for pair in ends.windows(2) {
            sweep.advance(pair[0], pair[1]);
            let [from, to] =
                [pair[0], from_ordered(to_ordered(pair[1]) - 1)].map(|x| place(x, sweep.sure as f64, &sweep.around));
            farthest = farthest.max(from.off()).max(to.off());
            if waiting.len() == MOST_WAITING {
                look(&mut waiting, &mut farthest);
            }
            if bound(from, to) > farthest {
                waiting.push([from, to]);
            }
        }
        look(&mut waiting, &mut farthest);
        farthest
    }
}

/// What [`Brackets::around`] says, from stretch to stretch.
struct Sweep<'a> {
    /// Those that are still to come.
    by_low: std::vec::IntoIter<&'a Bin>,
    sure: u64,
    around: Vec<Bin>,
}

impl<'a> Sweep<'a> {
    fn over(bins: &'a [Bin]) -> Self {
        let mut by_low: Vec<&Bin> = bins.iter().collect();
        by_low.sort_by(|a, b| a.extent.low.total_cmp(&b.extent.low));
        Sweep { by_low: by_low.into_iter(), sure: 0, around: Vec::new() }
    }

    /// Goes on to the numbers from one to another, where the last stretch has ended.
    fn advance(&mut self, from: f64, to: f64) {
        while let Some(next) = self.by_low.as_slice().first().filter(|next| next.extent.low <= to) {
            let at = self.around.partition_point(|bin| bin.center < next.center);
            self.around.insert(at, **next);
            self.by_low.next();
        }
        self.around.retain(|bin| {
            let is_below = bin.extent.high <= from;
            self.sure += if is_below { bin.mass.count() } else { 0 };
            !is_below
        });
    }
}

impl Place {
    /// By how much the answer may be off here.
    fn off(self) -> f64 {
        (self.most - self.answer).max(self.answer - self.least)
    }
}

/// By how much answers may be off from one number to another.
fn bound(from: Place, to: Place) -> f64 {
    (to.most - from.answer).max(to.answer - from.least)
}

/// Raises `farthest` to how far an answer may be off between two numbers, if that is more.
fn farthest_between(place: &impl Fn(f64) -> Place, from: Place, to: Place, halvings: u32, farthest: &mut f64) {
    let bound = bound(from, to);
    if bound <= *farthest {
        return;
    }
    let middle = between(from.x, to.x, 0.5);
    if halvings == 0 || middle <= from.x || middle >= to.x {
        *farthest = bound;
        return;
    }
    let middle = place(middle);
    farthest_between(place, from, middle, halvings - 1, farthest);
    farthest_between(place, middle, to, halvings - 1, farthest);
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
