//! `approx_top_k_describe(state) -> STRUCT(…)`: what a sketch is; NULL of NULL.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::rows::each_blob;
use crate::sketch::top_k::TopKImage;

/// What the items are, how many are counted, and how far off.
pub struct Describe;

impl Scalar for Describe {
    const NAME: &'static CStr = c"approx_top_k_describe";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB];
    const RETURNS: SqlType = SqlType::Struct(&[
        (c"item_type", SqlType::VARCHAR),
        (c"max_items", SqlType::INTEGER),
        (c"items", SqlType::BIGINT),
        (c"total", SqlType::BIGINT),
        (c"nulls", SqlType::BIGINT),
        (c"max_error", SqlType::BIGINT),
        (c"bytes", SqlType::BIGINT),
    ]);

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let len = input.len();
        each_blob(input, output, Reading::Whole, |output, row, blob| {
            let image = TopKImage::parse(blob)?;
            match image.item_type() {
                Some(item_type) => output.field(0).set_bytes(row, item_type.name().as_bytes()),
                None => output.field(0).set_null(row),
            }
            output.field(1).values::<i32>(len)[row] = image.size().capacity() as i32;
            output.field(2).values::<i64>(len)[row] = image.active() as i64;
            output.field(3).values::<i64>(len)[row] = image.total() as i64;
            output.field(4).values::<i64>(len)[row] = image.nulls() as i64;
            output.field(5).values::<i64>(len)[row] = image.offset() as i64;
            output.field(6).values::<i64>(len)[row] = image.byte_length() as i64;
            Ok(())
        })
    }
}
