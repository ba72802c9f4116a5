//! `hll_sketch_agg(x [, lg_k = 12])`, `hll_union_agg(sketch [, allow_different_lg_k = false])` and
//! `hll_union(a, b [, allow_different_lg_k = false])`, all `-> BLOB`.

use std::ffi::CStr;
use std::ops::Range;

use crate::duckdb::{Output, SqlError, SqlType, Strings, Vector};
use crate::functions::family::Family;
use crate::functions::hashes::hashes;
use crate::functions::parameter::Parameter;
use crate::sketch::hll::{Coupon, HllImage, HllSketch, LgK};

/// The family of HyperLogLog sketches.
pub struct Hll;

impl Family for Hll {
    const BUILD: &'static CStr = c"hll_sketch_agg";
    const UNION_AGG: &'static CStr = c"hll_union_agg";
    const UNION: &'static CStr = c"hll_union";
    const VALUE: SqlType = SqlType::ANY;
    const STORED: SqlType = SqlType::BLOB;
    type Sketch = HllSketch;
    type Size = LgK;
    type Values<'a> = Vec<Coupon>;
    type Column<'a> = Strings<'a>;
    type Merging = DifferentLgK;
    type Scratch = ();

    #[inline(always)]
    fn values<'a>(column: &Vector<'a>) -> Result<Vec<Coupon>, SqlError> {
        hashes(column)
    }

    #[inline(always)]
    fn new(lg_k: LgK) -> HllSketch {
        HllSketch::new(lg_k)
    }

    #[inline(always)]
    fn size(sketch: &HllSketch) -> LgK {
        sketch.lg_k()
    }

    #[inline(always)]
    fn extend(sketch: &mut HllSketch, coupons: &Vec<Coupon>, rows: Range<usize>) -> Result<(), SqlError> {
        sketch.extend(&coupons[rows]);
        Ok(())
    }

    #[inline(always)]
    fn place_of(sketch: &HllSketch, coupons: &Vec<Coupon>, row: usize) -> Option<*const u8> {
        sketch.place_of(coupons[row])
    }

    #[inline(always)]
    fn store(sketch: Option<&HllSketch>, output: &mut Output, row: usize) {
        match sketch {
            Some(sketch) => output.set_bytes(row, sketch.to_bytes()),
            None => output.set_bytes(row, HllSketch::new(LgK::DEFAULT).to_bytes()),
        }
    }

    #[inline(always)]
    fn merge(target: &mut HllSketch, source: &HllSketch, merging: DifferentLgK) -> Result<(), SqlError> {
        Ok(target.merge(source, merging.are_allowed())?)
    }

    #[inline(always)]
    fn merge_stored(
        target: &mut Option<HllSketch>,
        blob: &[u8],
        _: &mut (),
        merging: DifferentLgK,
    ) -> Result<(), SqlError> {
        let image = HllImage::parse(blob)?;
        let sketch = target.get_or_insert_with(|| HllSketch::new(image.lg_k()));
        Ok(sketch.merge_image(&image, merging.are_allowed())?)
    }
}

impl Parameter for LgK {
    const NAME: &'static str = "lg_k";
    const TYPE: SqlType = SqlType::BIGINT;
    type Argument = i64;
    const DEFAULT: Self = LgK::DEFAULT;

    fn new(lg_k: i64) -> Result<Self, SqlError> {
        Ok(LgK::new(lg_k)?)
    }
}

/// What becomes of sketches that differ in their `lg_k`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum DifferentLgK {
    /// The least precision of all is that of the union.
    Allowed,
    /// They are an error.
    Refused,
}

impl DifferentLgK {
    /// Whether they may.
    #[inline(always)]
    pub fn are_allowed(self) -> bool {
        self == DifferentLgK::Allowed
    }
}

impl Parameter for DifferentLgK {
    const NAME: &'static str = "allow_different_lg_k";
    const TYPE: SqlType = SqlType::BOOLEAN;
    type Argument = u8;
    const DEFAULT: Self = DifferentLgK::Refused;

    fn new(allow: u8) -> Result<Self, SqlError> {
        Ok(if allow != 0 { DifferentLgK::Allowed } else { DifferentLgK::Refused })
    }
}
