//! The aggregate that builds a sketch of a column: `hll_sketch_agg(x [, lg_k])` and those of the other families. NULLs
//! are skipped.

use std::ffi::CStr;
use std::marker::PhantomData;

use super::family::Family;
use super::parameter::{Parameter, changed, constant};
use crate::duckdb::{Aggregate, Chunk, Output, SqlError, SqlType, States};

/// The overload with that many arguments.
pub struct Build<F, const ARGUMENTS: usize>(PhantomData<F>);

impl<F: Family, const ARGUMENTS: usize> Build<F, ARGUMENTS> {
    const ALL_PARAMETERS: &'static [SqlType] = &[F::VALUE, F::Size::TYPE];
}

impl<F: Family, const ARGUMENTS: usize> Aggregate for Build<F, ARGUMENTS> {
    const NAME: &'static CStr = F::BUILD;
    const PARAMETERS: &'static [SqlType] = Self::ALL_PARAMETERS.split_at(ARGUMENTS).0;
    const RETURNS: SqlType = F::STORED;
    /// None before the first row.
    type State = Option<F::Sketch>;

    #[inline(always)]
    fn update(input: &Chunk, states: &mut States<Self::State>) -> Result<(), SqlError> {
        let size: F::Size = constant(input, ARGUMENTS == 2)?;
        let values = F::values(&input.column(0))?;
        states.for_each_run_ahead(
            #[inline(always)]
            |row, state| F::place_of(state.as_ref()?, &values, row),
            #[inline(always)]
            |rows, state| {
                if !F::needs_sketch(&values, &rows) {
                    return Ok(());
                }
                let sketch = state.get_or_insert_with(|| F::new(size));
                if F::size(sketch) != size {
                    return Err(changed(F::Size::NAME));
                }
                F::extend(sketch, &values, rows)
            },
        )
    }

    #[inline(always)]
    fn combine(source: &Self::State, target: &mut Self::State) -> Result<(), SqlError> {
        match (source, &mut *target) {
            (None, _) => {}
            (Some(source), None) => *target = Some(source.clone()),
            (Some(source), Some(target)) if F::size(source) == F::size(target) => {
                F::merge(target, source, F::Merging::DEFAULT)?;
            }
            _ => return Err(changed(F::Size::NAME)),
        }
        Ok(())
    }

    #[inline(always)]
    fn finalize(state: &Self::State, output: &mut Output, row: usize) -> Result<(), SqlError> {
        F::store(state.as_ref(), output, row);
        Ok(())
    }
}
