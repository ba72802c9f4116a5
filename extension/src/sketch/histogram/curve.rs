//! The curve between two centers: how the values of a gap lie in it.
//!
//! A rational quadratic (Gregory and Delbourgo, "Piecewise rational quadratic interpolation to monotonic data", IMA J.
//! Numer. Anal. 2, 1982): monotone for any slopes at its ends, and its inverse is the root of a quadratic. The paper's
//! trapezoid is the one whose slopes are 2 together, and `t / (t + k (1 - t))` the one whose slopes multiply to 1.

use std::cell::{Cell, OnceCell};

use super::bins::Histogram;
use super::grid::Grid;
use super::quantile::Piece;

/// The fraction of the values of a gap that lie in its first part `t`, both from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// Its slope where it begins: the density there, over that of the whole gap.
    start: f64,
    /// Its slope where it ends.
    end: f64,
}

/// Slopes beyond are cut: what is thinner would be lost to rounding.
const STEEPEST: f64 = (1 << 30) as f64;
/// The same of a tail, of which distances lose nothing: so that they remain numbers.
const STEEPEST_TAIL: f64 = (1_u64 << 60) as f64;
/// With no more values per bin than this the shape between bins is unknown: the paper's own reading is taken.
const SPARSE: u64 = 2;
/// A gap this many times as thin as both beside it is between clusters.
const EMPTY: f64 = 2.0;
/// How many times as far a bin reaches to one side as to the other, at most.
const MOST_SKEW: f64 = 3.0;

impl Curve {
    fn new(start: f64, end: f64) -> Self {
        let bounded = |slope: f64| if slope >= 0.0 { slope.min(STEEPEST) } else { 1.0 };
        Curve { start: bounded(start), end: bounded(end) }
    }

    /// The fraction at `t`.
    pub fn at(self, t: f64) -> f64 {
        let Curve { start, end } = self;
        let both = t * (1.0 - t);
        ((t * t + start * both) / (1.0 + (start + end - 2.0) * both)).clamp(0.0, 1.0)
    }

    /// The `t` of a fraction, from the end that it is near to: so it ascends with the fraction however near it is to 1.
    pub fn inverse(self, fraction: f64) -> f64 {
        if fraction <= 0.5 { self.near_start(fraction) } else { 1.0 - self.mirrored().near_start(1.0 - fraction) }
    }

    /// The same curve seen from its end.
    fn mirrored(self) -> Self {
        Curve { start: self.end, end: self.start }
    }

    /// The `t` of a fraction, in the form that loses no digits.
    fn near_start(self, fraction: f64) -> f64 {
        if fraction <= 0.0 {
            return 0.0;
        }
        let Curve { start, end } = self;
        let bend = fraction * (start + end - 2.0);
        let (square, linear) = (1.0 - start + bend, start - bend);
        let root = (linear * linear + 4.0 * square * fraction).max(0.0).sqrt();
        // Never the difference of two that are nearly alike.
        let t = if linear < 0.0 { (root - linear) / (2.0 * square) } else { 2.0 * fraction / (linear + root) };
        if t <= 1.0 { t } else { 1.0 }
    }
}

/// How the half of a bin thins out that borders on an empty gap: at its center as dense as the gap on the other side,
/// and behind twice as far as it would reach so, there are none.
///
/// The density falls evenly: it is the paper's trapezoid, or a triangle. Distances are counted from the center, so that no
/// digits are lost however far the other end is.
#[derive(Clone, Copy, Debug)]
pub struct Tail {
    center: f64,
    /// The middle of the gap.
    pub middle: f64,
    /// The ranks of both.
    at_center: f64,
    pub at_middle: f64,
    /// The density at the center, over that of the whole way to the middle; at least 1.
    pub slope: f64,
}

impl Tail {
    /// The rank of an `x` between center and middle.
    pub fn rank_of(self, x: f64) -> f64 {
        let (t, slope) = self.scaled((x - self.center) / (self.middle - self.center));
        self.at_center + (self.at_middle - self.at_center) * (t * (slope + (1.0 - slope) * t))
    }

    /// The number between center and middle that has a rank.
    pub fn value_of(self, rank: f64) -> f64 {
        let part = (rank - self.at_center) / (self.at_middle - self.at_center);
        // Counts beyond 2^53 may leave no way between the ranks.
        let part = if part <= 1.0 { part.max(0.0) } else { 1.0 };
        let slope = self.slope.min(2.0);
        let t = 2.0 * part / (slope + (slope * slope - 4.0 * (slope - 1.0) * part).max(0.0).sqrt());
        let reach = if self.slope > 2.0 { 2.0 / self.slope } else { 1.0 };
        self.center + (self.middle - self.center) * (t * reach)
    }

    /// The part of the way that the values reach, and the slope there.
    fn scaled(self, t: f64) -> (f64, f64) {
        if self.slope > 2.0 { ((t * (self.slope / 2.0)).min(1.0), 2.0) } else { (t.min(1.0), self.slope) }
    }
}

/// The places between which values lie, in order: the minimum, the centers, the maximum. Gap `i` is behind place `i`.
pub struct Curves<'a> {
    pub(super) histogram: &'a Histogram,
    /// Whether there are so few values per bin that the paper's trapezoid is taken as it is.
    is_sparse: bool,
    /// The most values that distinct ones in one bin may be.
    cap: u64,
    /// The grid that answers lie on, once it was asked for.
    grid: OnceCell<Grid>,
    /// The gaps that were last looked at, each at its number modulo theirs: an answer looks at the same few again and again.
    seen: [Cell<Option<(usize, Gap)>>; SEEN],
    /// The ranks of the gap that was last asked for.
    pub(super) piece: Cell<Option<(usize, Piece)>>,
}

/// What lies between two places.
#[derive(Clone, Copy)]
struct Gap {
    /// How many values, if half of each bin lies on either side of its center.
    content: f64,
    /// Half of the width: the whole may overflow.
    half_width: f64,
}

const SEEN: usize = 8;

impl<'a> Curves<'a> {
    /// Those of a histogram.
    pub fn of(histogram: &'a Histogram) -> Self {
        let is_sparse = histogram.count <= SPARSE * histogram.bins.len() as u64;
        let cap = 2 * histogram.count / histogram.max_bins.get() as u64;
        Curves { histogram, is_sparse, cap, grid: OnceCell::new(), seen: Default::default(), piece: Cell::new(None) }
    }

    /// The grid that answers lie on.
    pub fn grid(&self) -> Grid {
        *self.grid.get_or_init(|| if self.is_sparse { Grid::NONE } else { Grid::of(self.histogram) })
    }

    /// Between which two numbers the values of a gap lie. On a grid each value fills its step.
    pub fn edges(&self, gap: usize) -> (f64, f64) {
        let centers = &self.histogram.bins.centers;
        let from = match gap.checked_sub(1) {
            None => self.grid().before(self.histogram.min),
            Some(bin) if self.is_step(bin) => self.grid().behind(centers[bin]),
            Some(bin) => centers[bin],
        };
        let to = match centers.get(gap) {
            None => self.grid().behind(self.histogram.max),
            Some(&center) if self.is_step(gap) => self.grid().before(center),
            Some(&center) => center,
        };
        (from, to.max(from))
    }

    /// Whether all values of a bin are read at its center. On a grid those of a bin at one of its numbers that holds more
    /// than distinct values may, too: they are a heavy value, and a few others that had it as their mean.
    pub fn is_step(&self, bin: usize) -> bool {
        let bins = &self.histogram.bins;
        let (center, mass) = (bins.centers[bin], bins.masses[bin]);
        mass.is_exact() || (mass.count() > self.cap && self.grid().holds(center))
    }

    /// How many values of a bin spread around its center.
    pub fn spread(&self, bin: usize) -> f64 {
        if self.is_step(bin) { 0.0 } else { self.histogram.bins.masses[bin].count() as f64 }
    }

    /// How many values spread around a place.
    fn spread_at(&self, place: usize) -> f64 {
        let bin = place.checked_sub(1).filter(|&bin| bin < self.histogram.bins.len());
        bin.map_or(0.0, |bin| self.spread(bin))
    }

    fn gap(&self, gap: usize) -> Gap {
        let seen = &self.seen[gap % SEEN];
        match seen.get() {
            Some((at, found)) if at == gap => found,
            _ => {
                let (from, to) = self.edges(gap);
                let content = (self.spread_at(gap) + self.spread_at(gap + 1)) / 2.0;
                let found = Gap { content, half_width: to / 2.0 - from / 2.0 };
                seen.set(Some((gap, found)));
                found
            }
        }
    }

    fn content(&self, gap: usize) -> f64 {
        self.gap(gap).content
    }

    fn half_width(&self, gap: usize) -> f64 {
        self.gap(gap).half_width
    }

    /// How many times as dense a gap is as this one, which holds something.
    fn times_denser(&self, other: usize, this: usize) -> f64 {
        let (other, this) = (self.gap(other), self.gap(this));
        let ratio = other.content / this.content * (this.half_width / other.half_width);
        if ratio >= 0.0 { ratio.min(STEEPEST) } else { 0.0 }
    }

    /// Whether a gap lies between two clusters.
    pub fn is_empty_gap(&self, gap: usize) -> bool {
        let is_inner = gap > 0 && gap < self.histogram.bins.len();
        is_inner && self.times_denser(gap - 1, gap) > EMPTY && self.times_denser(gap + 1, gap) > EMPTY
    }

    /// Which part of a bin's values lie below its center.
    pub fn share_below(&self, bin: usize) -> f64 {
        let place = bin + 1;
        if self.is_sparse || self.is_empty_gap(place - 1) || self.is_empty_gap(place) {
            return 0.5;
        }
        let own = self.spread_at(place);
        let reach = |gap: usize, beside: usize| self.half_width(gap) * (own / (own + self.spread_at(beside)));
        let skew = reach(place, place + 1) / reach(place - 1, place - 1);
        let root = if skew >= 0.0 { skew.clamp(1.0 / MOST_SKEW, MOST_SKEW).sqrt() } else { 1.0 };
        root / (1.0 + root)
    }

    /// The curve in a gap.
    pub fn curve(&self, gap: usize) -> Curve {
        if self.is_sparse && gap > 0 && gap < self.histogram.bins.len() {
            let content = self.content(gap);
            return Curve::new(self.spread_at(gap) / content, self.spread_at(gap + 1) / content);
        }
        let start = if gap > 0 { self.slope(gap, gap - 1) } else { None };
        let end = if gap < self.histogram.bins.len() { self.slope(gap, gap + 1) } else { None };
        match (start, end) {
            (Some(start), Some(end)) => Curve::new(start, end),
            (Some(start), None) => Curve::new(start, 1.0 / start),
            (None, Some(end)) => Curve::new(1.0 / end, end),
            (None, None) => Curve::new(1.0, 1.0),
        }
    }

    /// What reaches into an empty gap from the bin at its start and from the one at its end; `before` is the rank of its
    /// middle.
    pub fn tails(&self, gap: usize, before: f64) -> [Tail; 2] {
        let (from, to) = self.edges(gap);
        let tail = |center: f64, half: f64, at_center: f64, beside: usize| {
            let ratio = self.content(beside) / (2.0 * half) * (self.half_width(gap) / self.half_width(beside));
            Tail {
                center,
                middle: from / 2.0 + to / 2.0,
                at_center,
                at_middle: before,
                slope: if ratio >= 1.0 { ratio.min(STEEPEST_TAIL) } else { 1.0 },
            }
        };
        let (first, second) = (self.spread_at(gap) / 2.0, self.spread_at(gap + 1) / 2.0);
        [tail(from, first, before - first, gap - 1), tail(to, second, before + second, gap + 1)]
    }

    /// The slope of a gap's curve at the end that it shares with the one beside it; `None` if that holds nothing.
    fn slope(&self, gap: usize, beside: usize) -> Option<f64> {
        let other = self.times_denser(beside, gap);
        if other == 0.0 {
            return None;
        }
        if self.is_empty_gap(beside) {
            return Some(1.0);
        }
        Some(mean_density(other, self.content(gap) / (self.content(gap) + self.content(beside))))
    }
}

/// The density between two gaps: 1 in one, `other` in the other. The geometric mean of the weighted arithmetic and
/// harmonic ones.
fn mean_density(other: f64, weight: f64) -> f64 {
    let arithmetic = weight * other + (1.0 - weight);
    let inverse_harmonic = weight * 1.0 + (1.0 - weight) * other;
    (arithmetic * other / inverse_harmonic).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ascends_and_has_an_inverse() {
        for (start, end) in [
            (1.0, 1.0),
            (0.5, 1.5),
            (0.0, 2.0),
            (9.0, 1.0 / 9.0),
            (40.0, 30.0),
            (1e9, 3.0),
            (1e-9, 1e9),
            (0.0, 1e9),
            (0.0, 0.0),
        ] {
            let curve = Curve::new(start, end);
            assert_eq!((curve.at(0.0), curve.at(1.0)), (0.0, 1.0));
            let mut last = 0.0;
            for i in 1..100 {
                let t = f64::from(i) / 100.0;
                assert!(curve.at(t) >= last);
                last = curve.at(t);
                assert!((curve.at(curve.inverse(t)) - t).abs() < 1e-6, "{curve:?} at {t}");
            }
            assert_eq!((curve.inverse(0.0), curve.inverse(1.0)), (0.0, 1.0));
        }
    }

    #[test]
    fn its_slopes_are_those_of_the_trapezoid_and_of_the_hyperbola() {
        let (w, next) = (3.0, 5.0);
        let trapezoid = Curve::new(w / 4.0, next / 4.0);
        assert!((trapezoid.at(0.3) - 0.3 * (w + (next - w) * 0.3 / 2.0) / 4.0).abs() < 1e-15);
        assert!((Curve::new(0.25, 4.0).at(0.3) - 0.3 / (0.3 + 4.0 * 0.7)).abs() < 1e-15);
    }

    #[test]
    fn a_tail_ends_twice_as_far_as_it_would_reach_evenly() {
        for (center, middle, slope) in
            [(1.0, 9.0, 1.0), (1.0, 9.0, 1.5), (1.0, 9.0, 2.0), (-1.0, -1e9, 1e8), (0.0, 1e300, 1e18)]
        {
            let tail = Tail { center, middle, at_center: 100.0, at_middle: 140.0, slope };
            let end = tail.value_of(140.0);
            assert!(((end - center) / (middle - center) * slope.max(2.0) - 2.0).abs() < 1e-9);
            let mut last = center;
            for rank in 100..=140 {
                let x = tail.value_of(f64::from(rank));
                assert!((x - last) * (middle - center) >= 0.0, "{x} after {last}");
                assert!((tail.rank_of(x) - f64::from(rank)).abs() < 1e-5, "{slope}: {rank}");
                last = x;
            }
            assert_eq!((tail.rank_of(center), tail.rank_of(middle)), (100.0, 140.0));
        }
    }

    #[test]
    fn the_density_between_two_lies_between_them() {
        assert_eq!(mean_density(1.0, 0.3), 1.0);
        assert!((mean_density(9.0, 0.5) - 3.0).abs() < 1e-12);
        assert!(mean_density(1e9, 0.9) < 1e9 && mean_density(1e-9, 0.1) > 1e-9);
    }
}
