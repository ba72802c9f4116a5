//! `approx_histogram_union(a, b) -> BLOB`: the distribution of both; NULL if an argument is.

use std::ffi::CStr;

use super::approx_histogram_agg::write_histogram;
use super::rows::each_blob;
use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::sketch::histogram::{Histogram, HistogramBuilder};

/// The union, with as many bins as the one that may have more.
pub struct Union;

impl Scalar for Union {
    const NAME: &'static CStr = c"approx_histogram_union";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::BLOB];
    const RETURNS: SqlType = SqlType::BLOB;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let others = input.column(1).strings();
        let (mut a, mut b) = (Histogram::default(), Histogram::default());
        each_blob(input, output, Reading::Whole, |output, row, blob| {
            let Some(other) = others.get(row) else {
                output.set_null(row);
                return Ok(());
            };
            a.read(blob)?;
            b.read(other)?;
            let mut union = HistogramBuilder::new(a.max_bins());
            union.merge_histogram(&a)?;
            union.widen(b.max_bins(), b.is_empty());
            union.merge_histogram(&b)?;
            write_histogram(Some(&union), output, row);
            Ok(())
        })
    }
}
