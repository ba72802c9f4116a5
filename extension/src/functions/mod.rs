//! The SQL functions: a folder for each family, and in it a file for each function, with its name, its types and its
//! NULL rule. What every family has, it gets from [`build`], [`union_agg`] and [`union`].

mod bounds;
mod build;
mod duckdb_sketch_version;
mod family;
mod hashes;
mod histogram;
mod hll;
mod hyper_unique;
mod parameter;
mod refused;
mod rows;
mod texts;
mod theta;
mod top_k;
mod union;
mod union_agg;

use self::build::Build;
use self::union::Union;
use self::union_agg::UnionAgg;
use crate::duckdb::{Aggregate, AggregateSet, Registry, Scalar, ScalarSet, SqlError};
use crate::sketch;

/// Registers every function.
pub fn register(registry: &Registry) -> Result<(), SqlError> {
    macro_rules! register_families {
        ($($family:ident)*) => { $($family::register(registry)?;)* };
    }
    families!(register_families);
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
