//! `hyper_unique_estimate(sketch) -> DOUBLE`: how many distinct texts, as Druid estimates; NULL of NULL.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::rows::map_blob;
use crate::sketch::hyper_unique::HyperUniqueImage;

/// The estimate, not rounded.
pub struct Estimate;

impl Scalar for Estimate {
    const NAME: &'static CStr = c"hyper_unique_estimate";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB];
    const RETURNS: SqlType = SqlType::DOUBLE;

    #[inline(always)]
    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        map_blob(
            input,
            output,
            Reading::Whole,
            #[inline(always)]
            |blob| Ok(Some(HyperUniqueImage::parse(blob)?.estimate())),
        )
    }
}
