//! `approx_histogram_bins(h) -> STRUCT(center, count)[]`; NULL of NULL.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::rows::each_blob;
use crate::sketch::histogram::Histogram;

/// The bins in ascending order.
pub struct Bins;

impl Scalar for Bins {
    const NAME: &'static CStr = c"approx_histogram_bins";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB];
    const RETURNS: SqlType =
        SqlType::List(&SqlType::Struct(&[(c"center", SqlType::DOUBLE), (c"count", SqlType::UBIGINT)]));

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        each_blob(input, output, Reading::Whole, |output, row, blob| {
            let histogram = Histogram::parse_bins(blob)?;
            let len = histogram.bins().len();
            output.push_list(row, len, move |child, first, len| {
                for (i, (center, count)) in histogram.bins().enumerate() {
                    child.field(0).values::<f64>(len)[first + i] = center;
                    child.field(1).values::<u64>(len)[first + i] = count;
                }
            });
            Ok(())
        })
    }
}
