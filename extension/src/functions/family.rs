//! What a sketch family says of itself, so that it has an aggregate that builds, one that unites, and a union of two:
//! see [`Build`](super::build::Build), [`UnionAgg`](super::union_agg::UnionAgg) and [`Union`](super::union::Union).

use std::ffi::CStr;
use std::ops::Range;

use super::parameter::Parameter;
use crate::duckdb::{Output, Reading, SqlError, SqlType, Strings, Vector};

/// A sketch family.
///
/// The generic functions are compiled once for each family, and their loops for each width of vectors: whatever runs
/// once a row or once a sketch is `#[inline(always)]`.
pub trait Family: 'static {
    /// The aggregate that builds a sketch of values.
    const BUILD: &'static CStr;
    /// The aggregate that unites stored sketches.
    const UNION_AGG: &'static CStr;
    /// The scalar function that unites two stored sketches.
    const UNION: &'static CStr;

    /// A sketch while it grows.
    type Sketch: Clone + Send + Sync;

    /// The type of the values that a sketch is built of.
    const VALUE: SqlType;
    /// What a sketch is built with, as its precision. All rows of a group agree on it.
    type Size: Parameter;
    /// A column of values, read once a chunk.
    type Values<'a>;

    /// Reads a column of values.
    fn values<'a>(column: &Vector<'a>) -> Result<Self::Values<'a>, SqlError>;

    /// Whether a sketch must be there for these rows. `false` where all are NULL keeps a large empty sketch out of
    /// memory.
    #[inline(always)]
    fn needs_sketch(_values: &Self::Values<'_>, _rows: &Range<usize>) -> bool {
        true
    }

    /// An empty sketch.
    fn new(size: Self::Size) -> Self::Sketch;

    /// What a sketch was built with.
    fn size(sketch: &Self::Sketch) -> Self::Size;

    /// Adds rows to a sketch; NULLs are skipped.
    fn extend(sketch: &mut Self::Sketch, values: &Self::Values<'_>, rows: Range<usize>) -> Result<(), SqlError>;

    /// Where in memory a row will go, to be brought into the cache; `None` if that is in the sketch itself.
    #[inline(always)]
    fn place_of(_sketch: &Self::Sketch, _values: &Self::Values<'_>, _row: usize) -> Option<*const u8> {
        None
    }

    /// The type of a stored sketch.
    const STORED: SqlType;
    /// A column of stored sketches.
    type Column<'a>: StoredColumn<'a>;

    /// Stores a sketch; an empty one if there was nothing to make one of.
    fn store(sketch: Option<&Self::Sketch>, output: &mut Output, row: usize);

    /// Stores a sketch that is still to be merged, where that makes a difference.
    #[inline(always)]
    fn store_open(sketch: Option<&Self::Sketch>, output: &mut Output, row: usize) {
        Self::store(sketch, output, row);
    }

    /// How sketches are united that were built differently. All rows of a group agree on it.
    type Merging: Parameter;
    /// What reading a stored sketch takes, kept for the next one.
    type Scratch: Default;

    /// The sketch that a union starts with, if it depends on nothing that is united.
    #[inline(always)]
    fn start(_merging: Self::Merging) -> Option<Self::Sketch> {
        None
    }

    /// Adds what another sketch holds.
    fn merge(target: &mut Self::Sketch, source: &Self::Sketch, merging: Self::Merging) -> Result<(), SqlError>;

    /// Adds what a stored sketch holds; it becomes the first one if there is none yet.
    fn merge_stored<'a>(
        target: &mut Option<Self::Sketch>,
        stored: StoredSketch<'a, Self>,
        scratch: &mut Self::Scratch,
        merging: Self::Merging,
    ) -> Result<(), SqlError>;
}

/// A column of stored sketches, borrowed from its vector.
pub trait StoredColumn<'a>: Sized {
    /// A stored sketch, not parsed.
    type Item;

    /// The column of a vector.
    fn of(vector: &Vector<'a>) -> Self;

    /// The sketch of a row, `None` where it is NULL.
    fn get(&self, row: usize) -> Option<Self::Item>;

    /// The sketch of each of these rows, `None` where it is NULL.
    fn stream(&self, rows: Range<usize>) -> impl Iterator<Item = (usize, Option<Self::Item>)>;
}

/// A stored sketch of a family, not parsed.
pub type StoredSketch<'a, F> = <<F as Family>::Column<'a> as StoredColumn<'a>>::Item;

/// Sketches that are stored as BLOB.
impl<'a> StoredColumn<'a> for Strings<'a> {
    type Item = &'a [u8];

    fn of(vector: &Vector<'a>) -> Self {
        vector.strings()
    }

    #[inline(always)]
    fn get(&self, row: usize) -> Option<&'a [u8]> {
        Strings::get(self, row)
    }

    #[inline(always)]
    fn stream(&self, rows: Range<usize>) -> impl Iterator<Item = (usize, Option<&'a [u8]>)> {
        Strings::stream(*self, rows, Reading::Whole)
    }
}
