//! `approx_histogram_cdf(h, x) -> DOUBLE` and `approx_histogram_count_below(h, x) -> DOUBLE`: the fraction and the
//! number of the values that are `<= x`; of `DOUBLE[]` a list. NULL if an argument is; the fraction also if there is no
//! value.

use std::ffi::CStr;

use super::rows::{map_histogram, map_histogram_lists};
use crate::duckdb::{Chunk, Output, Scalar, SqlError, SqlType};

/// The fraction up to one point.
pub struct Cdf;

impl Scalar for Cdf {
    const NAME: &'static CStr = c"approx_histogram_cdf";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::DOUBLE];
    const RETURNS: SqlType = SqlType::DOUBLE;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        map_histogram(input, output, |curves, x| Ok(curves.cdf(x)?))
    }
}

/// The fractions up to several points.
pub struct Cdfs;

impl Scalar for Cdfs {
    const NAME: &'static CStr = Cdf::NAME;
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::DOUBLES];
    const RETURNS: SqlType = SqlType::DOUBLES;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        map_histogram_lists(input, output, |curves, x| Ok(curves.cdf(x)?))
    }
}

/// The number up to one point.
pub struct CountBelow;

impl Scalar for CountBelow {
    const NAME: &'static CStr = c"approx_histogram_count_below";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::DOUBLE];
    const RETURNS: SqlType = SqlType::DOUBLE;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        map_histogram(input, output, |curves, x| Ok(Some(curves.count_below(x)?)))
    }
}

/// The numbers up to several points.
pub struct CountsBelow;

impl Scalar for CountsBelow {
    const NAME: &'static CStr = CountBelow::NAME;
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::DOUBLES];
    const RETURNS: SqlType = SqlType::DOUBLES;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        map_histogram_lists(input, output, |curves, x| Ok(Some(curves.count_below(x)?)))
    }
}
