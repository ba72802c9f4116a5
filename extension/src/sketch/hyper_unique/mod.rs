//! Druid's old distinct counts, its `hyperUnique` columns: HyperLogLog (Flajolet and others, 2007) of 2,048 registers, four
//! bits each above a common offset. Another hash than that of DataSketches, so that the two never mix.
//!
//! [`HyperUniqueImage`] reads and estimates stored bytes; [`HyperUnique`] takes texts and images, and writes.

mod estimator;
mod hash;
mod image;
mod registers;
mod sketch;

pub(in crate::sketch) use image::FORMATS;
pub use image::HyperUniqueImage;
pub use sketch::HyperUnique;
