//! Bins of several histograms, and values, on their way to become the bins of one.

use super::bins::Bins;
use super::mass::Mass;
use super::reduce::{Reduction, reduce, reduce_to_store};
use crate::sketch::memory;

/// Bins and values, in no order.
#[derive(Debug, Default)]
pub struct Pool {
    bins: Vec<(f64, Mass)>,
    /// Bins of one value each, apart because they are sorted faster.
    values: Vec<f64>,
    /// By how much the number of values up to any number may differ from the sum of the counts up to it.
    slack: u64,
}

impl Clone for Pool {
    fn clone(&self) -> Self {
        let (bins, values) = (memory::copied(&self.bins).into_vec(), memory::copied(&self.values).into_vec());
        Pool { bins, values, slack: self.slack }
    }
}

impl Pool {
    /// A pool with room for that many bins.
    pub fn with_capacity(bins: usize) -> Self {
        Pool { bins: memory::with_capacity(bins), ..Pool::default() }
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

    /// Makes room for more bins.
    #[inline(always)]
    pub fn reserve(&mut self, bins: usize) {
        memory::reserve(&mut self.bins, bins);
    }

    /// Adds a bin.
    #[inline(always)]
    pub fn push(&mut self, center: f64, mass: Mass) {
        memory::push(&mut self.bins, (center, mass));
    }

    /// Adds a value.
    #[inline(always)]
    pub fn push_value(&mut self, value: f64) {
        memory::push(&mut self.values, value);
    }

    /// Adds values.
    #[inline(always)]
    pub fn extend(&mut self, values: &[f64]) {
        memory::extend(&mut self.values, values);
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
        memory::extend(&mut self.bins, &other.bins);
        memory::extend(&mut self.values, &other.values);
    }

    /// The bins.
    pub fn iter(&self) -> impl Iterator<Item = (f64, Mass)> {
        self.bins.iter().copied().chain(self.values.iter().map(|&value| (value, Mass::exact(1))))
    }

    /// The bins in order, at most `target` of them, and what the reduction did.
    #[inline(always)]
    pub fn into_bins(self, target: usize) -> (Bins, Reduction) {
        let mut bins = self.into_ordered();
        let reduction = reduce(&mut bins, target);
        (bins, reduction)
    }

    /// The same for bins that are to be stored.
    #[inline(always)]
    pub fn into_stored(self, target: usize) -> (Bins, Reduction) {
        let mut bins = self.into_ordered();
        let reduction = reduce_to_store(&mut bins, target);
        (bins, reduction)
    }

    /// The bins in order, those of one center as one.
    #[inline(always)]
    fn into_ordered(mut self) -> Bins {
        self.values_to_bins();
        // Stable, and fast where sorted runs follow each other. It takes as much memory again, and would abort without.
        drop(memory::with_capacity::<(f64, Mass)>(self.bins.len()));
        self.bins.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        self.coalesce()
    }

    /// A bin for each different value, in order. Values are sorted as integers.
    #[inline(always)]
    fn values_to_bins(&mut self) {
        let mut ordered = memory::with_capacity(self.values.len());
        ordered.extend(self.values.iter().map(|&value| to_ordered(value)));
        ordered.sort_unstable();
        memory::reserve(&mut self.bins, ordered.len());
        for run in ordered.chunk_by(|a, b| a == b) {
            self.bins.push((from_ordered(run[0]), Mass::exact(run.len() as u64)));
        }
        self.values.clear();
    }

    /// The sorted bins as columns, those of one center as one.
    #[inline(always)]
    fn coalesce(&self) -> Bins {
        let mut bins = Bins::with_capacity(self.bins.len());
        for &(center, mass) in &self.bins {
            match (bins.centers.last(), bins.masses.last_mut()) {
                (Some(&last), Some(at_last)) if last == center => *at_last = at_last.at_one_center(mass),
                _ => {
                    bins.centers.push(center);
                    bins.masses.push(mass);
                }
            }
        }
        bins
    }
}

/// An integer of the same order.
#[inline(always)]
fn to_ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

#[inline(always)]
fn from_ordered(ordered: i64) -> f64 {
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
