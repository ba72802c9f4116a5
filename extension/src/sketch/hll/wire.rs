//! The numbers of the image: see [`HllImage`](super::HllImage).

/// Bytes 0 to 2.
pub const LIST_PREAMBLE: u8 = 2;
pub const SET_PREAMBLE: u8 = 3;
pub const HLL_PREAMBLE: u8 = 10;
pub const SERIAL_VERSION: u8 = 1;
pub const FAMILY: u8 = 7;

/// Byte 5.
pub const FLAG_EMPTY: u8 = 4;
pub const FLAG_COMPACT: u8 = 8;
pub const FLAG_OUT_OF_ORDER: u8 = 16;
pub const FLAG_REBUILD: u8 = 32;

/// Byte 7.
pub const MODE_LIST: u8 = 0;
pub const MODE_SET: u8 = 1;
pub const MODE_HLL: u8 = 2;
pub const TARGET_HLL_4: u8 = 0;
pub const TARGET_HLL_6: u8 = 1;
pub const TARGET_HLL_8: u8 = 2;

/// log2 of the slots of a LIST in DataSketches' memory.
pub const LG_LIST_SLOTS: u8 = 3;
/// Below this lg_k a full LIST becomes registers at once.
pub const LEAST_SET_LG_K: u8 = 8;
/// log2 of the least hash table of a SET.
pub const LG_LEAST_SET_SLOTS: u8 = 5;
/// What a nibble of HLL_4 holds where the register is among the exceptions.
pub const EXCEPTION: u8 = 15;
/// A register has at most 63: all that HLL_4 can say must fit below.
pub const GREATEST_CUR_MIN: u8 = 63 - EXCEPTION;

/// log2 of the hash table that DataSketches makes for `count` coupons of a SET: at most three quarters full.
pub fn lg_set_slots(count: usize) -> u8 {
    LG_LEAST_SET_SLOTS.max(lg_slots(count))
}

/// log2 of the hash table that DataSketches makes for `count` exceptions of HLL_4.
pub fn lg_exception_slots(lg_k: u8, count: usize) -> u8 {
    lg_least_exception_slots(lg_k).max(lg_slots(count))
}

/// The same for the first exception.
pub fn lg_least_exception_slots(lg_k: u8) -> u8 {
    const LG_SLOTS: [u8; 22] = [0, 2, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13];
    LG_SLOTS[usize::from(lg_k)]
}

fn lg_slots(count: usize) -> u8 {
    let slots = count.next_power_of_two();
    let slots = if 4 * count > 3 * slots { 2 * slots } else { slots };
    slots.trailing_zeros() as u8
}
