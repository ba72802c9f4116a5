//! `approx_histogram_equi_width(h, n)`, `approx_histogram_equi_depth(h, n)` and `approx_histogram_buckets(h, edges)`,
//! all `-> STRUCT(lower, upper, count)[]`; NULL if an argument is.

use std::ffi::CStr;

use super::rows::{BUCKETS, push_buckets};
use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::rows::{each_blob, each_blob_with};
use crate::sketch::histogram::Histogram;

/// Buckets of one width.
pub struct EquiWidth;

impl Scalar for EquiWidth {
    const NAME: &'static CStr = c"approx_histogram_equi_width";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::BIGINT];
    const RETURNS: SqlType = BUCKETS;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        each_blob_with(input, output, Reading::Whole, |output, row, blob, n: i64| {
            push_buckets(output, row, Histogram::parse_bins(blob)?.equi_width(n)?);
            Ok(())
        })
    }
}

/// Buckets of one count.
pub struct EquiDepth;

impl Scalar for EquiDepth {
    const NAME: &'static CStr = c"approx_histogram_equi_depth";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::BIGINT];
    const RETURNS: SqlType = BUCKETS;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        each_blob_with(input, output, Reading::Whole, |output, row, blob, n: i64| {
            push_buckets(output, row, Histogram::parse_bins(blob)?.equi_depth(n)?);
            Ok(())
        })
    }
}

/// Buckets between given edges.
pub struct Buckets;

impl Scalar for Buckets {
    const NAME: &'static CStr = c"approx_histogram_buckets";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::DOUBLES];
    const RETURNS: SqlType = BUCKETS;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let lists = input.column(1).double_lists();
        each_blob(input, output, Reading::Whole, |output, row, blob| {
            let Some(edges) = lists.get(row) else {
                output.set_null(row);
                return Ok(());
            };
            let edges: Option<Vec<f64>> = edges.collect();
            let edges = edges.ok_or_else(|| SqlError::new("an edge is NULL, and must be a number"))?;
            push_buckets(output, row, Histogram::parse_bins(blob)?.buckets(&edges)?);
            Ok(())
        })
    }
}
