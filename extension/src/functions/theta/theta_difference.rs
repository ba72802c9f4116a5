//! `theta_difference(a, b) -> BLOB`: the sketch of what a has seen and b has not; NULL if an argument is.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Scalar, SqlError, SqlType};
use crate::functions::rows::each_pair;
use crate::sketch::theta::{ThetaImage, difference};

/// What one sketch has that the other has not.
pub struct Difference;

impl Scalar for Difference {
    const NAME: &'static CStr = c"theta_difference";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::BLOB];
    const RETURNS: SqlType = SqlType::BLOB;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let mut scratches = Default::default();
        each_pair(input, output, |output, row, a, b| {
            let image = difference(&ThetaImage::parse(a)?, &ThetaImage::parse(b)?, &mut scratches)?;
            output.set_bytes(row, image);
            Ok(())
        })
    }
}
