//! The algorithms and their bytes: nothing here knows of DuckDB.

mod chunks;
mod codec;
mod error;
mod format;
pub mod hash;
pub mod histogram;
pub mod hll;
pub mod hyper_unique;
pub(crate) mod memory;

pub use error::{Error, ErrorKind};
use format::Format;
pub use memory::OutOfMemory;
