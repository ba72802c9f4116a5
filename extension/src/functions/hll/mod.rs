//! HyperLogLog: the functions `hll_…`.

mod family;
mod hll_intersection;
mod hll_sketch_bounds;
mod hll_sketch_describe;
mod hll_sketch_estimate;

use self::family::Hll;
use self::hll_intersection::Intersection;
use super::{Build, Union, UnionAgg, aggregate, scalar};
use crate::duckdb::{Registry, SqlError};

/// Registers every function of the family.
pub fn register(registry: &Registry) -> Result<(), SqlError> {
    registry.aggregate(aggregate::<Build<Hll, 1>>().with::<Build<Hll, 2>>())?;
    registry.aggregate(aggregate::<UnionAgg<Hll, 1>>().with::<UnionAgg<Hll, 2>>())?;
    registry.scalar(scalar::<Union<Hll, 2>>().with::<Union<Hll, 3>>())?;
    registry.scalar(scalar::<Intersection<2>>().with::<Intersection<3>>())?;
    registry.scalar(scalar::<hll_sketch_estimate::Estimate>())?;
    registry.scalar(scalar::<hll_sketch_bounds::Bounds>())?;
    registry.scalar(scalar::<hll_sketch_describe::Describe>())
}
