//! `approx_top_k_accumulate(x [, max_items = 10000])`, `approx_top_k_combine(state [, max_items])` and
//! `approx_top_k_union(a, b [, max_items])`, all `-> BLOB`.
//!
//! In Spark the state is a STRUCT: these bytes, `max_items`, a NULL of the items' type and the name of that type. Here it is
//! the bytes, which say the rest. A function of the C API cannot be given such a STRUCT: its fields need not be flat, and
//! nothing tells whether they are; nor could the type of the result follow from that of the argument.

use std::ffi::CStr;
use std::ops::Range;

use super::items::Items;
use crate::duckdb::{Output, SqlError, SqlType, Strings, Vector};
use crate::functions::family::Family;
use crate::functions::parameter::Parameter;
use crate::sketch::top_k::{MapSize, Merging, TopKImage, TopKSketch};

/// The family of frequent items.
pub struct TopK;

impl Family for TopK {
    const BUILD: &'static CStr = c"approx_top_k_accumulate";
    const UNION_AGG: &'static CStr = c"approx_top_k_combine";
    const UNION: &'static CStr = c"approx_top_k_union";
    const VALUE: SqlType = SqlType::ANY;
    const STORED: SqlType = SqlType::BLOB;
    type Sketch = TopKSketch;
    type Size = MapSize;
    type Values<'a> = Items<'a>;
    type Column<'a> = Strings<'a>;
    type Merging = Merging;
    type Scratch = ();

    #[inline(always)]
    fn values<'a>(column: &Vector<'a>) -> Result<Items<'a>, SqlError> {
        Items::of(column)
    }

    #[inline(always)]
    fn new(size: MapSize) -> TopKSketch {
        TopKSketch::new(size)
    }

    #[inline(always)]
    fn size(sketch: &TopKSketch) -> MapSize {
        sketch.size()
    }

    #[inline(always)]
    fn extend(sketch: &mut TopKSketch, items: &Items, rows: Range<usize>) -> Result<(), SqlError> {
        items.add_to(sketch, rows)
    }

    #[inline(always)]
    fn place_of(sketch: &TopKSketch, items: &Items, row: usize) -> Option<*const u8> {
        items.place_in(sketch, row)
    }

    #[inline(always)]
    fn store(sketch: Option<&TopKSketch>, output: &mut Output, row: usize) {
        match sketch {
            Some(sketch) => output.set_bytes(row, sketch.to_bytes()),
            None => output.set_bytes(row, TopKSketch::new(MapSize::DEFAULT).to_bytes()),
        }
    }

    #[inline(always)]
    fn start(merging: Merging) -> Option<TopKSketch> {
        match merging {
            Merging::Least => None,
            Merging::Given(size) => Some(TopKSketch::new(size)),
        }
    }

    #[inline(always)]
    fn merge(target: &mut TopKSketch, source: &TopKSketch, merging: Merging) -> Result<(), SqlError> {
        Ok(target.merge(source, merging)?)
    }

    #[inline(always)]
    fn merge_stored(
        target: &mut Option<TopKSketch>,
        blob: &[u8],
        (): &mut (),
        merging: Merging,
    ) -> Result<(), SqlError> {
        let image = TopKImage::parse(blob)?;
        Ok(target.get_or_insert_with(|| TopKSketch::new(image.size())).merge_image(&image, merging)?)
    }
}

impl Parameter for MapSize {
    const NAME: &'static str = "max_items";
    const TYPE: SqlType = SqlType::BIGINT;
    type Argument = i64;
    const DEFAULT: Self = MapSize::DEFAULT;

    fn new(max_items: i64) -> Result<Self, SqlError> {
        Ok(MapSize::new(max_items)?)
    }
}

impl Parameter for Merging {
    const NAME: &'static str = MapSize::NAME;
    const TYPE: SqlType = MapSize::TYPE;
    type Argument = i64;
    const DEFAULT: Self = Merging::Least;

    fn new(max_items: i64) -> Result<Self, SqlError> {
        Ok(Merging::Given(MapSize::new(max_items)?))
    }
}
