//! Bins of several histograms, and values, on their way to become the bins of one.

use super::bins::Bins;
use super::mass::Mass;
use super::reduce::reduce;
use super::slack;

/// A bin among bins of other histograms.
#[derive(Clone, Copy, Debug)]
struct PooledBin {
    center: f64,
    mass: Mass,
    /// By how much its histogram's slack is greater behind its center than before it.
    slack_rise: i64,
}

/// Bins in no order.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    bins: Vec<PooledBin>,
    /// The slack before the first center.
    first_slack: u64,
}

impl Pool {
    /// How many bins.
    pub fn len(&self) -> usize {
        self.bins.len()
    }

    /// Adds equal values, each with a count of its own.
    #[inline(always)]
    pub fn add_values(&mut self, values: impl Iterator<Item = (f64, u64)>) {
        self.bins.extend(values.map(|(center, count)| PooledBin { center, mass: Mass::exact(count), slack_rise: 0 }));
    }

    /// Adds the bins of a histogram.
    #[inline(always)]
    pub fn add_bins(&mut self, bins: &Bins) {
        let Some(&first) = bins.slacks.first() else { return };
        self.first_slack += first;
        let rises = bins.slacks.windows(2).map(|pair| pair[1] as i64 - pair[0] as i64);
        self.bins.extend(
            (bins.centers.iter().zip(&bins.masses).zip(rises)).map(|((&center, &mass), slack_rise)| PooledBin {
                center,
                mass,
                slack_rise,
            }),
        );
    }

    /// Adds another pool.
    pub fn add_pool(&mut self, other: &Pool) {
        self.first_slack += other.first_slack;
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
        self.bins.sort_by(|a, b| a.center.total_cmp(&b.center));
        let mut bins = self.coalesce();
        reduce(&mut bins, target);
        bins
    }

    /// The sorted bins as columns, those of one center as one.
    #[inline(always)]
    fn coalesce(&self) -> Bins {
        let mut bins = Bins::default();
        if self.bins.is_empty() {
            return bins;
        }
        bins.centers.reserve(self.bins.len());
        bins.masses.reserve(self.bins.len());
        bins.slacks.reserve(self.bins.len() + 1);
        let mut slack = self.first_slack;
        bins.slacks.push(slack);
        for bin in &self.bins {
            slack = slack.saturating_add_signed(bin.slack_rise);
            match (bins.centers.last(), bins.masses.last_mut(), bins.slacks.last_mut()) {
                (Some(&center), Some(mass), Some(last)) if center == bin.center => {
                    *mass = mass.at_one_center(bin.mass);
                    *last = slack;
                }
                _ => {
                    bins.centers.push(bin.center);
                    bins.masses.push(bin.mass);
                    bins.slacks.push(slack);
                }
            }
        }
        bins
    }

    /// Brings the pool to what a stored histogram would keep of it: the slacks as their bytes promise them.
    pub fn stored_slacks(bins: &mut Bins, count: u64) {
        for slack in &mut bins.slacks {
            *slack = slack::decode(slack::encode(*slack, count), count);
        }
    }
}
