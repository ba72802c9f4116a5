//! `approx_histogram_stats(h) -> STRUCT(…)`: what a histogram holds; NULL of NULL.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::rows::{each_blob, set_or_null};
use crate::sketch::histogram::Histogram;

/// Counts, extremes, mean and size.
pub struct Stats;

impl Scalar for Stats {
    const NAME: &'static CStr = c"approx_histogram_stats";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB];
    const RETURNS: SqlType = SqlType::Struct(&[
        (c"count", SqlType::UBIGINT),
        (c"min", SqlType::DOUBLE),
        (c"max", SqlType::DOUBLE),
        (c"mean", SqlType::DOUBLE),
        (c"bins", SqlType::INTEGER),
        (c"max_bins", SqlType::INTEGER),
        (c"non_finite", SqlType::UBIGINT),
        (c"exact", SqlType::BOOLEAN),
        (c"rank_error", SqlType::DOUBLE),
        (c"bytes", SqlType::BIGINT),
    ]);

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let len = input.len();
        each_blob(input, output, Reading::Whole, |output, row, blob| {
            let histogram = Histogram::parse(blob)?;
            output.field(0).values::<u64>(len)[row] = histogram.count();
            set_or_null(&mut output.field(1), len, row, histogram.min());
            set_or_null(&mut output.field(2), len, row, histogram.max());
            set_or_null(&mut output.field(3), len, row, histogram.mean());
            output.field(4).values::<i32>(len)[row] = histogram.bins().len() as i32;
            output.field(5).values::<i32>(len)[row] = histogram.max_bins().get() as i32;
            output.field(6).values::<u64>(len)[row] = histogram.non_finite();
            output.field(7).values::<u8>(len)[row] = u8::from(histogram.is_exact());
            output.field(8).values::<f64>(len)[row] = histogram.rank_error();
            output.field(9).values::<i64>(len)[row] = blob.len() as i64;
            Ok(())
        })
    }
}
