//! The algorithms and their bytes: nothing here knows of DuckDB.

mod codec;
mod error;
pub mod hash;
pub mod histogram;
pub mod hll;
pub mod hyper_unique;
mod kind;

pub use error::{Error, ErrorKind};
