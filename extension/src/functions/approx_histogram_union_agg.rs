//! `approx_histogram_union_agg(h [, bins]) -> BLOB`: the distribution of all; NULLs are skipped. Without `bins` the
//! result may have as many bins as the histogram that may have most.

use std::ffi::CStr;

use super::approx_histogram_agg::write_histogram;
use super::constant::{changed, constant};
use crate::duckdb::{Aggregate, Chunk, Output, Reading, SqlError, SqlType, States};
use crate::sketch::histogram::{Histogram, HistogramBuilder, MaxBins};

/// The overload with so many arguments.
pub struct UnionAgg<const ARGUMENTS: usize>;

impl<const ARGUMENTS: usize> Aggregate for UnionAgg<ARGUMENTS> {
    const NAME: &'static CStr = c"approx_histogram_union_agg";
    const PARAMETERS: &'static [SqlType] = [SqlType::BLOB, SqlType::BIGINT].split_at(ARGUMENTS).0;
    const RETURNS: SqlType = SqlType::BLOB;
    /// None before the first row.
    type State = Option<HistogramBuilder>;

    #[inline(always)]
    fn update(input: &Chunk, states: &mut States<Self::State>) -> Result<(), SqlError> {
        let bins = if ARGUMENTS == 2 { constant(&input.column(1), input.len(), "bins")? } else { None };
        let fixed = bins.map(MaxBins::new).transpose()?;
        let blobs = input.column(0).strings();
        let mut histogram = Histogram::default();
        states.for_each_run(
            #[inline(always)]
            |rows, state| {
                if let (Some(bins), Some(builder)) = (fixed, &state)
                    && builder.max_bins() != bins
                {
                    return Err(changed("bins"));
                }
                if let Some(bins) = fixed {
                    state.get_or_insert_with(|| HistogramBuilder::new(bins));
                }
                for blob in blobs.stream(rows, Reading::Whole).filter_map(|(_, blob)| blob) {
                    histogram.read(blob)?;
                    let builder = state.get_or_insert_with(|| HistogramBuilder::new(histogram.max_bins()));
                    if fixed.is_none() {
                        builder.widen(histogram.max_bins(), histogram.is_empty());
                    }
                    builder.merge_histogram(&histogram)?;
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
            (Some(source), Some(target)) if ARGUMENTS == 1 || source.max_bins() == target.max_bins() => {
                target.merge(source)?;
            }
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
