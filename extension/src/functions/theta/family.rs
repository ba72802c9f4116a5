//! `theta_sketch_agg(x [, lg_nom_entries = 12])`, `theta_union_agg(sketch [, lg_nom_entries])` and
//! `theta_union(a, b [, lg_nom_entries])`, all `-> BLOB`.

use std::ffi::CStr;
use std::ops::Range;

use crate::duckdb::{Output, SqlError, SqlType, Strings, Vector};
use crate::functions::family::Family;
use crate::functions::hashes::hashes;
use crate::functions::parameter::Parameter;
use crate::sketch::theta::{Entry, LgNom, Nominal, ThetaImage, ThetaSketch};

/// The family of theta sketches.
pub struct Theta;

impl Family for Theta {
    const BUILD: &'static CStr = c"theta_sketch_agg";
    const UNION_AGG: &'static CStr = c"theta_union_agg";
    const UNION: &'static CStr = c"theta_union";
    const VALUE: SqlType = SqlType::ANY;
    const STORED: SqlType = SqlType::BLOB;
    type Sketch = ThetaSketch;
    type Size = LgNom;
    type Values<'a> = Vec<Entry>;
    type Column<'a> = Strings<'a>;
    type Merging = Nominal;
    type Scratch = Vec<u64>;

    #[inline(always)]
    fn values<'a>(column: &Vector<'a>) -> Result<Vec<Entry>, SqlError> {
        hashes(column)
    }

    #[inline(always)]
    fn new(lg_nom: LgNom) -> ThetaSketch {
        ThetaSketch::new(lg_nom)
    }

    #[inline(always)]
    fn size(sketch: &ThetaSketch) -> LgNom {
        sketch.lg_nom()
    }

    #[inline(always)]
    fn extend(sketch: &mut ThetaSketch, entries: &Vec<Entry>, rows: Range<usize>) -> Result<(), SqlError> {
        sketch.extend(&entries[rows]);
        Ok(())
    }

    #[inline(always)]
    fn place_of(sketch: &ThetaSketch, entries: &Vec<Entry>, row: usize) -> Option<*const u8> {
        sketch.place_of(entries[row])
    }

    #[inline(always)]
    fn store(sketch: Option<&ThetaSketch>, output: &mut Output, row: usize) {
        match sketch {
            Some(sketch) => output.set_bytes(row, sketch.to_bytes()),
            None => output.set_bytes(row, ThetaSketch::new(LgNom::DEFAULT).to_bytes()),
        }
    }

    #[inline(always)]
    fn start(nominal: Nominal) -> Option<ThetaSketch> {
        match nominal {
            Nominal::Least => None,
            Nominal::Given(lg_nom) => Some(ThetaSketch::new(lg_nom)),
        }
    }

    #[inline(always)]
    fn merge(target: &mut ThetaSketch, source: &ThetaSketch, nominal: Nominal) -> Result<(), SqlError> {
        target.merge(source, nominal);
        Ok(())
    }

    #[inline(always)]
    fn merge_stored(
        target: &mut Option<ThetaSketch>,
        blob: &[u8],
        scratch: &mut Vec<u64>,
        nominal: Nominal,
    ) -> Result<(), SqlError> {
        let image = ThetaImage::parse(blob)?;
        let sketch = target.get_or_insert_with(|| ThetaSketch::new(image.lg_nom()));
        Ok(sketch.merge_image(&image, nominal, scratch)?)
    }
}

impl Parameter for LgNom {
    const NAME: &'static str = "lg_nom_entries";
    const TYPE: SqlType = SqlType::BIGINT;
    type Argument = i64;
    const DEFAULT: Self = LgNom::DEFAULT;

    fn new(lg_nom: i64) -> Result<Self, SqlError> {
        Ok(LgNom::new(lg_nom)?)
    }
}

impl Parameter for Nominal {
    const NAME: &'static str = LgNom::NAME;
    const TYPE: SqlType = LgNom::TYPE;
    type Argument = i64;
    const DEFAULT: Self = Nominal::Least;

    fn new(lg_nom: i64) -> Result<Self, SqlError> {
        Ok(Nominal::Given(LgNom::new(lg_nom)?))
    }
}
