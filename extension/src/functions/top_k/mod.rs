//! Frequent items: the functions `approx_top_k_…`.

mod approx_top_k_accumulate;
mod approx_top_k_agree;
mod approx_top_k_describe;
mod approx_top_k_estimate;
mod approx_top_k_import;
mod family;
mod items;

use self::approx_top_k_accumulate::Weighted;
use self::approx_top_k_estimate::Estimate;
use self::family::TopK;
use super::{Build, Union, UnionAgg, aggregate, scalar};
use crate::duckdb::{Registry, SqlError};

/// Registers every function of the family.
pub fn register(registry: &Registry) -> Result<(), SqlError> {
    registry.aggregate(aggregate::<Build<TopK, 1>>().with::<Build<TopK, 2>>().with::<Weighted>())?;
    registry.aggregate(aggregate::<UnionAgg<TopK, 1>>().with::<UnionAgg<TopK, 2>>())?;
    registry.scalar(scalar::<Union<TopK, 2>>().with::<Union<TopK, 3>>())?;
    registry.scalar(scalar::<Estimate<1>>().with::<Estimate<2>>())?;
    registry.scalar(scalar::<approx_top_k_describe::Describe>())?;
    registry.scalar(scalar::<approx_top_k_agree::Agree>())?;
    registry.scalar(scalar::<approx_top_k_import::Import>())
}
