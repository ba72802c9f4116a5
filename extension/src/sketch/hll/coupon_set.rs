//! The set of different coupons, while it is small.

use super::coupon::Coupon;
use crate::sketch::chunks::chunks;
use crate::sketch::memory;

/// Different coupons: the first few in place, more of them in a hash table.
#[derive(Debug)]
pub enum CouponSet {
    /// Up to [`INLINE`] coupons, in the order they came.
    Inline { len: u8, coupons: [Coupon; INLINE] },
    /// A power of two of slots, at most three quarters of them taken; probed linearly from the coupon's lowest bits.
    Table { len: u32, slots: Box<[Coupon]> },
}

/// How many coupons fit in place, so that a sketch takes one cache line.
const INLINE: usize = 13;
const LEAST_SLOTS: usize = 32;
/// Up to that many slots are sorted by counting, that many of them at once.
const MOST_COUNTED: usize = 128;
const LANES: usize = 16;

impl Default for CouponSet {
    fn default() -> Self {
        CouponSet::Inline { len: 0, coupons: [Coupon::EMPTY; INLINE] }
    }
}

impl Clone for CouponSet {
    fn clone(&self) -> Self {
        match self {
            &CouponSet::Inline { len, coupons } => CouponSet::Inline { len, coupons },
            CouponSet::Table { len, slots } => CouponSet::Table { len: *len, slots: memory::copied(slots) },
        }
    }
}

impl CouponSet {
    /// How many different coupons.
    pub fn len(&self) -> usize {
        match self {
            CouponSet::Inline { len, .. } => usize::from(*len),
            CouponSet::Table { len, .. } => *len as usize,
        }
    }

    /// Adds a coupon unless it is there; [`Coupon::EMPTY`] is none.
    #[inline(always)]
    pub fn insert(&mut self, coupon: Coupon) {
        if coupon == Coupon::EMPTY {
            return;
        }
        match self {
            CouponSet::Inline { len, coupons } => {
                let taken = usize::from(*len);
                // All of them, taken or not: one comparison of vectors.
                if coupons.iter().fold(false, |found, &other| found | (other == coupon)) {
                    return;
                }
                if taken < INLINE {
                    coupons[taken] = coupon;
                    *len += 1;
                } else {
                    self.grow(LEAST_SLOTS);
                    self.insert_into_table(coupon);
                }
            }
            CouponSet::Table { .. } => self.insert_into_table(coupon),
        }
    }

    #[inline(always)]
    fn insert_into_table(&mut self, coupon: Coupon) {
        let CouponSet::Table { len, slots } = self else { unreachable!("the set has grown") };
        let slot = probe(slots, coupon);
        if *slot == coupon {
            return;
        }
        *slot = coupon;
        *len += 1;
        if *len as usize * 4 > slots.len() * 3 {
            let doubled = slots.len() * 2;
            self.grow(doubled);
        }
    }

    /// Where in memory a coupon will go; `None` if that is in the set itself.
    #[inline(always)]
    pub fn place_of(&self, coupon: Coupon) -> Option<*const u8> {
        match self {
            CouponSet::Inline { .. } => None,
            CouponSet::Table { slots, .. } => {
                Some(std::ptr::from_ref(&slots[coupon.address() & (slots.len() - 1)]).cast())
            }
        }
    }

    /// The coupons, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Coupon> {
        let slots: &[Coupon] = match self {
            CouponSet::Inline { coupons, .. } => coupons,
            CouponSet::Table { slots, .. } => slots,
        };
        slots.iter().copied().filter(|&coupon| coupon != Coupon::EMPTY)
    }

    /// The coupons in ascending order.
    #[inline(always)]
    pub fn sorted(&self) -> Vec<Coupon> {
        match self {
            CouponSet::Table { len, slots } if slots.len() <= MOST_COUNTED => {
                let mut sorted = sort_by_counting(slots);
                sorted.drain(..slots.len() - *len as usize);
                sorted
            }
            _ => {
                let mut sorted = memory::with_capacity(self.len());
                sorted.extend(self.iter());
                sorted.sort_unstable();
                sorted
            }
        }
    }

    #[cold]
    fn grow(&mut self, capacity: usize) {
        let mut slots = memory::filled(Coupon::EMPTY, capacity);
        for coupon in self.iter() {
            *probe(&mut slots, coupon) = coupon;
        }
        *self = CouponSet::Table { len: self.len() as u32, slots };
    }
}

/// Sorts slots, the empty ones first: each coupon's place is how many are less. A square of comparisons, but vectors of
/// them without a branch, and so faster for few than a sort.
#[inline(always)]
fn sort_by_counting(slots: &[Coupon]) -> Vec<Coupon> {
    let mut sorted = vec![Coupon::EMPTY; slots.len()];
    for block in chunks::<LANES, _>(slots).0 {
        let mut less = [0u32; LANES];
        for other in slots {
            for (less, coupon) in less.iter_mut().zip(block) {
                *less += u32::from(other < coupon);
            }
        }
        for (&coupon, less) in block.iter().zip(less) {
            sorted[less as usize] = coupon;
        }
    }
    sorted
}

/// The slot that holds the coupon, or the free one where it belongs.
#[inline(always)]
fn probe(slots: &mut [Coupon], coupon: Coupon) -> &mut Coupon {
    let mask = slots.len() - 1;
    let mut at = coupon.address() & mask;
    while slots[at] != Coupon::EMPTY && slots[at] != coupon {
        at = (at + 1) & mask;
    }
    &mut slots[at]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::FromHash;
    use std::collections::BTreeSet;

    #[test]
    fn holds_each_coupon_once() {
        let mut set = CouponSet::default();
        let mut expected = BTreeSet::new();
        for i in 0..2000u64 {
            let coupon = Coupon::of_u64(i % 700);
            set.insert(coupon);
            expected.insert(coupon);
            assert_eq!(set.len(), expected.len());
        }
        set.insert(Coupon::EMPTY);
        assert_eq!(set.iter().collect::<BTreeSet<_>>(), expected);
        assert_eq!(set.iter().count(), 700);
    }

    #[test]
    fn a_state_stays_small() {
        assert_eq!(size_of::<CouponSet>(), 56);
    }
}
