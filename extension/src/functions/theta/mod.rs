//! Theta sketches: the functions `theta_…`.

mod family;
mod theta_difference;
mod theta_intersection;
mod theta_intersection_agg;
mod theta_jaccard;
mod theta_sketch_bounds;
mod theta_sketch_describe;
mod theta_sketch_estimate;

use self::family::Theta;
use super::{Build, Union, UnionAgg, aggregate, scalar};
use crate::duckdb::{Registry, SqlError};

/// Registers every function of the family.
pub fn register(registry: &Registry) -> Result<(), SqlError> {
    registry.aggregate(aggregate::<Build<Theta, 1>>().with::<Build<Theta, 2>>())?;
    registry.aggregate(aggregate::<UnionAgg<Theta, 1>>().with::<UnionAgg<Theta, 2>>())?;
    registry.scalar(scalar::<Union<Theta, 2>>().with::<Union<Theta, 3>>())?;
    registry.aggregate(aggregate::<theta_intersection_agg::IntersectionAgg>())?;
    registry.scalar(scalar::<theta_intersection::Intersection>())?;
    registry.scalar(scalar::<theta_difference::Difference>())?;
    registry.scalar(scalar::<theta_jaccard::Jaccard>())?;
    registry.scalar(scalar::<theta_sketch_estimate::Estimate>())?;
    registry.scalar(scalar::<theta_sketch_bounds::Bounds>())?;
    registry.scalar(scalar::<theta_sketch_describe::Describe>())
}
