//! The algorithms and their bytes: nothing here knows of DuckDB.

mod bounds;
mod chunks;
mod codec;
mod error;
mod format;
mod from_hash;
pub mod hash;
pub mod histogram;
pub mod hll;
pub mod hyper_unique;
pub(crate) mod memory;
pub mod theta;
pub mod top_k;

pub use bounds::Bounds;
pub use error::{Error, ErrorKind};
use format::Format;
pub use from_hash::FromHash;
pub use memory::OutOfMemory;
