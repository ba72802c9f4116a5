//! Loops over rows that every scalar function shares: a result row is NULL where an argument is.

use crate::duckdb::{Chunk, Output, Plain, Reading, SqlError};

/// Calls `write` for each row whose first argument, a blob of which so much is read, is not NULL, with the row and the
/// blob.
#[inline(always)]
pub fn each_blob(
    input: &Chunk,
    output: &mut Output,
    reading: Reading,
    mut write: impl FnMut(&mut Output, usize, &[u8]) -> Result<(), SqlError>,
) -> Result<(), SqlError> {
    for (row, blob) in input.column(0).strings().stream(0..input.len(), reading) {
        match blob {
            Some(blob) => write(output, row, blob)?,
            None => output.set_null(row),
        }
    }
    Ok(())
}

/// The same with a second argument of a plain type.
#[inline(always)]
pub fn each_blob_with<T: Plain>(
    input: &Chunk,
    output: &mut Output,
    reading: Reading,
    mut write: impl FnMut(&mut Output, usize, &[u8], T) -> Result<(), SqlError>,
) -> Result<(), SqlError> {
    let second = input.column(1);
    let (values, validity) = (second.values::<T>(), second.validity());
    each_blob(input, output, reading, |output, row, blob| {
        if validity.is_valid(row) {
            write(output, row, blob, values[row])
        } else {
            output.set_null(row);
            Ok(())
        }
    })
}

/// Calls `write` for each row whose two arguments, blobs, are not NULL, with the row and the blobs.
#[inline(always)]
pub fn each_pair(
    input: &Chunk,
    output: &mut Output,
    mut write: impl FnMut(&mut Output, usize, &[u8], &[u8]) -> Result<(), SqlError>,
) -> Result<(), SqlError> {
    let right = input.column(1).strings();
    each_blob(input, output, Reading::Whole, |output, row, left| match right.get(row) {
        Some(right) => write(output, row, left, right),
        None => {
            output.set_null(row);
            Ok(())
        }
    })
}

/// `result(blob)` in each row, NULL for `None`.
#[inline(always)]
pub fn map_blob<T: Plain>(
    input: &Chunk,
    output: &mut Output,
    reading: Reading,
    mut result: impl FnMut(&[u8]) -> Result<Option<T>, SqlError>,
) -> Result<(), SqlError> {
    let len = input.len();
    each_blob(
        input,
        output,
        reading,
        #[inline(always)]
        |output, row, blob| {
            set_or_null(output, len, row, result(blob)?);
            Ok(())
        },
    )
}

/// Writes a value, or NULL. `len` is the number of rows that the vector has room for.
#[inline(always)]
pub fn set_or_null<T: Plain>(output: &mut Output, len: usize, row: usize, value: Option<T>) {
    match value {
        Some(value) => output.values::<T>(len)[row] = value,
        None => output.set_null(row),
    }
}
