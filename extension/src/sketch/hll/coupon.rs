//! The coupon: what of a value's hash a sketch keeps.

use crate::sketch::FromHash;
use crate::sketch::hash::Hash128;

/// A register value of 1 to 63 in the upper six bits, an address in the lower 26; or nothing at all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[repr(transparent)]
pub struct Coupon(u32);

const ADDRESS_BITS: u32 = 26;
const ADDRESS_MASK: u32 = (1 << ADDRESS_BITS) - 1;

impl Coupon {
    /// No coupon: what a NULL or an empty string leaves. Its register value is 0, so it changes no register.
    pub const EMPTY: Coupon = Coupon(0);

    /// The coupon with these bits.
    #[inline(always)]
    pub fn from_bits(bits: u32) -> Self {
        Coupon(bits)
    }

    /// The coupon of a slot whose register has this value.
    #[inline(always)]
    pub fn new(slot: usize, value: u8) -> Self {
        Coupon(u32::from(value) << ADDRESS_BITS | slot as u32 & ADDRESS_MASK)
    }

    /// The bits, as they are stored.
    #[inline(always)]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The register value; 0 only of [`Coupon::EMPTY`] or of damaged bytes.
    #[inline(always)]
    pub fn value(self) -> u8 {
        (self.0 >> ADDRESS_BITS) as u8
    }

    /// The address in the lower 26 bits.
    #[inline(always)]
    pub fn address(self) -> usize {
        (self.0 & ADDRESS_MASK) as usize
    }
}

impl FromHash for Coupon {
    const NOTHING: Self = Coupon::EMPTY;

    /// The coupon of a hash: DataSketches' `HllUtil::coupon`.
    #[inline(always)]
    fn of_hash(Hash128(h0, h1): Hash128) -> Self {
        let value = h1.leading_zeros().min(62) + 1;
        Coupon(value << ADDRESS_BITS | h0 as u32 & ADDRESS_MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::{Coupon, FromHash};

    /// `../shared/oracles.md`: the coupons inside DataSketches' images of single values.
    #[test]
    fn golden_coupons() {
        let cases = [
            (Coupon::of_u64(1), 0x06fb_f22b_u32),
            (Coupon::of_bytes(b"a"), 0x043b_822f),
            (Coupon::of_bytes(b"1"), 0x060f_a6aa),
            (Coupon::of_f64(1.0), 0x0f9d_a50b),
            (Coupon::of_f64(0.0), 0x04c2_d7cb),
            (Coupon::of_f64(-0.0), 0x04c2_d7cb),
            (Coupon::of_i128(-1), 0x0be7_64d9),
            (Coupon::of_i128(1 << 40), 0x0f57_f441),
            (Coupon::of_bytes("é".as_bytes()), 0x05e0_fd8c),
        ];
        for (coupon, bits) in cases {
            assert_eq!(coupon.bits(), bits);
        }
    }

    #[test]
    fn integers_of_one_value_have_one_coupon() {
        assert_eq!(Coupon::of_u128(7), Coupon::of_i128(7));
        assert_eq!(Coupon::of_u128(1 << 63), Coupon::of_i128(1 << 63));
        assert_ne!(Coupon::of_u128(1 << 63), Coupon::of_i128(i128::from(i64::MIN)));
        assert_ne!(Coupon::of_u128(u128::MAX), Coupon::of_i128(-1));
    }

    #[test]
    fn an_empty_string_has_none() {
        assert_eq!(Coupon::of_bytes(b""), Coupon::EMPTY);
        assert_eq!(Coupon::of_words(0, 0, 0), Coupon::EMPTY);
    }
}
