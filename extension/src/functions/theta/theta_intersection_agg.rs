//! `theta_intersection_agg(sketch) -> BLOB`: the sketch of what all sketches of a column have seen. NULLs are skipped; NULL
//! of no sketch, as everything is in all of none.

use std::ffi::CStr;

use crate::duckdb::{Aggregate, Chunk, Output, Reading, SqlError, SqlType, States};
use crate::sketch::theta::{ThetaImage, ThetaIntersection};

/// What the sketches of a column have in common.
pub struct IntersectionAgg;

impl Aggregate for IntersectionAgg {
    const NAME: &'static CStr = c"theta_intersection_agg";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB];
    const RETURNS: SqlType = SqlType::BLOB;
    /// None before the first sketch.
    type State = Option<ThetaIntersection>;

    fn update(input: &Chunk, states: &mut States<Self::State>) -> Result<(), SqlError> {
        let column = input.column(0).strings();
        let mut scratch = Vec::new();
        states.for_each_run(|rows, state| {
            for blob in column.stream(rows, Reading::Whole).filter_map(|(_, blob)| blob) {
                let image = ThetaImage::parse(blob)?;
                match state {
                    Some(all) => all.intersect_image(&image, &mut scratch)?,
                    None => *state = Some(ThetaIntersection::of(&image)?),
                }
            }
            Ok(())
        })
    }

    fn combine(source: &Self::State, target: &mut Self::State) -> Result<(), SqlError> {
        match (source, &mut *target) {
            (None, _) => {}
            (Some(source), None) => *target = Some(source.clone()),
            (Some(source), Some(target)) => target.intersect(source),
        }
        Ok(())
    }

    fn finalize(state: &Self::State, output: &mut Output, row: usize) -> Result<(), SqlError> {
        match state {
            Some(all) => output.set_bytes(row, all.to_bytes()),
            None => output.set_null(row),
        }
        Ok(())
    }
}
