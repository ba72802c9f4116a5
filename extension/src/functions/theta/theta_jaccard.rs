//! `theta_jaccard(a, b) -> STRUCT(lower, estimate, upper)`: how much of what either has seen both have seen; NULL if an
//! argument is.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Scalar, SqlError, SqlType};
use crate::functions::bounds::{BOUNDS, write_bounds};
use crate::functions::rows::each_pair;
use crate::sketch::theta::{ThetaImage, jaccard};

/// The Jaccard index of two sketches, with bounds of two standard deviations.
pub struct Jaccard;

impl Scalar for Jaccard {
    const NAME: &'static CStr = c"theta_jaccard";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::BLOB];
    const RETURNS: SqlType = BOUNDS;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let len = input.len();
        let mut scratches = Default::default();
        each_pair(input, output, |output, row, a, b| {
            let index = jaccard(&ThetaImage::parse(a)?, &ThetaImage::parse(b)?, &mut scratches)?;
            write_bounds(output, len, row, index);
            Ok(())
        })
    }
}
