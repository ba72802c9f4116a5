//! The entries of a growing sketch: a few in place, then a hash table.

use crate::sketch::memory;

/// How many entries fit in place, without memory of their own.
const INLINE: usize = 7;
/// Slots of the first table.
const LEAST_SLOTS: usize = 16;
/// What an empty slot holds; no entry is 0.
const FREE: u64 = 0;

/// A set of entries.
#[derive(Clone, Debug)]
pub enum EntrySet {
    Inline { len: u8, entries: [u64; INLINE] },
    Table { len: u32, slots: Table },
}

/// Slots, as many as a power of two, at most three quarters of them taken.
#[derive(Debug)]
pub struct Table(Box<[u64]>);

impl Clone for Table {
    fn clone(&self) -> Self {
        Table(memory::copied(&self.0))
    }
}

impl Table {
    /// Entries are hashes already: their low bits say where they go.
    #[inline(always)]
    fn home(&self, entry: u64) -> usize {
        entry as usize & (self.0.len() - 1)
    }

    /// The slot that holds the entry, or the free one where it belongs.
    #[inline(always)]
    fn probe(&mut self, entry: u64) -> &mut u64 {
        let mut at = self.home(entry);
        while self.0[at] != FREE && self.0[at] != entry {
            at = (at + 1) & (self.0.len() - 1);
        }
        &mut self.0[at]
    }
}

impl Default for EntrySet {
    fn default() -> Self {
        EntrySet::Inline { len: 0, entries: [FREE; INLINE] }
    }
}

impl EntrySet {
    /// A set of entries that differ.
    pub fn of(entries: &[u64]) -> Self {
        let mut set = EntrySet::default();
        if entries.len() > INLINE {
            set.grow((entries.len() * 4 / 3 + 1).next_power_of_two().max(LEAST_SLOTS));
        }
        entries.iter().for_each(|&entry| set.insert(entry));
        set
    }

    /// How many.
    #[inline(always)]
    pub fn len(&self) -> usize {
        match self {
            EntrySet::Inline { len, .. } => usize::from(*len),
            EntrySet::Table { len, .. } => *len as usize,
        }
    }

    /// Adds an entry unless it is there.
    #[inline(always)]
    pub fn insert(&mut self, entry: u64) {
        match self {
            EntrySet::Inline { len, entries } => {
                let taken = usize::from(*len);
                // All of them, taken or not: one comparison of vectors.
                if entries.iter().fold(false, |found, &other| found | (other == entry)) {
                    return;
                }
                if taken < INLINE {
                    entries[taken] = entry;
                    *len += 1;
                } else {
                    self.grow(LEAST_SLOTS);
                    self.insert_into_table(entry);
                }
            }
            EntrySet::Table { .. } => self.insert_into_table(entry),
        }
    }

    #[inline(always)]
    fn insert_into_table(&mut self, entry: u64) {
        let EntrySet::Table { len, slots } = self else { unreachable!("the set has grown") };
        let slot = slots.probe(entry);
        if *slot == entry {
            return;
        }
        *slot = entry;
        *len += 1;
        if *len as usize * 4 > slots.0.len() * 3 {
            let doubled = slots.0.len() * 2;
            self.grow(doubled);
        }
    }

    /// Where in memory an entry will go; `None` if that is in the set itself.
    #[inline(always)]
    pub fn place_of(&self, entry: u64) -> Option<*const u8> {
        match self {
            EntrySet::Inline { .. } => None,
            EntrySet::Table { slots, .. } => Some(std::ptr::from_ref(&slots.0[slots.home(entry)]).cast()),
        }
    }

    /// The entries, in no order.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let slots: &[u64] = match self {
            EntrySet::Inline { entries, .. } => entries,
            EntrySet::Table { slots, .. } => &slots.0,
        };
        slots.iter().copied().filter(|&entry| entry != FREE)
    }

    /// The entries below theta, in no order.
    #[inline(always)]
    pub fn below(&self, theta: u64) -> Vec<u64> {
        let mut entries = memory::with_capacity(self.len());
        entries.extend(self.iter().filter(|&entry| entry < theta));
        entries
    }

    #[cold]
    fn grow(&mut self, slots: usize) {
        let mut table = Table(memory::filled(FREE, slots));
        for entry in self.iter() {
            *table.probe(entry) = entry;
        }
        *self = EntrySet::Table { len: self.len() as u32, slots: table };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn holds_each_entry_once() {
        let mut set = EntrySet::default();
        let mut expected = BTreeSet::new();
        for i in 0..2000u64 {
            let entry = i % 700 * 0x9e37_79b9 + 1;
            set.insert(entry);
            expected.insert(entry);
            assert_eq!(set.len(), expected.len());
        }
        assert_eq!(set.iter().collect::<BTreeSet<_>>(), expected);
        assert_eq!(set.below(1000).len(), expected.iter().filter(|&&entry| entry < 1000).count());
        let listed: Vec<u64> = expected.iter().copied().collect();
        for count in [0, 1, 7, 8, 12, 13, 700] {
            let set = EntrySet::of(&listed[..count]);
            assert_eq!((set.len(), set.iter().count()), (count, count));
        }
    }

    #[test]
    fn a_state_stays_small() {
        assert_eq!(size_of::<EntrySet>(), 64);
    }
}
