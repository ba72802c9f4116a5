//! The algorithms and their bytes.
