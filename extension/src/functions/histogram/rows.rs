//! Loops over rows, and lists of buckets, that several functions of histograms share.

use crate::duckdb::{Chunk, Output, Reading, SqlError, SqlType};
use crate::functions::rows::{each_blob_with, set_or_null};
use crate::sketch::histogram::{Bucket, Curves, Histogram};

/// `answer(curves, x)` for the DOUBLE of each row.
#[inline(always)]
pub fn map_histogram(
    input: &Chunk,
    output: &mut Output,
    answer: impl Fn(&Curves, f64) -> Result<Option<f64>, SqlError>,
) -> Result<(), SqlError> {
    let len = input.len();
    let mut histogram = Histogram::default();
    each_blob_with(input, output, Reading::Whole, |output, row, blob, x| {
        histogram.read_bins(blob)?;
        set_or_null(output, len, row, answer(&Curves::of(&histogram), x)?);
        Ok(())
    })
}

/// `answer(curves, x)` for each element of the `DOUBLE[]` of each row; NULL where the element is.
#[inline(always)]
pub fn map_histogram_lists(
    input: &Chunk,
    output: &mut Output,
    answer: impl Fn(&Curves, f64) -> Result<Option<f64>, SqlError>,
) -> Result<(), SqlError> {
    let (blobs, lists) = (input.column(0).strings(), input.column(1).double_lists());
    let mut histogram = Histogram::default();
    for row in 0..input.len() {
        let (Some(blob), Some(elements)) = (blobs.get(row), lists.get(row)) else {
            output.set_null(row);
            continue;
        };
        histogram.read_bins(blob)?;
        let curves = Curves::of(&histogram);
        let answers: Vec<Option<f64>> = elements
            .map(|element| element.map_or(Ok(None), |x| answer(&curves, x)))
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
