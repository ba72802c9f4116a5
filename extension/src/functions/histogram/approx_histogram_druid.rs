//! `approx_histogram_from_druid(blob) -> BLOB` and `approx_histogram_to_druid(h [, form]) -> BLOB`: histograms as Druid
//! stores them; NULL if an argument is.

use std::ffi::CStr;

use crate::duckdb::{Chunk, Output, Reading, Scalar, SqlError, SqlType};
use crate::functions::rows::each_blob;
use crate::sketch::histogram::{DruidForm, Histogram};

/// Reads Druid's.
pub struct FromDruid;

impl Scalar for FromDruid {
    const NAME: &'static CStr = c"approx_histogram_from_druid";
    const PARAMETERS: &'static [SqlType] = &[SqlType::BLOB];
    const RETURNS: SqlType = SqlType::BLOB;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        each_blob(input, output, Reading::Whole, |output, row, blob| {
            output.set_bytes(row, Histogram::from_druid(blob)?.to_bytes());
            Ok(())
        })
    }
}

/// Writes Druid's: the overload with that many arguments.
pub struct ToDruid<const ARGUMENTS: usize>;

impl<const ARGUMENTS: usize> Scalar for ToDruid<ARGUMENTS> {
    const NAME: &'static CStr = c"approx_histogram_to_druid";
    const PARAMETERS: &'static [SqlType] = [SqlType::BLOB, SqlType::VARCHAR].split_at(ARGUMENTS).0;
    const RETURNS: SqlType = SqlType::BLOB;

    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let forms = (ARGUMENTS == 2).then(|| input.column(1).strings());
        let mut histogram = Histogram::default();
        each_blob(input, output, Reading::Whole, |output, row, blob| {
            let form = match forms.map(|forms| forms.get(row)) {
                Some(None) => {
                    output.set_null(row);
                    return Ok(());
                }
                Some(Some(name)) => Some(DruidForm::of(name)?),
                None => None,
            };
            histogram.read(blob)?;
            output.set_bytes(row, histogram.to_druid(form)?);
            Ok(())
        })
    }
}
