//! Theta sketches, as Apache DataSketches defines them: see `docs/STORAGE.md`.
//!
//! A sketch keeps the hashes of what it has seen that lie below a threshold, theta: its *entries*. The more it sees, the
//! lower theta is. Of hashes that are spread evenly over 0 to 1, `entries / theta` is how many there are; and as two
//! sketches keep the same hashes of the same values, their entries below the lower theta can be united, intersected and
//! subtracted (Dasgupta, Lang, Rhodes and Thaler, "A Framework for Estimating Stream Expression Cardinalities", 2016).
//!
//! [`ThetaSketch`] is the sketch in memory, which takes values and unites; [`ThetaImage`] a view of stored bytes;
//! [`ThetaIntersection`], [`difference`] and [`jaccard`] are made of such views.

mod bounds;
mod entries;
mod entry;
mod image;
mod lg_nom;
mod proportion;
mod sets;
mod sketch;
mod sort;
mod thin;

pub use entry::Entry;
pub(in crate::sketch) use image::FORMATS;
pub use image::ThetaImage;
pub use lg_nom::LgNom;
pub use sets::{ThetaIntersection, difference, jaccard};
pub use sketch::{Nominal, ThetaSketch};
