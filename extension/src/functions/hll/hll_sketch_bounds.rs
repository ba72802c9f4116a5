//! `hll_sketch_bounds(sketch, num_std_dev) -> STRUCT(lower, estimate, upper)`; NULL if an argument is.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::bounds::{BOUNDS, write_bounds};
use crate::functions::rows::each_blob_with;
use crate::sketch::hll::HllImage;

/// The estimate and the interval around it.
pub struct Bounds;

impl Scalar for Bounds {
    const NAME: &'static CStr = c"hll_sketch_bounds";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::BIGINT];
    const RETURNS: SqlType = BOUNDS;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let len = input.len();
        each_blob_with(input, output, Reading::Header, |output, row, blob, num_std_dev: i64| {
            write_bounds(output, len, row, HllImage::parse(blob)?.bounds(num_std_dev)?);
            Ok(())
        })
    }
}
