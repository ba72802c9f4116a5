//! `approx_histogram_quantile_bounds(h, q) -> STRUCT(lower, estimate, upper)`; NULL if an argument is, or if there is
//! no value.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::bounds::{BOUNDS, write_bounds};
use crate::functions::rows::each_blob_with;
use crate::sketch::histogram::Histogram;

/// The bracket that the bins prove.
pub struct QuantileBounds;

impl Scalar for QuantileBounds {
    const NAME: &'static CStr = c"approx_histogram_quantile_bounds";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::DOUBLE];
    const RETURNS: SqlType = BOUNDS;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let len = input.len();
        each_blob_with(input, output, Reading::Whole, |output, row, blob, q: f64| {
            match Histogram::parse(blob)?.quantile_bounds(q)? {
                Some(bounds) => write_bounds(output, len, row, bounds),
                None => output.set_null(row),
            }
            Ok(())
        })
    }
}
