//! The coupon: what of a value's hash a sketch keeps.

use crate::sketch::hash::{Hash128, hash_bytes, hash_u64, hash_words};

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

    /// The coupon of an integer, or of anything else that is hashed as eight bytes.
    #[inline(always)]
    pub fn of_u64(value: u64) -> Self {
        Self::of_hash(hash_u64(value))
    }

    /// The coupon of an integer of any width: equal integers have equal coupons.
    #[inline]
    pub fn of_i128(value: i128) -> Self {
        match i64::try_from(value) {
            Ok(small) => Self::of_u64(small as u64),
            Err(_) => Self::of_hash(hash_bytes(&value.to_le_bytes())),
        }
    }

    /// The coupon of an unsigned integer of any width.
    #[inline]
    pub fn of_u128(value: u128) -> Self {
        match i128::try_from(value) {
            Ok(signed) => Self::of_i128(signed),
            Err(_) => {
                let mut bytes = [0; 17];
                bytes[..16].copy_from_slice(&value.to_le_bytes());
                Self::of_hash(hash_bytes(&bytes))
            }
        }
    }

    /// The coupon of a double: 0.0 and -0.0 have one, and so have all NaNs.
    #[inline(always)]
    pub fn of_f64(value: f64) -> Self {
        const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;
        // Adding 0.0 turns -0.0 into 0.0 and leaves every other number as it is.
        Self::of_u64(if value.is_nan() { CANONICAL_NAN } else { (value + 0.0).to_bits() })
    }

    /// The coupon of a string or a blob; none of an empty one.
    #[inline]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        if bytes.is_empty() { Self::EMPTY } else { Self::of_hash(hash_bytes(bytes)) }
    }

    /// The coupon of a string of up to 15 bytes, given as zero-padded words; none of an empty one.
    #[inline(always)]
    pub fn of_words(k1: u64, k2: u64, length: u64) -> Self {
        let Coupon(bits) = Self::of_hash(hash_words(k1, k2, length));
        Coupon(if length == 0 { 0 } else { bits })
    }

    /// The coupon of a hash: DataSketches' `HllUtil::coupon`.
    #[inline(always)]
    fn of_hash(Hash128(h0, h1): Hash128) -> Self {
        let value = h1.leading_zeros().min(62) + 1;
        Coupon(value << ADDRESS_BITS | h0 as u32 & ADDRESS_MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::Coupon;

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
