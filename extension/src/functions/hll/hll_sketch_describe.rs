//! `hll_sketch_describe(sketch) -> STRUCT(…)`: what a sketch is; NULL of NULL.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::rows::each_blob;
use crate::sketch::hll::{HllImage, Mode, TargetType};

/// Precision, mode and size.
pub struct Describe;

impl Scalar for Describe {
    const NAME: &'static CStr = c"hll_sketch_describe";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB];
    const RETURNS: SqlType = SqlType::Struct(&[
        (c"lg_k", SqlType::INTEGER),
        (c"mode", SqlType::VARCHAR),
        (c"target_type", SqlType::VARCHAR),
        (c"compact", SqlType::BOOLEAN),
        (c"out_of_order", SqlType::BOOLEAN),
        (c"coupons", SqlType::BIGINT),
        (c"estimate", SqlType::DOUBLE),
        (c"bytes", SqlType::BIGINT),
    ]);

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let len = input.len();
        each_blob(input, output, Reading::Header, |output, row, blob| {
            let image = HllImage::parse(blob)?;
            let mode = match image.mode() {
                Mode::List => "LIST",
                Mode::Set => "SET",
                Mode::Hll => "HLL",
            };
            let target_type = match image.target_type() {
                TargetType::Hll4 => "HLL_4",
                TargetType::Hll6 => "HLL_6",
                TargetType::Hll8 => "HLL_8",
            };
            output.field(0).values::<i32>(len)[row] = i32::from(image.lg_k().get());
            output.field(1).set_bytes(row, mode.as_bytes());
            output.field(2).set_bytes(row, target_type.as_bytes());
            output.field(3).values::<u8>(len)[row] = u8::from(image.is_compact());
            output.field(4).values::<u8>(len)[row] = u8::from(image.is_out_of_order());
            output.field(5).values::<i64>(len)[row] = i64::from(image.occupied()?);
            output.field(6).values::<f64>(len)[row] = image.estimate()?;
            output.field(7).values::<i64>(len)[row] = image.byte_length() as i64;
            Ok(())
        })
    }
}
