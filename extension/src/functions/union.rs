//! The union of two stored sketches: `hll_union(a, b [, allow_different_lg_k])` and those of the other families; NULL if
//! an argument is.

use std::ffi::CStr;
use std::marker::PhantomData;

use super::family::{Family, StoredColumn};
use super::parameter::Parameter;
use crate::duckdb::{Chunk, Output, Scalar, SqlError, SqlType};

/// The overload with that many arguments.
pub struct Union<F, const ARGUMENTS: usize>(PhantomData<F>);

impl<F: Family, const ARGUMENTS: usize> Union<F, ARGUMENTS> {
    const ALL_PARAMETERS: &'static [SqlType] = &[F::STORED, F::STORED, F::Merging::TYPE];
}

impl<F: Family, const ARGUMENTS: usize> Scalar for Union<F, ARGUMENTS> {
    const NAME: &'static CStr = F::UNION;
    const PARAMETERS: &'static [SqlType] = Self::ALL_PARAMETERS.split_at(ARGUMENTS).0;
    const RETURNS: SqlType = F::STORED;

    #[inline(always)]
    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError> {
        let (left, right) = (F::Column::of(&input.column(0)), F::Column::of(&input.column(1)));
        let merging = (ARGUMENTS == 3).then(|| input.column(2));
        let merging =
            merging.as_ref().map(|column| (column.values::<<F::Merging as Parameter>::Argument>(), column.validity()));
        let mut scratch = F::Scratch::default();
        for (row, left) in left.stream(0..input.len()) {
            let is_null = merging.is_some_and(|(_, validity)| !validity.is_valid(row));
            let (Some(left), Some(right), false) = (left, right.get(row), is_null) else {
                output.set_null(row);
                continue;
            };
            let merging = merging.map_or(Ok(F::Merging::DEFAULT), |(values, _)| F::Merging::new(values[row]))?;
            let mut union = F::start(merging);
            F::merge_stored(&mut union, left, &mut scratch, merging)?;
            F::merge_stored(&mut union, right, &mut scratch, merging)?;
            F::store_open(union.as_ref(), output, row);
        }
        Ok(())
    }
}
