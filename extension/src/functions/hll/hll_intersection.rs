//! `hll_intersection(a, b [, allow_different_lg_k = false]) -> STRUCT(lower, estimate, upper)`: how many values both have
//! counted; NULL if an argument is.

use std::ffi::CStr;

use super::family::DifferentLgK;
use crate::duckdb::{Chunk, Output, Scalar, SqlError, SqlType};
use crate::functions::bounds::{BOUNDS, write_bounds};
use crate::functions::parameter::Parameter;
use crate::functions::rows::each_pair;
use crate::sketch::hll::{HllImage, intersection};

/// The overload with that many arguments.
pub struct Intersection<const ARGUMENTS: usize>;

const ALL_PARAMETERS: &[SqlType] = &[SqlType::BLOB, SqlType::BLOB, DifferentLgK::TYPE];

impl<const ARGUMENTS: usize> Scalar for Intersection<ARGUMENTS> {
    const NAME: &'static CStr = c"hll_intersection";
    const PARAMETERS: &'static [SqlType] = ALL_PARAMETERS.split_at(ARGUMENTS).0;
    const RETURNS: SqlType = BOUNDS;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let len = input.len();
        let allowed = (ARGUMENTS == 3).then(|| input.column(2));
        let allowed = allowed.as_ref().map(|column| (column.values::<u8>(), column.validity()));
        each_pair(input, output, |output, row, a, b| {
            let allow = match allowed {
                Some((_, validity)) if !validity.is_valid(row) => {
                    output.set_null(row);
                    return Ok(());
                }
                Some((values, _)) => DifferentLgK::new(values[row])?,
                None => DifferentLgK::DEFAULT,
            };
            let common = intersection(&HllImage::parse(a)?, &HllImage::parse(b)?, allow.are_allowed())?;
            write_bounds(output, len, row, common);
            Ok(())
        })
    }
}
