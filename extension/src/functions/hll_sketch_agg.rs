//! `hll_sketch_agg(x [, lg_k = 12]) -> BLOB`: a sketch of the different values; NULLs are skipped.

use std::ffi::CStr;

use super::constant::{changed, constant};
use super::coupons::coupons;
use crate::duckdb::{Aggregate, Chunk, Output, SqlError, SqlType, States};
use crate::sketch::hll::{HllSketch, LgK};

/// The overload with so many arguments.
pub struct SketchAgg<const ARGUMENTS: usize>;

impl<const ARGUMENTS: usize> Aggregate for SketchAgg<ARGUMENTS> {
    const NAME: &'static CStr = c"hll_sketch_agg";
    const PARAMETERS: &'static [SqlType] = [SqlType::ANY, SqlType::BIGINT].split_at(ARGUMENTS).0;
    const RETURNS: SqlType = SqlType::BLOB;
    /// None before the first row.
    type State = Option<HllSketch>;

    #[inline(always)]
    fn update(input: &Chunk, states: &mut States<Self::State>) -> Result<(), SqlError> {
        let lg_k = if ARGUMENTS == 2 { constant(&input.column(1), input.len(), "lg_k")? } else { None };
        let lg_k = lg_k.map_or(Ok(LgK::DEFAULT), LgK::new)?;
        let coupons = coupons(&input.column(0))?;
        states.for_each_run_ahead(
            #[inline(always)]
            |row, state| state.as_ref()?.place_of(coupons[row]),
            #[inline(always)]
            |rows, state| {
                let sketch = state.get_or_insert_with(|| HllSketch::new(lg_k));
                if sketch.lg_k() != lg_k {
                    return Err(changed("lg_k"));
                }
                sketch.extend(&coupons[rows]);
                Ok(())
            },
        )
    }

    #[inline(always)]
    fn combine(source: &Self::State, target: &mut Self::State) -> Result<(), SqlError> {
        match (source, &mut *target) {
            (None, _) => {}
            (Some(source), None) => *target = Some(source.clone()),
            (Some(source), Some(target)) if source.lg_k() == target.lg_k() => target.merge(source, false)?,
            _ => return Err(changed("lg_k")),
        }
        Ok(())
    }

    #[inline(always)]
    fn finalize(state: &Self::State, output: &mut Output, row: usize) -> Result<(), SqlError> {
        write_sketch(state.as_ref(), output, row);
        Ok(())
    }
}

/// Writes a sketch; an empty one if there was no row.
#[inline(always)]
pub fn write_sketch(sketch: Option<&HllSketch>, output: &mut Output, row: usize) {
    match sketch {
        Some(sketch) => output.set_bytes(row, sketch.to_bytes()),
        None => output.set_bytes(row, HllSketch::new(LgK::DEFAULT).to_bytes()),
    }
}
