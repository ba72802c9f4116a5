//! Ranks and quantiles: what the bins say of the distribution between them.
//!
//! The paper's *sum* (§2.1, procedure 3): the density is linear between centers. Bins of equal values are steps; half
//! of the outermost bins reaches out to the exact minimum and maximum, the thinner the farther these are. Into a gap that
//! is much wider than the one on its other side, a bin reaches thinner, too.

use super::bins::Histogram;
use super::reduce::between;
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
        // Rounding may leave a little more than there are.
        Ok(self.interpolate(x).min(self.count as f64))
    }

    /// The same between minimum and maximum.
    fn interpolate(&self, x: f64) -> f64 {
        let (centers, masses) = (&self.bins.centers, &self.bins.masses);
        let next = centers.partition_point(|&center| center <= x);
        if next == 0 {
            let way = part(self.min, centers[0], x);
            return masses[0].spread() / 2.0 * bend(way, outer_thinning(self.min, centers[0], centers.get(1)));
        }
        let last = next - 1;
        let before: u64 = masses[..=last].iter().map(|mass| mass.count()).sum();
        let spread = masses[last].spread();
        let at_center = before as f64 - spread / 2.0;
        if next == centers.len() {
            let way = part(centers[last], self.max, x);
            let thinning = outer_thinning(self.max, centers[last], centers[..last].last());
            return at_center + spread / 2.0 * bend(way, 1.0 / thinning);
        }
        let (left, right) = self.gap_thinnings(last);
        let t = bend_both(part(centers[last], centers[next], x), 1.0 / left, 1.0 / right);
        at_center + t * (spread + (masses[next].spread() - spread) * t / 2.0)
    }

    /// About how many values are `< x`.
    pub(super) fn count_strictly_below(&self, x: f64) -> Result<f64, Error> {
        // The first bin may lie at the minimum although its values differ: its center is rounded.
        if x <= self.min {
            return Ok(0.0);
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

    fn value_of_rank(&self, rank: f64) -> f64 {
        let (centers, masses) = (&self.bins.centers, &self.bins.masses);
        let first_half = masses[0].spread() / 2.0;
        if rank < first_half {
            let thinning = outer_thinning(self.min, centers[0], centers.get(1));
            return between(self.min, centers[0], bend(rank / first_half, 1.0 / thinning));
        }
        let mut before = 0;
        for (bin, &center) in centers.iter().enumerate() {
            before += masses[bin].count();
            let spread = masses[bin].spread();
            let at_center = before as f64 - spread / 2.0;
            if rank <= at_center {
                return center;
            }
            let rest = rank - at_center;
            match centers.get(bin + 1) {
                Some(&next) => {
                    let next_spread = masses[bin + 1].spread();
                    if rest < (spread + next_spread) / 2.0 {
                        let (left, right) = self.gap_thinnings(bin);
                        return between(
                            center,
                            next,
                            bend_both(solve(spread, next_spread - spread, rest), left, right),
                        );
                    }
                }
                None if spread > 0.0 => {
                    let thinning = outer_thinning(self.max, center, centers[..bin].last());
                    return between(center, self.max, bend((rest / (spread / 2.0)).min(1.0), thinning));
                }
                None => {}
            }
        }
        self.max
    }

    /// How fast this bin and the next one thin out into the gap between them.
    fn gap_thinnings(&self, bin: usize) -> (f64, f64) {
        let (centers, masses) = (&self.bins.centers, &self.bins.masses);
        let (center, next) = (centers[bin], centers[bin + 1]);
        let before = if bin == 0 { self.min } else { centers[bin - 1] };
        let after = *centers.get(bin + 2).unwrap_or(&self.max);
        // Values that are all alike spread nowhere.
        let left = if masses[bin].is_exact() { 1.0 } else { gap_thinning(next, center, before) };
        let right = if masses[bin + 1].is_exact() { 1.0 } else { gap_thinning(center, next, after) };
        (left, right)
    }
}

/// How fast the outer half of an outermost bin thins out from its center to the exact end: the density falls by the
/// square of it.
///
/// A center is the mean of its bin. If the end is twice as near as the neighbour, values spread evenly have that mean;
/// if it is farther, they would not, so that more of them must be near the center.
fn outer_thinning(end: f64, center: f64, neighbour: Option<&f64>) -> f64 {
    neighbour.map_or(1.0, |&neighbour| bounded(2.0 * times_farther(end, center, neighbour)))
}

/// How fast a bin thins out into a gap, to the center at its other end: not at all up to twice the gap on its own other
/// side. If as many values lay as evenly in a gap that is wider, the bin's mean would not be its center.
fn gap_thinning(far: f64, center: f64, beside: f64) -> f64 {
    bounded(times_farther(far, center, beside) - 1.0)
}

/// How many times farther from the center this is than that.
fn times_farther(this: f64, center: f64, that: f64) -> f64 {
    // Halves, since distances may overflow.
    ((this / 2.0 - center / 2.0) / (that / 2.0 - center / 2.0)).abs()
}

/// At least 1, for even; what is thinner than at most would be lost to rounding.
fn bounded(thinning: f64) -> f64 {
    if thinning > 1.0 { thinning.min((1 << 30) as f64) } else { 1.0 }
}

/// A curve from 0 to 1, as `t` goes from 0 to 1, whose slope is `1 / thinning` at first and `thinning` at last. That of
/// `1 / thinning` is the inverse, and the same curve seen from the other end.
fn bend(t: f64, thinning: f64) -> f64 {
    t / (t + thinning * (1.0 - t))
}

/// The way across a gap: its first half bent by one thinning, its second, seen from the other end, by another.
fn bend_both(t: f64, left: f64, right: f64) -> f64 {
    if t <= 0.5 {
        if left == 1.0 { t } else { bend(2.0 * t, left) / 2.0 }
    } else {
        if right == 1.0 { t } else { 1.0 - bend(2.0 * (1.0 - t), right) / 2.0 }
    }
}

/// How far `x` is on the way from `a` to `b`, which it lies between.
fn part(a: f64, b: f64, x: f64) -> f64 {
    let way = b - a;
    if way.is_finite() { (x - a) / way } else { (x / 2.0 - a / 2.0) / (b / 2.0 - a / 2.0) }
}

/// The `t` from 0 to 1 with `t (spread + growth t / 2) = rest`, in the form that loses no digits.
fn solve(spread: f64, growth: f64, rest: f64) -> f64 {
    let root = (spread * spread + 2.0 * growth * rest).max(0.0).sqrt();
    (2.0 * rest / (spread + root)).min(1.0)
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
    fn a_far_end_thins_out_and_a_near_one_does_not() {
        assert_eq!(outer_thinning(0.0, 1.0, Some(&3.0)), 1.0);
        assert_eq!(outer_thinning(0.9, 1.0, Some(&3.0)), 1.0);
        assert_eq!(outer_thinning(-9.0, 1.0, Some(&3.0)), 10.0);
        assert_eq!(outer_thinning(f64::MAX, 1.0, Some(&0.0)), f64::from(1 << 30));
        assert_eq!(outer_thinning(-9.0, 1.0, None), 1.0);
        assert_eq!((bend(0.0, 10.0), bend(0.3, 1.0), bend(1.0, 10.0)), (0.0, 0.3, 1.0));
        assert!(bend(0.5, 10.0) < 0.1);
        assert!((bend(bend(0.3, 10.0), 0.1) - 0.3).abs() < 1e-15);
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
        assert_eq!((bend_both(0.3, 1.0, 9.0), bend_both(0.8, 9.0, 1.0)), (0.3, 0.8));
        for t in [0.0, 0.1, 0.5, 0.6, 1.0] {
            assert!((bend_both(bend_both(t, 5.0, 7.0), 1.0 / 5.0, 1.0 / 7.0) - t).abs() < 1e-15);
        }
    }

    #[test]
    fn the_greatest_quantile_is_the_maximum_however_small() {
        let mut builder = HistogramBuilder::new(MaxBins::new(2).unwrap());
        builder.extend(&[-3.0, -1.0, 7e-206]).unwrap();
        assert_eq!(builder.finish().quantile(1.0).unwrap(), Some(7e-206));
    }
}
