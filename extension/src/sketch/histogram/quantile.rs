//! Ranks and quantiles: what the bins say of the distribution between them.
//!
//! An exact bin is a step. Of another bin a part lies below its center, the rest above it; how these values lie between
//! two centers, [`Curves`] say.

use super::bins::Histogram;
use super::curve::{Curve, Curves, Tail};
use super::grid::Grid;
use super::reduce::between;
use crate::sketch::Error;

impl Histogram {
    /// About how many values are `<= x`; exact where the bins around `x` are.
    pub fn count_below(&self, x: f64) -> Result<f64, Error> {
        Curves::of(self).count_below(x)
    }

    /// The fraction of the values that are `<= x`; `None` of an empty histogram.
    pub fn cdf(&self, x: f64) -> Result<Option<f64>, Error> {
        Curves::of(self).cdf(x)
    }

    /// The least `x` with `count_below(x) >= q count`: the inverse. `None` of an empty histogram.
    pub fn quantile(&self, q: f64) -> Result<Option<f64>, Error> {
        Curves::of(self).quantile(q)
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
}

/// The same questions as [`Histogram`] answers, where there are several of one.
impl Curves<'_> {
    /// About how many values are `<= x`; exact where the bins around `x` are.
    pub fn count_below(&self, x: f64) -> Result<f64, Error> {
        if x.is_nan() {
            return Err(Error::bad_parameter("x is NaN, and must be a number"));
        }
        if self.histogram.is_empty() || x < self.histogram.min {
            return Ok(0.0);
        }
        if x >= self.histogram.max {
            return Ok(self.histogram.count as f64);
        }
        Ok(self.interpolate(self.grid().behind(x)))
    }

    /// About how many values are `< x`.
    pub(super) fn count_strictly_below(&self, x: f64) -> Result<f64, Error> {
        // The first bin may lie at the minimum although its values differ: its center is rounded.
        if x <= self.histogram.min {
            return Ok(0.0);
        }
        if self.grid() != Grid::NONE {
            return Ok(self.interpolate(self.grid().before(x)));
        }
        let bins = &self.histogram.bins;
        let at = bins.centers.partition_point(|&center| center < x);
        let equal = match bins.centers.get(at) {
            Some(&center) if center == x && bins.masses[at].is_exact() => bins.masses[at].count(),
            _ => 0,
        };
        Ok(self.count_below(x)? - equal as f64)
    }

    /// The fraction of the values that are `<= x`; `None` of an empty histogram.
    pub fn cdf(&self, x: f64) -> Result<Option<f64>, Error> {
        let below = self.count_below(x)?;
        Ok((!self.histogram.is_empty()).then(|| below / self.histogram.count as f64))
    }

    /// The least `x` with `count_below(x) >= q count`: the inverse. `None` of an empty histogram.
    pub fn quantile(&self, q: f64) -> Result<Option<f64>, Error> {
        let rank = self.histogram.rank(q)?;
        if self.histogram.is_empty() {
            return Ok(None);
        }
        // The extremes are exact, and not what rounding leaves of an interpolation.
        if q == 0.0 {
            return Ok(Some(self.histogram.min));
        }
        if q == 1.0 {
            return Ok(Some(self.histogram.max));
        }
        Ok(Some(self.value_of_rank(rank)))
    }

    /// About how many values are `<= x`, between minimum and maximum.
    fn interpolate(&self, x: f64) -> f64 {
        let gap = self.histogram.bins.centers.partition_point(|&center| center <= x);
        let rank = self.piece(gap).rank_of(x);
        // Rounding may leave a little more than there are.
        rank.min(self.histogram.count as f64)
    }

    /// How the ranks of a gap ascend.
    fn piece(&self, gap: usize) -> Piece {
        match self.piece.get() {
            Some((at, piece)) if at == gap => piece,
            _ => {
                let piece = self.piece_behind(gap, self.count_before(gap));
                self.piece.set(Some((gap, piece)));
                piece
            }
        }
    }

    /// The same, where the bins before the gap's end hold that many values.
    fn piece_behind(&self, gap: usize, before: u64) -> Piece {
        let (start, end) = self.ranks_beside(gap, before);
        let (from, to) = self.edges(gap);
        let is_empty = self.is_empty_gap(gap);
        let shape = if is_empty { Shape::Tails(self.tails(gap, before as f64)) } else { Shape::Curve(self.curve(gap)) };
        Piece { from, to, start, end, shape }
    }

    /// How many values the bins before this one hold.
    fn count_before(&self, bin: usize) -> u64 {
        self.histogram.bins.masses[..bin].iter().map(|mass| mass.count()).sum()
    }

    /// Between which ranks the values of a gap lie, `before` of all values being in the bins before its end.
    fn ranks_beside(&self, gap: usize, before: u64) -> (f64, f64) {
        let masses = &self.histogram.bins.masses;
        let start = match gap.checked_sub(1) {
            Some(bin) => before as f64 - self.spread(bin) * (1.0 - self.share_below(bin)),
            None => 0.0,
        };
        let end = match masses.get(gap) {
            Some(_) => before as f64 + self.spread(gap) * self.share_below(gap),
            None => before as f64,
        };
        (start, end)
    }

    fn value_of_rank(&self, rank: f64) -> f64 {
        let mut before = 0;
        for (bin, mass) in self.histogram.bins.masses.iter().enumerate() {
            if rank <= (before + mass.count()) as f64 {
                return self.value_in_bin(bin, before, rank);
            }
            before += mass.count();
        }
        self.histogram.max
    }

    /// The value of a rank that lies in a bin, `before` values being in those before it.
    fn value_in_bin(&self, bin: usize, before: u64, rank: f64) -> f64 {
        let (mass, center) = (self.histogram.bins.masses[bin], self.histogram.bins.centers[bin]);
        let at_center = before as f64 + self.spread(bin) * self.share_below(bin);
        if self.is_step(bin) {
            return center;
        }
        let (gap, before) = if rank <= at_center { (bin, before) } else { (bin + 1, before + mass.count()) };
        let value = self.piece_behind(gap, before).value_of(rank);
        self.grid().nearest(value).clamp(self.histogram.min, self.histogram.max)
    }
}

/// The ranks in a gap, from one number to another.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    Curve(Curve),
    /// Of an empty gap.
    Tails([Tail; 2]),
}

impl Piece {
    fn rank_of(&self, x: f64) -> f64 {
        let &Piece { from, to, start, end, shape } = self;
        if start >= end || x <= from {
            return start;
        }
        if x >= to {
            return end;
        }
        match shape {
            Shape::Curve(curve) => start + (end - start) * curve.at(part(from, to, x)),
            Shape::Tails([first, second]) => {
                if x < first.middle {
                    first.rank_of(x)
                } else {
                    second.rank_of(x)
                }
            }
        }
    }

    fn value_of(&self, rank: f64) -> f64 {
        let &Piece { from, to, start, end, shape } = self;
        match shape {
            Shape::Curve(curve) => between(from, to, curve.inverse((rank - start) / (end - start))),
            Shape::Tails([first, second]) => {
                let tail = if rank <= first.at_middle { first } else { second };
                tail.value_of(rank).clamp(from, to)
            }
        }
    }
}

/// How far `x` is on the way from `a` to `b`, which it lies between.
fn part(a: f64, b: f64, x: f64) -> f64 {
    let way = b - a;
    if way.is_finite() { (x - a) / way } else { (x / 2.0 - a / 2.0) / (b / 2.0 - a / 2.0) }
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
    fn a_wide_gap_stays_empty() {
        let mut builder = HistogramBuilder::new(MaxBins::new(20).unwrap());
        let values = (0..10_000u32).map(|i| f64::from(i % 977) / 977.0 + if i % 3 == 0 { 1e6 } else { 0.0 });
        builder.extend(&values.collect::<Vec<_>>()).unwrap();
        let histogram = builder.finish();
        let two_thirds = 6_666.0;
        for x in [2.0, 10.0, 1e3, 5e5, 999_990.0, 999_999.0] {
            let below = histogram.count_below(x).unwrap();
            assert!((below - two_thirds).abs() < 1.0, "{x}: {below}");
            let back = histogram.quantile(below / 10_000.0).unwrap().unwrap();
            assert!(back <= x && (histogram.count_below(back).unwrap() - below).abs() < 1e-6, "{x}: {back}");
        }
    }

    #[test]
    fn whole_numbers_and_cents_are_answered_by_such() {
        for (power, bins) in [(1.0, 10), (1.0, 50), (100.0, 20)] {
            let values: Vec<f64> = (0..20_000).map(|i| f64::from(i * i % 1009 + i % 7) / power).collect();
            let mut builder = HistogramBuilder::new(MaxBins::new(bins).unwrap());
            builder.extend(&values).unwrap();
            let histogram = builder.finish();
            assert!(!histogram.is_exact());
            for i in 1..1000 {
                let q = f64::from(i) / 1000.0;
                let x = histogram.quantile(q).unwrap().unwrap();
                assert_eq!((x * power).round() / power, x);
                let (below, before) =
                    (histogram.count_below(x).unwrap(), histogram.count_below(x - 0.5 / power).unwrap());
                assert!(
                    below >= q * 20_000.0 - 1e-6 && before <= q * 20_000.0 + 1e-6,
                    "{q}: {before} to {below} of {x}"
                );
                assert_eq!(histogram.count_below(x + 0.4 / power).unwrap(), below);
            }
        }
    }

    #[test]
    fn the_greatest_quantile_is_the_maximum_however_small() {
        let mut builder = HistogramBuilder::new(MaxBins::new(2).unwrap());
        builder.extend(&[-3.0, -1.0, 7e-206]).unwrap();
        assert_eq!(builder.finish().quantile(1.0).unwrap(), Some(7e-206));
    }
}
