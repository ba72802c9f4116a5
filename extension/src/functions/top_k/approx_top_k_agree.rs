//! `approx_top_k_agree(a, b) -> BOOLEAN`: whether both may be of the same values; NULL if an argument is.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Scalar, SqlError, SqlType};
use crate::functions::rows::each_pair;
use crate::sketch::top_k::TopKImage;

/// Whether the bounds of no item exclude each other.
pub struct Agree;

impl Scalar for Agree {
    const NAME: &'static CStr = c"approx_top_k_agree";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::BLOB];
    const RETURNS: SqlType = SqlType::BOOLEAN;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let len = input.len();
        each_pair(input, output, |output, row, a, b| {
            let agree = TopKImage::parse(a)?.agrees(&TopKImage::parse(b)?);
            output.values::<u8>(len)[row] = u8::from(agree);
            Ok(())
        })
    }
}
