//! The SQL functions: one file each, with its name, its types and its NULL rule.

mod duckdb_sketch_version;

use crate::duckdb::{Registry, ScalarSet, SqlError};

/// Registers every function.
pub fn register(registry: &Registry) -> Result<(), SqlError> {
    registry.scalar(ScalarSet::new(c"duckdb_sketch_version").with::<duckdb_sketch_version::Version>())?;
    Ok(())
}
