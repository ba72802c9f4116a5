//! `hyper_unique_agg(x BIGINT)`, which is an error, but for NULLs: a NULL of no type is BIGINT to DuckDB.

use std::ffi::CStr;

use super::AS_TEXT;
use super::family::HyperUnique;
use crate::duckdb::{Aggregate, Chunk, Output, SqlError, SqlType, States, TypeId};
use crate::functions::family::Family;
use crate::functions::refused::refusal;

/// The overload: an empty sketch of NULLs, else an error.
pub struct OfIntegers;

impl Aggregate for OfIntegers {
    const NAME: &'static CStr = HyperUnique::BUILD;
    const PARAMETERS: &'static [SqlType] = &[SqlType::BIGINT];
    const RETURNS: SqlType = HyperUnique::STORED;
    type State = u64;

    fn update(input: &Chunk, _: &mut States<u64>) -> Result<(), SqlError> {
        let column = input.column(0);
        match (0..input.len()).any(|row| column.validity().is_valid(row)) {
            true => Err(SqlError::new(refusal::<HyperUnique>(TypeId::BigInt, "count", AS_TEXT))),
            false => Ok(()),
        }
    }

    fn combine(_: &u64, _: &mut u64) -> Result<(), SqlError> {
        Ok(())
    }

    fn finalize(_: &u64, output: &mut Output, row: usize) -> Result<(), SqlError> {
        HyperUnique::store(None, output, row);
        Ok(())
    }
}
