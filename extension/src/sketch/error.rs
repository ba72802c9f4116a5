//! What can be wrong with a sketch or a question to it.

use std::fmt;

/// What kind of mistake it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The bytes are no image of this sketch, or a damaged one.
    BadImage,
    /// A parameter is outside its range.
    BadParameter,
    /// Two sketches that cannot be merged without loss.
    Incompatible,
    /// A count would not fit.
    Overflow,
}

/// An error: its kind, what was wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    pub(super) fn bad_image(message: impl Into<String>) -> Self {
        Error { kind: ErrorKind::BadImage, message: message.into() }
    }

    pub(super) fn bad_parameter(message: impl Into<String>) -> Self {
        Error { kind: ErrorKind::BadParameter, message: message.into() }
    }

    pub(super) fn incompatible(message: impl Into<String>) -> Self {
        Error { kind: ErrorKind::Incompatible, message: message.into() }
    }

    pub(super) fn overflow(message: impl Into<String>) -> Self {
        Error { kind: ErrorKind::Overflow, message: message.into() }
    }

    /// What kind of mistake it was.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
