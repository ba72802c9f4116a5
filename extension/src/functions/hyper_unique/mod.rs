//! Druid's `hyperUnique`: the functions `hyper_unique_…`.

mod family;
mod hyper_unique_estimate;

use self::family::HyperUnique;
use super::{Build, Union, UnionAgg, aggregate, scalar};
use crate::duckdb::{Registry, SqlError};

/// Registers every function of the family.
pub fn register(registry: &Registry) -> Result<(), SqlError> {
    registry.aggregate(aggregate::<Build<HyperUnique, 1>>())?;
    registry.aggregate(aggregate::<UnionAgg<HyperUnique, 1>>())?;
    registry.scalar(scalar::<Union<HyperUnique, 2>>())?;
    registry.scalar(scalar::<hyper_unique_estimate::Estimate>())
}
