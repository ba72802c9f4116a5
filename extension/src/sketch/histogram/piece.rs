//! How the values of one bin are taken to lie between its neighbours.

use super::bins::{Bin, greater, lesser};
use super::reduce::between;

/// A bin's part of the axis, and how its values thin out along it.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    low: f64,
    high: f64,
    /// The density falls by the square of it from the lower end to the upper one.
    thinning: f64,
}

/// By how much one reach of a bin may be longer than the other: beyond it the mean says little of most values.
const MOST_LOPSIDED: f64 = 5.0;
/// By how much densities on either side of a gap may differ.
const MOST_STEEP: f64 = 1e30;
/// Distances below it are taken as equal, so that none is lost when it is divided among values.
const LEAST_DISTANCE: f64 = 1e-280;

impl Piece {
    /// The part from `low` to `high` of a bin with this center.
    ///
    /// The center is the mean of the values. With reaches to either end in the ratio `z`, the curve of
    /// [`share_below`](Self::share_below) with a thinning of `z^(3/2)` has its mean there, all but exactly.
    #[inline(always)]
    pub fn new(low: f64, center: f64, high: f64) -> Self {
        let (mut left, mut right) = (center - low, high - center);
        if !(left + right).is_finite() {
            (left, right) = (center / 2.0 - low / 2.0, high / 2.0 - center / 2.0);
        }
        let z = if right >= MOST_LOPSIDED * left {
            MOST_LOPSIDED
        } else if left >= MOST_LOPSIDED * right {
            1.0 / MOST_LOPSIDED
        } else {
            right / left
        };
        Piece { low, high, thinning: z * z.sqrt() }
    }

    /// Which share of the values lies below `x`.
    #[inline(always)]
    pub fn share_below(&self, x: f64) -> f64 {
        if x >= self.high {
            return 1.0;
        }
        if x <= self.low {
            return 0.0;
        }
        let way = part(self.low, self.high, x);
        let bent = self.thinning * way;
        bent / (bent + (1.0 - way))
    }

    /// The point that this share of the values lies below.
    #[inline(always)]
    pub fn point_of(&self, share: f64) -> f64 {
        between(self.low, self.high, share / (share + self.thinning * (1.0 - share)))
    }

    /// The lower end.
    pub fn low(&self) -> f64 {
        self.low
    }
}

/// Where the values of `left` end, and those of `right`, its neighbour, begin.
///
/// Where their extents leave a gap, no value lies in it. Where they overlap, the ends meet between the centers: each bin
/// takes a part of the way in proportion to its count, and to the spacing of values on its other side (of which the
/// fourth root, since the centers themselves lean to where values are dense). `before` and `after` are the neighbours
/// on those sides.
#[inline(always)]
pub fn ends_between(before: Option<&Bin>, left: &Bin, right: &Bin, after: Option<&Bin>, half_step: f64) -> (f64, f64) {
    let (high, low) = (left.high + half_step, right.low - half_step);
    if high <= low {
        return (high, low);
    }
    let own = spacing(left, right);
    let before = before.map_or(own, |before| spacing(before, left));
    let after = after.map_or(own, |after| spacing(right, after));
    let steepness = lesser(greater(after / before, 1.0 / MOST_STEEP), MOST_STEEP).sqrt().sqrt();
    let left_count = left.mass.count() as f64;
    let share = left_count / (left_count + right.mass.count() as f64 * steepness);
    let end = between(left.center, right.center, share);
    let end = lesser(greater(end, greater(low, left.center)), lesser(high, right.center));
    (end, end)
}

/// Half the distance that there is for each value between two neighbouring centers, at least a little.
#[inline(always)]
pub fn spacing(left: &Bin, right: &Bin) -> f64 {
    let halves = right.center / 2.0 - left.center / 2.0;
    let halves = greater(halves, LEAST_DISTANCE);
    halves / (left.mass.count() as f64 + right.mass.count() as f64)
}

/// How far `x` is on the way from `a` to `b`, which it lies between.
#[inline(always)]
pub fn part(a: f64, b: f64, x: f64) -> f64 {
    let way = b - a;
    if way.is_finite() { (x - a) / way } else { (x / 2.0 - a / 2.0) / (b / 2.0 - a / 2.0) }
}

#[cfg(test)]
mod tests {
    use super::super::mass::Mass;
    use super::*;

    fn bin(low: f64, center: f64, high: f64, count: u64) -> Bin {
        Bin { center, mass: Mass::inexact(count), low, high }
    }

    #[test]
    fn shares_and_points_are_inverses() {
        for (low, center, high) in [(0.0, 0.5, 1.0), (0.0, 0.2, 1.0), (-3.0, 6.9, 7.0), (-1.7e308, 0.0, 1.7e308)] {
            let piece = Piece::new(low, center, high);
            for share in [0.0, 0.1, 0.5, 0.9, 1.0] {
                assert!((piece.share_below(piece.point_of(share)) - share).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_mean_of_a_piece_is_its_center() {
        for center in [0.2, 0.35, 0.5, 0.6, 0.8] {
            let piece = Piece::new(0.0, center, 1.0);
            let mean = (0..10_000).map(|i| piece.point_of((f64::from(i) + 0.5) / 10_000.0)).sum::<f64>() / 10_000.0;
            assert!((mean - center).abs() < 0.02, "{mean} of {center}");
        }
    }

    #[test]
    fn a_gap_between_extents_is_empty_and_overlaps_meet_between_the_centers() {
        let (left, right) = (bin(0.0, 0.5, 1.0, 10), bin(5.0, 5.5, 6.0, 10));
        assert_eq!(ends_between(None, &left, &right, None, 0.0), (1.0, 5.0));
        let right = bin(0.2, 2.5, 6.0, 30);
        assert_eq!(ends_between(None, &left, &right, None, 0.0), (1.0, 1.0));
        let left = bin(0.0, 0.5, 4.0, 10);
        assert_eq!(ends_between(None, &left, &right, None, 0.0), (1.0, 1.0));
        let exact = Bin::exact(2.5, Mass::exact(30));
        assert_eq!(ends_between(None, &left, &exact, None, 0.0), (2.5, 2.5));
    }
}
