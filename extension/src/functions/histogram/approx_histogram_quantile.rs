//! `approx_histogram_quantile(h, q) -> DOUBLE`, of `DOUBLE[]` a list; NULL if an argument is, or if there is no value.

use std::ffi::CStr;

use super::rows::{map_histogram, map_histogram_lists};
use crate::duckdb::{Chunk, Output, Scalar, SqlError, SqlType};

/// The value of one fraction.
pub struct Quantile;

impl Scalar for Quantile {
    const NAME: &'static CStr = c"approx_histogram_quantile";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::DOUBLE];
    const RETURNS: SqlType = SqlType::DOUBLE;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        map_histogram(input, output, |curves, q| Ok(curves.quantile(q)?))
    }
}

/// The values of several fractions.
pub struct Quantiles;

impl Scalar for Quantiles {
    const NAME: &'static CStr = Quantile::NAME;
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::DOUBLES];
    const RETURNS: SqlType = SqlType::DOUBLES;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        map_histogram_lists(input, output, |curves, q| Ok(curves.quantile(q)?))
    }
}
