//! HyperLogLog, as Apache DataSketches defines it: see `docs/STORAGE.md`.
//!
//! A sketch starts as a small set of [`Coupon`]s (hash prefixes), which counts almost exactly, and becomes an array of
//! registers when the set would be larger. [`HllSketch`] is the sketch in memory; [`HllImage`] a view of stored bytes,
//! merged and estimated without being copied.

mod bounds;
mod coupon;
mod coupon_set;
mod estimator;
mod image;
mod interpolation;
mod intersection;
mod joint;
mod lg_k;
mod registers;
mod sketch;
mod wire;

pub use coupon::Coupon;
pub(in crate::sketch) use image::FORMATS;
pub use image::{HllImage, Mode, TargetType};
pub use intersection::intersection;
pub use lg_k::LgK;
pub use sketch::HllSketch;
