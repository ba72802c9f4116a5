//! An estimate with its bounds, `STRUCT(lower, estimate, upper)`.

use crate::duckdb::{Output, SqlType};
use crate::sketch::Bounds;

/// The type of an estimate with its bounds.
pub const BOUNDS: SqlType =
    SqlType::Struct(&[(c"lower", SqlType::DOUBLE), (c"estimate", SqlType::DOUBLE), (c"upper", SqlType::DOUBLE)]);

/// Writes an estimate with its bounds.
pub fn write_bounds(output: &mut Output, len: usize, row: usize, bounds: Bounds) {
    for (field, value) in [bounds.lower, bounds.estimate, bounds.upper].into_iter().enumerate() {
        output.field(field).values::<f64>(len)[row] = value;
    }
}
