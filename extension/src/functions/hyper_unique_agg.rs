//! `hyper_unique_agg(x) -> BLOB`: Druid's `hyperUnique` of the different texts; NULLs are skipped.

use std::ffi::CStr;

use crate::duckdb::{Aggregate, Chunk, Output, Reading, SqlError, SqlType, States};
use crate::sketch::hyper_unique::HyperUnique;

/// The sketch of a column.
pub struct HyperUniqueAgg;

impl Aggregate for HyperUniqueAgg {
    const NAME: &'static CStr = c"hyper_unique_agg";
    const PARAMETERS: &'static [SqlType] = &[SqlType::VARCHAR];
    const RETURNS: SqlType = SqlType::BLOB;
    /// None before the first row.
    type State = Option<HyperUnique>;

    #[inline(always)]
    fn update(input: &Chunk, states: &mut States<Self::State>) -> Result<(), SqlError> {
        let texts = input.column(0).strings();
        states.for_each_run(
            #[inline(always)]
            |rows, state| {
                for text in texts.stream(rows, Reading::Header).filter_map(|(_, text)| text) {
                    state.get_or_insert_default().insert(text);
                }
                Ok(())
            },
        )
    }

    #[inline(always)]
    fn combine(source: &Self::State, target: &mut Self::State) -> Result<(), SqlError> {
        combine_sketches(source, target);
        Ok(())
    }

    #[inline(always)]
    fn finalize(state: &Self::State, output: &mut Output, row: usize) -> Result<(), SqlError> {
        write_sketch(state.as_ref(), output, row);
        Ok(())
    }
}

/// Adds what the source counted to the target.
#[inline(always)]
pub fn combine_sketches(source: &Option<HyperUnique>, target: &mut Option<HyperUnique>) {
    match (source, &mut *target) {
        (None, _) => {}
        (Some(source), None) => *target = Some(source.clone()),
        (Some(source), Some(target)) => target.merge(source),
    }
}

/// Writes a sketch; an empty one if there was no row.
#[inline(always)]
pub fn write_sketch(sketch: Option<&HyperUnique>, output: &mut Output, row: usize) {
    match sketch {
        Some(sketch) => output.set_bytes(row, sketch.to_bytes()),
        None => output.set_bytes(row, HyperUnique::default().to_bytes()),
    }
}
