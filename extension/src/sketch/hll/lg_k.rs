//! The precision of a sketch.

use std::fmt;

use super::wire::{LEAST_SET_LG_K, LG_LIST_SLOTS};
use crate::sketch::Error;

/// The precision: log2 of the number of registers, 4 to 21.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LgK(u8);

impl LgK {
    /// 4,096 registers: a relative standard error of 1.6 %.
    pub const DEFAULT: LgK = LgK(12);

    /// Checks the range.
    pub fn new(lg_k: i64) -> Result<Self, Error> {
        match lg_k {
            4..=21 => Ok(LgK(lg_k as u8)),
            _ => Err(Error::bad_parameter(format!("lg_k is {lg_k}, and must be from 4 to 21"))),
        }
    }

    /// The number itself.
    pub fn get(self) -> u8 {
        self.0
    }

    /// The number of registers.
    pub fn k(self) -> u32 {
        1 << self.0
    }

    /// How many different coupons a sketch holds before it turns to registers: DataSketches' rule.
    pub(super) fn coupon_limit(self) -> usize {
        if self.0 < LEAST_SET_LG_K { (1 << LG_LIST_SLOTS) - 1 } else { 3 << (self.0 - 5) }
    }

    /// The precision of a merge of sketches of both; the empty ones fit anything and are not asked.
    pub fn common(self, other: LgK, allow_different: bool) -> Result<LgK, Error> {
        if self == other || allow_different {
            return Ok(self.min(other));
        }
        let (low, high) = (self.min(other), self.max(other));
        Err(Error::incompatible(format!(
            "sketches of lg_k {low} and {high} were to be merged; build both with one lg_k, \
             or allow the loss of precision with allow_different_lg_k = true"
        )))
    }
}

impl fmt::Display for LgK {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
