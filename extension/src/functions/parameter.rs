//! Arguments that tell how to build or to unite: constants that arrive as columns.

use crate::duckdb::{Chunk, Plain, SqlError, SqlType, Vector};

/// A parameter of a function, with its default.
pub trait Parameter: Copy + PartialEq + Send + Sync {
    /// Its name, for errors.
    const NAME: &'static str;
    /// Its SQL type.
    const TYPE: SqlType;
    /// The layout of that type in a vector.
    type Argument: Plain + PartialEq;
    /// What holds where the argument is left out.
    const DEFAULT: Self;

    /// Checks the range.
    fn new(argument: Self::Argument) -> Result<Self, SqlError>;
}

/// No parameter: a family that has none registers no overload with it.
impl Parameter for () {
    const NAME: &'static str = "nothing";
    const TYPE: SqlType = SqlType::BOOLEAN;
    type Argument = u8;
    const DEFAULT: Self = ();

    fn new(_: u8) -> Result<Self, SqlError> {
        Ok(())
    }
}

/// The parameter of an aggregate, its second argument; the default in the overload without it, or if there is no row.
pub fn constant<P: Parameter>(input: &Chunk, is_given: bool) -> Result<P, SqlError> {
    if !is_given || input.is_empty() {
        return Ok(P::DEFAULT);
    }
    let column = input.column(1);
    P::new(constant_value(&column, input.len(), P::NAME)?)
}

/// The one value of a column of at least one row; an error if it is NULL or changes.
fn constant_value<T: Plain + PartialEq>(column: &Vector, rows: usize, name: &str) -> Result<T, SqlError> {
    if !column.validity().all_valid(rows) {
        return Err(SqlError::new(format!("{name} is NULL, and must be a constant")));
    }
    let values = column.values::<T>();
    match values.iter().all(|value| *value == values[0]) {
        true => Ok(values[0]),
        false => Err(changed(name)),
    }
}

/// An argument had one value first and another later.
pub fn changed(name: &str) -> SqlError {
    SqlError::new(format!("{name} changes from row to row, and must be a constant"))
}
