//! `approx_histogram_agg(x [, bins = 50]) -> BLOB`: the distribution; NULLs are skipped.

use std::ffi::CStr;

use super::constant::{changed, constant};
use crate::duckdb::{Aggregate, Chunk, Output, SqlError, SqlType, States};
use crate::sketch::histogram::{Histogram, HistogramBuilder, MaxBins};

/// The overload with so many arguments.
pub struct HistogramAgg<const ARGUMENTS: usize>;

impl<const ARGUMENTS: usize> Aggregate for HistogramAgg<ARGUMENTS> {
    const NAME: &'static CStr = c"approx_histogram_agg";
    const PARAMETERS: &'static [SqlType] = [SqlType::DOUBLE, SqlType::BIGINT].split_at(ARGUMENTS).0;
    const RETURNS: SqlType = SqlType::BLOB;
    /// None before the first row.
    type State = Option<HistogramBuilder>;

    #[inline(always)]
    fn update(input: &Chunk, states: &mut States<Self::State>) -> Result<(), SqlError> {
        let bins = if ARGUMENTS == 2 { constant(&input.column(1), input.len(), "bins")? } else { None };
        let max_bins = bins.map_or(Ok(MaxBins::DEFAULT), MaxBins::new)?;
        let column = input.column(0);
        let (values, validity) = (column.values::<f64>(), column.validity());
        let all_valid = validity.all_valid(values.len());
        states.for_each_run(
            #[inline(always)]
            |rows, state| {
                let builder = state.get_or_insert_with(|| HistogramBuilder::new(max_bins));
                if builder.max_bins() != max_bins {
                    return Err(changed("bins"));
                }
                if all_valid {
                    builder.extend(&values[rows])?;
                } else {
                    for row in rows.filter(|&row| validity.is_valid(row)) {
                        builder.insert(values[row])?;
                    }
                }
                Ok(())
            },
        )
    }

    #[inline(always)]
    fn combine(source: &Self::State, target: &mut Self::State) -> Result<(), SqlError> {
        match (source, &mut *target) {
            (None, _) => {}
            (Some(source), None) => *target = Some(source.clone()),
            (Some(source), Some(target)) if source.max_bins() == target.max_bins() => target.merge(source)?,
            _ => return Err(changed("bins")),
        }
        Ok(())
    }

    #[inline(always)]
    fn finalize(state: &Self::State, output: &mut Output, row: usize) -> Result<(), SqlError> {
        write_histogram(state.as_ref(), output, row);
        Ok(())
    }
}

/// Writes a histogram; an empty one if there was no row.
#[inline(always)]
pub fn write_histogram(builder: Option<&HistogramBuilder>, output: &mut Output, row: usize) {
    let histogram = builder.map_or_else(|| Histogram::empty(MaxBins::DEFAULT), HistogramBuilder::finish);
    output.set_bytes(row, histogram.to_bytes());
}
