//! A histogram cut into buckets, as people draw it.

use super::bins::Histogram;
use super::curve::Curves;
use super::reduce::between;
use crate::sketch::Error;

/// About how many values lie above `lower` and not above `upper`; the first bucket includes its lower edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The lower edge.
    pub lower: f64,
    /// The upper edge.
    pub upper: f64,
    /// How many values.
    pub count: f64,
}

impl Histogram {
    /// `n` buckets of one width from the minimum to the maximum; one if these are equal, none if there is no value.
    pub fn equi_width(&self, n: i64) -> Result<Vec<Bucket>, Error> {
        let n = check_buckets(n)?;
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let n = if self.min == self.max { 1 } else { n };
        let edges: Vec<f64> =
            (0..=n).map(|i| if i == n { self.max } else { between(self.min, self.max, i as f64 / n as f64) }).collect();
        self.cut(&edges)
    }

    /// `n` buckets that hold as many values each: the paper's *uniform* (§2.1, procedure 4). None if there is no value.
    pub fn equi_depth(&self, n: i64) -> Result<Vec<Bucket>, Error> {
        let n = check_buckets(n)?;
        let mut buckets = Vec::new();
        let Some(mut lower) = self.min() else { return Ok(buckets) };
        let curves = Curves::of(self);
        for i in 1..=n {
            let upper = curves.quantile(i as f64 / n as f64)?.unwrap_or(self.max);
            buckets.push(Bucket { lower, upper, count: self.count as f64 / n as f64 });
            lower = upper;
        }
        Ok(buckets)
    }

    /// The buckets between given edges.
    pub fn buckets(&self, edges: &[f64]) -> Result<Vec<Bucket>, Error> {
        if edges.len() < 2 {
            return Err(Error::bad_parameter(format!("{} edges were given, and a bucket has two", edges.len())));
        }
        if let Some(pair) =
            edges.windows(2).find(|pair| pair[0].partial_cmp(&pair[1]) != Some(std::cmp::Ordering::Less))
        {
            return Err(Error::bad_parameter(format!(
                "the edges are out of order: {} does not come before {}; they must be numbers in ascending order",
                pair[0], pair[1]
            )));
        }
        self.cut(edges)
    }

    fn cut(&self, edges: &[f64]) -> Result<Vec<Bucket>, Error> {
        let curves = Curves::of(self);
        let mut below = curves.count_strictly_below(edges[0])?;
        edges
            .windows(2)
            .map(|edge| {
                // Rounding may leave a little less than before.
                let upto = curves.count_below(edge[1])?.max(below);
                let count = upto - below;
                below = upto;
                Ok(Bucket { lower: edge[0], upper: edge[1], count })
            })
            .collect()
    }
}

/// More buckets than anybody can look at would only fill the memory.
const MAX_BUCKETS: i64 = 1 << 20;

fn check_buckets(n: i64) -> Result<usize, Error> {
    if (1..=MAX_BUCKETS).contains(&n) {
        return Ok(n as usize);
    }
    Err(Error::bad_parameter(format!("the number of buckets is {n}, and must be from 1 to {MAX_BUCKETS}")))
}

#[cfg(test)]
mod tests {
    use super::super::{HistogramBuilder, MaxBins};

    #[test]
    fn buckets_share_out_every_value() {
        let mut builder = HistogramBuilder::new(MaxBins::new(10).unwrap());
        builder.extend(&(0..1000).map(|i| f64::from(i % 137)).collect::<Vec<_>>()).unwrap();
        let histogram = builder.finish();
        for buckets in [histogram.equi_width(7), histogram.equi_depth(7), histogram.buckets(&[-1.0, 3.0, 50.0, 1e9])] {
            let total: f64 = buckets.unwrap().iter().map(|bucket| bucket.count).sum();
            assert!((total - 1000.0).abs() < 1e-9);
        }
        assert!(histogram.buckets(&[1.0]).is_err());
        assert!(histogram.buckets(&[1.0, 1.0]).is_err());
        assert!(histogram.buckets(&[1.0, f64::NAN]).is_err());
    }

    #[test]
    fn a_first_bin_whose_center_was_rounded_to_the_minimum_is_counted() {
        let mut builder = HistogramBuilder::new(MaxBins::new(2).unwrap());
        builder.extend(&[1.0, 1.0, 1.0, 1.0 + f64::EPSILON, 5.0, 5.0, 5.0, 5.0, 5.0]).unwrap();
        let histogram = builder.finish();
        assert_eq!((histogram.bins().next(), histogram.is_exact()), (Some((1.0, 4)), false));
        let buckets = histogram.equi_width(4).unwrap();
        assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<f64>(), 9.0);
    }
}
