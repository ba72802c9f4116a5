//! Loops over rows that every scalar function shares: a result row is NULL where an argument is.

use crate::duckdb::{Chunk, Output, Plain, Reading, SqlError, SqlType};
use crate::sketch::histogram::{Bucket, Histogram};
use crate::sketch::hll::HllImage;

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

/// `answer(histogram, x)` for the DOUBLE of each row.
#[inline(always)]
pub fn map_histogram(
    input: &Chunk,
    output: &mut Output,
    answer: impl Fn(&Histogram, f64) -> Result<Option<f64>, SqlError>,
) -> Result<(), SqlError> {
    let len = input.len();
    let mut histogram = Histogram::default();
    each_blob_with(input, output, Reading::Whole, |output, row, blob, x| {
        histogram.read(blob)?;
        set_or_null(output, len, row, answer(&histogram, x)?);
        Ok(())
    })
}

/// `answer(histogram, x)` for each element of the `DOUBLE[]` of each row; NULL where the element is.
#[inline(always)]
pub fn map_histogram_lists(
    input: &Chunk,
    output: &mut Output,
    answer: impl Fn(&Histogram, f64) -> Result<Option<f64>, SqlError>,
) -> Result<(), SqlError> {
    let (blobs, lists) = (input.column(0).strings(), input.column(1).double_lists());
    let mut histogram = Histogram::default();
    for row in 0..input.len() {
        let (Some(blob), Some(elements)) = (blobs.get(row), lists.get(row)) else {
            output.set_null(row);
            continue;
        };
        histogram.read(blob)?;
        let answers: Vec<Option<f64>> = elements
            .map(|element| element.map_or(Ok(None), |x| answer(&histogram, x)))
            .collect::<Result<_, SqlError>>()?;
        output.push_list(row, answers.len(), move |child, first, len| {
            for (i, answer) in answers.into_iter().enumerate() {
                set_or_null(child, len, first + i, answer);
            }
        });
    }
    Ok(())
}

/// The type of a list of buckets.
pub const BUCKETS: SqlType = SqlType::List(&SqlType::Struct(&[
    (c"lower", SqlType::DOUBLE),
    (c"upper", SqlType::DOUBLE),
    (c"count", SqlType::DOUBLE),
]));

/// Gives a row its list of buckets.
pub fn push_buckets(output: &mut Output, row: usize, buckets: Vec<Bucket>) {
    output.push_list(row, buckets.len(), move |child, first, len| {
        for (i, bucket) in buckets.into_iter().enumerate() {
            for (field, value) in [bucket.lower, bucket.upper, bucket.count].into_iter().enumerate() {
                child.field(field).values::<f64>(len)[first + i] = value;
            }
        }
    });
}

/// Reads an HLL sketch.
#[inline(always)]
pub fn hll(blob: &[u8]) -> Result<HllImage<'_>, SqlError> {
    Ok(HllImage::parse(blob)?)
}
