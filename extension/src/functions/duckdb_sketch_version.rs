//! `duckdb_sketch_version() -> VARCHAR`

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Scalar, SqlError, SqlType};

/// The version of this extension.
pub struct Version;

impl Scalar for Version {
    const NAME: &'static CStr = c"duckdb_sketch_version";
    const PARAMETERS: &'static [SqlType] = &[];
    const RETURNS: SqlType = SqlType::VARCHAR;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        for row in 0..input.len() {
            output.set_bytes(row, env!("CARGO_PKG_VERSION").as_bytes());
        }
        Ok(())
    }
}
