//! The SQL functions: one file each, with its name, its types and its NULL rule.

mod approx_histogram_agg;
mod approx_histogram_bins;
mod approx_histogram_buckets;
mod approx_histogram_cdf;
mod approx_histogram_druid;
mod approx_histogram_quantile;
mod approx_histogram_quantile_bounds;
mod approx_histogram_stats;
mod approx_histogram_union;
mod approx_histogram_union_agg;
mod constant;
mod coupons;
mod duckdb_sketch_version;
mod hll_sketch_agg;
mod hll_sketch_bounds;
mod hll_sketch_describe;
mod hll_sketch_estimate;
mod hll_union;
mod hll_union_agg;
mod hyper_unique_agg;
mod hyper_unique_estimate;
mod hyper_unique_union_agg;
mod rows;

use crate::duckdb::{Aggregate, AggregateSet, Registry, Scalar, ScalarSet, SqlError};
use crate::sketch;

/// Registers every function.
pub fn register(registry: &Registry) -> Result<(), SqlError> {
    registry.aggregate(aggregate::<hll_sketch_agg::SketchAgg<1>>().with::<hll_sketch_agg::SketchAgg<2>>())?;
    registry.aggregate(aggregate::<hll_union_agg::UnionAgg<1>>().with::<hll_union_agg::UnionAgg<2>>())?;
    registry.scalar(scalar::<hll_union::Union<2>>().with::<hll_union::Union<3>>())?;
    registry.scalar(scalar::<hll_sketch_estimate::Estimate>())?;
    registry.scalar(scalar::<hll_sketch_bounds::Bounds>())?;
    registry.scalar(scalar::<hll_sketch_describe::Describe>())?;

    registry.aggregate(
        aggregate::<approx_histogram_agg::HistogramAgg<1>>().with::<approx_histogram_agg::HistogramAgg<2>>(),
    )?;
    registry.aggregate(
        aggregate::<approx_histogram_union_agg::UnionAgg<1>>().with::<approx_histogram_union_agg::UnionAgg<2>>(),
    )?;
    registry.scalar(scalar::<approx_histogram_union::Union>())?;
    registry.scalar(scalar::<approx_histogram_quantile::Quantile>().with::<approx_histogram_quantile::Quantiles>())?;
    registry.scalar(scalar::<approx_histogram_cdf::Cdf>().with::<approx_histogram_cdf::Cdfs>())?;
    registry.scalar(scalar::<approx_histogram_cdf::CountBelow>().with::<approx_histogram_cdf::CountsBelow>())?;
    registry.scalar(scalar::<approx_histogram_quantile_bounds::QuantileBounds>())?;
    registry.scalar(scalar::<approx_histogram_bins::Bins>())?;
    registry.scalar(scalar::<approx_histogram_buckets::EquiWidth>())?;
    registry.scalar(scalar::<approx_histogram_buckets::EquiDepth>())?;
    registry.scalar(scalar::<approx_histogram_buckets::Buckets>())?;
    registry.scalar(scalar::<approx_histogram_stats::Stats>())?;

    registry.scalar(scalar::<approx_histogram_druid::FromDruid>())?;
    registry.scalar(scalar::<approx_histogram_druid::ToDruid<1>>().with::<approx_histogram_druid::ToDruid<2>>())?;
    registry.aggregate(aggregate::<hyper_unique_agg::HyperUniqueAgg>())?;
    registry.aggregate(aggregate::<hyper_unique_union_agg::UnionAgg>())?;
    registry.scalar(scalar::<hyper_unique_estimate::Estimate>())?;

    registry.scalar(scalar::<duckdb_sketch_version::Version>())
}

fn aggregate<A: Aggregate>() -> AggregateSet {
    AggregateSet::new(A::NAME).with::<A>()
}

fn scalar<F: Scalar>() -> ScalarSet {
    ScalarSet::new(F::NAME).with::<F>()
}

impl From<sketch::Error> for SqlError {
    fn from(error: sketch::Error) -> Self {
        SqlError::new(error.to_string())
    }
}
