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
    /// How many bins.
    pub fn len(&self) -> usize {
        self.bins.len()
    }

    /// Adds equal values, each with a count of its own.
    #[inline(always)]
    pub fn add_values(&mut self, values: impl Iterator<Item = (f64, u64)>) {
        self.bins.extend(values.map(|(center, count)| (center, Mass::exact(count))));
    }

    /// Adds the bins of a histogram.
    #[inline(always)]
    pub fn add_bins(&mut self, bins: &Bins) {
        self.bins.extend(bins.centers.iter().copied().zip(bins.masses.iter().copied()));
    }

    /// Adds another pool.
    pub fn add_pool(&mut self, other: &Pool) {
        self.bins.extend_from_slice(&other.bins);
    }

    /// Merges neighbours until at most `target` bins are left.
    #[inline(always)]
    pub fn reduce(&mut self, target: usize) {
        let bins = std::mem::take(self).into_bins(target);
        self.add_bins(&bins);
    }

    /// The bins in order, at most `target` of them.
    #[inline(always)]
    pub fn into_bins(mut self, target: usize) -> Bins {
        // Stable, and fast where sorted runs follow each other: each histogram is one.
        self.bins.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut bins = self.coalesce();
        reduce(&mut bins, target);
        bins
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
