//! What a callback reports to DuckDB.

use std::ffi::CString;
use std::fmt;

/// The message of a SQL error, without the function's name: [`guard`](super::guard) puts that in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError(String);

impl SqlError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        SqlError(message.into())
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SqlError {}

/// A C string of any text: a NUL byte inside would end the message early, so it is shown instead.
pub(super) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "\\0")).expect("no NUL byte is left")
}
