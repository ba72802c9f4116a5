//! `hll_sketch_bounds(sketch, num_std_dev) -> STRUCT(lower, estimate, upper)`; NULL if an argument is.

use std::ffi::CStr;

use super::rows::{each_blob_with, hll};
use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};

/// The estimate and the interval around it.
pub struct Bounds;

impl Scalar for Bounds {
    const NAME: &'static CStr = c"hll_sketch_bounds";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::BIGINT];
    const RETURNS: SqlType = BOUNDS;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let len = input.len();
        each_blob_with(input, output, Reading::Header, |output, row, blob, num_std_dev: i64| {
            let bounds = hll(blob)?.bounds(num_std_dev)?;
            write_bounds(output, len, row, [bounds.lower, bounds.estimate, bounds.upper]);
            Ok(())
        })
    }
}

/// The type of an estimate with its bounds.
pub const BOUNDS: SqlType =
    SqlType::Struct(&[(c"lower", SqlType::DOUBLE), (c"estimate", SqlType::DOUBLE), (c"upper", SqlType::DOUBLE)]);

/// Writes an estimate with its bounds.
pub fn write_bounds(output: &mut Output, len: usize, row: usize, fields: [f64; 3]) {
    for (field, value) in fields.into_iter().enumerate() {
        output.field(field).values::<f64>(len)[row] = value;
    }
}
