//! Arguments that must be constants but arrive as columns.

use crate::duckdb::{Plain, SqlError, Vector};

/// The one value of a column; an error if it is NULL or changes. `name` is the argument's, for the message. `None` if
/// there is no row.
pub fn constant<T: Plain + PartialEq>(column: &Vector, rows: usize, name: &str) -> Result<Option<T>, SqlError> {
    if rows == 0 {
        return Ok(None);
    }
    if !column.validity().all_valid(rows) {
        return Err(SqlError::new(format!("{name} is NULL, and must be a constant")));
    }
    let values = column.values::<T>();
    match values.iter().all(|value| *value == values[0]) {
        true => Ok(Some(values[0])),
        false => Err(changed(name)),
    }
}

/// An argument had one value first and another later.
pub fn changed(name: &str) -> SqlError {
    SqlError::new(format!("{name} changes from row to row, and must be a constant"))
}
