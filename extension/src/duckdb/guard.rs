//! The border that no panic crosses.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::SqlError;
use crate::sketch::OutOfMemory;

/// Runs a callback's body; an error or a panic becomes the message for DuckDB. Nothing that may panic is done outside:
/// the message is formatted, and the panic's payload dropped, under a guard, too.
///
/// `AssertUnwindSafe`: after a failure DuckDB abandons the query and only destroys the states.
pub fn guard(function: &str, body: impl FnOnce() -> Result<(), SqlError>) -> Result<(), String> {
    let named = || body().map_err(|error| format!("{function}: {error}"));
    catch_unwind(AssertUnwindSafe(named)).unwrap_or_else(|panic| Err(panic_message(function, panic)))
}

fn panic_message(function: &str, panic: Box<dyn Any + Send>) -> String {
    let message = || match panic.downcast_ref::<OutOfMemory>() {
        Some(error) => format!("{function}: {error}"),
        None => format!("{function}: internal error: {}", payload_text(&*panic)),
    };
    let message = catch_unwind(AssertUnwindSafe(message)).unwrap_or_else(forget);
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(forget);
    message
}

/// Leaks the payload of a panic in handling a panic: dropping it might panic again.
fn forget<T: Default>(panic: Box<dyn Any + Send>) -> T {
    std::mem::forget(panic);
    T::default()
}

fn payload_text(panic: &(dyn Any + Send)) -> &str {
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

    #[test]
    fn an_allocation_that_failed_is_no_internal_error() {
        let outcome = guard("f", || {
            crate::sketch::memory::with_capacity::<u8>(isize::MAX as usize);
            Ok(())
        });
        let message = format!("f: out of memory: {} bytes for a sketch are not to be had", isize::MAX);
        assert_eq!(outcome, Err(message));
    }

    #[test]
    fn a_payload_that_panics_when_it_is_dropped_does_not_escape() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let outcome = guard("f", || std::panic::panic_any(Bomb));
        assert_eq!(outcome, Err("f: internal error: a panic without a message".into()));
    }
}
