//! Frequent items, as Apache DataSketches defines them: see `docs/STORAGE.md`.
//!
//! A sketch has a counter for each of some items. When there are more items than counters, the same amount is subtracted
//! from all counters, and those that fall to zero are dropped (Misra and Gries, 1982; with medians, so that it happens
//! rarely: Anderson and others, "A High-Performance Algorithm for Identifying Frequent Items in Data Streams", 2017). The
//! amounts add up to the *offset*: an item came at least as often as its counter says, and at most that and the offset.
//!
//! [`TopKSketch`] is the sketch in memory, which takes items and merges; [`TopKImage`] a view of stored bytes.

mod calendar;
mod counters;
mod image;
mod item;
mod item_type;
mod keys;
mod map_size;
mod ranking;
mod sketch;

pub(in crate::sketch) use image::FORMATS;
pub use image::TopKImage;
pub use item::Item;
pub use item_type::ItemType;
pub use map_size::MapSize;
pub use ranking::Ranked;
pub use sketch::{Merging, TopKSketch};
