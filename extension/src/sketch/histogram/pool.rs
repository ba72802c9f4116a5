//! Bins of several histograms, and values, on their way to become the bins of one.

use super::bins::{Bin, Bins};
use super::mass::Mass;
use super::reduce::{Reduction, reduce};
use super::refine::{Field, refine};

/// Bins and values, in no order.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    bins: Vec<Bin>,
    /// Bins of one value each, apart because they are sorted faster.
    values: Vec<f64>,
    /// By how much the number of values up to any number may differ from the sum of the counts up to it.
    slack: u64,
}

impl Pool {
    /// A pool with room for so many bins.
    pub fn with_capacity(bins: usize) -> Self {
        Pool { bins: Vec::with_capacity(bins), ..Pool::default() }
    }

    /// How many bins, a value being one.
    pub fn len(&self) -> usize {
        self.bins.len() + self.values.len()
    }

    /// Forgets all bins, and keeps the memory.
    pub fn clear(&mut self) {
        self.bins.clear();
        self.values.clear();
        self.slack = 0;
    }

    /// Adds a bin.
    #[inline(always)]
    pub fn push(&mut self, bin: Bin) {
        self.bins.push(bin);
    }

    /// Adds a value.
    #[inline(always)]
    pub fn push_value(&mut self, value: f64) {
        self.values.push(value);
    }

    /// Adds values.
    #[inline(always)]
    pub fn extend(&mut self, values: &[f64]) {
        self.values.extend_from_slice(values);
    }

    /// By how much the number of values up to any number may differ from the sum of the counts up to it.
    pub fn slack(&self) -> u64 {
        self.slack
    }

    /// Allows for so much more slack.
    #[inline(always)]
    pub fn loosen(&mut self, slack: u64) {
        self.slack = self.slack.saturating_add(slack);
    }

    /// Adds another pool.
    pub fn add_pool(&mut self, other: &Pool) {
        self.loosen(other.slack);
        self.bins.extend_from_slice(&other.bins);
        self.values.extend_from_slice(&other.values);
    }

    /// The bins.
    pub fn iter(&self) -> impl Iterator<Item = Bin> {
        self.bins.iter().copied().chain(self.values.iter().map(|&value| Bin::exact(value, Mass::exact(1))))
    }

    /// The bins in order, at most `target` of them, and what the reduction did.
    #[inline(always)]
    pub fn into_coarse_bins(self, target: usize) -> (Bins, Reduction) {
        let mut bins = self.into_all_bins();
        let reduction = reduce(&mut bins, target);
        (bins, reduction)
    }

    /// The bins in order, at most `target` of them, chosen with care, and the slack.
    #[inline(always)]
    pub fn into_bins(self, target: usize, field: Field) -> (Bins, u64) {
        let slack = self.slack;
        let mut bins = self.into_all_bins();
        let moved = refine(&mut bins, target, field);
        (bins, slack.saturating_add(moved))
    }

    /// The bins in order, those of one center as one.
    #[inline(always)]
    pub fn into_all_bins(mut self) -> Bins {
        self.values_to_bins();
        // Stable, and fast where sorted runs follow each other.
        self.bins.sort_by(|a, b| a.center.total_cmp(&b.center));
        self.coalesce()
    }

    /// A bin for each different value, in order. Values are sorted as integers.
    #[inline(always)]
    fn values_to_bins(&mut self) {
        let mut ordered: Vec<i64> = self.values.iter().map(|&value| to_ordered(value)).collect();
        ordered.sort_unstable();
        self.bins.reserve(ordered.len());
        for run in ordered.chunk_by(|a, b| a == b) {
            self.bins.push(Bin::exact(from_ordered(run[0]), Mass::exact(run.len() as u64)));
        }
        self.values.clear();
    }

    /// The sorted bins as columns, those of one center as one.
    #[inline(always)]
    fn coalesce(&self) -> Bins {
        let mut bins = Bins::with_capacity(self.bins.len());
        let mut runs = self.bins.iter().copied();
        let Some(mut last) = runs.next() else { return bins };
        for bin in runs {
            if bin.center == last.center {
                last.join_at_center(bin);
            } else {
                bins.push(std::mem::replace(&mut last, bin));
            }
        }
        bins.push(last);
        bins
    }
}

/// An integer of the same order.
#[inline(always)]
pub(super) fn to_ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

#[inline(always)]
pub(super) fn from_ordered(ordered: i64) -> f64 {
    f64::from_bits((ordered ^ ((ordered >> 63) as u64 >> 1) as i64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordered_integers_have_the_order_of_the_numbers() {
        let numbers = [-f64::MAX, -1.5, -1.0, -f64::MIN_POSITIVE, 0.0, f64::MIN_POSITIVE, 1.0, 1.5, f64::MAX];
        assert!(numbers.windows(2).all(|pair| to_ordered(pair[0]) < to_ordered(pair[1])));
        assert!(numbers.iter().all(|&number| from_ordered(to_ordered(number)) == number));
    }
}
