//! The entries of a growing sketch: a few in place, then a buffer that is thinned out when it is full.
//!
//! A hash table would find a duplicate at once, and read memory at random. A buffer is written from front to back, which
//! is what a thousand groups need that take turns. It is sorted when the sketch is written, and before that only to find
//! duplicates, where there are many; otherwise a full buffer loses what is above a lower theta, in the order in which it is.

use super::lg_nom::LgNom;
use super::sort::{sort, unite};
use super::thin::{lower_theta, retain_below};
use crate::sketch::memory;

/// How many entries fit in place, without memory of their own.
const INLINE: usize = 7;
/// What a free place holds; no entry is 0.
const FREE: u64 = 0;
/// How many entries the first buffer has room for.
const LEAST: usize = 32;
/// How many times as many as are left the buffer takes before it is sorted again; but no more than twice the nominal number.
const GROWTH: usize = 4;
/// The same where hardly any was a duplicate.
const GROWTH_OF_DISTINCT: usize = 16;

/// How many entries a buffer has room for at once where more are to be expected. Pages that are never written take no memory.
const MOST_RESERVED: usize = 8192;

/// Entries, of which some may be there several times.
#[derive(Debug)]
pub enum Entries {
    /// Distinct ones.
    Inline { len: u8, entries: [u64; INLINE] },
    /// The first `sorted` ascend; more than `limit` there are never.
    Buffer { sorted: u32, limit: u32, entries: Vec<u64> },
}

impl Clone for Entries {
    fn clone(&self) -> Self {
        match self {
            &Entries::Inline { len, entries } => Entries::Inline { len, entries },
            Entries::Buffer { sorted, limit, entries } => {
                Entries::Buffer { sorted: *sorted, limit: *limit, entries: memory::copied(entries).into_vec() }
            }
        }
    }
}

impl Default for Entries {
    fn default() -> Self {
        Entries::Inline { len: 0, entries: [FREE; INLINE] }
    }
}

impl Entries {
    /// Whether there is none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// All of them, in no order, some perhaps several times.
    #[inline(always)]
    pub fn as_slice(&self) -> &[u64] {
        match self {
            Entries::Inline { len, entries } => &entries[..usize::from(*len)],
            Entries::Buffer { entries, .. } => entries,
        }
    }

    /// Adds an entry. `false`: the buffer is full, and has to be cut before the next one.
    #[inline(always)]
    pub fn insert(&mut self, entry: u64) -> bool {
        match self {
            Entries::Inline { len, entries } => {
                let taken = usize::from(*len);
                // All of them, taken or not: one comparison of vectors.
                if entries.iter().fold(false, |found, &other| found | (other == entry)) {
                    return true;
                }
                if taken < INLINE {
                    entries[taken] = entry;
                    *len += 1;
                } else {
                    self.spill(entry);
                }
                true
            }
            Entries::Buffer { limit, entries, .. } => {
                memory::push(entries, entry);
                entries.len() < *limit as usize
            }
        }
    }

    #[cold]
    fn spill(&mut self, entry: u64) {
        let mut entries = memory::with_capacity(LEAST);
        entries.extend_from_slice(self.as_slice());
        entries.push(entry);
        *self = Entries::Buffer { sorted: 0, limit: LEAST as u32, entries };
    }

    /// Where in memory the next entry will go; `None` if that is in place.
    #[inline(always)]
    pub fn next_place(&self) -> Option<*const u8> {
        match self {
            Entries::Inline { .. } => None,
            Entries::Buffer { entries, .. } => Some(entries.as_ptr_range().end.cast()),
        }
    }

    /// The entries below theta, ascending and once each, cut down to the nominal number; and theta, which is the first that
    /// was cut off, if any was.
    #[inline(never)]
    pub fn sample(&self, theta: u64, lg_nom: LgNom) -> (u64, Vec<u64>) {
        let (sorted, unsorted) = self.as_slice().split_at(self.sorted());
        if unsorted.is_empty() {
            return cut(memory::copied(sorted).into_vec(), theta, lg_nom);
        }
        let mut new = memory::copied(unsorted).into_vec();
        let theta = lower_theta(&new, theta, lg_nom.entries()).unwrap_or(theta);
        retain_below(&mut new, theta);
        sort(&mut new, theta);
        new.dedup();
        let all = if sorted.is_empty() { new } else { unite(sorted, &new, lg_nom.entries() + 1) };
        cut(all, theta, lg_nom)
    }

    /// Makes room in a full buffer; returns the new theta, which more than the nominal number are below, or the first that
    /// was cut off.
    #[cold]
    pub fn shrink(&mut self, theta: u64, lg_nom: LgNom) -> u64 {
        let nominal = lg_nom.entries();
        // Where there are as many as it takes, and theta is what cut them off, what came since is likely duplicates.
        let lower = if self.sorted() < nominal { lower_theta(self.as_slice(), theta, nominal) } else { None };
        let Some(lower) = lower else { return self.cut(theta, lg_nom) };
        let ascending = self.as_slice()[..self.sorted()].partition_point(|&entry| entry < lower);
        if let Entries::Buffer { sorted, limit, entries } = self {
            retain_below(entries, lower);
            (*sorted, *limit) = (ascending as u32, 2 * nominal as u32);
        }
        // More are left only where many are duplicates.
        if self.as_slice().len() <= nominal + nominal / 2 { lower } else { self.cut(lower, lg_nom) }
    }

    /// Keeps the sample alone; returns its theta.
    pub fn cut(&mut self, theta: u64, lg_nom: LgNom) -> u64 {
        let before = self.as_slice().len();
        let (theta, sample) = self.sample(theta, lg_nom);
        self.become_sample(sample, before, lg_nom);
        theta
    }

    /// `before` is how many there were, duplicates included.
    fn become_sample(&mut self, mut sample: Vec<u64>, before: usize, lg_nom: LgNom) {
        let are_distinct = sample.len() > before - before / 8;
        let growth = if are_distinct { GROWTH_OF_DISTINCT } else { GROWTH };
        let limit = (growth * sample.len()).clamp(LEAST, 2 * lg_nom.entries());
        if are_distinct && sample.len() < limit && limit <= MOST_RESERVED {
            let more = limit - sample.len();
            memory::reserve(&mut sample, more);
        }
        *self = Entries::Buffer { sorted: sample.len() as u32, limit: limit as u32, entries: sample };
    }

    /// How many of the first ascend.
    fn sorted(&self) -> usize {
        match self {
            Entries::Inline { .. } => 0,
            Entries::Buffer { sorted, .. } => *sorted as usize,
        }
    }

    /// Adds what another sketch has; returns theta, as [`Self::shrink`] does.
    pub fn merge(&mut self, other: &Entries, theta: u64, lg_nom: LgNom) -> u64 {
        let (sorted, unsorted) = other.as_slice().split_at(other.sorted());
        let below = sorted.partition_point(|&entry| entry < theta);
        let theta = self.unite(&sorted[..below], theta, lg_nom);
        self.append(unsorted, theta, lg_nom)
    }

    /// Adds ascending entries below theta; returns theta, as [`Self::shrink`] does.
    #[inline(always)]
    pub fn unite(&mut self, others: &[u64], theta: u64, lg_nom: LgNom) -> u64 {
        let unsorted = self.as_slice().len() - self.sorted();
        // A few are added behind the others; with many it is worth to go through all of them.
        if others.len() <= self.as_slice().len() / 8 + INLINE || others.len() < 2 * unsorted {
            self.append(others, theta, lg_nom)
        } else {
            self.unite_sorted(others, theta, lg_nom)
        }
    }

    /// Adds entries in any order, of which some need not be below theta.
    #[inline(always)]
    fn append(&mut self, others: &[u64], mut theta: u64, lg_nom: LgNom) -> u64 {
        for &entry in others {
            if entry < theta && !self.insert(entry) {
                theta = self.shrink(theta, lg_nom);
            }
        }
        theta
    }

    #[inline(never)]
    fn unite_sorted(&mut self, others: &[u64], theta: u64, lg_nom: LgNom) -> u64 {
        let most = lg_nom.entries() + 1;
        let before = self.as_slice().len() + others.len();
        let (theta, both) = match self {
            Entries::Buffer { sorted, entries, .. } if entries.len() == *sorted as usize => {
                (theta, unite(entries, others, most))
            }
            _ => {
                let (theta, sample) = self.sample(theta, lg_nom);
                (theta, unite(&sample, others, most))
            }
        };
        let (theta, both) = cut(both, theta, lg_nom);
        self.become_sample(both, before, lg_nom);
        theta
    }
}

/// Cuts ascending entries down to those below theta, and to the nominal number.
fn cut(mut all: Vec<u64>, theta: u64, lg_nom: LgNom) -> (u64, Vec<u64>) {
    let theta = all.get(lg_nom.entries()).map_or(theta, |&first| theta.min(first));
    all.truncate(all.partition_point(|&entry| entry < theta));
    (theta, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn holds_what_was_inserted_and_no_more_than_the_limit() {
        let lg_nom = LgNom::new(10).unwrap();
        let mut entries = Entries::default();
        let mut expected = BTreeSet::new();
        let mut theta = u64::MAX;
        for i in 0..20_000u64 {
            let entry = i % 700 * 0x9e37_79b9 + 1;
            if !entries.insert(entry) {
                theta = entries.cut(theta, lg_nom);
            }
            expected.insert(entry);
            assert!(entries.as_slice().len() <= 2048);
        }
        entries.cut(theta, lg_nom);
        assert!(entries.as_slice().iter().eq(expected.iter()));
        assert_eq!(theta, u64::MAX);
    }

    #[test]
    fn sorted_entries_are_united_whether_they_are_few_or_many() {
        let lg_nom = LgNom::new(6).unwrap();
        for (have, add, step) in
            [(0u64, 5u64, 3), (6, 3, 2), (60, 2, 7), (60, 60, 2), (64, 64, 1), (3, 200, 1), (30, 0, 1)]
        {
            let mut entries = Entries::default();
            for i in 1..=have {
                if !entries.insert(i * 2) {
                    entries.cut(1000, lg_nom);
                }
            }
            let others: Vec<u64> = (1..=add).map(|i| i * step).collect();
            let theta = entries.unite(&others, 1000, lg_nom);
            let theta = entries.cut(theta, lg_nom);
            let mut expected: BTreeSet<u64> = (1..=have).map(|i| i * 2).chain(others).collect();
            let cut = expected.iter().copied().nth(64);
            expected.retain(|&entry| entry < cut.unwrap_or(1000));
            assert!(entries.as_slice().iter().eq(expected.iter()), "{have} {add}");
            assert_eq!(theta, cut.unwrap_or(1000));
        }
    }

    #[test]
    fn a_state_stays_small() {
        assert_eq!(size_of::<Entries>(), 64);
    }
}
