//! A hash table of items and how often each came.

use super::keys::Keys;
use crate::sketch::memory;

/// Counters, in a table that grows.
#[derive(Debug)]
pub struct Counters<K: Keys> {
    keys: K,
    slots: Box<[Slot<K::Stored>]>,
    active: usize,
}

/// A slot is free where the count is 0.
#[derive(Clone, Copy, Default, Debug)]
struct Slot<S> {
    count: u64,
    key: S,
}

const LEAST_SLOTS: usize = 8;

impl<K: Keys> Default for Counters<K> {
    fn default() -> Self {
        Counters { keys: K::default(), slots: free(LEAST_SLOTS), active: 0 }
    }
}

impl<K: Keys> Clone for Counters<K> {
    fn clone(&self) -> Self {
        Counters { keys: self.keys.clone(), slots: memory::copied(&self.slots), active: self.active }
    }
}

fn free<S: Copy + Default>(slots: usize) -> Box<[Slot<S>]> {
    memory::filled(Slot::default(), slots)
}

impl<K: Keys> Counters<K> {
    /// How many items are counted.
    #[inline(always)]
    pub fn active(&self) -> usize {
        self.active
    }

    /// Adds to the counter of an item, and says whether it is a new one.
    #[inline(always)]
    pub fn add(&mut self, key: K::Key<'_>, count: u64) -> bool {
        let hash = K::hash(key);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.count == 0 {
                break;
            }
            if self.keys.is(slot.key, hash, key) {
                slot.count += count;
                return false;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = Slot { count, key: self.keys.keep(hash, key) };
        self.active += 1;
        // One more than three quarters may be there until it is purged.
        if self.active > self.slots.len() / 4 * 3 + 1 {
            self.grow();
        }
        true
    }

    /// Where an item is or will be, or nearly there.
    #[inline(always)]
    pub fn place_of(&self, key: K::Key<'_>) -> *const u8 {
        (&raw const self.slots[K::hash(key) as usize & (self.slots.len() - 1)]).cast()
    }

    #[cold]
    fn grow(&mut self) {
        let grown = free(2 * self.slots.len());
        let old = std::mem::replace(&mut self.slots, grown);
        for slot in old.iter().filter(|slot| slot.count > 0) {
            self.place(*slot);
        }
    }

    /// Puts an item that the table does not have into a free slot.
    #[inline(always)]
    fn place(&mut self, slot: Slot<K::Stored>) {
        let mask = self.slots.len() - 1;
        let mut at = K::hash_of(slot.key) as usize & mask;
        while self.slots[at].count > 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// Subtracts from all counters the least amount that leaves at most `keep`, fewer than there are, and returns it. The
    /// table has at most that many slots afterwards.
    ///
    /// The amount is that of the greatest counter that goes: `keep + 1` counters had as much.
    #[cold]
    pub fn purge(&mut self, keep: usize, slots: usize) -> u64 {
        let mut counts: Vec<u64> = memory::with_capacity(self.active);
        counts.extend(self.slots.iter().map(|slot| slot.count).filter(|&count| count > 0));
        let last = counts.len() - 1 - keep;
        let amount = *counts.select_nth_unstable(last).1;
        let mut kept: Vec<Slot<K::Stored>> = memory::with_capacity(keep);
        kept.extend(self.slots.iter().filter(|slot| slot.count > amount));
        let old = std::mem::take(&mut self.keys);
        if slots < self.slots.len() {
            self.slots = free(slots);
        } else {
            self.slots.fill(Slot::default());
        }
        self.active = kept.len();
        for Slot { count, key } in kept {
            let key = self.keys.keep(K::hash_of(key), old.get(key));
            self.place(Slot { count: count - amount, key });
        }
        amount
    }

    /// The items and their counters, not in the order of their hashes: a table that took them in that order would have
    /// all of its items in one place before it has many.
    #[inline(always)]
    pub fn scattered(&self) -> impl Iterator<Item = (K::Key<'_>, u64)> {
        let slots = self.slots.len();
        let step = (slots / 8 * 5) | 1; // odd, so that it visits each slot of a power of two
        let visited = (0..slots).map(move |i| &self.slots[i.wrapping_mul(step) & (slots - 1)]);
        visited.filter(|slot| slot.count > 0).map(|slot| (self.keys.get(slot.key), slot.count))
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{Texts, Words};
    use super::*;
    use std::collections::BTreeMap;

    fn contents<K: Keys>(counters: &Counters<K>) -> BTreeMap<K::Key<'_>, u64>
    where
        for<'k> K::Key<'k>: Ord,
    {
        counters.scattered().collect()
    }

    #[test]
    fn what_is_added_is_counted() {
        let mut words = Counters::<Words>::default();
        let mut texts = Counters::<Texts>::default();
        for i in 0..10_000u64 {
            assert_eq!(words.add(i % 777, 2), i < 777);
            assert_eq!(texts.add((i % 777).to_string().as_bytes(), 2), i < 777);
        }
        assert_eq!((words.active(), texts.active()), (777, 777));
        let expected: BTreeMap<u64, u64> = (0..777u64).map(|i| (i, 2 * (10_000 - i).div_ceil(777))).collect();
        assert_eq!(contents(&words), expected);
        let texts: BTreeMap<u64, u64> = contents(&texts)
            .into_iter()
            .map(|(text, count)| (std::str::from_utf8(text).unwrap().parse().unwrap(), count))
            .collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_purge_leaves_the_greatest() {
        let mut counters = Counters::<Texts>::default();
        for i in 0..100u64 {
            counters.add(i.to_string().as_bytes(), 1 + i);
        }
        let amount = counters.purge(30, 64);
        assert_eq!((amount, counters.active(), counters.slots.len()), (70, 30, 64));
        for (text, count) in counters.scattered() {
            let i: u64 = std::str::from_utf8(text).unwrap().parse().unwrap();
            assert_eq!(count, 1 + i - 70);
        }
        assert!(!counters.add(b"99", 1), "an item that was kept is found");
        assert!(counters.add(b"0", 1), "one that was not is new");
    }

    #[test]
    fn equal_counters_go_together() {
        let mut counters = Counters::<Words>::default();
        for word in 0..20 {
            counters.add(word, 5);
        }
        assert_eq!((counters.purge(10, 32), counters.active()), (5, 0));
        assert_eq!(counters.scattered().count(), 0);
    }

    #[test]
    fn a_table_that_takes_another_one_stays_fast() {
        let mut first = Counters::<Words>::default();
        for word in 0..500_000 {
            first.add(word, 1);
        }
        let mut second = Counters::<Words>::default();
        for word in 500_000..1_000_000 {
            second.add(word, 1);
        }
        for (word, count) in first.scattered() {
            second.add(word, count);
        }
        assert_eq!(second.active(), 1_000_000);
    }
}
