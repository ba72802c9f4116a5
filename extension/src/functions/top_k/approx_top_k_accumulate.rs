//! `approx_top_k_accumulate(x, max_items, weight) -> BLOB`: each row counts as often as its weight says. The overloads
//! without a weight are those of every family.

use std::ffi::CStr;

use super::family::TopK;
use crate::duckdb::{Aggregate, Chunk, Output, SqlError, SqlType, States, Validity};
use crate::functions::build::Build;
use crate::functions::family::Family;
use crate::functions::parameter::{Parameter, changed, constant};
use crate::sketch::top_k::{MapSize, TopKSketch};

/// The overload with a weight.
pub struct Weighted;

/// All but the rows is as without a weight.
type Plain = Build<TopK, 2>;

impl Aggregate for Weighted {
    const NAME: &'static CStr = TopK::BUILD;
    const PARAMETERS: &'static [SqlType] = &[TopK::VALUE, MapSize::TYPE, SqlType::BIGINT];
    const RETURNS: SqlType = TopK::STORED;
    type State = Option<TopKSketch>;

    #[inline(always)]
    fn update(input: &Chunk, states: &mut States<Self::State>) -> Result<(), SqlError> {
        let size: MapSize = constant(input, true)?;
        let items = TopK::values(&input.column(0))?;
        let column = input.column(2);
        let weights = Weights { weights: column.values(), validity: column.validity() };
        states.for_each_run_ahead(
            #[inline(always)]
            |row, state| items.place_in(state.as_ref()?, row),
            #[inline(always)]
            |rows, state| {
                let sketch = state.get_or_insert_with(|| TopKSketch::new(size));
                if sketch.size() != size {
                    return Err(changed(MapSize::NAME));
                }
                for row in rows {
                    match weights.get(row)? {
                        0 => {}
                        weight => items.add_weighted_to(sketch, row, weight)?,
                    }
                }
                Ok(())
            },
        )
    }

    #[inline(always)]
    fn combine(source: &Self::State, target: &mut Self::State) -> Result<(), SqlError> {
        Plain::combine(source, target)
    }

    #[inline(always)]
    fn finalize(state: &Self::State, output: &mut Output, row: usize) -> Result<(), SqlError> {
        Plain::finalize(state, output, row)
    }
}

struct Weights<'a> {
    weights: &'a [i64],
    validity: Validity<'a>,
}

impl Weights<'_> {
    /// How often a row counts; not at all where that is NULL, as `sum` skips it.
    #[inline(always)]
    fn get(&self, row: usize) -> Result<u64, SqlError> {
        let weight = self.weights[row];
        match self.validity.is_valid(row) {
            true => u64::try_from(weight).map_err(|_| negative(weight)),
            false => Ok(0),
        }
    }
}

#[cold]
fn negative(weight: i64) -> SqlError {
    SqlError::new(format!("weight is {weight}, and must be 0 or more: what was counted is not taken away again"))
}
