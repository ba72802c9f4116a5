//! What a value is hashed by: `docs/STORAGE.md`, "The bytes that each SQL type is hashed by".

use super::hash::{Hash128, hash_bytes, hash_u64, hash_words};

/// What a sketch keeps of a value's hash. Which bytes are hashed is the same for all sketches of DataSketches.
pub trait FromHash: Copy + PartialEq {
    /// What a NULL or an empty string leaves.
    const NOTHING: Self;

    /// What is kept of a hash.
    fn of_hash(hash: Hash128) -> Self;

    /// Of an integer, or of anything else that is hashed as eight bytes.
    #[inline(always)]
    fn of_u64(value: u64) -> Self {
        Self::of_hash(hash_u64(value))
    }

    /// Of an integer of any width: equal integers have equal hashes.
    #[inline]
    fn of_i128(value: i128) -> Self {
        match i64::try_from(value) {
            Ok(small) => Self::of_u64(small as u64),
            Err(_) => Self::of_hash(hash_bytes(&value.to_le_bytes())),
        }
    }

    /// Of an unsigned integer of any width.
    #[inline]
    fn of_u128(value: u128) -> Self {
        match i128::try_from(value) {
            Ok(signed) => Self::of_i128(signed),
            Err(_) => {
                let mut bytes = [0; 17];
                bytes[..16].copy_from_slice(&value.to_le_bytes());
                Self::of_hash(hash_bytes(&bytes))
            }
        }
    }

    /// Of a double: 0.0 and -0.0 have one hash, and so have all NaNs.
    #[inline(always)]
    fn of_f64(value: f64) -> Self {
        const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;
        // Adding 0.0 turns -0.0 into 0.0 and leaves every other number as it is.
        Self::of_u64(if value.is_nan() { CANONICAL_NAN } else { (value + 0.0).to_bits() })
    }

    /// Of a string or a blob; nothing of an empty one.
    #[inline]
    fn of_bytes(bytes: &[u8]) -> Self {
        if bytes.is_empty() { Self::NOTHING } else { Self::of_hash(hash_bytes(bytes)) }
    }

    /// Of a string of up to 15 bytes, given as zero-padded words; nothing of an empty one.
    #[inline(always)]
    fn of_words(k1: u64, k2: u64, length: u64) -> Self {
        let kept = Self::of_hash(hash_words(k1, k2, length));
        if length == 0 { Self::NOTHING } else { kept }
    }
}
