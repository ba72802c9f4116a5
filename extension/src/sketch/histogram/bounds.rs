//! The bracket around a quantile that the bins prove.

use super::bins::Histogram;
use crate::sketch::{Bounds, Error};

impl Histogram {
    /// The bracket of the least value `v` such that at least `q count` values are `<= v`; `None` of an empty histogram.
    ///
    /// The number of values up to any number differs from the sum of the counts up to it by no more than the slack. So
    /// `v` is not below a center before which, with the slack added, there are fewer than `q count` values; nor above a
    /// center up to which, with the slack taken off, there are as many. An exact histogram gives `v` itself.
    pub fn quantile_bounds(&self, q: f64) -> Result<Option<Bounds>, Error> {
        let Some(estimate) = self.quantile(q)? else { return Ok(None) };
        let rank = self.rank(q)?;
        let slack = self.slack;
        let (mut lower, mut upper) = (self.min, None);
        let mut before = 0;
        for (center, count) in self.bins() {
            let up_to = before + count;
            if ((before + slack) as f64) < rank {
                lower = center;
            }
            if upper.is_none() && up_to.saturating_sub(slack) as f64 >= rank {
                upper = Some(center);
            }
            before = up_to;
        }
        let upper = upper.unwrap_or(self.max);
        Ok(Some(Bounds { lower: lower.min(estimate), estimate, upper: upper.max(estimate) }))
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
