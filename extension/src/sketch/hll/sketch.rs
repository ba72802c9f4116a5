//! The sketch in memory: coupons while they are few, then registers.

use super::coupon::Coupon;
use super::coupon_set::CouponSet;
use super::image::{self, HllImage};
use super::lg_k::LgK;
use super::registers::Registers;
use crate::sketch::Error;

/// An HLL sketch.
#[derive(Clone, Debug)]
pub struct HllSketch {
    lg_k: LgK,
    contents: Contents,
}

#[derive(Clone, Debug)]
enum Contents {
    Coupons(CouponSet),
    Registers(Registers),
}

impl HllSketch {
    /// An empty sketch.
    pub fn new(lg_k: LgK) -> Self {
        HllSketch { lg_k, contents: Contents::Coupons(CouponSet::default()) }
    }

    /// The precision.
    pub fn lg_k(&self) -> LgK {
        self.lg_k
    }

    /// Whether it counted nothing.
    pub fn is_empty(&self) -> bool {
        matches!(&self.contents, Contents::Coupons(coupons) if coupons.len() == 0)
    }

    /// Adds a coupon.
    #[inline(always)]
    pub fn insert(&mut self, coupon: Coupon) {
        match &mut self.contents {
            Contents::Registers(registers) => registers.insert(coupon),
            Contents::Coupons(coupons) => {
                coupons.insert(coupon);
                if coupons.len() > self.lg_k.coupon_limit() {
                    self.registers();
                }
            }
        }
    }

    /// Where in memory a coupon will go; `None` if that is in the sketch itself.
    #[inline(always)]
    pub fn place_of(&self, coupon: Coupon) -> Option<*const u8> {
        match &self.contents {
            Contents::Coupons(coupons) => coupons.place_of(coupon),
            Contents::Registers(registers) => Some(registers.place_of(coupon)),
        }
    }

    /// Adds coupons.
    #[inline(always)]
    pub fn extend(&mut self, coupons: &[Coupon]) {
        let mut rest = coupons.iter();
        while let Contents::Coupons(_) = self.contents {
            match rest.next() {
                Some(&coupon) => self.insert(coupon),
                None => return,
            }
        }
        if let Contents::Registers(registers) = &mut self.contents {
            rest.for_each(|&coupon| registers.insert(coupon));
        }
    }

    /// Adds what another sketch counted.
    #[inline(always)]
    pub fn merge(&mut self, other: &HllSketch, allow_different_lg_k: bool) -> Result<(), Error> {
        if !self.prepare_merge(other.lg_k, other.is_empty(), allow_different_lg_k)? {
            return Ok(());
        }
        match &other.contents {
            Contents::Coupons(coupons) => coupons.iter().for_each(|coupon| self.insert(coupon)),
            Contents::Registers(registers) => self.registers().merge(registers.values()),
        }
        Ok(())
    }

    /// Adds what a stored sketch counted.
    #[inline(always)]
    pub fn merge_image(&mut self, other: &HllImage, allow_different_lg_k: bool) -> Result<(), Error> {
        if !self.prepare_merge(other.lg_k(), other.is_empty(), allow_different_lg_k)? {
            return Ok(());
        }
        match other.coupon_count() {
            Some(_) => {
                other.coupons().for_each(|coupon| self.insert(coupon));
                Ok(())
            }
            None => other.merge_into(self.registers()),
        }
    }

    /// Brings the precision to that of the merge. `false`: there is nothing to merge.
    #[inline(always)]
    fn prepare_merge(&mut self, lg_k: LgK, other_is_empty: bool, allow_different: bool) -> Result<bool, Error> {
        if self.is_empty() {
            // Of two empty sketches the finer one stays, whichever comes first.
            self.lg_k = if other_is_empty { self.lg_k.max(lg_k) } else { lg_k };
        } else if !other_is_empty {
            let common = self.lg_k.common(lg_k, allow_different)?;
            if common < self.lg_k {
                self.lower(common);
            }
        }
        Ok(!other_is_empty)
    }

    #[cold]
    fn lower(&mut self, lg_k: LgK) {
        self.lg_k = lg_k;
        match &self.contents {
            Contents::Coupons(coupons) if coupons.len() <= lg_k.coupon_limit() => {}
            Contents::Coupons(_) => {
                self.registers();
            }
            Contents::Registers(registers) => {
                let mut folded = Registers::new(lg_k.get());
                folded.merge(registers.values());
                self.contents = Contents::Registers(folded);
            }
        }
    }

    /// The registers, made of the coupons if there are none yet.
    #[inline(always)]
    fn registers(&mut self) -> &mut Registers {
        if let Contents::Coupons(coupons) = &self.contents {
            self.contents = Contents::Registers(promote(coupons, self.lg_k));
        }
        match &mut self.contents {
            Contents::Registers(registers) => registers,
            Contents::Coupons(_) => unreachable!("the coupons became registers"),
        }
    }

    /// The canonical image: the same values give the same bytes, whatever the order or the merges.
    #[inline(always)]
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.contents {
            Contents::Coupons(coupons) => image::of_coupons(self.lg_k, coupons),
            Contents::Registers(registers) => image::of_registers(self.lg_k, registers),
        }
    }
}

#[cold]
fn promote(coupons: &CouponSet, lg_k: LgK) -> Registers {
    let mut registers = Registers::new(lg_k.get());
    coupons.iter().for_each(|coupon| registers.insert(coupon));
    registers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::FromHash;

    fn sketch_of(lg_k: i64, values: impl IntoIterator<Item = u64>) -> HllSketch {
        let mut sketch = HllSketch::new(LgK::new(lg_k).unwrap());
        values.into_iter().for_each(|value| sketch.insert(Coupon::of_u64(value)));
        sketch
    }

    #[test]
    fn order_and_merges_leave_the_bytes() {
        for lg_k in [4, 7, 8, 12, 14] {
            for n in [0, 1, 5, 6, 7, 8, 24, 25, 100, 384, 385, 5000, 100_000] {
                let whole = sketch_of(lg_k, 0..n).to_bytes();
                assert_eq!(whole, sketch_of(lg_k, (0..n).rev()).to_bytes());
                let mut merged = sketch_of(lg_k, 0..n / 3);
                merged.merge(&sketch_of(lg_k, n / 4..n), false).unwrap();
                assert_eq!(whole, merged.to_bytes());
                let mut read = sketch_of(lg_k, []);
                read.merge_image(&HllImage::parse(&whole).unwrap(), false).unwrap();
                assert_eq!(whole, read.to_bytes());
            }
        }
    }

    #[test]
    fn whatever_grows_while_there_is_no_memory_unwinds_and_leaves_the_sketch() {
        use crate::sketch::memory::{OutOfMemory, testing::without_memory};
        use std::panic::{AssertUnwindSafe, catch_unwind};

        let few = sketch_of(21, 0..10_000);
        let many = sketch_of(21, 0..1_000_000);
        let before = (few.to_bytes(), many.to_bytes());
        let mut growing = few.clone();
        let steps: [&mut dyn FnMut(); 6] = [
            &mut || growing.extend(&(0..200_000).map(Coupon::of_u64).collect::<Vec<_>>()),
            &mut || few.clone().merge(&many, false).unwrap(),
            &mut || drop(many.clone()),
            &mut || drop(many.to_bytes()),
            &mut || drop(sketch_of(21, 0..200_000)),
            &mut || sketch_of(17, 0..10).merge_image(&HllImage::parse(&before.1).unwrap(), true).unwrap(),
        ];
        for step in steps {
            let panic = without_memory(|| catch_unwind(AssertUnwindSafe(step)).unwrap_err());
            assert!(panic.is::<OutOfMemory>());
        }
        assert_eq!((few.to_bytes(), many.to_bytes()), before);
    }

    #[test]
    fn lowering_is_as_if_built_lower() {
        for n in [3, 100, 384, 10_000] {
            let mut merged = sketch_of(14, 0..n);
            merged.merge(&sketch_of(10, n..2 * n), true).unwrap();
            assert_eq!(merged.to_bytes(), sketch_of(10, 0..2 * n).to_bytes());
        }
    }

    #[test]
    fn different_precisions_are_refused_unless_one_is_empty() {
        let mut sketch = sketch_of(12, 0..10);
        assert!(sketch.merge(&sketch_of(10, 0..10), false).is_err());
        sketch.merge(&sketch_of(10, []), false).unwrap();
        assert_eq!(sketch.to_bytes(), sketch_of(12, 0..10).to_bytes());
        let mut empty = sketch_of(10, []);
        empty.merge(&sketch, false).unwrap();
        assert_eq!(empty.to_bytes(), sketch.to_bytes());
    }

    #[test]
    fn sizes_at_rest() {
        assert_eq!(sketch_of(12, 0..1).to_bytes().len(), 12);
        assert_eq!(sketch_of(12, 0..7).to_bytes().len(), 8 + 4 * 7);
        assert_eq!(sketch_of(12, 0..100).to_bytes().len(), 12 + 4 * 100);
        assert!(sketch_of(12, 0..1_000_000).to_bytes().len() < 2200);
    }

    #[test]
    fn the_greatest_registers_come_back() {
        for least in [47, 48, 49, 63] {
            let mut sketch = sketch_of(4, []);
            (0..16).for_each(|slot| sketch.insert(Coupon::new(slot, least + (slot % 2) as u8 * (63 - least))));
            let bytes = sketch.to_bytes();
            let image = HllImage::parse(&bytes).unwrap();
            let estimate = image.estimate().unwrap();
            assert!(estimate > 2f64.powi(i32::from(least)) && estimate < 2f64.powi(70), "{estimate}");
            let mut read = sketch_of(4, []);
            read.merge_image(&image, false).unwrap();
            assert_eq!(read.to_bytes(), bytes, "{least}");
        }
    }

    #[test]
    fn exceptions_must_be_those_that_are_marked() {
        let mut sketch = sketch_of(4, []);
        (0..16).for_each(|slot| sketch.insert(Coupon::new(slot, if slot < 2 { 40 } else { 3 })));
        let bytes = sketch.to_bytes();
        let other_slot = |at: usize, slot: u8| {
            let mut changed = bytes.clone();
            changed[48 + 4 * at] = slot;
            sketch_of(4, []).merge_image(&HllImage::parse(&changed).unwrap(), false)
        };
        assert!(other_slot(1, 1).is_ok(), "as it was");
        assert!(other_slot(1, 0).is_err() && other_slot(0, 1).is_err(), "one twice");
        assert!(other_slot(1, 2).is_err(), "one that is not marked");
    }
}
