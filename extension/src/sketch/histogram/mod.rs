//! Approximate histograms: sorted (center, count) bins after Ben-Haim and Tom-Tov, "A Streaming Parallel Decision Tree
//! Algorithm" (JMLR 11, 2010), with another rule of merging: see [`reduce`](reduce::reduce). Bytes: `docs/STORAGE.md`.
//!
//! [`HistogramBuilder`] takes values and histograms; [`Histogram`] is what is stored and asked.

mod bins;
mod bounds;
mod buckets;
mod builder;
mod curve;
mod druid;
mod extent;
mod flight;
mod grid;
mod image;
mod locate;
mod mass;
mod pool;
mod quantile;
mod reduce;
mod settle;

use super::Format;

pub use bins::{Histogram, MaxBins};
pub use buckets::Bucket;
pub use builder::HistogramBuilder;
pub use curve::Curves;
pub use druid::DruidForm;

/// Our own images, and Druid's.
pub(super) const FORMATS: &[Format] = &[image::FORMAT, druid::FORMAT];
