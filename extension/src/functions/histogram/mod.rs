//! Approximate histograms: the functions `approx_histogram_…`.

mod approx_histogram_bins;
mod approx_histogram_buckets;
mod approx_histogram_cdf;
mod approx_histogram_druid;
mod approx_histogram_quantile;
mod approx_histogram_quantile_bounds;
mod approx_histogram_stats;
mod family;
mod rows;

use self::approx_histogram_buckets::{Buckets, EquiDepth, EquiWidth};
use self::approx_histogram_cdf::{Cdf, Cdfs, CountBelow, CountsBelow};
use self::approx_histogram_druid::{FromDruid, ToDruid};
use self::approx_histogram_quantile::{Quantile, Quantiles};
use self::family::ApproxHistogram;
use super::refused::{OTHERS, refusing};
use super::{Build, Union, UnionAgg, aggregate, scalar};
use crate::duckdb::{Registry, SqlError, TypeId};

/// What to write for a column of such a type.
fn instead(id: TypeId) -> String {
    match id {
        TypeId::Boolean => "approx_histogram_agg(x::INTEGER), or count_if(x)".into(),
        TypeId::Blob => "approx_histogram_union_agg(x) to unite histograms".into(),
        TypeId::Bit | TypeId::Uuid | TypeId::Varchar => {
            "approx_histogram_agg(x::DOUBLE) if it holds numbers, or else count(*) and GROUP BY x".into()
        }
        _ => "approx_histogram_agg(epoch(x)), which measures seconds".into(),
    }
}

/// Registers every function of the family.
pub fn register(registry: &Registry) -> Result<(), SqlError> {
    let build = aggregate::<Build<ApproxHistogram, 1>>().with::<Build<ApproxHistogram, 2>>();
    // Whatever else is not a number, DuckDB takes for VARCHAR.
    let no_numbers = OTHERS.iter().copied().chain([TypeId::Varchar]);
    registry.aggregate(refusing::<ApproxHistogram, 2>(build, no_numbers, "measure", instead))?;
    registry.aggregate(aggregate::<UnionAgg<ApproxHistogram, 1>>().with::<UnionAgg<ApproxHistogram, 2>>())?;
    registry.scalar(scalar::<Union<ApproxHistogram, 2>>())?;
    registry.scalar(scalar::<Quantile>().with::<Quantiles>())?;
    registry.scalar(scalar::<Cdf>().with::<Cdfs>())?;
    registry.scalar(scalar::<CountBelow>().with::<CountsBelow>())?;
    registry.scalar(scalar::<approx_histogram_quantile_bounds::QuantileBounds>())?;
    registry.scalar(scalar::<approx_histogram_bins::Bins>())?;
    registry.scalar(scalar::<EquiWidth>())?;
    registry.scalar(scalar::<EquiDepth>())?;
    registry.scalar(scalar::<Buckets>())?;
    registry.scalar(scalar::<approx_histogram_stats::Stats>())?;
    registry.scalar(scalar::<FromDruid>())?;
    registry.scalar(scalar::<ToDruid<1>>().with::<ToDruid<2>>())
}
