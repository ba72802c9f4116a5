//! `theta_sketch_describe(sketch) -> STRUCT(…)`: what a sketch is; NULL of NULL.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::rows::each_blob;
use crate::sketch::theta::ThetaImage;

/// Precision, mode and size.
pub struct Describe;

impl Scalar for Describe {
    const NAME: &'static CStr = c"theta_sketch_describe";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB];
    const RETURNS: SqlType = SqlType::Struct(&[
        (c"lg_nom_entries", SqlType::INTEGER),
        (c"mode", SqlType::VARCHAR),
        (c"serial_version", SqlType::INTEGER),
        (c"ordered", SqlType::BOOLEAN),
        (c"entries", SqlType::BIGINT),
        (c"theta", SqlType::DOUBLE),
        (c"estimate", SqlType::DOUBLE),
        (c"bytes", SqlType::BIGINT),
    ]);

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let len = input.len();
        each_blob(input, output, Reading::Header, |output, row, blob| {
            let image = ThetaImage::parse(blob)?;
            let mode = match (image.is_empty(), image.is_sample()) {
                (true, _) => "EMPTY",
                (_, false) => "EXACT",
                (_, true) => "ESTIMATION",
            };
            output.field(0).values::<i32>(len)[row] = i32::from(image.lg_nom().get());
            output.field(1).set_bytes(row, mode.as_bytes());
            output.field(2).values::<i32>(len)[row] = i32::from(image.version());
            output.field(3).values::<u8>(len)[row] = u8::from(image.is_ordered());
            output.field(4).values::<i64>(len)[row] = i64::from(image.count());
            output.field(5).values::<f64>(len)[row] = image.fraction();
            output.field(6).values::<f64>(len)[row] = image.estimate();
            output.field(7).values::<i64>(len)[row] = image.byte_length() as i64;
            Ok(())
        })
    }
}
