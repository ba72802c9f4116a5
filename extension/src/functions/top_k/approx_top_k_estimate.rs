//! `approx_top_k_estimate(state [, k = 5]) -> STRUCT(item, count, lower, upper)[]`: the items that came most often; NULL if
//! an argument is.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::rows::{each_blob, each_blob_with};
use crate::sketch::top_k::TopKImage;

/// How many items where it is not said.
const DEFAULT_K: i64 = 5;

/// The first items, those that came as often in the order of SQL: the overload with that many arguments.
pub struct Estimate<const ARGUMENTS: usize>;

impl<const ARGUMENTS: usize> Scalar for Estimate<ARGUMENTS> {
    const NAME: &'static CStr = c"approx_top_k_estimate";
    const PARAMETERS: &'static [SqlType] = [SqlType::BLOB, SqlType::BIGINT].split_at(ARGUMENTS).0;
    const RETURNS: SqlType = SqlType::List(&SqlType::Struct(&[
        (c"item", SqlType::VARCHAR),
        (c"count", SqlType::BIGINT),
        (c"lower", SqlType::BIGINT),
        (c"upper", SqlType::BIGINT),
    ]));

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        if ARGUMENTS == 1 {
            return each_blob(input, output, Reading::Whole, |output, row, blob| write(output, row, blob, DEFAULT_K));
        }
        each_blob_with(input, output, Reading::Whole, write)
    }
}

fn write(output: &mut Output, row: usize, blob: &[u8], k: i64) -> Result<(), SqlError> {
    let ranked = TopKImage::parse(blob)?.top(k)?;
    let ranked: Vec<_> = ranked
        .into_iter()
        .map(|ranked| (ranked.item.map(|item| item.to_string()), ranked.lower as i64, ranked.upper as i64))
        .collect();
    output.push_list(row, ranked.len(), move |child, first, len| {
        for (i, (item, lower, upper)) in ranked.into_iter().enumerate() {
            match item {
                Some(item) => child.field(0).set_bytes(first + i, item.into_bytes()),
                None => child.field(0).set_null(first + i),
            }
            for (field, value) in [upper, lower, upper].into_iter().enumerate() {
                child.field(1 + field).values::<i64>(len)[first + i] = value;
            }
        }
    });
    Ok(())
}
