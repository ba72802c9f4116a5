//! `duckdb_sketch`: distinct counts and distributions that roll up, as SQL functions of DuckDB.
//!
//! | module | holds | must not depend on |
//! |---|---|---|
//! | [`sketch`] | the algorithms and their bytes | DuckDB; no `unsafe` |
//! | [`duckdb`] | DuckDB's C extension API; all `unsafe` | any sketch |
//! | [`functions`] | the SQL functions: names, types, NULL rules | slot numbers, byte layouts |

#[macro_use]
mod families;

pub mod duckdb;
pub mod functions;
pub mod sketch;

duckdb_entry_symbol!(duckdb_sketch_init_c_api, functions::register);
