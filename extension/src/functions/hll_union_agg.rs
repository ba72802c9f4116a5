//! `hll_union_agg(sketch [, allow_different_lg_k = false]) -> BLOB`: the sketch of what all counted; NULLs are skipped.

use std::ffi::CStr;

use super::constant::{changed, constant};
use super::hll_sketch_agg::write_sketch;
use super::rows::hll;
use crate::duckdb::{Aggregate, Chunk, Output, Reading, SqlError, SqlType, States};
use crate::sketch::hll::HllSketch;

/// The overload with so many arguments.
pub struct UnionAgg<const ARGUMENTS: usize>;

/// What a group holds.
#[derive(Default)]
pub struct State {
    /// None before the first sketch.
    sketch: Option<HllSketch>,
    /// None before the first row.
    allow_different_lg_k: Option<bool>,
}

impl State {
    /// Keeps the first, refuses another.
    #[inline(always)]
    fn allow(&mut self, different_lg_k: bool) -> Result<(), SqlError> {
        if *self.allow_different_lg_k.get_or_insert(different_lg_k) != different_lg_k {
            return Err(changed("allow_different_lg_k"));
        }
        Ok(())
    }
}

impl<const ARGUMENTS: usize> Aggregate for UnionAgg<ARGUMENTS> {
    const NAME: &'static CStr = c"hll_union_agg";
    const PARAMETERS: &'static [SqlType] = [SqlType::BLOB, SqlType::BOOLEAN].split_at(ARGUMENTS).0;
    const RETURNS: SqlType = SqlType::BLOB;
    type State = State;

    #[inline(always)]
    fn update(input: &Chunk, states: &mut States<State>) -> Result<(), SqlError> {
        let allow =
            if ARGUMENTS == 2 { constant(&input.column(1), input.len(), "allow_different_lg_k")? } else { None };
        let allow = allow.unwrap_or(0u8) != 0;
        let sketches = input.column(0).strings();
        states.for_each_run(
            #[inline(always)]
            |rows, state| {
                state.allow(allow)?;
                for blob in sketches.stream(rows, Reading::Whole).filter_map(|(_, blob)| blob) {
                    let image = hll(blob)?;
                    let sketch = state.sketch.get_or_insert_with(|| HllSketch::new(image.lg_k()));
                    sketch.merge_image(&image, allow)?;
                }
                Ok(())
            },
        )
    }

    #[inline(always)]
    fn combine(source: &State, target: &mut State) -> Result<(), SqlError> {
        let Some(allow) = source.allow_different_lg_k else { return Ok(()) };
        target.allow(allow)?;
        match (&source.sketch, &mut target.sketch) {
            (None, _) => {}
            (Some(source), None) => target.sketch = Some(source.clone()),
            (Some(source), Some(sketch)) => sketch.merge(source, allow)?,
        }
        Ok(())
    }

    #[inline(always)]
    fn finalize(state: &State, output: &mut Output, row: usize) -> Result<(), SqlError> {
        write_sketch(state.sketch.as_ref(), output, row);
        Ok(())
    }
}
