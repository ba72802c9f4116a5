//! The bytes of a sketch, read and written. What is read is a view of them: checked once, merged and estimated without
//! being copied.

mod read;
mod write;

use super::coupon::Coupon;
use super::lg_k::LgK;
use super::registers::{Registers, Summary};
use super::wire::{EXCEPTION, FAMILY, SERIAL_VERSION};
use crate::sketch::chunks::chunks;
use crate::sketch::{Error, Format};

pub use write::{of_coupons, of_registers};

/// What an image starts with, behind the length of its preamble.
pub const FORMATS: &[Format] =
    &[Format { offset: 1, magic: &[SERIAL_VERSION, FAMILY], parses: None, description: "an HLL sketch" }];

/// How a sketch holds what it counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Up to seven coupons.
    List,
    /// More coupons.
    Set,
    /// Registers.
    Hll,
}

/// How wide the registers are, or would be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetType {
    /// Four bits, and a list of exceptions.
    Hll4,
    /// Six bits.
    Hll6,
    /// A byte.
    Hll8,
}

/// An image of Apache DataSketches, family 7, serial version 1. Numbers have their lowest byte first.
///
/// | byte | meaning |
/// |---|---|
/// | 0 | preamble length in ints: 2 LIST, 3 SET, 10 HLL |
/// | 1 | serial version, 1 |
/// | 2 | family, 7 |
/// | 3 | `lg_k`, 4 to 21 |
/// | 4 | `lg_arr`: log2 of the slots that an updatable SET has, or the exceptions of an updatable HLL_4 |
/// | 5 | flags: 4 empty, 8 compact (only used slots are stored), 16 out of order, 32 rebuild (bytes 16 to 35 say nothing) |
/// | 6 | LIST: the number of coupons, up to 7. HLL: `cur_min`, the least register, up to 48 |
/// | 7 | bits 0 and 1, mode: 0 LIST, 1 SET, 2 HLL. Bits 2 and 3, target type: 0 HLL_4, 1 HLL_6, 2 HLL_8 |
///
/// | mode | then |
/// |---|---|
/// | LIST | coupons, `u32` each: as many as byte 6 says if compact, else 8 slots of which the empty ones are 0 |
/// | SET, `lg_k` of 8 and more | 8: `u32` the number of coupons, up to `3 << (lg_k - 5)`; 12: coupons, as many if compact, else `2^lg_arr` slots |
/// | HLL | 8: `f64` HIP accumulator, valid unless out of order; 16: `f64` KxQ0, the sum of `2^-register` over the registers below 32; 24: `f64` KxQ1, over the others; 32: `u32` how many registers equal `cur_min`; 36: `u32` how many exceptions; 40: the registers |
/// | … HLL_4 | `k / 2` bytes: `register - cur_min` in four bits, the even slot in the low ones, 15 for an exception; then the exceptions, coupons of slot and register, `u32` each: as many as byte 36 says if compact, else `2^lg_arr` slots, or none at all if there is no exception |
/// | … HLL_6 | `3 k / 4 + 1` bytes: six bits a register from the lowest on, and a byte of padding; no exceptions |
/// | … HLL_8 | `k` bytes: a register each, up to 63; no exceptions |
///
/// Coupons are not 0 and have a register value of 1 or more; none is listed twice, and there are as many as the header
/// counts. Bytes behind the end are an error.
///
/// What is written ([`of_coupons`], [`of_registers`]) is canonical: LIST, SET or HLL_4 by the number of coupons, compact,
/// coupons ascending, exceptions ascending by slot, HLL out of order with a HIP accumulator of 0.
#[derive(Clone, Copy, Debug)]
pub struct HllImage<'a> {
    lg_k: LgK,
    target_type: TargetType,
    compact: bool,
    out_of_order: bool,
    length: usize,
    body: Body<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Body<'a> {
    /// `stored` holds `count` coupons, and empty slots if the image is updatable.
    Coupons {
        mode: Mode,
        count: u32,
        stored: &'a [u8],
    },
    Registers {
        hip: f64,
        summary: Summary,
        rebuild: bool,
        packed: &'a [u8],
        exceptions: &'a [u8],
    },
}

impl<'a> HllImage<'a> {
    /// The precision.
    pub fn lg_k(&self) -> LgK {
        self.lg_k
    }

    /// How it holds what it counted.
    pub fn mode(&self) -> Mode {
        match self.body {
            Body::Coupons { mode, .. } => mode,
            Body::Registers { .. } => Mode::Hll,
        }
    }

    /// How wide its registers are, or would be.
    pub fn target_type(&self) -> TargetType {
        self.target_type
    }

    /// Whether only used slots are stored.
    pub fn is_compact(&self) -> bool {
        self.compact
    }

    /// Whether it was merged, so that its HIP accumulator says nothing.
    pub fn is_out_of_order(&self) -> bool {
        self.out_of_order
    }

    /// How many bytes.
    pub fn byte_length(&self) -> usize {
        self.length
    }

    /// Whether it counted nothing. Registers are looked at themselves: a sketch of DataSketches C++ that starts with
    /// registers is flagged to be summed up again, and a damaged header may say anything.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        match self.body {
            Body::Coupons { count, .. } => count == 0,
            Body::Registers { summary, packed, exceptions, .. } => {
                let width = match self.target_type {
                    TargetType::Hll4 if summary.cur_min > 0 => return false,
                    TargetType::Hll6 => packed.len() - 1,
                    _ => packed.len(),
                };
                packed[..width].iter().all(|&byte| byte == 0) && coupons_of(exceptions).next().is_none()
            }
        }
    }

    /// How many coupons it holds, or how many registers are not 0.
    pub fn occupied(&self) -> Result<u32, Error> {
        match self.body {
            Body::Coupons { count, .. } => Ok(count),
            Body::Registers { .. } => Ok(self.lg_k.k() - self.summary()?.unhit()),
        }
    }

    /// How many coupons it holds; `None` once it has registers.
    pub(super) fn coupon_count(&self) -> Option<u32> {
        match self.body {
            Body::Coupons { count, .. } => Some(count),
            Body::Registers { .. } => None,
        }
    }

    /// The HIP accumulator, where it is valid.
    pub(super) fn hip(&self) -> Option<f64> {
        match self.body {
            Body::Registers { hip, .. } if !self.out_of_order => Some(hip),
            _ => None,
        }
    }

    /// The registers' summary: as stored, or recomputed where there is none that holds.
    #[inline(always)]
    pub(super) fn summary(&self) -> Result<Summary, Error> {
        if let Body::Registers { summary, rebuild: false, .. } = self.body {
            return Ok(summary);
        }
        let mut registers = Registers::new(self.lg_k.get());
        self.merge_into(&mut registers)?;
        Ok(registers.summary())
    }

    /// The coupons of a LIST or a SET; none once it has registers.
    pub(super) fn coupons(&self) -> impl Iterator<Item = Coupon> + 'a {
        let stored = match self.body {
            Body::Coupons { stored, .. } => stored,
            Body::Registers { .. } => &[],
        };
        coupons_of(stored)
    }

    /// Adds what it counted to registers, of as many slots or fewer.
    #[inline(always)]
    pub(super) fn merge_into(&self, registers: &mut Registers) -> Result<(), Error> {
        match self.body {
            Body::Coupons { stored, .. } => coupons_of(stored).for_each(|coupon| registers.insert(coupon)),
            Body::Registers { packed, exceptions, summary, .. } => match self.target_type {
                TargetType::Hll8 => registers.merge_hll8(packed)?,
                TargetType::Hll6 => registers.merge_hll6(packed),
                TargetType::Hll4 => {
                    let expected = registers.merge_hll4(packed, summary.cur_min);
                    self.check_exceptions(packed, exceptions, expected)?;
                    for exception in coupons_of(exceptions) {
                        if exception.value() < summary.cur_min + EXCEPTION {
                            return Err(Error::bad_image(
                                "damaged HLL sketch: an exception of HLL_4 would fit in four bits",
                            ));
                        }
                        registers.insert(exception);
                    }
                }
            },
        }
        Ok(())
    }

    /// As many registers are marked as are listed, each of them once, and these are the marked ones.
    #[inline(always)]
    fn check_exceptions(&self, nibbles: &[u8], exceptions: &[u8], expected: u32) -> Result<(), Error> {
        let slots = || coupons_of(exceptions).map(|exception| exception.address() & (2 * nibbles.len() - 1));
        let found = slots().count() as u32;
        if found != expected {
            return Err(Error::bad_image(format!(
                "damaged HLL sketch: {expected} registers of HLL_4 are marked as exceptions, {found} are listed"
            )));
        }
        let is_marked = |slot: usize| nibbles[slot / 2] >> (slot % 2 * 4) & EXCEPTION == EXCEPTION;
        if !slots().all(is_marked) || has_duplicates(slots()) {
            return Err(Error::bad_image(
                "damaged HLL sketch: the registers of HLL_4 that are marked as exceptions are not those that are listed",
            ));
        }
        Ok(())
    }
}

/// Canonical images list in ascending order; what others list is sorted to see.
#[inline(always)]
fn has_duplicates<T: Ord>(listed: impl Iterator<Item = T> + Clone) -> bool {
    if listed.clone().is_sorted_by(|a, b| a < b) {
        return false;
    }
    let mut sorted: Vec<T> = listed.collect();
    sorted.sort_unstable();
    !sorted.is_sorted_by(|a, b| a < b)
}

#[inline(always)]
fn coupons_of(stored: &[u8]) -> impl Iterator<Item = Coupon> + Clone + '_ {
    let (coupons, _) = chunks(stored);
    coupons.map(|&bytes| Coupon::from_bits(u32::from_le_bytes(bytes))).filter(|&coupon| coupon != Coupon::EMPTY)
}
