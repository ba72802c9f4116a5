//! `approx_histogram_agg(x [, bins = 50])`, `approx_histogram_union_agg(h [, bins])` and `approx_histogram_union(a, b)`,
//! all `-> BLOB`.

use std::ffi::CStr;
use std::ops::Range;

use crate::duckdb::{Output, SqlError, SqlType, Strings, Validity, Vector};
use crate::functions::family::Family;
use crate::functions::parameter::Parameter;
use crate::sketch::histogram::{Histogram, HistogramBuilder, MaxBins};

/// The family of approximate histograms.
pub struct ApproxHistogram;

/// A column of doubles.
pub struct Doubles<'a> {
    values: &'a [f64],
    validity: Validity<'a>,
    all_valid: bool,
}

impl Family for ApproxHistogram {
    const BUILD: &'static CStr = c"approx_histogram_agg";
    const UNION_AGG: &'static CStr = c"approx_histogram_union_agg";
    const UNION: &'static CStr = c"approx_histogram_union";
    const VALUE: SqlType = SqlType::DOUBLE;
    const STORED: SqlType = SqlType::BLOB;
    type Sketch = HistogramBuilder;
    type Size = MaxBins;
    type Values<'a> = Doubles<'a>;
    type Column<'a> = Strings<'a>;
    type Merging = UnionBins;
    type Scratch = Histogram;

    #[inline(always)]
    fn values<'a>(column: &Vector<'a>) -> Result<Doubles<'a>, SqlError> {
        let (values, validity) = (column.values::<f64>(), column.validity());
        Ok(Doubles { values, validity, all_valid: validity.all_valid(values.len()) })
    }

    #[inline(always)]
    fn new(max_bins: MaxBins) -> HistogramBuilder {
        HistogramBuilder::new(max_bins)
    }

    #[inline(always)]
    fn size(builder: &HistogramBuilder) -> MaxBins {
        builder.max_bins()
    }

    #[inline(always)]
    fn extend(builder: &mut HistogramBuilder, column: &Doubles, rows: Range<usize>) -> Result<(), SqlError> {
        let &Doubles { values, validity, all_valid } = column;
        if all_valid {
            builder.extend(&values[rows])?;
        } else {
            for row in rows.filter(|&row| validity.is_valid(row)) {
                builder.insert(values[row])?;
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn store(builder: Option<&HistogramBuilder>, output: &mut Output, row: usize) {
        // No function as an argument: it would not be compiled for the CPU that the caller is.
        let histogram = match builder {
            Some(builder) => builder.finish(),
            None => Histogram::default(),
        };
        output.set_bytes(row, histogram.to_bytes());
    }

    #[inline(always)]
    fn store_open(builder: Option<&HistogramBuilder>, output: &mut Output, row: usize) {
        let histogram = match builder {
            Some(builder) => builder.finish_open(),
            None => Histogram::default(),
        };
        output.set_bytes(row, histogram.to_bytes());
    }

    #[inline(always)]
    fn start(bins: UnionBins) -> Option<HistogramBuilder> {
        match bins {
            UnionBins::Fixed(max_bins) => Some(HistogramBuilder::new(max_bins)),
            UnionBins::Most => None,
        }
    }

    #[inline(always)]
    fn merge(target: &mut HistogramBuilder, source: &HistogramBuilder, _: UnionBins) -> Result<(), SqlError> {
        Ok(target.merge(source)?)
    }

    #[inline(always)]
    fn merge_stored(
        target: &mut Option<HistogramBuilder>,
        blob: &[u8],
        histogram: &mut Histogram,
        bins: UnionBins,
    ) -> Result<(), SqlError> {
        histogram.read(blob)?;
        let builder = target.get_or_insert_with(|| HistogramBuilder::new(histogram.max_bins()));
        if bins == UnionBins::Most {
            builder.widen(histogram.max_bins(), histogram.is_empty());
        }
        Ok(builder.merge_histogram(histogram)?)
    }
}

impl Parameter for MaxBins {
    const NAME: &'static str = "bins";
    const TYPE: SqlType = SqlType::BIGINT;
    type Argument = i64;
    const DEFAULT: Self = MaxBins::DEFAULT;

    fn new(bins: i64) -> Result<Self, SqlError> {
        Ok(MaxBins::new(bins)?)
    }
}

/// How many bins a union may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UnionBins {
    /// That many.
    Fixed(MaxBins),
    /// As many as the histogram that may have most.
    Most,
}

impl Parameter for UnionBins {
    const NAME: &'static str = MaxBins::NAME;
    const TYPE: SqlType = MaxBins::TYPE;
    type Argument = i64;
    const DEFAULT: Self = UnionBins::Most;

    fn new(bins: i64) -> Result<Self, SqlError> {
        Ok(UnionBins::Fixed(MaxBins::new(bins)?))
    }
}
