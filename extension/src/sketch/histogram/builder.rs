//! A histogram that grows.

use super::bins::{Histogram, MaxBins};
use super::flight::Flight;
use super::mass::MAX_COUNT;
use super::pool::Pool;
use super::reduce::FEW;
use crate::sketch::Error;

/// Bins in flight for each bin at rest: the last reduction then chooses among finer ones.
const IN_FLIGHT: usize = 4;
/// How many values are kept as they come before the first reduction, and then between visits to the bins in flight.
const VALUE_BUFFER: usize = 1024;
/// That many values at once go to the bins in flight without waiting in the buffer.
const DIRECT: usize = 64;

/// One value in that many may wait for a fold, but no more than 128 KiB of them.
const LOOSE_SHARE: u64 = 64;
const MOST_LOOSE: u64 = 1 << 14;

/// Takes values and histograms, in any order.
#[derive(Clone, Debug)]
pub struct HistogramBuilder {
    max_bins: MaxBins,
    /// How many finite values.
    count: u64,
    non_finite: u64,
    min: f64,
    max: f64,
    values: Vec<f64>,
    /// None before there is more than the buffer holds.
    flight: Option<Box<Flight>>,
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
            flight: None,
        }
    }

    /// How many bins the result may have.
    pub fn max_bins(&self) -> MaxBins {
        self.max_bins
    }

    /// Allows the result as many bins as one may have that is about to be merged, if these are more. An empty one does
    /// not count unless both are: it may come from an aggregate that had no row to tell its bins.
    pub fn widen(&mut self, max_bins: MaxBins, of_empty: bool) {
        self.max_bins = match (self.count == 0, of_empty) {
            (true, false) => max_bins,
            (false, true) => self.max_bins,
            _ => self.max_bins.max(max_bins),
        };
    }

    /// Adds a value; NaN and the infinities are only counted.
    #[inline(always)]
    pub fn insert(&mut self, value: f64) -> Result<(), Error> {
        if !value.is_finite() {
            return self.add_counts(0, 1);
        }
        self.add_counts(1, 0)?;
        self.add_extremes(value, value);
        // -0.0 becomes 0.0.
        self.values.push(value + 0.0);
        if self.values.len() >= VALUE_BUFFER {
            self.empty_buffer();
        }
        Ok(())
    }

    /// Adds values; NaN and the infinities are only counted.
    #[inline(always)]
    pub fn extend(&mut self, values: &[f64]) -> Result<(), Error> {
        let finite = values.iter().fold(true, |all, value| all & value.is_finite());
        if values.len() < DIRECT || !finite {
            return values.iter().try_for_each(|&value| self.insert(value));
        }
        self.add_counts(values.len() as u64, 0)?;
        let (min, max) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &value| {
            (if value < min { value } else { min }, if value > max { value } else { max })
        });
        self.add_extremes(min, max);
        for block in values.chunks(VALUE_BUFFER) {
            match &mut self.flight {
                Some(flight) => flight.add_values(block),
                None => self.values.extend(block.iter().map(|value| value + 0.0)),
            }
            if self.values.len() >= VALUE_BUFFER {
                self.empty_buffer();
            }
            self.fold_if_loose();
        }
        Ok(())
    }

    /// Adds what another builder holds.
    pub fn merge(&mut self, other: &HistogramBuilder) -> Result<(), Error> {
        self.widen(other.max_bins, other.count == 0);
        self.add_counts(other.count, other.non_finite)?;
        self.add_extremes(other.min, other.max);
        for block in other.values.chunks(VALUE_BUFFER) {
            self.values.extend_from_slice(block);
            if self.values.len() >= VALUE_BUFFER {
                self.empty_buffer();
            }
        }
        if let Some(other) = &other.flight {
            self.flight().add_flight(other);
            self.fold_if_loose();
        }
        Ok(())
    }

    /// Adds what a finished histogram holds; it does not change how many bins the result may have.
    #[inline(always)]
    pub fn merge_histogram(&mut self, other: &Histogram) -> Result<(), Error> {
        self.add_counts(other.count, other.non_finite)?;
        self.add_extremes(other.min, other.max);
        self.flight().add_bins(&other.bins, other.slack);
        self.fold_if_loose();
        Ok(())
    }

    /// The histogram of what was added.
    #[inline(always)]
    pub fn finish(&self) -> Histogram {
        self.finish_with(self.max_bins.get())
    }

    /// The same, still to be merged: unless its values are few it keeps up to twice as many bins, so that a chain of
    /// unions is nearly as accurate as one of all.
    #[inline(always)]
    pub fn finish_open(&self) -> Histogram {
        let is_few = self.count <= FEW * self.max_bins.get() as u64;
        self.finish_with(if is_few { self.max_bins.get() } else { self.max_bins.while_open() })
    }

    #[inline(always)]
    fn finish_with(&self, bins: usize) -> Histogram {
        let mut pool = self.flight.as_ref().map_or_else(Pool::default, |flight| flight.pool());
        pool.extend(&self.values);
        let slack = pool.slack();
        let (bins, reduction) = pool.into_stored(bins);
        let &HistogramBuilder { max_bins, count, non_finite, min, max, .. } = self;
        Histogram {
            max_bins,
            count,
            non_finite,
            slack: count.min(slack.saturating_add(reduction.moved)),
            min,
            max,
            bins,
        }
    }

    #[inline(always)]
    fn add_counts(&mut self, count: u64, non_finite: u64) -> Result<(), Error> {
        let (count, non_finite) = (self.count.saturating_add(count), self.non_finite.saturating_add(non_finite));
        if count.max(non_finite) > MAX_COUNT {
            return Err(Error::overflow("the count overflows: a histogram holds fewer than 2^62 values"));
        }
        (self.count, self.non_finite) = (count, non_finite);
        Ok(())
    }

    #[inline(always)]
    fn add_extremes(&mut self, min: f64, max: f64) {
        // -0.0 becomes 0.0.
        self.min = self.min.min(min + 0.0);
        self.max = self.max.max(max + 0.0);
    }

    fn flight(&mut self) -> &mut Flight {
        self.flight.get_or_insert_with(|| Box::new(Flight::new()))
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT * self.max_bins.get()
    }

    /// Moves the values of the buffer to the bins in flight.
    #[inline(always)]
    fn empty_buffer(&mut self) {
        let flight = self.flight.get_or_insert_with(|| Box::new(Flight::new()));
        flight.add_values(&self.values);
        self.values.clear();
        self.fold_if_loose();
    }

    #[inline(always)]
    fn fold_if_loose(&mut self) {
        let in_flight = self.in_flight();
        // A share of all, so that the folds, each of which adds to the slack, grow rarer as the histogram grows.
        let share = (self.count / LOOSE_SHARE).min(MOST_LOOSE) as usize;
        match &mut self.flight {
            Some(flight) if flight.loose() > share.max(IN_FLIGHT * in_flight) => flight.fold(in_flight),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::ErrorKind;

    fn histogram_of(bins: i64, values: &[f64]) -> Histogram {
        let mut builder = HistogramBuilder::new(MaxBins::new(bins).unwrap());
        builder.extend(values).unwrap();
        builder.finish()
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
    fn whatever_grows_while_there_is_no_memory_unwinds() {
        use crate::sketch::memory::{OutOfMemory, testing::without_memory};
        use std::panic::{AssertUnwindSafe, catch_unwind};

        let values: Vec<f64> = (0..300_000).map(|i| (f64::from(i) * 0.37).sin()).collect();
        let builder_of = |bins: i64| {
            let mut builder = HistogramBuilder::new(MaxBins::new(bins).unwrap());
            builder.extend(&values).unwrap();
            builder
        };
        let wide = builder_of(60_000);
        let histogram = wide.finish();
        let image = histogram.to_bytes();
        let mut union = HistogramBuilder::new(MaxBins::new(60_000).unwrap());
        let mut others = union.clone();
        let steps: [&mut dyn FnMut(); 7] = [
            &mut || drop(builder_of(60_000)),
            &mut || drop(wide.clone()),
            &mut || drop(wide.finish()),
            &mut || drop(histogram.to_bytes()),
            &mut || drop(Histogram::parse(&image)),
            &mut || union.merge_histogram(&histogram).unwrap(),
            &mut || others.merge(&wide).unwrap(),
        ];
        for step in steps {
            let panic = without_memory(|| catch_unwind(AssertUnwindSafe(step)).unwrap_err());
            assert!(panic.is::<OutOfMemory>());
        }
        assert_eq!(wide.finish(), histogram);
    }

    #[test]
    fn numbers_that_are_none_are_counted() {
        let histogram = histogram_of(5, &[f64::NAN, 1.0, f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!((histogram.count(), histogram.non_finite()), (1, 3));
        assert_eq!((histogram.min(), histogram.max()), (Some(1.0), Some(1.0)));
    }

    #[test]
    fn one_more_than_the_greatest_count_is_refused() {
        let mut builder = HistogramBuilder::new(MaxBins::DEFAULT);
        let mut half = histogram_of(50, &[1.0]);
        for _ in 0..61 {
            let mut doubled = HistogramBuilder::new(MaxBins::DEFAULT);
            doubled.merge_histogram(&half).unwrap();
            doubled.merge_histogram(&half).unwrap();
            half = doubled.finish();
        }
        assert_eq!(half.count(), 1 << 61);
        builder.merge_histogram(&half).unwrap();
        for error in [builder.merge_histogram(&half), builder.merge(&builder.clone())] {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::Overflow);
        }
        assert_eq!(builder.finish(), half, "what was refused has changed nothing");
    }
}
