//! Where a function writes its result.

use std::marker::PhantomData;
use std::slice;

use super::api::{RawVector, SUCCESS, api};
use super::error::SqlError;
use super::input::Plain;
use super::logical_type::LogicalType;

/// A result vector, or a child of one.
pub struct Output<'a> {
    raw: RawVector,
    lifetime: PhantomData<&'a mut ()>,
}

impl<'a> Output<'a> {
    /// # Safety
    /// `raw` must be a writable flat vector that lives for `'a`.
    pub(super) unsafe fn new(raw: RawVector) -> Self {
        Output { raw, lifetime: PhantomData }
    }

    /// Makes a row NULL.
    pub fn set_null(&mut self, row: usize) {
        let api = api();
        // SAFETY: the vector is writable; the mask exists once it was asked for, with a bit for every row.
        unsafe {
            (api.duckdb_vector_ensure_validity_writable)(self.raw);
            let mask = (api.duckdb_vector_get_validity)(self.raw);
            *mask.add(row / 64) &= !(1 << (row % 64));
        }
    }

    /// Writes a string or a blob; DuckDB copies the bytes.
    pub fn set_bytes(&mut self, row: usize, bytes: &[u8]) {
        // SAFETY: the pointer and the length are those of a slice.
        unsafe {
            (api().duckdb_vector_assign_string_element_len)(
                self.raw,
                row as u64,
                bytes.as_ptr().cast(),
                bytes.len() as u64,
            )
        };
    }

    /// The rows from the first to `len`, to be written.
    ///
    /// # Panics
    /// If the vector's type is stored otherwise.
    pub fn values<T: Plain>(&mut self, len: usize) -> &mut [T] {
        let stored = LogicalType::of(self.raw).storage();
        assert!(
            stored.is_some_and(|id| T::STORED_AS.contains(&id)),
            "a vector of {stored:?} was written as another type"
        );
        // SAFETY: the type was checked, and DuckDB allocates a result vector for every row of the call.
        unsafe { slice::from_raw_parts_mut((api().duckdb_vector_get_data)(self.raw).cast(), len) }
    }

    /// Field `index` of a STRUCT vector.
    pub fn field(&mut self, index: usize) -> Output<'_> {
        // SAFETY: the children of a STRUCT vector live as long as it and have its rows.
        unsafe { Output::new((api().duckdb_struct_vector_get_child)(self.raw, index as u64)) }
    }

    /// The vector as lists, each to be appended.
    pub fn list(&mut self) -> ListOutput<'_> {
        ListOutput { raw: self.raw, filled: 0, lifetime: PhantomData }
    }
}

/// A LIST vector that is filled from the first row on.
pub struct ListOutput<'a> {
    raw: RawVector,
    filled: usize,
    lifetime: PhantomData<&'a mut ()>,
}

impl ListOutput<'_> {
    /// Gives `row` a list of `length` elements and lets `write` fill them: it gets the element vector and the
    /// position of the list's first element.
    pub fn push(
        &mut self,
        row: usize,
        length: usize,
        write: impl FnOnce(&mut Output, usize) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let api = api();
        let end = (self.filled + length) as u64;
        // SAFETY: the vector is a writable LIST vector; its entries are pairs of u64, one for every row of the call.
        // Elements before `filled` stay: DuckDB keeps them when it reserves more.
        let child = unsafe {
            if (api.duckdb_list_vector_reserve)(self.raw, end) != SUCCESS
                || (api.duckdb_list_vector_set_size)(self.raw, end) != SUCCESS
            {
                return Err(SqlError::new("DuckDB could not make room for the list"));
            }
            let entry = (api.duckdb_vector_get_data)(self.raw).cast::<[u64; 2]>().add(row);
            entry.write([self.filled as u64, length as u64]);
            (api.duckdb_list_vector_get_child)(self.raw)
        };
        // SAFETY: the child of a LIST vector lives as long as it.
        let mut elements = unsafe { Output::new(child) };
        write(&mut elements, self.filled)?;
        self.filled += length;
        Ok(())
    }
}
