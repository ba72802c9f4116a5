//! What of a value's hash a sketch keeps.

use crate::sketch::FromHash;
use crate::sketch::hash::Hash128;

/// What the greatest theta stands for: nothing was cut off. All entries are below it.
pub const MAX_THETA: u64 = i64::MAX as u64;

/// The upper 63 bits of the first half of a hash, as DataSketches keeps them; 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Entry(u64);

impl Entry {
    /// The bits, as they are stored.
    #[inline(always)]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Whether it is one, and below theta. One comparison: none, less one, is the greatest of all numbers.
    #[inline(always)]
    pub fn is_below(self, theta: u64) -> bool {
        self.0.wrapping_sub(1) < theta - 1
    }
}

impl FromHash for Entry {
    const NOTHING: Self = Entry(0);

    #[inline(always)]
    fn of_hash(Hash128(h1, _): Hash128) -> Self {
        Entry(h1 >> 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_theta() {
        for (entry, theta, is_below) in
            [(0, 1, false), (0, MAX_THETA, false), (1, 1, false), (1, 2, true), (5, 5, false), (4, 5, true)]
        {
            assert_eq!(Entry(entry).is_below(theta), is_below, "{entry} {theta}");
        }
        assert!(!Entry(MAX_THETA).is_below(MAX_THETA));
        assert!(Entry(MAX_THETA - 1).is_below(MAX_THETA));
    }
}
