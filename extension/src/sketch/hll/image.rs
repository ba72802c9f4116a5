//! A view of stored bytes: checked once, merged and estimated without being copied.

use super::coupon::Coupon;
use super::registers::{Registers, Summary};
use super::sketch::LgK;
use super::wire::*;
use crate::sketch::codec::Reader;
use crate::sketch::{Error, kind};

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

/// An image of an HLL sketch, as `docs/STORAGE.md` describes it.
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
        stored: &'a [[u8; 4]],
    },
    Registers {
        hip: f64,
        summary: Summary,
        rebuild: bool,
        packed: &'a [u8],
        exceptions: &'a [[u8; 4]],
    },
}

const WHAT: &str = "HLL sketch";
/// What the greatest register, of 63, adds to KxQ.
const LEAST_POWER: f64 = 1.0 / (1u64 << 63) as f64;

impl<'a> HllImage<'a> {
    /// Reads an image; every length is checked against the bytes before anything is made of them.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, WHAT);
        let header = match reader.bytes(8) {
            Ok(header) => header,
            Err(_) => return Err(not_a_sketch(bytes)),
        };
        let &[preamble, version, family, lg_k, lg_arr, flags, count_or_cur_min, kind] = header else {
            unreachable!("eight bytes were read")
        };
        let mode = match (preamble, kind & 3) {
            (LIST_PREAMBLE, MODE_LIST) => Mode::List,
            (SET_PREAMBLE, MODE_SET) => Mode::Set,
            (HLL_PREAMBLE, MODE_HLL) => Mode::Hll,
            _ => return Err(not_a_sketch(bytes)),
        };
        let target_type = match kind >> 2 {
            TARGET_HLL_4 => TargetType::Hll4,
            TARGET_HLL_6 => TargetType::Hll6,
            TARGET_HLL_8 => TargetType::Hll8,
            _ => return Err(not_a_sketch(bytes)),
        };
        if family != FAMILY {
            return Err(not_a_sketch(bytes));
        }
        if version != SERIAL_VERSION {
            return Err(Error::bad_image(format!(
                "an HLL sketch of serial version {version}; version 1 is known here"
            )));
        }
        let lg_k =
            LgK::new(i64::from(lg_k)).map_err(|error| Error::bad_image(format!("damaged HLL sketch: {error}")))?;
        let compact = flags & FLAG_COMPACT != 0;
        let body = match mode {
            Mode::Hll => {
                let header = RegisterHeader { lg_k, target_type, lg_arr, flags, cur_min: count_or_cur_min };
                header.read(&mut reader)?
            }
            Mode::List => {
                if count_or_cur_min >= 1 << LG_LIST_SLOTS {
                    return Err(Error::bad_image(format!(
                        "damaged HLL sketch: a LIST of {count_or_cur_min} coupons, and 7 is the most"
                    )));
                }
                let slots = if compact { usize::from(count_or_cur_min) } else { 1 << LG_LIST_SLOTS };
                read_coupons(&mut reader, mode, u32::from(count_or_cur_min), slots)?
            }
            Mode::Set => {
                let count = reader.u32()?;
                if lg_k.get() < LEAST_SET_LG_K || count as usize > lg_k.coupon_limit() {
                    return Err(Error::bad_image(format!(
                        "damaged HLL sketch: a SET of {count} coupons at lg_k {lg_k}, which would be registers"
                    )));
                }
                let lg_slots = if lg_arr < LG_LEAST_SET_SLOTS { lg_set_slots(count as usize) } else { lg_arr };
                let slots = if compact { count as usize } else { 1 << lg_slots.min(31) };
                read_coupons(&mut reader, mode, count, slots)?
            }
        };
        reader.finish()?;
        let out_of_order = flags & FLAG_OUT_OF_ORDER != 0;
        Ok(HllImage { lg_k, target_type, compact, out_of_order, length: bytes.len(), body })
    }

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
    /// registers is flagged to be summed up anew, and a damaged header may say anything.
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

    /// The registers' summary: as stored, or made anew where there is none that holds.
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
    fn check_exceptions(&self, nibbles: &[u8], exceptions: &[[u8; 4]], expected: u32) -> Result<(), Error> {
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

/// The header of a sketch with registers.
struct RegisterHeader {
    lg_k: LgK,
    target_type: TargetType,
    lg_arr: u8,
    flags: u8,
    cur_min: u8,
}

impl RegisterHeader {
    #[inline(always)]
    fn read<'a>(&self, reader: &mut Reader<'a>) -> Result<Body<'a>, Error> {
        let k = self.lg_k.k();
        let (hip, kxq0, kxq1) = (reader.f64()?, reader.f64()?, reader.f64()?);
        let (at_cur_min, exception_count) = (reader.u32()?, reader.u32()?);
        let rebuild = self.flags & FLAG_REBUILD != 0;
        // KxQ1 is negative out of a union of DataSketches for Java: it takes the ones of registers of 32 and more, which
        // are in KxQ0, from KxQ1.
        let greatest = f64::from(k);
        let sum = kxq0 + kxq1;
        let has_sums = (0.0..=greatest).contains(&kxq0)
            && (-greatest..=greatest).contains(&kxq1)
            && (greatest * LEAST_POWER..=greatest).contains(&sum);
        // Each of k registers rises 63 times at most, and adds k / KxQ to HIP.
        let plausible = (0.0..=63.0 * greatest / LEAST_POWER).contains(&hip)
            && (rebuild || has_sums)
            && at_cur_min <= k
            && exception_count <= k
            && self.cur_min <= GREATEST_CUR_MIN;
        if !plausible {
            return Err(Error::bad_image("damaged HLL sketch: its header says what no sketch can have counted"));
        }
        let width = match self.target_type {
            TargetType::Hll4 => k as usize / 2,
            TargetType::Hll6 => k as usize * 3 / 4 + 1,
            TargetType::Hll8 => k as usize,
        };
        let packed = reader.bytes(width)?;
        let exceptions = match self.target_type {
            TargetType::Hll4 => self.read_exceptions(reader, exception_count as usize)?,
            _ if exception_count == 0 => &[],
            _ => return Err(Error::bad_image("damaged HLL sketch: exceptions belong to HLL_4 alone")),
        };
        let summary = Summary { cur_min: self.cur_min, at_cur_min, kxq0, kxq1 };
        Ok(Body::Registers { hip, summary, rebuild, packed, exceptions })
    }

    #[inline(always)]
    fn read_exceptions<'a>(&self, reader: &mut Reader<'a>, count: usize) -> Result<&'a [[u8; 4]], Error> {
        let slots = if self.flags & FLAG_COMPACT != 0 {
            count
        } else if count > 0 {
            1 << self.lg_arr.min(31)
        } else if reader.remaining() == 0 {
            0
        } else {
            // Updatable, and no exception yet: DataSketches reserves the least table all the same.
            1 << self.lg_arr.max(lg_least_exception_slots(self.lg_k.get())).min(31)
        };
        let stored = read_slots(reader, slots)?;
        if coupons_of(stored).count() != count {
            return Err(Error::bad_image(
                "damaged HLL sketch: its count of exceptions is not that of the exceptions it lists",
            ));
        }
        Ok(stored)
    }
}

#[inline(always)]
fn read_coupons<'a>(reader: &mut Reader<'a>, mode: Mode, count: u32, slots: usize) -> Result<Body<'a>, Error> {
    let stored = read_slots(reader, slots)?;
    if coupons_of(stored).count() != count as usize {
        return Err(Error::bad_image("damaged HLL sketch: its count of coupons is not that of the coupons it lists"));
    }
    if coupons_of(stored).any(|coupon| coupon.value() == 0) {
        return Err(Error::bad_image("damaged HLL sketch: a coupon has no register value"));
    }
    if has_duplicates(coupons_of(stored)) {
        return Err(Error::bad_image("damaged HLL sketch: a coupon is listed twice"));
    }
    Ok(Body::Coupons { mode, count, stored })
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
fn read_slots<'a>(reader: &mut Reader<'a>, slots: usize) -> Result<&'a [[u8; 4]], Error> {
    Ok(reader.bytes(slots.saturating_mul(4))?.as_chunks().0)
}

#[inline(always)]
fn coupons_of(stored: &[[u8; 4]]) -> impl Iterator<Item = Coupon> + Clone + '_ {
    stored.iter().map(|&bytes| Coupon::from_bits(u32::from_le_bytes(bytes))).filter(|&coupon| coupon != Coupon::EMPTY)
}

#[cold]
fn not_a_sketch(bytes: &[u8]) -> Error {
    let (start, hint) = (kind::start(bytes, 8), kind::hint(bytes));
    Error::bad_image(format!(
        "not an HLL sketch: it starts with {start}, and a DataSketches HLL image with 02, 03 or 0a, then 01 07 and five bytes more{hint}"
    ))
}
