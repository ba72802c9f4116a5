//! Where a function writes its result.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::marker::PhantomData;
use std::slice;

use super::api::{RawVector, SUCCESS, api};
use super::guard::guard;
use super::input::Plain;
use super::logical_type::{LogicalType, TypeId};

/// What takes memory of DuckDB's, which throws where there is none: written once the guard is left.
#[derive(Default)]
pub(super) struct Queue {
    strings: RefCell<Vec<WaitingString>>,
    lists: RefCell<Vec<WaitingList>>,
}

struct WaitingString {
    vector: RawVector,
    row: usize,
    bytes: Cow<'static, [u8]>,
}

struct WaitingList {
    vector: RawVector,
    row: usize,
    length: usize,
    write: WriteElements,
}

/// See [`Output::push_list`].
type WriteElements = Box<dyn FnOnce(&mut Output, usize, usize)>;

impl Queue {
    /// Writes what is waiting. Not to be called under a guard.
    ///
    /// # Safety
    /// The vectors that outputs were made of must still be writable.
    pub(super) unsafe fn flush(&self, function: &str) -> Result<(), String> {
        let mut lists = self.lists.take().into_iter().peekable();
        while let Some(vector) = lists.peek().map(|list| list.vector) {
            let of_vector = std::iter::from_fn(|| lists.next_if(|list| list.vector == vector)).collect();
            // SAFETY: by the promise of the caller.
            unsafe { self.write_lists(function, vector, of_vector)? };
        }
        // Behind the lists, whose elements may be strings.
        for WaitingString { vector, row, bytes } in self.strings.take() {
            // SAFETY: the vector is writable; the pointer and the length are those of a slice.
            unsafe {
                let (start, length) = (bytes.as_ptr().cast(), bytes.len() as u64);
                (api().duckdb_vector_assign_string_element_len)(vector, row as u64, start, length);
            }
        }
        Ok(())
    }

    /// # Safety
    /// `vector` must be a writable LIST vector that has the rows.
    unsafe fn write_lists(&self, function: &str, vector: RawVector, lists: Vec<WaitingList>) -> Result<(), String> {
        let api = api();
        let added: usize = lists.iter().map(|list| list.length).sum();
        // SAFETY: elements of earlier rows stay: DuckDB keeps them when it reserves more. The entries are pairs of u64,
        // one for every row of the call. The child lives as long as the vector.
        let (mut first, entries, mut elements) = unsafe {
            let first = (api.duckdb_list_vector_get_size)(vector) as usize;
            let end = (first + added) as u64;
            if (api.duckdb_list_vector_reserve)(vector, end) != SUCCESS
                || (api.duckdb_list_vector_set_size)(vector, end) != SUCCESS
            {
                return Err(format!("{function}: DuckDB could not make room for the lists"));
            }
            let entries = (api.duckdb_vector_get_data)(vector).cast::<[u64; 2]>();
            (first, entries, Output::new((api.duckdb_list_vector_get_child)(vector), self))
        };
        let end = first + added;
        guard(function, || {
            for WaitingList { row, length, write, .. } in lists {
                // SAFETY: the row is one of the call's.
                unsafe { entries.add(row).write([first as u64, length as u64]) };
                write(&mut elements, first, end);
                first += length;
            }
            Ok(())
        })
    }
}

/// A result vector, or a child of one.
pub struct Output<'a> {
    raw: RawVector,
    queue: &'a Queue,
    /// The type of the values' layout, asked of DuckDB once.
    storage: OnceCell<Option<TypeId>>,
    /// The fields of a STRUCT, once one of its rows is NULL.
    fields: OnceCell<Vec<Output<'a>>>,
    lifetime: PhantomData<&'a mut ()>,
}

impl<'a> Output<'a> {
    /// # Safety
    /// `raw` must be a writable flat vector that lives for `'a`, and until the queue is flushed.
    pub(super) unsafe fn new(raw: RawVector, queue: &'a Queue) -> Self {
        Output { raw, queue, storage: OnceCell::new(), fields: OnceCell::new(), lifetime: PhantomData }
    }

    /// Makes a row NULL, and with it every field of a STRUCT: DuckDB reads a field without a look at the STRUCT.
    pub fn set_null(&mut self, row: usize) {
        let api = api();
        // SAFETY: the vector is writable; the mask exists once it was asked for, with a bit for every row.
        unsafe {
            (api.duckdb_vector_ensure_validity_writable)(self.raw);
            let mask = (api.duckdb_vector_get_validity)(self.raw);
            *mask.add(row / 64) &= !(1 << (row % 64));
        }
        self.fields.get_or_init(|| {
            // SAFETY: the vector is a STRUCT wherever its type has fields; see `field`.
            let field =
                |index| unsafe { Output::new((api.duckdb_struct_vector_get_child)(self.raw, index), self.queue) };
            (0..LogicalType::of(self.raw).fields()).map(field).collect()
        });
        self.fields.get_mut().into_iter().flatten().for_each(|field| field.set_null(row));
    }

    /// Gives a row a string or a blob.
    pub fn set_bytes(&mut self, row: usize, bytes: impl Into<Cow<'static, [u8]>>) {
        let waiting = WaitingString { vector: self.raw, row, bytes: bytes.into() };
        self.queue.strings.borrow_mut().push(waiting);
    }

    /// The rows from the first to `len`, to be written.
    ///
    /// # Panics
    /// If the vector's type is stored otherwise.
    pub fn values<T: Plain>(&mut self, len: usize) -> &mut [T] {
        let stored = *self.storage.get_or_init(|| LogicalType::of(self.raw).storage());
        assert!(
            stored.is_some_and(|id| T::STORED_AS.contains(&id)),
            "a vector of {stored:?} was written as another type"
        );
        // DuckDB aligns no wider type than this.
        const { assert!(align_of::<T>() <= align_of::<u64>()) };
        // SAFETY: the type was checked, and DuckDB allocates a result vector for every row of the call.
        unsafe { slice::from_raw_parts_mut((api().duckdb_vector_get_data)(self.raw).cast(), len) }
    }

    /// Field `index` of a STRUCT vector.
    pub fn field(&mut self, index: usize) -> Output<'_> {
        // SAFETY: the children of a STRUCT vector live as long as it and have its rows.
        unsafe { Output::new((api().duckdb_struct_vector_get_child)(self.raw, index as u64), self.queue) }
    }

    /// Gives `row` a list of `length` elements, behind those of the rows before it, and lets `write` fill them: it gets
    /// the element vector, the position of the list's first element in it, and how many elements there are in all.
    pub fn push_list(&mut self, row: usize, length: usize, write: impl FnOnce(&mut Output, usize, usize) + 'static) {
        let waiting = WaitingList { vector: self.raw, row, length, write: Box::new(write) };
        self.queue.lists.borrow_mut().push(waiting);
    }
}
