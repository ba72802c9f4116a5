//! What a text becomes: a register and a rank.

use super::registers::REGISTERS;
use crate::sketch::hash::{Hash128, hash_bytes_seeded};

/// The seed of Guava's `murmur3_128()`.
const SEED: u64 = 0;

/// The register that a value falls into, and its rank there: the place of the first 1 bit, 1 to 64.
///
/// Druid takes the hash as sixteen bytes, each half with its lowest byte first. The rank is that of the lowest 1 bit of the
/// first half, and of a first half of zeros alone 64, not 65. The register is in the last two bytes, read with the highest
/// byte first.
#[inline]
pub fn register_and_rank(value: &[u8]) -> (u16, u8) {
    let Hash128(first, second) = hash_bytes_seeded(value, SEED);
    let register = ((second >> 48) as u16).swap_bytes() & (REGISTERS as u16 - 1);
    (register, (first.trailing_zeros() + 1).min(64) as u8)
}
