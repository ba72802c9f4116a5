//! DuckDB's C extension API in safe Rust: types, vectors, aggregates and scalars as traits.
//!
//! All `unsafe` of the crate lives in this folder, and nothing here knows of a sketch. DuckDB hands over flat
//! vectors (constant and dictionary vectors are flattened first), passes NULL rows to aggregates, and knows no panic:
//! every callback goes through [`guard`], which turns an error or a panic into a DuckDB error. What DuckDB itself may
//! throw is called outside of it: see [`output`].
#![allow(unsafe_code)]

mod aggregate;
mod api;
mod cpu;
mod error;
mod extension;
mod guard;
mod input;
mod logical_type;
mod output;
mod refusal;
mod scalar;
mod validity;

pub use aggregate::{Aggregate, AggregateSet, States};
pub use error::SqlError;
pub use extension::{Registry, entry_point};
pub use input::{Chunk, DoubleLists, Plain, Reading, Strings, Vector, Wide};
pub use logical_type::{LogicalType, SqlType, TypeId};
pub use output::Output;
pub use scalar::{Scalar, ScalarSet};
pub use validity::Validity;

pub use api::{ExtensionAccess, ExtensionInfo};
