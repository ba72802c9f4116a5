//! The border that no panic crosses.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::SqlError;

/// Runs a callback's body; an error or a panic becomes the message for DuckDB.
///
/// `AssertUnwindSafe`: after a failure DuckDB abandons the query and only destroys the states.
pub fn guard(function: &str, body: impl FnOnce() -> Result<(), SqlError>) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("{function}: {error}")),
        Err(panic) => Err(format!("{function}: internal error: {}", panic_message(&*panic))),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_function() {
        assert_eq!(guard("f", || Err(SqlError::new("no"))), Err("f: no".into()));
    }

    #[test]
    fn a_panic_becomes_an_error() {
        assert_eq!(guard("f", || panic!("lost {}", 1)), Err("f: internal error: lost 1".into()));
    }
}
