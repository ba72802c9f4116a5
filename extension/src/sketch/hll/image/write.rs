//! From a sketch to its canonical image.

use super::super::coupon_set::CouponSet;
use super::super::lg_k::LgK;
use super::super::registers::Registers;
use super::super::wire::*;
use crate::sketch::memory;

/// The image of coupons: a LIST of the first few, else a SET.
#[inline(always)]
pub fn of_coupons(lg_k: LgK, coupons: &CouponSet) -> Vec<u8> {
    let sorted = coupons.sorted();
    let count = sorted.len();
    let is_list = count < 1 << LG_LIST_SLOTS;
    let flags = FLAG_COMPACT | if count == 0 { FLAG_EMPTY } else { 0 };
    let (preamble, lg_arr, list_count, mode) = if is_list {
        (LIST_PREAMBLE, LG_LIST_SLOTS, count as u8, MODE_LIST)
    } else {
        (SET_PREAMBLE, lg_set_slots(count), 0, MODE_SET)
    };
    let mut image = memory::with_capacity(12 + 4 * count);
    image.extend([preamble, SERIAL_VERSION, FAMILY, lg_k.get(), lg_arr, flags, list_count, TARGET_HLL_4 << 2 | mode]);
    if !is_list {
        image.extend((count as u32).to_le_bytes());
    }
    image.extend(sorted.iter().flat_map(|coupon| coupon.bits().to_le_bytes()));
    image
}

/// The image of registers: HLL_4, out of order.
#[inline(always)]
pub fn of_registers(lg_k: LgK, registers: &Registers) -> Vec<u8> {
    const HIP: f64 = 0.0; // says nothing: the image is out of order
    let summary = registers.summary();
    let (nibbles, exceptions) = registers.to_hll4(summary.cur_min);
    let lg_arr = if exceptions.is_empty() { 0 } else { lg_exception_slots(lg_k.get(), exceptions.len()) };
    let flags = FLAG_COMPACT | FLAG_OUT_OF_ORDER;
    let mut image = memory::with_capacity(40 + nibbles.len() + 4 * exceptions.len());
    image.extend([HLL_PREAMBLE, SERIAL_VERSION, FAMILY, lg_k.get(), lg_arr, flags, summary.cur_min]);
    image.push(TARGET_HLL_4 << 2 | MODE_HLL);
    for sum in [HIP, summary.kxq0, summary.kxq1] {
        image.extend(sum.to_le_bytes());
    }
    image.extend(summary.at_cur_min.to_le_bytes());
    image.extend((exceptions.len() as u32).to_le_bytes());
    image.extend_from_slice(&nibbles);
    image.extend(exceptions.iter().flat_map(|coupon| coupon.bits().to_le_bytes()));
    image
}
