//! Druid's `hyperUnique`: the functions `hyper_unique_…`.

mod family;
mod hyper_unique_agg_of_integers;
mod hyper_unique_estimate;

use self::family::HyperUnique;
use self::hyper_unique_agg_of_integers::OfIntegers;
use super::refused::{OTHERS, refusing};
use super::{Build, Union, UnionAgg, aggregate, scalar};
use crate::duckdb::{Registry, SqlError, TypeId};

/// What to write for a column of numbers, or of times.
const AS_TEXT: &str = "hyper_unique_agg(x::VARCHAR), as Druid counts text";

/// Types of numbers, besides BIGINT.
const NUMBERS: &[TypeId] = {
    use TypeId::*;
    &[TinyInt, SmallInt, Integer, HugeInt, UTinyInt, USmallInt, UInteger, UBigInt, UHugeInt, Float, Double, BigNum]
};

/// What to write for a column of a type other than text.
fn instead(id: TypeId) -> String {
    match id {
        TypeId::Blob => "hyper_unique_union_agg(x) to unite sketches".into(),
        _ => AS_TEXT.into(),
    }
}

/// Registers every function of the family.
pub fn register(registry: &Registry) -> Result<(), SqlError> {
    let no_texts = OTHERS.iter().chain(NUMBERS).copied();
    let build = aggregate::<Build<HyperUnique, 1>>().with::<OfIntegers>();
    registry.aggregate(refusing::<HyperUnique, 1>(build, no_texts, "count", instead))?;
    registry.aggregate(aggregate::<UnionAgg<HyperUnique, 1>>())?;
    registry.scalar(scalar::<Union<HyperUnique, 2>>())?;
    registry.scalar(scalar::<hyper_unique_estimate::Estimate>())
}
