//! How many values a bin holds, and whether they are all alike.

/// A count with one bit beside it, in the form in which it is stored: `count << 1 | inexact`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mass(u64);

/// The greatest number of values in one histogram: far from where sums of counts could overflow.
pub const MAX_COUNT: u64 = (1 << 62) - 1;

impl Mass {
    /// `count` values that all equal their bin's center.
    #[inline(always)]
    pub fn exact(count: u64) -> Self {
        Mass(count << 1)
    }

    /// `count` values that differ.
    #[inline(always)]
    pub fn inexact(count: u64) -> Self {
        Mass(count << 1 | 1)
    }

    /// The mass with these bits.
    #[inline(always)]
    pub fn from_bits(bits: u64) -> Self {
        Mass(bits)
    }

    /// The bits, as they are stored.
    #[inline(always)]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// How many values.
    #[inline(always)]
    pub fn count(self) -> u64 {
        self.0 >> 1
    }

    /// Whether they all equal the center.
    #[inline(always)]
    pub fn is_exact(self) -> bool {
        self.0 & 1 == 0
    }

    /// The mass of two bins at different centers.
    #[inline(always)]
    pub fn merged(self, other: Mass) -> Self {
        Mass(((self.0 & !1) + (other.0 & !1)) | 1)
    }

    /// Whether one of two bins at one center is exact, and the greater.
    #[inline(always)]
    pub fn is_spoilt_by(self, other: Mass) -> bool {
        let (exact, inexact) = if self.is_exact() { (self, other) } else { (other, self) };
        exact.is_exact() & !inexact.is_exact() & (exact.count() > inexact.count())
    }

    /// The mass of two bins at one center: exact if both are.
    #[inline(always)]
    pub fn at_one_center(self, other: Mass) -> Self {
        Mass(((self.0 & !1) + (other.0 & !1)) | ((self.0 | other.0) & 1))
    }
}
