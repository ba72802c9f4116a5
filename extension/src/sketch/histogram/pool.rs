//! Bins of several histograms, and values, on their way to become the bins of one.

use super::bins::{Bin, Bins};
use super::extent::Extent;
use super::mass::Mass;
use super::reduce::{Reduction, mean, reduce, reduce_to_store};
use crate::sketch::memory;

/// Bins and values, in no order.
#[derive(Debug, Default)]
pub struct Pool {
    bins: Vec<Bin>,
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
    pub fn push(&mut self, bin: Bin) {
        memory::push(&mut self.bins, bin);
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
    pub fn iter(&self) -> impl Iterator<Item = Bin> {
        self.bins.iter().copied().chain(self.values.iter().map(|&value| Bin::of(value)))
    }

    /// The bins in order, at most `target` of them, and what the reduction did.
    #[inline(always)]
    pub fn into_bins(self, target: usize) -> (Bins, Reduction) {
        let (mut bins, moved) = self.into_ordered();
        let reduction = reduce(&mut bins, target);
        (bins, Reduction { moved: reduction.moved.saturating_add(moved), ..reduction })
    }

    /// The same for bins that are to be stored.
    #[inline(always)]
    pub fn into_stored(self, target: usize) -> (Bins, Reduction) {
        let (mut bins, moved) = self.into_ordered();
        let reduction = reduce_to_store(&mut bins, target);
        (bins, Reduction { moved: reduction.moved.saturating_add(moved), ..reduction })
    }

    /// The bins in order, those of one center as one: exact if all of these are.
    pub fn into_united(mut self) -> Bins {
        let ordered = self.sort();
        let (mut bins, mixed) = self.coalesce(&ordered);
        mixed.iter().for_each(|mixed| mixed.unite(&mut bins));
        bins
    }

    /// The same, but so that a heavy value stays exact where others have it as their mean; and how many values at most have moved from one side of any number
    /// to the other.
    #[inline(always)]
    fn into_ordered(mut self) -> (Bins, u64) {
        let ordered = self.sort();
        let (mut bins, mixed) = self.coalesce(&ordered);
        let moved = if mixed.is_empty() { 0 } else { set_apart(&mut bins, &mixed) };
        (bins, moved)
    }

    /// Sorts the bins, and returns the values, sorted as integers.
    #[inline(always)]
    fn sort(&mut self) -> Vec<i64> {
        // Pairs of a center and a place are sorted faster than bins, and take less memory.
        let mut order = memory::with_capacity(self.bins.len());
        order.extend(self.bins.iter().enumerate().map(|(place, bin)| (to_ordered(bin.center), place as u32)));
        order.sort_unstable();
        put_in_order(&mut self.bins, order);
        let mut ordered = memory::with_capacity(self.values.len());
        ordered.extend(self.values.iter().map(|&value| to_ordered(value)));
        ordered.sort_unstable();
        self.values.clear();
        ordered
    }

    /// The sorted bins and values as columns, those of one center as one; and where exact ones and others met, of these
    /// the count. There the bin has only the exact ones, but the extent of all.
    #[inline(always)]
    fn coalesce(&self, ordered: &[i64]) -> (Bins, Vec<Mixed>) {
        let mut bins = Bins::with_capacity(self.bins.len() + ordered.len());
        let mut mixed = Vec::new();
        let mut rest = &self.bins[..];
        for run in ordered.chunk_by(|a, b| a == b) {
            let value = from_ordered(run[0]);
            while let Some((&first, behind)) = rest.split_first().filter(|(first, _)| first.center <= value) {
                add(&mut bins, first, &mut mixed);
                rest = behind;
            }
            add(&mut bins, Bin::exact(value, run.len() as u64), &mut mixed);
        }
        rest.iter().for_each(|&next| add(&mut bins, next, &mut mixed));
        (bins, mixed)
    }
}

/// Moves each bin once, to where the pair of its place is.
#[inline(always)]
fn put_in_order(bins: &mut [Bin], mut order: Vec<(i64, u32)>) {
    for first in 0..bins.len() {
        let (moved, mut hole) = (bins[first], first);
        loop {
            let from = order[hole].1 as usize;
            order[hole].1 = hole as u32;
            if from == first {
                break;
            }
            (bins[hole], hole) = (bins[from], from);
        }
        bins[hole] = moved;
    }
}

/// Adds a bin that is not before the last.
#[inline(always)]
fn add(bins: &mut Bins, next: Bin, mixed: &mut Vec<Mixed>) {
    match bins.len().checked_sub(1) {
        Some(last) if bins.centers[last] == next.center => {
            bins.masses[last] = coalesced(bins.masses[last], next.mass, last, mixed);
            bins.extents[last] = bins.extents[last].hull(next.extent);
        }
        // There is room for all.
        _ => {
            bins.centers.push(next.center);
            bins.masses.push(next.mass);
            bins.extents.push(next.extent);
        }
    }
}

/// A bin of equal values, and how many others have them as their mean.
struct Mixed {
    bin: usize,
    others: u64,
}

impl Mixed {
    /// Makes one bin of both, which is not exact.
    fn unite(&self, bins: &mut Bins) {
        let mass = &mut bins.masses[self.bin];
        *mass = mass.merged(Mass::exact(self.others));
    }
}

/// What two bins at one center become.
#[inline(always)]
fn coalesced(at_last: Mass, mass: Mass, bin: usize, mixed: &mut Vec<Mixed>) -> Mass {
    let of_this = mixed.last_mut().filter(|last| last.bin == bin);
    if at_last.is_exact() == mass.is_exact() && of_this.is_none() {
        return at_last.at_one_center(mass);
    }
    let (exact, others) = if mass.is_exact() { (mass, at_last) } else { (at_last, mass) };
    match of_this {
        None => memory::push(mixed, Mixed { bin, others: others.count() }),
        Some(_) if mass.is_exact() => return at_last.at_one_center(mass),
        Some(of_this) => of_this.others += mass.count(),
    }
    exact
}

/// Gives the values that have a heavier one as their mean to the bin beside it, so that it stays exact. Where that would
/// cost another heavy value, or 0 lies between, or the others are as many, all become one bin that is not exact.
///
/// No bin takes such values from both sides, so that what moves here and there does not add up. Returns how many have
/// moved at most from one side of any number to the other.
#[cold]
fn set_apart(bins: &mut Bins, mixed: &[Mixed]) -> u64 {
    let (mut moved, mut taken) = (0, None);
    for (i, both @ &Mixed { bin, others }) in mixed.iter().enumerate() {
        let center = bins.centers[bin];
        let may_take = |beside: usize| {
            let (mass, other) = (bins.masses[beside], bins.centers[beside]);
            (!mass.is_exact() || mass.count() == 1) && (center.min(other) >= 0.0 || center.max(other) <= 0.0)
        };
        let before = bin.checked_sub(1).filter(|&before| taken != Some(before) && may_take(before));
        let next_is_mixed = mixed.get(i + 1).is_some_and(|next| next.bin == bin + 1);
        let behind = Some(bin + 1).filter(|&behind| behind < bins.len() && !next_is_mixed && may_take(behind));
        let distance = |beside: usize| (center / 2.0 - bins.centers[beside] / 2.0).abs();
        let taker = match (before, behind) {
            (Some(before), Some(behind)) => Some(if distance(before) <= distance(behind) { before } else { behind }),
            (before, behind) => before.or(behind),
        };
        let exact = bins.masses[bin];
        let taken_in = taker.filter(|_| others < exact.count()).and_then(|taker| {
            let count = bins.masses[taker].count();
            let both = [(bins.centers[taker], count), (center, others)];
            let [(first, before), (last, behind)] = if taker < bin { both } else { [both[1], both[0]] };
            let masses = [Mass::inexact(before), Mass::inexact(behind)];
            let mean = mean(&[first, last], &masses, before + behind);
            (mean != center).then_some((taker, mean, count))
        });
        if let Some((taker, mean, count)) = taken_in {
            bins.centers[taker] = mean;
            bins.masses[taker] = Mass::inexact(count + others);
            bins.extents[taker] = bins.extents[taker].hull(bins.extents[bin]);
            bins.extents[bin] = Extent::at(center);
            moved = moved.max(count).max(others);
            taken = Some(taker);
        } else {
            both.unite(bins);
        }
    }
    moved
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
    fn a_heavy_value_stays_exact_beside_others_that_have_it_as_their_mean() {
        let of = |parts: &[(f64, Mass)]| {
            let mut pool = Pool::default();
            let extent = |center: f64, mass: Mass| match mass.is_exact() {
                true => Extent::at(center),
                false => Extent { low: center - 1.0, high: center + 1.0 },
            };
            parts.iter().for_each(|&(center, mass)| pool.push(Bin { center, mass, extent: extent(center, mass) }));
            let (bins, moved) = pool.into_ordered();
            let inside = bins.iter().all(|bin| bin.extent.low <= bin.center && bin.center <= bin.extent.high);
            let tight = bins.iter().all(|bin| bin.mass.is_exact() == (bin.extent == Extent::at(bin.center)));
            assert!(inside && tight, "{bins:?}");
            (bins.centers.into_iter().zip(bins.masses).collect::<Vec<_>>(), moved)
        };
        let (one, heavy, others) = (Mass::exact(1), Mass::exact(40), Mass::inexact(2));
        let bins = [(0.0, one), (4.0, Mass::inexact(3)), (5.0, heavy), (8.0, one)];
        assert_eq!(of(&[(8.0, one), (5.0, others), (5.0, heavy), (2.0, one), (0.0, one)]), (bins.to_vec(), 2));
        assert_eq!(of(&[(0.0, one), (2.0, one), (5.0, heavy), (5.0, others), (8.0, one)]), (bins.to_vec(), 2));
        let beside_heavy = [(4.0, heavy), (5.0, heavy), (5.0, others), (6.0, heavy)];
        assert_eq!(of(&beside_heavy), (vec![(4.0, heavy), (5.0, Mass::inexact(42)), (6.0, heavy)], 0));
        assert_eq!(of(&[(5.0, others), (5.0, Mass::exact(2)), (6.0, one)]).0[0], (5.0, Mass::inexact(4)));
        assert_eq!(of(&[(-1.0, one), (1.0, heavy), (1.0, others)]).0[1], (1.0, Mass::inexact(42)));
    }

    #[test]
    fn ordered_integers_have_the_order_of_the_numbers() {
        let numbers = [-f64::MAX, -1.5, -1.0, -f64::MIN_POSITIVE, 0.0, f64::MIN_POSITIVE, 1.0, 1.5, f64::MAX];
        assert!(numbers.windows(2).all(|pair| to_ordered(pair[0]) < to_ordered(pair[1])));
        assert!(numbers.iter().all(|&number| from_ordered(to_ordered(number)) == number));
    }
}
