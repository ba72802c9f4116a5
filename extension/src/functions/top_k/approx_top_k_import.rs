//! `approx_top_k_import(sketch, type) -> BLOB`: the state of a sketch that another library wrote, whose items are of this
//! SQL type; NULL if an argument is.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Scalar, SqlError, SqlType};
use crate::functions::rows::each_pair;
use crate::sketch::top_k::{Merging, TopKImage, TopKSketch};

/// A state that says what its items are.
pub struct Import;

impl Scalar for Import {
    const NAME: &'static CStr = c"approx_top_k_import";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB, SqlType::VARCHAR];
    const RETURNS: SqlType = SqlType::BLOB;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        each_pair(input, output, |output, row, blob, type_name| {
            let image = TopKImage::parse_as(blob, &String::from_utf8_lossy(type_name))?;
            let mut sketch = TopKSketch::new(image.size());
            sketch.merge_image(&image, Merging::Least)?;
            output.set_bytes(row, sketch.to_bytes());
            Ok(())
        })
    }
}
