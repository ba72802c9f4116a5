//! From bytes to a view of them: everything is checked before anything is made of them.

use super::super::lg_k::LgK;
use super::super::registers::Summary;
use super::super::wire::*;
use super::{Body, HllImage, Mode, TargetType, coupons_of, has_duplicates};
use crate::sketch::codec::Reader;
use crate::sketch::{Error, format};

const WHAT: &str = "HLL sketch";
/// What the greatest register, of 63, adds to KxQ.
const LEAST_POWER: f64 = 1.0 / (1u64 << 63) as f64;

impl<'a> HllImage<'a> {
    /// Reads an image by the table at [`HllImage`]; every length is checked against the bytes before anything is made of
    /// them.
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
            Mode::List => read_list(&mut reader, count_or_cur_min, compact)?,
            Mode::Set => read_set(&mut reader, lg_k, lg_arr, compact)?,
            Mode::Hll => {
                let header = RegisterHeader { lg_k, target_type, lg_arr, flags, cur_min: count_or_cur_min };
                header.read(&mut reader)?
            }
        };
        reader.finish()?;
        let out_of_order = flags & FLAG_OUT_OF_ORDER != 0;
        Ok(HllImage { lg_k, target_type, compact, out_of_order, length: bytes.len(), body })
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
    fn read_exceptions<'a>(&self, reader: &mut Reader<'a>, count: usize) -> Result<&'a [u8], Error> {
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
fn read_list<'a>(reader: &mut Reader<'a>, count: u8, compact: bool) -> Result<Body<'a>, Error> {
    if count >= 1 << LG_LIST_SLOTS {
        return Err(Error::bad_image(format!("damaged HLL sketch: a LIST of {count} coupons, and 7 is the most")));
    }
    let slots = if compact { usize::from(count) } else { 1 << LG_LIST_SLOTS };
    read_coupons(reader, Mode::List, u32::from(count), slots)
}

#[inline(always)]
fn read_set<'a>(reader: &mut Reader<'a>, lg_k: LgK, lg_arr: u8, compact: bool) -> Result<Body<'a>, Error> {
    let count = reader.u32()?;
    if lg_k.get() < LEAST_SET_LG_K || count as usize > lg_k.coupon_limit() {
        return Err(Error::bad_image(format!(
            "damaged HLL sketch: a SET of {count} coupons at lg_k {lg_k}, which would be registers"
        )));
    }
    let lg_slots = if lg_arr < LG_LEAST_SET_SLOTS { lg_set_slots(count as usize) } else { lg_arr };
    let slots = if compact { count as usize } else { 1 << lg_slots.min(31) };
    read_coupons(reader, Mode::Set, count, slots)
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

#[inline(always)]
fn read_slots<'a>(reader: &mut Reader<'a>, slots: usize) -> Result<&'a [u8], Error> {
    reader.bytes(slots.saturating_mul(4))
}

#[cold]
fn not_a_sketch(bytes: &[u8]) -> Error {
    let (start, hint) = (format::start(bytes, 8), format::hint(bytes));
    Error::bad_image(format!(
        "not an HLL sketch: it starts with {start}, and a DataSketches HLL image with 02, 03 or 0a, then 01 07 and five bytes more{hint}"
    ))
}
