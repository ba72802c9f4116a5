//! Where the table of counters keeps its items: words in their slots, texts in one piece of memory.

use crate::sketch::hash::hash_bytes;
use crate::sketch::memory;

/// The items of a table.
pub trait Keys: Default + Clone {
    /// An item.
    type Key<'k>: Copy;
    /// What a slot holds of it.
    type Stored: Copy + Default;

    /// The hash of an item.
    fn hash(key: Self::Key<'_>) -> u32;

    /// The hash of an item that is held.
    fn hash_of(stored: Self::Stored) -> u32;

    /// Whether an item that is held is this one.
    fn is(&self, stored: Self::Stored, hash: u32, key: Self::Key<'_>) -> bool;

    /// Holds another item.
    fn keep(&mut self, hash: u32, key: Self::Key<'_>) -> Self::Stored;

    /// An item that is held.
    fn get(&self, stored: Self::Stored) -> Self::Key<'_>;
}

/// Items of eight bytes.
#[derive(Clone, Default, Debug)]
pub struct Words;

impl Keys for Words {
    type Key<'k> = u64;
    type Stored = u64;

    /// The finalizer of MurmurHash3 (Austin Appleby, public domain).
    #[inline(always)]
    fn hash(word: u64) -> u32 {
        let word = (word ^ word >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let word = (word ^ word >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        (word ^ word >> 33) as u32
    }

    #[inline(always)]
    fn hash_of(stored: u64) -> u32 {
        Self::hash(stored)
    }

    #[inline(always)]
    fn is(&self, stored: u64, _: u32, word: u64) -> bool {
        stored == word
    }

    #[inline(always)]
    fn keep(&mut self, _: u32, word: u64) -> u64 {
        word
    }

    #[inline(always)]
    fn get(&self, stored: u64) -> u64 {
        stored
    }
}

/// Texts, one behind the other.
#[derive(Default, Debug)]
pub struct Texts(Vec<u8>);

impl Clone for Texts {
    fn clone(&self) -> Self {
        Texts(memory::copied(&self.0).into_vec())
    }
}

/// Where a text is.
#[derive(Clone, Copy, Default, Debug)]
pub struct Place {
    start: usize,
    length: u32,
    hash: u32,
}

impl Keys for Texts {
    type Key<'k> = &'k [u8];
    type Stored = Place;

    #[inline(always)]
    fn hash(text: &[u8]) -> u32 {
        hash_bytes(text).0 as u32
    }

    #[inline(always)]
    fn hash_of(place: Place) -> u32 {
        place.hash
    }

    #[inline(always)]
    fn is(&self, place: Place, hash: u32, text: &[u8]) -> bool {
        place.hash == hash && self.get(place) == text
    }

    #[inline(always)]
    fn keep(&mut self, hash: u32, text: &[u8]) -> Place {
        let start = self.0.len();
        memory::extend(&mut self.0, text);
        Place { start, length: text.len() as u32, hash }
    }

    #[inline(always)]
    fn get(&self, place: Place) -> &[u8] {
        &self.0[place.start..place.start + place.length as usize]
    }
}
