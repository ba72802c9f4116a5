//! The aggregate that unites a column of stored sketches: `hll_union_agg(sketch [, allow_different_lg_k])` and those of
//! the other families. NULLs are skipped.

use std::ffi::CStr;
use std::marker::PhantomData;

use super::family::{Family, StoredColumn};
use super::parameter::{Parameter, changed, constant};
use crate::duckdb::{Aggregate, Chunk, Output, SqlError, SqlType, States};

/// The overload with that many arguments.
pub struct UnionAgg<F, const ARGUMENTS: usize>(PhantomData<F>);

/// What a group holds.
pub struct State<F: Family> {
    /// None before the first sketch.
    sketch: Option<F::Sketch>,
    /// None before the first row.
    merging: Option<F::Merging>,
}

impl<F: Family> Default for State<F> {
    fn default() -> Self {
        State { sketch: None, merging: None }
    }
}

impl<F: Family> State<F> {
    /// Keeps the first way of merging, refuses another.
    #[inline(always)]
    fn start(&mut self, merging: F::Merging) -> Result<(), SqlError> {
        match self.merging {
            Some(first) if first == merging => {}
            Some(_) => return Err(changed(F::Merging::NAME)),
            None => *self = State { sketch: F::start(merging), merging: Some(merging) },
        }
        Ok(())
    }
}

impl<F: Family, const ARGUMENTS: usize> UnionAgg<F, ARGUMENTS> {
    const ALL_PARAMETERS: &'static [SqlType] = &[F::STORED, F::Merging::TYPE];
}

impl<F: Family, const ARGUMENTS: usize> Aggregate for UnionAgg<F, ARGUMENTS> {
    const NAME: &'static CStr = F::UNION_AGG;
    const PARAMETERS: &'static [SqlType] = Self::ALL_PARAMETERS.split_at(ARGUMENTS).0;
    const RETURNS: SqlType = F::STORED;
    type State = State<F>;

    #[inline(always)]
    fn update(input: &Chunk, states: &mut States<State<F>>) -> Result<(), SqlError> {
        let merging: F::Merging = constant(input, ARGUMENTS == 2)?;
        let column = F::Column::of(&input.column(0));
        let mut scratch = F::Scratch::default();
        states.for_each_run(
            #[inline(always)]
            |rows, state| {
                state.start(merging)?;
                for stored in column.stream(rows).filter_map(|(_, stored)| stored) {
                    F::merge_stored(&mut state.sketch, stored, &mut scratch, merging)?;
                }
                Ok(())
            },
        )
    }

    #[inline(always)]
    fn combine(source: &State<F>, target: &mut State<F>) -> Result<(), SqlError> {
        let Some(merging) = source.merging else { return Ok(()) };
        target.start(merging)?;
        match (&source.sketch, &mut target.sketch) {
            (None, _) => {}
            (Some(source), None) => target.sketch = Some(source.clone()),
            (Some(source), Some(sketch)) => F::merge(sketch, source, merging)?,
        }
        Ok(())
    }

    #[inline(always)]
    fn finalize(state: &State<F>, output: &mut Output, row: usize) -> Result<(), SqlError> {
        F::store(state.sketch.as_ref(), output, row);
        Ok(())
    }
}
