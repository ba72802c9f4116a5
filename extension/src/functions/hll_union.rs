//! `hll_union(a, b [, allow_different_lg_k = false]) -> BLOB`: the sketch of what both counted; NULL if an argument is.

use std::ffi::CStr;

use super::rows::{each_blob, hll};
use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::sketch::hll::HllSketch;

/// The overload with so many arguments.
pub struct Union<const ARGUMENTS: usize>;

impl<const ARGUMENTS: usize> Scalar for Union<ARGUMENTS> {
    const NAME: &'static CStr = c"hll_union";
    const PARAMETERS: &'static [SqlType] = [SqlType::BLOB, SqlType::BLOB, SqlType::BOOLEAN].split_at(ARGUMENTS).0;
    const RETURNS: SqlType = SqlType::BLOB;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let others = input.column(1).strings();
        let allowed = (ARGUMENTS == 3).then(|| input.column(2));
        let allowed = allowed.as_ref().map(|column| (column.values::<u8>(), column.validity()));
        each_blob(input, output, Reading::Whole, |output, row, blob| {
            let allow = match allowed {
                Some((_, validity)) if !validity.is_valid(row) => None,
                Some((values, _)) => Some(values[row] != 0),
                None => Some(false),
            };
            let (Some(other), Some(allow)) = (others.get(row), allow) else {
                output.set_null(row);
                return Ok(());
            };
            let (image, other) = (hll(blob)?, hll(other)?);
            let mut union = HllSketch::new(image.lg_k());
            union.merge_image(&image, allow)?;
            union.merge_image(&other, allow)?;
            output.set_bytes(row, union.to_bytes());
            Ok(())
        })
    }
}
