//! A histogram in flight: more bins than are stored, and between them what has arrived since they were cut.

use super::locate::Centers;
use super::mass::Mass;
use super::pool::Pool;
use crate::sketch::memory;

/// What arrived between two neighbouring centers.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// The first that arrived.
    first: f64,
    /// The sum of the distances from it.
    offset: f64,
    mass: Mass,
    /// Which share of all values may become one bin here: see [`Flight::fold`]. A share and no number, since what a
    /// merge costs grows with the count: the longer ago the last fold, the more there may be.
    share: f64,
}

/// Bins in flight.
#[derive(Debug)]
pub struct Flight {
    centers: Centers,
    masses: Vec<Mass>,
    /// How many values there are.
    count: u64,
    /// One more than bins: gap `i` lies before center `i`.
    gaps: Vec<Gap>,
    /// What fits nowhere yet.
    loose: Pool,
    /// What the dearest merge of all reductions cost.
    threshold: f64,
}

/// How many values are placed at once.
const BLOCK: usize = 256;
/// What a gap may cost, in terms of the dearest merge so far.
const GAP_COST: f64 = 1.0;

impl Clone for Flight {
    fn clone(&self) -> Self {
        Flight {
            centers: self.centers.clone(),
            masses: memory::copied(&self.masses).into_vec(),
            count: self.count,
            gaps: memory::copied(&self.gaps).into_vec(),
            loose: self.loose.clone(),
            threshold: self.threshold,
        }
    }
}

impl Flight {
    /// No bins.
    pub fn new() -> Self {
        Flight {
            centers: Centers::new([].into_iter()),
            masses: Vec::new(),
            count: 0,
            gaps: vec![Gap { first: 0.0, offset: 0.0, mass: Mass::exact(0), share: 0.0 }],
            loose: Pool::default(),
            threshold: 0.0,
        }
    }

    /// Adds finite values.
    #[inline(always)]
    pub fn add_values(&mut self, values: &[f64]) {
        self.count += values.len() as u64;
        let mut ranks = [0; BLOCK];
        for block in values.chunks(BLOCK) {
            let ranks = &mut ranks[..block.len()];
            self.centers.ranks(block, ranks);
            for (&value, &rank) in block.iter().zip(&*ranks) {
                // -0.0 becomes 0.0.
                self.place(value + 0.0, Mass::exact(1), rank as usize);
            }
        }
    }

    /// Adds the bins of a histogram with its slack.
    #[inline(always)]
    pub fn add_bins(&mut self, centers: &[f64], masses: &[Mass], slack: u64) {
        self.loose.loosen(slack);
        self.count += masses.iter().map(|mass| mass.count()).sum::<u64>();
        if self.masses.is_empty() {
            self.loose.reserve(centers.len());
            centers.iter().zip(masses).for_each(|(&center, &mass)| self.loosen(center, mass));
            return;
        }
        let mut ranks = [0; BLOCK];
        for (block, masses) in centers.chunks(BLOCK).zip(masses.chunks(BLOCK)) {
            let ranks = &mut ranks[..block.len()];
            self.centers.ranks(block, ranks);
            for ((&center, &mass), &rank) in block.iter().zip(masses).zip(&*ranks) {
                self.place(center, mass, rank as usize);
            }
        }
    }

    /// Adds what another flight holds.
    pub fn add_flight(&mut self, other: &Flight) {
        let pool = other.pool();
        self.loose.loosen(pool.slack());
        for (center, mass) in pool.iter() {
            self.add_bins(&[center], &[mass], 0);
        }
    }

    /// How many bins wait for a fold.
    pub fn loose(&self) -> usize {
        self.loose.len()
    }

    /// Puts a bin where it belongs: to the bin of the same center; to the gap, if what arrived there is still narrow
    /// enough to be one bin; or to the loose ones.
    #[inline(always)]
    fn place(&mut self, center: f64, mass: Mass, rank: usize) {
        if rank > 0 && self.centers.get(rank - 1) == center {
            let at_center = &mut self.masses[rank - 1];
            if !at_center.is_spoilt_by(mass) {
                *at_center = at_center.at_one_center(mass);
                return;
            }
            self.loosen(center, mass);
            return;
        }
        let gap = &mut self.gaps[rank];
        if (gap.mass.count() + mass.count()) as f64 <= gap.share * self.count as f64 {
            let first = if gap.mass.count() == 0 { center } else { gap.first };
            let distance = center - first;
            let offset = gap.offset + distance * mass.count() as f64;
            // At the ends of the range of doubles it may overflow: such bins wait for the next fold.
            if offset.is_finite() {
                let mass = if distance == 0.0 { gap.mass.at_one_center(mass) } else { gap.mass.merged(mass) };
                *gap = Gap { first, offset, mass, share: gap.share };
                return;
            }
        }
        self.loosen(center, mass);
    }

    #[inline(always)]
    fn loosen(&mut self, center: f64, mass: Mass) {
        if mass == Mass::exact(1) { self.loose.push_value(center) } else { self.loose.push(center, mass) }
    }

    /// Makes at most `target` bins of what was there and what has arrived.
    ///
    /// Between two of the new centers that many values may become one bin that their merge costs no more than others did:
    /// the width of the gap times their count, of all values, stays below the dearest merge of the reduction, of the
    /// values of then. So a value that finds room there is where the reduction would have put it, and needs neither
    /// sorting nor a place of its own. Wide gaps, which the tails have, take none.
    #[inline(always)]
    pub fn fold(&mut self, target: usize) {
        let pool = self.pool();
        let slack = pool.slack();
        let (bins, reduction) = pool.into_bins(target);
        self.threshold = reduction.dearest.max(self.threshold);
        let allowed = GAP_COST * self.threshold / self.count as f64;
        let share = |gap: usize| match (gap.checked_sub(1).map(|before| bins.centers[before]), bins.centers.get(gap)) {
            // Nor is anything merged across 0.
            (Some(before), Some(&behind)) if before >= 0.0 || behind <= 0.0 => {
                (allowed / (behind - before)).min(1.0 / target as f64)
            }
            _ => 0.0,
        };
        self.gaps.clear();
        memory::reserve(&mut self.gaps, bins.len() + 1);
        self.gaps.extend((0..=bins.len()).map(|gap| Gap {
            first: 0.0,
            offset: 0.0,
            mass: Mass::exact(0),
            share: share(gap),
        }));
        self.centers = Centers::new(bins.centers.iter().copied());
        self.masses = bins.masses;
        self.loose.clear();
        self.loose.loosen(slack.saturating_add(reduction.moved).min(self.count));
    }

    /// Everything, in the order of the centers but for the loose ones.
    pub fn pool(&self) -> Pool {
        let mut pool = Pool::with_capacity(2 * self.masses.len() + 1 + self.loose.len());
        for (rank, gap) in self.gaps.iter().enumerate() {
            let count = gap.mass.count();
            if count > 0 {
                let (before, behind) =
                    (rank.checked_sub(1).map_or(f64::NEG_INFINITY, |at| self.centers.get(at)), self.centers.get(rank));
                pool.push((gap.first + gap.offset / count as f64).clamp(before, behind), gap.mass);
            }
            if let Some(&mass) = self.masses.get(rank) {
                pool.push(self.centers.get(rank), mass);
            }
        }
        // The values of a gap are counted at their mean; one number lies in one gap.
        let moved = self.gaps.iter().filter(|gap| !gap.mass.is_exact()).map(|gap| gap.mass.count() - 1).max();
        pool.loosen(moved.unwrap_or(0));
        pool.add_pool(&self.loose);
        pool
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_whose_distances_would_overflow_takes_no_more() {
        let mut flight = Flight::new();
        flight.add_values(&[-0.5 * f64::MAX, 0.5 * f64::MAX]);
        flight.fold(2);
        flight.gaps[1].share = 1.0;
        let parts = [0.0, 0.1, -0.4, 0.4, 0.2].map(|part| part * f64::MAX);
        flight.add_bins(&parts, &[5, 4, 1000, 1000, 3].map(Mass::exact), 0);
        assert!(flight.loose() > 0);
        let (bins, _) = flight.pool().into_bins(100);
        assert_eq!(bins.masses.iter().map(|mass| mass.count()).sum::<u64>(), 2 + 2012);
        assert!(bins.centers.iter().all(|center| center.abs() <= 0.5 * f64::MAX), "{:?}", bins.centers);
    }
}
