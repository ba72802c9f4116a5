//! `theta_sketch_estimate(sketch) -> BIGINT`: how many distinct values; NULL of NULL.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::rows::map_blob;
use crate::sketch::theta::ThetaImage;

/// The estimate, rounded.
pub struct Estimate;

impl Scalar for Estimate {
    const NAME: &'static CStr = c"theta_sketch_estimate";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB];
    const RETURNS: SqlType = SqlType::BIGINT;

    #[inline(always)]
    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        map_blob(
            input,
            output,
            Reading::Header,
            #[inline(always)]
            |blob| Ok(Some((ThetaImage::parse(blob)?.estimate() + 0.5) as i64)),
        )
    }
}
