//! Bins of several histograms, and values, on their way to become the bins of one.

use super::bins::Bins;
use super::mass::Mass;
use super::reduce::reduce;

/// Bins in no order.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    bins: Vec<(f64, Mass)>,
}

impl Pool {
    /// A pool with room for so many bins.
    pub fn with_capacity(bins: usize) -> Self {
        Pool { bins: Vec::with_capacity(bins) }
    }

    /// How many bins.
    pub fn len(&self) -> usize {
        self.bins.len()
    }

    /// Forgets all bins, and keeps the memory.
    pub fn clear(&mut self) {
        self.bins.clear();
    }

    /// Adds a bin.
    #[inline(always)]
    pub fn push(&mut self, center: f64, mass: Mass) {
        self.bins.push((center, mass));
    }

    /// Adds another pool.
    pub fn add_pool(&mut self, other: &Pool) {
        self.bins.extend_from_slice(&other.bins);
    }

    /// The bins.
    pub fn iter(&self) -> impl Iterator<Item = (f64, Mass)> {
        self.bins.iter().copied()
    }

    /// The bins in order, at most `target` of them, and what the dearest merge cost; 0 if there was none.
    #[inline(always)]
    pub fn into_bins(mut self, target: usize) -> (Bins, f64) {
        // Stable, and fast where sorted runs follow each other.
        self.bins.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut bins = self.coalesce();
        let cost = reduce(&mut bins, target);
        (bins, cost)
    }

    /// The sorted bins as columns, those of one center as one.
    #[inline(always)]
    fn coalesce(&self) -> Bins {
        let mut bins = Bins::default();
        bins.centers.reserve(self.bins.len());
        bins.masses.reserve(self.bins.len());
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
