//! The registers: of each slot the greatest coupon value, a byte each while in memory.

use super::coupon::Coupon;
use super::wire::{EXCEPTION, GREATEST_CUR_MIN};
use crate::sketch::chunks::{chunks, chunks_mut};
use crate::sketch::{Error, memory};

/// The greatest value that a register can have.
const MAX_VALUE: u8 = 63;

/// `2^lg_k` registers.
#[derive(Debug, PartialEq, Eq)]
pub struct Registers(Box<[u8]>);

/// What the estimators need to know of registers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The least register, as far as an image can say it.
    pub cur_min: u8,
    /// How many registers equal it.
    pub at_cur_min: u32,
    /// The sum of `2^-register` over the registers below 32.
    pub kxq0: f64,
    /// The same over those of 32 and more.
    pub kxq1: f64,
}

impl Summary {
    /// How many registers are 0.
    pub fn unhit(&self) -> u32 {
        if self.cur_min == 0 { self.at_cur_min } else { 0 }
    }
}

impl Clone for Registers {
    fn clone(&self) -> Self {
        Registers(memory::copied(&self.0))
    }
}

impl Registers {
    /// Registers of an empty sketch.
    pub fn new(lg_k: u8) -> Self {
        Registers(memory::filled(0, 1 << lg_k))
    }

    /// The values, by slot.
    pub fn values(&self) -> &[u8] {
        &self.0
    }

    /// Adds a coupon.
    #[inline(always)]
    pub fn insert(&mut self, coupon: Coupon) {
        let mask = self.0.len() - 1;
        let register = &mut self.0[coupon.address() & mask];
        // Stored whether it changes or not: while a sketch fills, a branch would be mispredicted often.
        *register = coupon.value().max(*register);
    }

    /// The register of a coupon.
    #[inline(always)]
    pub fn place_of(&self, coupon: Coupon) -> *const u8 {
        std::ptr::from_ref(&self.0[coupon.address() & (self.0.len() - 1)])
    }

    /// Adds what registers of as many slots or more hold: slots that agree in their lower bits become one.
    #[inline(always)]
    pub fn merge(&mut self, other: &[u8]) {
        for part in other.chunks_exact(self.0.len()) {
            for (register, &value) in self.0.iter_mut().zip(part) {
                *register = (*register).max(value);
            }
        }
    }

    /// Adds HLL_8 registers.
    #[inline(always)]
    pub fn merge_hll8(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.iter().fold(0, |greatest, &value| value.max(greatest)) > MAX_VALUE {
            return Err(Error::bad_image("damaged HLL sketch: a register of HLL_8 is above 63"));
        }
        self.merge(bytes);
        Ok(())
    }

    /// Adds HLL_6 registers: four of them in three bytes.
    #[inline(always)]
    pub fn merge_hll6(&mut self, packed: &[u8]) {
        for (part, packed) in packed.chunks_exact(3).enumerate() {
            let bits = u32::from_le_bytes([packed[0], packed[1], packed[2], 0]);
            for i in 0..4 {
                self.insert(Coupon::new(4 * part + i, (bits >> (6 * i)) as u8 & MAX_VALUE));
            }
        }
    }

    /// Adds HLL_4 registers: two to a byte, above `cur_min`. An exception stands as the least value that it can have;
    /// the caller inserts its coupon. Returns how many exceptions there were.
    #[inline(always)]
    pub fn merge_hll4(&mut self, nibbles: &[u8], cur_min: u8) -> u32 {
        let mut exceptions = 0;
        for part in nibbles.chunks_exact(self.0.len() / 2) {
            let (blocks, rest) = chunks_mut::<128, _>(&mut self.0);
            let (packed_blocks, packed_rest) = chunks::<64, _>(part);
            for (block, packed) in blocks.zip(packed_blocks) {
                exceptions += merge_nibbles(block, packed, cur_min);
            }
            for (block, packed) in chunks_mut::<16, _>(rest).0.zip(chunks::<8, _>(packed_rest).0) {
                exceptions += merge_nibbles(block, packed, cur_min);
            }
        }
        exceptions
    }

    /// What the estimators need. The sums are exact whatever the order: fewer than 53 bits lie between the least and
    /// the greatest term.
    #[inline(always)]
    pub fn summary(&self) -> Summary {
        let least = self.0.iter().fold(GREATEST_CUR_MIN, |least, &value| value.min(least));
        summarize(self.0.iter().copied(), least)
    }

    /// Two registers to a byte above `cur_min`, and the exceptions in ascending order of slot.
    #[inline(always)]
    pub fn to_hll4(&self, cur_min: u8) -> (Box<[u8]>, Vec<Coupon>) {
        let nibble = |value: u8| (value - cur_min).min(EXCEPTION);
        let (pairs, _) = chunks(&self.0);
        // Not by `extend`, which would not be inlined, and so not be compiled for wide vectors.
        let mut nibbles = memory::filled(0, self.0.len() / 2);
        for (byte, &[low, high]) in nibbles.iter_mut().zip(pairs) {
            *byte = nibble(low) | nibble(high) << 4;
        }
        let exceptions = match count_exceptions(&nibbles) {
            0 => Vec::new(),
            _ => (self.0.iter().enumerate())
                .filter(|&(_, &value)| nibble(value) == EXCEPTION)
                .map(|(slot, &value)| Coupon::new(slot, value))
                .collect(),
        };
        (nibbles, exceptions)
    }
}

/// The summary of registers of which none is below `cur_min`.
#[inline(always)]
fn summarize(values: impl Iterator<Item = u8> + Clone, cur_min: u8) -> Summary {
    // In units of 2^-31 and 2^-63.
    let (mut low, mut high, mut at_cur_min) = (0u64, 0u64, 0);
    for value in values.clone() {
        low += if value < 32 { 1 << (31 - value) } else { 0 };
        at_cur_min += u32::from(value == cur_min);
    }
    if values.clone().any(|value| value >= 32) {
        high = values.filter(|&value| value >= 32).map(|value| 1 << (63 - value)).sum();
    }
    Summary { cur_min, at_cur_min, kxq0: low as f64 / 2f64.powi(31), kxq1: high as f64 / 2f64.powi(63) }
}

/// Adds a block of nibbles to its registers, and counts the exceptions: at most 255, so that a byte holds the count.
#[inline(always)]
fn merge_nibbles<const REGISTERS: usize, const BYTES: usize>(
    registers: &mut [u8; REGISTERS],
    packed: &[u8; BYTES],
    cur_min: u8,
) -> u32 {
    let mut nibbles = [0; REGISTERS];
    for (pair, &byte) in chunks_mut::<2, _>(&mut nibbles).0.zip(packed) {
        // Both nibbles at once, as the bytes of a wider lane: the compiler makes vectors of that.
        let wide = u16::from(byte);
        *pair = (wide & 0x0f | (wide & 0xf0) << 4).to_le_bytes();
    }
    let mut exceptions = 0u8;
    for (register, nibble) in registers.iter_mut().zip(nibbles) {
        *register = (nibble + cur_min).max(*register);
        exceptions += u8::from(nibble == EXCEPTION);
    }
    u32::from(exceptions)
}

#[inline(always)]
fn count_exceptions(nibbles: &[u8]) -> u32 {
    // In blocks that a byte can count, so that the sum of a block stays in narrow lanes.
    nibbles
        .chunks(64)
        .map(|block| {
            let count: u8 =
                block.iter().map(|&byte| u8::from(byte & 15 == EXCEPTION) + u8::from(byte >> 4 == EXCEPTION)).sum();
            u32::from(count)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::FromHash;

    fn filled(lg_k: u8, values: u64) -> Registers {
        let mut registers = Registers::new(lg_k);
        (0..values).for_each(|i| registers.insert(Coupon::of_u64(i)));
        registers
    }

    #[test]
    fn hll4_comes_back() {
        for values in [0, 10, 1000, 100_000, 2_000_000] {
            let registers = filled(8, values);
            let cur_min = registers.summary().cur_min;
            let (nibbles, exceptions) = registers.to_hll4(cur_min);
            let mut read = Registers::new(8);
            assert_eq!(read.merge_hll4(&nibbles, cur_min), exceptions.len() as u32);
            exceptions.into_iter().for_each(|coupon| read.insert(coupon));
            assert_eq!(read, registers);
        }
    }

    #[test]
    fn folding_to_fewer_slots_is_as_if_built_with_them() {
        let large = filled(10, 5000);
        let mut small = Registers::new(6);
        small.merge(large.values());
        assert_eq!(small, filled(6, 5000));
    }

    #[test]
    fn the_summary_is_the_sum_by_definition() {
        let mut registers = filled(6, 3000);
        registers.insert(Coupon::new(3, 40));
        let summary = registers.summary();
        let sum: f64 = registers.values().iter().map(|&value| 0.5f64.powi(i32::from(value))).sum();
        assert!((summary.kxq0 + summary.kxq1 - sum).abs() < 1e-12);
        assert_eq!(summary.kxq1, 0.5f64.powi(40));
        assert_eq!(summary.at_cur_min as usize, registers.values().iter().filter(|&&v| v == summary.cur_min).count());
    }
}
