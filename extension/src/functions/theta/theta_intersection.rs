//! `theta_intersection(a, b) -> BLOB`: the sketch of what both have seen; NULL if an argument is.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Scalar, SqlError, SqlType};
use crate::functions::rows::each_pair;
use crate::sketch::theta::{ThetaImage, ThetaIntersection};

/// What two sketches have in common.
pub struct Intersection;

impl Scalar for Intersection {
    const NAME: &'static CStr = c"theta_intersection";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::BLOB];
    const RETURNS: SqlType = SqlType::BLOB;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let mut scratch = Vec::new();
        each_pair(input, output, |output, row, a, b| {
            let mut both = ThetaIntersection::of(&ThetaImage::parse(a)?)?;
            both.intersect_image(&ThetaImage::parse(b)?, &mut scratch)?;
            output.set_bytes(row, both.to_bytes());
            Ok(())
        })
    }
}
