//! Large allocations. One that fails does not abort the process, as Rust's own would: it unwinds to the border, where it
//! becomes an error of DuckDB. The loops that grow a sketch have no error to hand on, and stay as fast as they are.
//!
//! Small ones are left to Rust: where the system has not even [`LARGE`] bytes left, nothing in the process goes on.

use std::fmt;
use std::panic::resume_unwind;

/// From that many bytes on an allocation may fail.
const LARGE: usize = 1 << 16;

/// What an allocation that failed unwinds with.
#[derive(Debug)]
pub struct OutOfMemory {
    bytes: usize,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "out of memory: {} bytes for a sketch are not to be had", self.bytes)
    }
}

/// An empty vector with room for that many items.
///
/// # Panics
/// With [`OutOfMemory`], without a message on the standard error, if there is no memory for it.
#[inline(always)]
pub fn with_capacity<T>(items: usize) -> Vec<T> {
    if items <= LARGE / size_of::<T>() { Vec::with_capacity(items) } else { with_large_capacity(items) }
}

/// That many times the same item.
///
/// # Panics
/// As [`with_capacity`].
#[inline(always)]
pub fn filled<T: Clone>(item: T, items: usize) -> Box<[T]> {
    if items <= LARGE / size_of::<T>() {
        return vec![item; items].into_boxed_slice();
    }
    let mut large = with_large_capacity(items);
    large.resize(items, item);
    large.into_boxed_slice()
}

/// A copy.
///
/// # Panics
/// As [`with_capacity`].
#[inline(always)]
pub fn copied<T: Copy>(items: &[T]) -> Box<[T]> {
    let mut copy = with_capacity(items.len());
    copy.extend_from_slice(items);
    copy.into_boxed_slice()
}

/// Adds an item.
///
/// # Panics
/// As [`with_capacity`]; the vector is as it was.
#[inline(always)]
pub fn push<T>(items: &mut Vec<T>, item: T) {
    if items.len() == items.capacity() {
        reserve(items, 1);
    }
    items.push(item);
}

/// Adds copies of items.
///
/// # Panics
/// As [`push`].
#[inline(always)]
pub fn extend<T: Copy>(items: &mut Vec<T>, more: &[T]) {
    reserve(items, more.len());
    items.extend_from_slice(more);
}

/// Adds the same item, or drops some, until there are that many.
///
/// # Panics
/// As [`push`].
#[inline(always)]
pub fn resize<T: Clone>(items: &mut Vec<T>, len: usize, item: T) {
    reserve(items, len.saturating_sub(items.len()));
    items.resize(len, item);
}

/// Makes room for more items, and for some besides, so that many small additions stay cheap.
///
/// # Panics
/// As [`push`].
#[inline(always)]
pub fn reserve<T>(items: &mut Vec<T>, more: usize) {
    if more > items.capacity() - items.len() {
        grow(items, more);
    }
}

#[cold]
fn grow<T>(items: &mut Vec<T>, more: usize) {
    let needed = items.len().saturating_add(more);
    let doubled = needed.max(items.capacity().saturating_mul(2));
    if doubled <= LARGE / size_of::<T>() {
        items.reserve(more);
    } else if is_refused(needed) || items.try_reserve(more).is_err() {
        resume_unwind(Box::new(OutOfMemory { bytes: needed.saturating_mul(size_of::<T>()) }));
    }
}

#[cold]
fn with_large_capacity<T>(items: usize) -> Vec<T> {
    let mut large = Vec::new();
    if is_refused(items) || large.try_reserve_exact(items).is_err() {
        resume_unwind(Box::new(OutOfMemory { bytes: items.saturating_mul(size_of::<T>()) }));
    }
    large
}

#[cfg(not(test))]
fn is_refused(_: usize) -> bool {
    false
}

#[cfg(test)]
use testing::is_refused;

/// For tests: lets large allocations of this thread fail.
#[cfg(test)]
pub mod testing {
    use std::cell::Cell;

    thread_local! { static REFUSED: Cell<bool> = const { Cell::new(false) } }

    pub(super) fn is_refused(_: usize) -> bool {
        REFUSED.get()
    }

    /// Runs something while there is no memory for anything large.
    pub fn without_memory<T>(body: impl FnOnce() -> T) -> T {
        REFUSED.set(true);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        REFUSED.set(false);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn more_than_there_can_be_unwinds_and_says_so() {
        let panic = catch_unwind(|| with_capacity::<u64>(usize::MAX / 16)).unwrap_err();
        let message = panic.downcast_ref::<OutOfMemory>().unwrap().to_string();
        assert!(message.starts_with("out of memory: ") && message.contains(" bytes"), "{message}");
    }

    #[test]
    fn only_what_is_large_is_refused() {
        testing::without_memory(|| {
            assert_eq!(filled(7u8, LARGE).len(), LARGE);
            assert!(catch_unwind(AssertUnwindSafe(|| filled(7u8, LARGE + 1))).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| copied(&vec![1u64; LARGE]))).is_err());
        });
    }

    #[test]
    fn a_vector_that_cannot_grow_is_as_it_was() {
        let mut items: Vec<u8> = Vec::new();
        testing::without_memory(|| {
            (0..LARGE).for_each(|_| push(&mut items, 7));
            let steps: [fn(&mut Vec<u8>); 4] = [
                |items| push(items, 8),
                |items| extend(items, &[8; 3]),
                |items| resize(items, LARGE + 1, 8),
                |items| reserve(items, 1),
            ];
            for step in steps {
                assert!(catch_unwind(AssertUnwindSafe(|| step(&mut items))).is_err());
                assert_eq!(items, vec![7; LARGE]);
            }
        });
        push(&mut items, 8);
        assert_eq!(items.len(), LARGE + 1);
    }
}
