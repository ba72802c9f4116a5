//! MurmurHash3 x64 128 (Austin Appleby, public domain): the hash of DataSketches with seed 9001, of Druid with seed 0.

use super::chunks::chunks;

/// DataSketches' default seed.
pub const SEED: u64 = 9001;

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// The two halves of the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash128(pub u64, pub u64);

#[inline(always)]
fn mix_k1(k1: u64) -> u64 {
    k1.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

#[inline(always)]
fn mix_k2(k2: u64) -> u64 {
    k2.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

#[inline(always)]
fn avalanche(mut k: u64) -> u64 {
    k ^= k >> 33;
    k = k.wrapping_mul(0xff51_afd7_ed55_8ccd);
    k ^= k >> 33;
    k = k.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ k >> 33
}

/// The tail of up to 15 bytes, given as two zero-padded words, and the end.
#[inline(always)]
fn finish(h1: u64, h2: u64, k1: u64, k2: u64, length: u64) -> Hash128 {
    let h1 = h1 ^ mix_k1(k1) ^ length;
    let h2 = h2 ^ mix_k2(k2) ^ length;
    let h1 = h1.wrapping_add(h2);
    let h2 = h2.wrapping_add(h1);
    let (h1, h2) = (avalanche(h1), avalanche(h2));
    let h1 = h1.wrapping_add(h2);
    Hash128(h1, h2.wrapping_add(h1))
}

/// The hash of up to 15 bytes, given as two zero-padded little-endian words: no branch, so that a loop over many
/// vectorizes.
#[inline(always)]
pub fn hash_words(k1: u64, k2: u64, length: u64) -> Hash128 {
    finish(SEED, SEED, k1, k2, length)
}

/// The hash of eight bytes.
#[inline(always)]
pub fn hash_u64(value: u64) -> Hash128 {
    hash_words(value, 0, 8)
}

/// The hash of any bytes.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> Hash128 {
    hash_bytes_seeded(bytes, SEED)
}

/// The hash of any bytes with another seed than DataSketches'.
#[inline]
pub fn hash_bytes_seeded(bytes: &[u8], seed: u64) -> Hash128 {
    let (mut h1, mut h2) = (seed, seed);
    let (blocks, tail) = chunks(bytes);
    for block in blocks {
        let (k1, k2) = words(block);
        h1 = (h1 ^ mix_k1(k1)).rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ mix_k2(k2)).rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let mut padded = [0; 16];
    padded[..tail.len()].copy_from_slice(tail);
    let (k1, k2) = words(&padded);
    finish(h1, h2, k1, k2, bytes.len() as u64)
}

#[inline(always)]
fn words(block: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*block);
    (both as u64, (both >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_paths_agree_with_the_general_one() {
        let text = b"0123456789abcde";
        for length in 0..=15 {
            let mut padded = [0; 16];
            padded[..length].copy_from_slice(&text[..length]);
            let (k1, k2) = words(&padded);
            assert_eq!(hash_words(k1, k2, length as u64), hash_bytes(&text[..length]));
        }
        assert_eq!(hash_u64(42), hash_bytes(&42u64.to_le_bytes()));
    }
}
