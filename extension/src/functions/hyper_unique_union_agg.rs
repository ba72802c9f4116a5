//! `hyper_unique_union_agg(sketch) -> BLOB`: Druid's `hyperUnique` of what all counted; NULLs are skipped.

use std::ffi::CStr;

use super::hyper_unique_agg::{combine_sketches, write_sketch};
use crate::duckdb::{Aggregate, Chunk, Output, Reading, SqlError, SqlType, States};
use crate::sketch::hyper_unique::{HyperUnique, HyperUniqueImage};

/// The union of a column.
pub struct UnionAgg;

impl Aggregate for UnionAgg {
    const NAME: &'static CStr = c"hyper_unique_union_agg";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB];
    const RETURNS: SqlType = SqlType::BLOB;
    /// None before the first sketch.
    type State = Option<HyperUnique>;

    #[inline(always)]
    fn update(input: &Chunk, states: &mut States<Self::State>) -> Result<(), SqlError> {
        let sketches = input.column(0).strings();
        states.for_each_run(
            #[inline(always)]
            |rows, state| {
                for blob in sketches.stream(rows, Reading::Whole).filter_map(|(_, blob)| blob) {
                    let image = HyperUniqueImage::parse(blob)?;
                    state.get_or_insert_default().merge_image(&image);
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
