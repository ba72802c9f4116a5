//! A histogram that grows.

use super::bins::{Histogram, MaxBins};
use super::mass::MAX_COUNT;
use super::pool::Pool;
use crate::sketch::Error;

/// Bins in flight for each bin at rest: the last reduction then chooses among finer ones.
const IN_FLIGHT: usize = 4;
/// How many values are sorted at once.
const VALUE_BUFFER: usize = 2048;
/// How many bins of other histograms are pooled before a reduction.
const POOL: usize = 4096;

/// Takes values and histograms, in any order.
#[derive(Clone, Debug)]
pub struct HistogramBuilder {
    max_bins: MaxBins,
    /// How many finite values, those in the buffer included.
    count: u64,
    non_finite: u64,
    min: f64,
    max: f64,
    /// Values still to be sorted, as integers of the same order.
    values: Vec<i64>,
    pool: Pool,
}

impl HistogramBuilder {
    /// A histogram of no value.
    pub fn new(max_bins: MaxBins) -> Self {
        HistogramBuilder {
            max_bins,
            count: 0,
            non_finite: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            values: Vec::new(),
            pool: Pool::default(),
        }
    }

    /// How many bins the result may have.
    pub fn max_bins(&self) -> MaxBins {
        self.max_bins
    }

    /// Allows more bins in the result, if `max_bins` is more.
    pub fn widen(&mut self, max_bins: MaxBins) {
        self.max_bins = self.max_bins.max(max_bins);
    }

    /// Adds a value; NaN and the infinities are only counted.
    #[inline(always)]
    pub fn insert(&mut self, value: f64) -> Result<(), Error> {
        self.extend(std::iter::once(value))
    }

    /// Adds values.
    #[inline(always)]
    pub fn extend(&mut self, values: impl ExactSizeIterator<Item = f64>) -> Result<(), Error> {
        self.check_count(values.len() as u64)?;
        for value in values {
            if value.is_finite() {
                self.count += 1;
                self.values.push(to_ordered(value));
                if self.values.len() == VALUE_BUFFER {
                    self.absorb_values();
                }
            } else {
                self.non_finite += 1;
            }
        }
        Ok(())
    }

    /// Adds what another builder holds.
    pub fn merge(&mut self, other: &HistogramBuilder) -> Result<(), Error> {
        self.add_counts(other.count, other.non_finite, other.min, other.max)?;
        self.widen(other.max_bins);
        self.pool.add_pool(&other.pool);
        for &value in &other.values {
            self.values.push(value);
            if self.values.len() == VALUE_BUFFER {
                self.absorb_values();
            }
        }
        self.keep_pool_small();
        Ok(())
    }

    /// Adds what a finished histogram holds; it does not change how many bins the result may have.
    #[inline(always)]
    pub fn merge_histogram(&mut self, other: &Histogram) -> Result<(), Error> {
        self.add_counts(other.count, other.non_finite, other.min, other.max)?;
        self.pool.add_bins(&other.bins);
        self.keep_pool_small();
        Ok(())
    }

    /// The histogram of what was added.
    #[inline(always)]
    pub fn finish(&self) -> Histogram {
        let mut all = self.clone();
        all.sort_values_into_pool();
        let HistogramBuilder { max_bins, count, non_finite, min, max, pool, .. } = all;
        Histogram { max_bins, count, non_finite, min, max, bins: pool.into_bins(max_bins.get()) }
    }

    fn check_count(&self, more: u64) -> Result<(), Error> {
        if self.count + more > MAX_COUNT {
            return Err(Error::overflow("the count overflows: a histogram holds fewer than 2^62 values"));
        }
        Ok(())
    }

    #[inline(always)]
    fn add_counts(&mut self, count: u64, non_finite: u64, min: f64, max: f64) -> Result<(), Error> {
        self.check_count(count)?;
        self.count += count;
        self.non_finite = (self.non_finite.checked_add(non_finite))
            .ok_or_else(|| Error::overflow("the count of NaN and infinite values overflows 64 bits"))?;
        self.min = self.min.min(min);
        self.max = self.max.max(max);
        Ok(())
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT * self.max_bins.get()
    }

    #[inline(always)]
    fn keep_pool_small(&mut self) {
        if self.pool.len() > POOL.max(2 * self.in_flight()) {
            self.pool.reduce(self.in_flight());
        }
    }

    #[inline(always)]
    fn absorb_values(&mut self) {
        self.sort_values_into_pool();
        if self.pool.len() > self.in_flight() {
            self.pool.reduce(self.in_flight());
        }
    }

    /// Moves the values to the pool, equal ones as one bin.
    #[inline(always)]
    fn sort_values_into_pool(&mut self) {
        self.values.sort_unstable();
        if let (Some(&first), Some(&last)) = (self.values.first(), self.values.last()) {
            self.min = self.min.min(from_ordered(first));
            self.max = self.max.max(from_ordered(last));
        }
        let runs = self.values.chunk_by(|a, b| a == b);
        self.pool.add_values(runs.map(|run| (from_ordered(run[0]), run.len() as u64)));
        self.values.clear();
    }
}

/// An integer of the same order; -0.0 becomes 0.0.
#[inline(always)]
fn to_ordered(value: f64) -> i64 {
    let bits = (value + 0.0).to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

#[inline(always)]
fn from_ordered(ordered: i64) -> f64 {
    f64::from_bits((ordered ^ ((ordered >> 63) as u64 >> 1) as i64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram_of(bins: i64, values: &[f64]) -> Histogram {
        let mut builder = HistogramBuilder::new(MaxBins::new(bins).unwrap());
        builder.extend(values.iter().copied()).unwrap();
        builder.finish()
    }

    #[test]
    fn ordered_integers_have_the_order_of_the_numbers() {
        let numbers = [-f64::MAX, -1.5, -1.0, -f64::MIN_POSITIVE, 0.0, f64::MIN_POSITIVE, 1.0, 1.5, f64::MAX];
        assert!(numbers.windows(2).all(|pair| to_ordered(pair[0]) < to_ordered(pair[1])));
        assert!(numbers.iter().all(|&number| from_ordered(to_ordered(number)) == number));
        assert_eq!(to_ordered(-0.0), to_ordered(0.0));
    }

    /// Ben-Haim and Tom-Tov, section 2.1 and appendix A.
    #[test]
    fn the_worked_example_of_the_paper() {
        let first = histogram_of(5, &[23.0, 19.0, 10.0, 16.0, 36.0, 2.0, 9.0]);
        let bins: Vec<_> = first.bins().collect();
        assert_eq!(bins, [(2.0, 1), (9.5, 2), (17.5, 2), (23.0, 1), (36.0, 1)]);
        let mut union = HistogramBuilder::new(MaxBins::new(5).unwrap());
        union.merge_histogram(&first).unwrap();
        union.merge_histogram(&histogram_of(5, &[32.0, 30.0, 45.0])).unwrap();
        let union = union.finish();
        let rounded: Vec<_> = union.bins().map(|(center, count)| ((center * 1e3).round() / 1e3, count)).collect();
        assert_eq!(rounded, [(2.0, 1), (9.5, 2), (19.333, 3), (32.667, 3), (45.0, 1)]);
        assert!((union.count_below(15.0).unwrap() - 3.275065).abs() < 1e-6);
        assert!((union.quantile(1.0 / 3.0).unwrap().unwrap() - 15.222891).abs() < 1e-6);
        assert!((union.quantile(2.0 / 3.0).unwrap().unwrap() - 28.962963).abs() < 1e-6);
    }

    #[test]
    fn few_different_values_stay_exact() {
        let values: Vec<f64> = (0..40_000).map(|i| f64::from(i * i % 50)).collect();
        let histogram = histogram_of(50, &values);
        assert!(histogram.is_exact());
        assert_eq!(histogram.rank_error(), 0.0);
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(histogram.quantile(0.25).unwrap(), Some(sorted[9_999]));
    }

    #[test]
    fn numbers_that_are_none_are_counted() {
        let histogram = histogram_of(5, &[f64::NAN, 1.0, f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!((histogram.count(), histogram.non_finite()), (1, 3));
        assert_eq!((histogram.min(), histogram.max()), (Some(1.0), Some(1.0)));
    }
}
