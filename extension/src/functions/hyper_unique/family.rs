//! `hyper_unique_agg(x)`, `hyper_unique_union_agg(sketch)` and `hyper_unique_union(a, b)`, all `-> BLOB`.

use std::ffi::CStr;
use std::ops::Range;

use crate::duckdb::{Output, Reading, SqlError, SqlType, Strings, Vector};
use crate::functions::family::Family;
use crate::sketch::hyper_unique;
use crate::sketch::hyper_unique::HyperUniqueImage;

/// The family of Druid's `hyperUnique`.
pub struct HyperUnique;

impl Family for HyperUnique {
    const BUILD: &'static CStr = c"hyper_unique_agg";
    const UNION_AGG: &'static CStr = c"hyper_unique_union_agg";
    const UNION: &'static CStr = c"hyper_unique_union";
    const VALUE: SqlType = SqlType::VARCHAR;
    const STORED: SqlType = SqlType::BLOB;
    type Sketch = hyper_unique::HyperUnique;
    type Size = ();
    type Values<'a> = Strings<'a>;
    type Column<'a> = Strings<'a>;
    type Merging = ();
    type Scratch = ();

    #[inline(always)]
    fn values<'a>(column: &Vector<'a>) -> Result<Strings<'a>, SqlError> {
        Ok(column.strings())
    }

    #[inline(always)]
    fn needs_sketch(texts: &Strings, rows: &Range<usize>) -> bool {
        rows.clone().any(|row| texts.validity().is_valid(row))
    }

    #[inline(always)]
    fn new((): ()) -> Self::Sketch {
        Self::Sketch::default()
    }

    #[inline(always)]
    fn size(_: &Self::Sketch) {}

    #[inline(always)]
    fn extend(sketch: &mut Self::Sketch, texts: &Strings, rows: Range<usize>) -> Result<(), SqlError> {
        texts.stream(rows, Reading::Header).filter_map(|(_, text)| text).for_each(
            #[inline(always)]
            |text| sketch.insert(text),
        );
        Ok(())
    }

    #[inline(always)]
    fn store(sketch: Option<&Self::Sketch>, output: &mut Output, row: usize) {
        match sketch {
            Some(sketch) => output.set_bytes(row, sketch.to_bytes()),
            None => output.set_bytes(row, Self::Sketch::default().to_bytes()),
        }
    }

    #[inline(always)]
    fn merge(target: &mut Self::Sketch, source: &Self::Sketch, (): ()) -> Result<(), SqlError> {
        target.merge(source);
        Ok(())
    }

    #[inline(always)]
    fn merge_stored(target: &mut Option<Self::Sketch>, blob: &[u8], _: &mut (), (): ()) -> Result<(), SqlError> {
        let image = HyperUniqueImage::parse(blob)?;
        target.get_or_insert_default().merge_image(&image);
        Ok(())
    }
}
