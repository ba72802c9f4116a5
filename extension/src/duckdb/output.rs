//! Where a function writes its result.

use std::cell::OnceCell;
use std::marker::PhantomData;
use std::slice;

use super::api::{RawVector, SUCCESS, api};
use super::error::SqlError;
use super::input::Plain;
use super::logical_type::{LogicalType, TypeId};

/// A result vector, or a child of one.
pub struct Output<'a> {
    raw: RawVector,
    /// The type of the values' layout, asked of DuckDB once.
    storage: OnceCell<Option<TypeId>>,
    /// The fields of a STRUCT, once one of its rows is NULL.
    fields: OnceCell<Vec<Output<'a>>>,
    lifetime: PhantomData<&'a mut ()>,
}

impl<'a> Output<'a> {
    /// # Safety
    /// `raw` must be a writable flat vector that lives for `'a`.
    pub(super) unsafe fn new(raw: RawVector) -> Self {
        Output { raw, storage: OnceCell::new(), fields: OnceCell::new(), lifetime: PhantomData }
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
            let field = |index| unsafe { Output::new((api.duckdb_struct_vector_get_child)(self.raw, index)) };
            (0..LogicalType::of(self.raw).fields()).map(field).collect()
        });
        self.fields.get_mut().into_iter().flatten().for_each(|field| field.set_null(row));
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
        let stored = *self.storage.get_or_init(|| LogicalType::of(self.raw).storage());
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

    /// Gives `row` a list of `length` elements, behind those of the rows before it, and lets `write` fill them: it gets
    /// the element vector, the position of the list's first element in it, and how many elements there are up to its
    /// last.
    pub fn push_list(
        &mut self,
        row: usize,
        length: usize,
        write: impl FnOnce(&mut Output, usize, usize),
    ) -> Result<(), SqlError> {
        let api = api();
        // SAFETY: the vector is a writable LIST vector; its entries are pairs of u64, one for every row of the call.
        // Elements of earlier rows stay: DuckDB keeps them when it reserves more. The child lives as long as the
        // vector.
        let (mut elements, first, end) = unsafe {
            let first = (api.duckdb_list_vector_get_size)(self.raw);
            let end = first + length as u64;
            if (api.duckdb_list_vector_reserve)(self.raw, end) != SUCCESS
                || (api.duckdb_list_vector_set_size)(self.raw, end) != SUCCESS
            {
                return Err(SqlError::new("DuckDB could not make room for the list"));
            }
            (api.duckdb_vector_get_data)(self.raw).cast::<[u64; 2]>().add(row).write([first, length as u64]);
            (Output::new((api.duckdb_list_vector_get_child)(self.raw)), first as usize, end as usize)
        };
        write(&mut elements, first, end);
        Ok(())
    }
}
