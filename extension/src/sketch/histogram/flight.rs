//! A histogram in flight: more bins than are stored, and between them what has arrived since they were cut.

use super::bins::{Bin, Bins};
use super::extent::Extent;
use super::locate::Centers;
use super::mass::Mass;
use super::pool::Pool;
use crate::sketch::memory;

/// What arrived between two neighbouring centers.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// The sum of the distances from the center beside it that is nearer to 0: with 2^53 values of one sign it is right
    /// to a part of itself, which distances from any other number would not be.
    offset: f64,
    /// How many values, exact if all parts are.
    parts: Mass,
    extent: Extent,
    /// Which share of all values may become one bin here: see [`Flight::fold`]. A share and no number, since what a
    /// merge costs grows with the count: the longer ago the last fold, the more there may be.
    share: f64,
}

impl Gap {
    /// Nothing has arrived.
    fn empty(share: f64) -> Self {
        let extent = Extent { low: f64::INFINITY, high: f64::NEG_INFINITY };
        Gap { offset: 0.0, parts: Mass::exact(0), extent, share }
    }

    /// How many values, exact if all are equal.
    fn mass(&self) -> Mass {
        if self.extent.low < self.extent.high { self.parts.merged(Mass::exact(0)) } else { self.parts }
    }
}

/// Which of the centers beside a gap its distances are measured from. None has 0 between them.
#[inline(always)]
fn origin(before: f64, behind: f64) -> f64 {
    if behind <= 0.0 { behind } else { before }
}

/// Bins in flight.
#[derive(Debug)]
pub struct Flight {
    centers: Centers,
    masses: Vec<Mass>,
    extents: Vec<Extent>,
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
            extents: memory::copied(&self.extents).into_vec(),
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
            extents: Vec::new(),
            count: 0,
            gaps: vec![Gap::empty(0.0)],
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
                self.place_value(value + 0.0, rank as usize);
            }
        }
    }

    /// Adds the bins of a histogram with its slack.
    #[inline(always)]
    pub fn add_bins(&mut self, bins: &Bins, slack: u64) {
        self.loose.loosen(slack);
        self.count += bins.masses.iter().map(|mass| mass.count()).sum::<u64>();
        if self.masses.is_empty() {
            self.loose.reserve(bins.len());
            bins.iter().for_each(|bin| self.loosen(bin));
            return;
        }
        let mut ranks = [0; BLOCK];
        let mut each = bins.iter();
        for block in bins.centers.chunks(BLOCK) {
            let ranks = &mut ranks[..block.len()];
            self.centers.ranks(block, ranks);
            for (&rank, bin) in ranks.iter().zip(&mut each) {
                self.place(bin, rank as usize);
            }
        }
    }

    /// Adds what another flight holds.
    pub fn add_flight(&mut self, other: &Flight) {
        let pool = other.pool();
        self.loose.loosen(pool.slack());
        let mut one = Bins::with_capacity(1);
        for bin in pool.iter() {
            one.clear();
            one.push(bin);
            self.add_bins(&one, 0);
        }
    }

    /// How many bins wait for a fold.
    pub fn loose(&self) -> usize {
        self.loose.len()
    }

    /// The same as [`place`](Flight::place), for one value: most change neither end of an extent.
    #[inline(always)]
    fn place_value(&mut self, value: f64, rank: usize) {
        let before = if rank > 0 { self.centers.get(rank - 1) } else { f64::NEG_INFINITY };
        let gap = &mut self.gaps[rank];
        let has_room = (gap.parts.count() + 1) as f64 <= gap.share * self.count as f64;
        if before == value || !has_room {
            return self.place(Bin::of(value), rank);
        }
        let offset = gap.offset + (value - origin(before, self.centers.get(rank)));
        if !offset.is_finite() {
            return self.loosen(Bin::of(value));
        }
        gap.offset = offset;
        if value < gap.extent.low {
            gap.extent.low = value;
        }
        if value > gap.extent.high {
            gap.extent.high = value;
        }
        gap.parts = gap.parts.at_one_center(Mass::exact(1));
    }

    /// Puts a bin where it belongs: to the bin of the same center; to the gap, if what arrived there is still narrow
    /// enough to be one bin; or to the loose ones.
    #[inline(always)]
    fn place(&mut self, bin: Bin, rank: usize) {
        let Bin { center, mass, extent } = bin;
        let before = if rank > 0 { self.centers.get(rank - 1) } else { f64::NEG_INFINITY };
        if before == center {
            let at_center = &mut self.masses[rank - 1];
            if !at_center.is_spoilt_by(mass) {
                *at_center = at_center.at_one_center(mass);
                if !mass.is_exact() {
                    self.extents[rank - 1] = self.extents[rank - 1].hull(extent);
                }
                return;
            }
            self.loosen(bin);
            return;
        }
        let gap = &mut self.gaps[rank];
        if (gap.parts.count() + mass.count()) as f64 <= gap.share * self.count as f64 {
            let offset = gap.offset + (center - origin(before, self.centers.get(rank))) * mass.count() as f64;
            let extent = gap.extent.hull(extent);
            // At the ends of the range of doubles it may overflow: such bins wait for the next fold.
            if offset.is_finite() {
                *gap = Gap { offset, parts: gap.parts.at_one_center(mass), extent, share: gap.share };
                return;
            }
        }
        self.loosen(bin);
    }

    #[inline(always)]
    fn loosen(&mut self, bin: Bin) {
        if bin.mass == Mass::exact(1) { self.loose.push_value(bin.center) } else { self.loose.push(bin) }
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
        self.gaps.extend((0..=bins.len()).map(|gap| Gap::empty(share(gap))));
        self.centers = Centers::new(bins.centers.iter().copied());
        (self.masses, self.extents) = (bins.masses, bins.extents);
        self.loose.clear();
        self.loose.loosen(slack.saturating_add(reduction.moved).min(self.count));
    }

    /// Everything, in the order of the centers but for the loose ones.
    pub fn pool(&self) -> Pool {
        let mut pool = Pool::with_capacity(2 * self.masses.len() + 1 + self.loose.len());
        for (rank, gap) in self.gaps.iter().enumerate() {
            let (count, mass) = (gap.parts.count(), gap.mass());
            if count > 0 {
                let (before, behind) =
                    (rank.checked_sub(1).map_or(f64::NEG_INFINITY, |at| self.centers.get(at)), self.centers.get(rank));
                let center = match mass.is_exact() {
                    true => gap.extent.low,
                    false => (origin(before, behind) + gap.offset / count as f64).clamp(before, behind),
                };
                pool.push(Bin { center, mass, extent: gap.extent });
            }
            if let (Some(&mass), Some(&extent)) = (self.masses.get(rank), self.extents.get(rank)) {
                pool.push(Bin { center: self.centers.get(rank), mass, extent });
            }
        }
        // The values of a gap are counted at their mean; one number lies in one gap.
        let moved = self.gaps.iter().filter(|gap| !gap.mass().is_exact()).map(|gap| gap.parts.count() - 1).max();
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
        let mut bins = Bins::default();
        parts.iter().zip([5, 4, 1000, 1000, 3]).for_each(|(&part, count)| bins.push(Bin::exact(part, count)));
        flight.add_bins(&bins, 0);
        assert!(flight.loose() > 0);
        let (bins, _) = flight.pool().into_bins(100);
        assert_eq!(bins.masses.iter().map(|mass| mass.count()).sum::<u64>(), 2 + 2012);
        assert!(bins.centers.iter().all(|center| center.abs() <= 0.5 * f64::MAX), "{:?}", bins.centers);
    }
}
