//! What DuckDB hands a function: a chunk of flat vectors.

use std::marker::PhantomData;
use std::ops::Range;
use std::slice;

use super::api::{RawChunk, RawVector, api};
use super::cpu::prefetch;
use super::logical_type::{LogicalType, TypeId};
use super::validity::Validity;

/// The arguments of one call: some thousand rows, a vector for each argument.
pub struct Chunk<'a> {
    raw: RawChunk,
    len: usize,
    lifetime: PhantomData<&'a ()>,
}

impl<'a> Chunk<'a> {
    /// # Safety
    /// `raw` must be a flat chunk that lives for `'a`.
    pub(super) unsafe fn new(raw: RawChunk) -> Self {
        // SAFETY: the chunk is live.
        let len = unsafe { (api().duckdb_data_chunk_get_size)(raw) } as usize;
        Chunk { raw, len, lifetime: PhantomData }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many arguments: the overload that was called.
    pub fn columns(&self) -> usize {
        // SAFETY: the chunk is live.
        unsafe { (api().duckdb_data_chunk_get_column_count)(self.raw) as usize }
    }

    /// The vector of an argument.
    ///
    /// # Panics
    /// If the overload has no such argument.
    pub fn column(&self, index: usize) -> Vector<'a> {
        assert!(index < self.columns(), "no argument {index}");
        // SAFETY: the chunk is live and has that column.
        let raw = unsafe { (api().duckdb_data_chunk_get_vector)(self.raw, index as u64) };
        // SAFETY: the vectors of a flat chunk are flat, and as long as it.
        unsafe { Vector::new(raw, self.len) }
    }
}

/// A flat vector: a value a row, in the layout of its type.
pub struct Vector<'a> {
    raw: RawVector,
    len: usize,
    lifetime: PhantomData<&'a ()>,
}

/// A type whose values stand in a vector as they are.
pub trait Plain: Copy {
    /// The storage types that have this layout.
    const STORED_AS: &'static [TypeId];
}

/// An integer of 128 bits as it stands in a vector: at a multiple of eight, where Rust wants its own at one of sixteen.
#[derive(Clone, Copy)]
#[repr(C, packed(8))]
pub struct Wide<T: Copy>(T);

impl<T: Copy> Wide<T> {
    /// The integer.
    #[inline(always)]
    pub fn get(self) -> T {
        self.0
    }
}

macro_rules! plain {
    ($($layout:ty: $($id:ident)*;)*) => {
        $(impl Plain for $layout {
            const STORED_AS: &'static [TypeId] = &[$(TypeId::$id),*];
        })*
    };
}

plain! {
    i8: TinyInt;
    i16: SmallInt;
    i32: Integer Date;
    i64: BigInt Time TimeNs Timestamp TimestampS TimestampMs TimestampNs TimestampTz TimestampTzNs;
    Wide<i128>: HugeInt Uuid;
    u8: UTinyInt Boolean;
    u16: USmallInt;
    u32: UInteger;
    u64: UBigInt;
    Wide<u128>: UHugeInt;
    f32: Float;
    f64: Double;
}

impl<'a> Vector<'a> {
    /// # Safety
    /// `raw` must be a flat vector of at least `len` rows that lives for `'a`.
    unsafe fn new(raw: RawVector, len: usize) -> Self {
        Vector { raw, len, lifetime: PhantomData }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The type of the values.
    pub fn logical_type(&self) -> LogicalType {
        LogicalType::of(self.raw)
    }

    /// Which rows are not NULL.
    pub fn validity(&self) -> Validity<'a> {
        // SAFETY: the vector is live; its mask, where it has one, has a bit for every row.
        unsafe {
            let mask = (api().duckdb_vector_get_validity)(self.raw);
            Validity::new((!mask.is_null()).then(|| slice::from_raw_parts(mask, self.len.div_ceil(64))))
        }
    }

    /// The values; what stands in a NULL row is arbitrary.
    ///
    /// # Panics
    /// If the vector's type is stored otherwise.
    pub fn values<T: Plain>(&self) -> &'a [T] {
        let stored = self.logical_type().storage();
        assert!(stored.is_some_and(|id| T::STORED_AS.contains(&id)), "a vector of {stored:?} was read as another type");
        // SAFETY: the type was checked, every bit pattern is a value of `T`, and a flat vector of `len` rows holds as
        // many.
        unsafe { self.data() }
    }

    /// The strings of a VARCHAR or BLOB vector.
    ///
    /// # Panics
    /// If the vector is of another type.
    pub fn strings(&self) -> Strings<'a> {
        let id = self.logical_type().id();
        assert!(matches!(id, Some(TypeId::Varchar | TypeId::Blob)), "a vector of {id:?} was read as strings");
        // SAFETY: the type was checked; `string_t` has sixteen bytes and the alignment of a pointer.
        Strings { entries: unsafe { self.data() }, validity: self.validity() }
    }

    /// The lists of a `DOUBLE[]` vector.
    ///
    /// # Panics
    /// If the vector is of another type.
    pub fn double_lists(&self) -> DoubleLists<'a> {
        let id = self.logical_type().id();
        assert!(id == Some(TypeId::List), "a vector of {id:?} was read as lists");
        // SAFETY: the type was checked: its entries are pairs of u64, and its child vector is live and flat
        // and as long as DuckDB says.
        unsafe {
            let child = (api().duckdb_list_vector_get_child)(self.raw);
            let child = Vector::new(child, (api().duckdb_list_vector_get_size)(self.raw) as usize);
            DoubleLists {
                entries: self.data(),
                validity: self.validity(),
                elements: child.values(),
                element_validity: child.validity(),
            }
        }
    }

    /// # Safety
    /// The vector's rows must have the layout of `T`, of which every bit pattern is valid.
    unsafe fn data<T>(&self) -> &'a [T] {
        if self.len == 0 {
            return &[];
        }
        // DuckDB aligns no wider type than this.
        const { assert!(align_of::<T>() <= align_of::<u64>()) };
        // SAFETY: the vector is live and flat; DuckDB aligns the data of a vector to its type.
        unsafe { slice::from_raw_parts((api().duckdb_vector_get_data)(self.raw).cast(), self.len) }
    }
}

/// `duckdb_string_t`: a length, then twelve bytes that hold the text itself or a prefix and a pointer.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct StringEntry {
    length: u32,
    head: [u8; 4],
    tail: [u8; 8],
}

impl StringEntry {
    const INLINE: usize = 12;
}

/// How much of each blob will be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Its first bytes, and perhaps its last.
    Header,
    /// All of it.
    Whole,
}

const CACHE_LINE: usize = 64;
/// How many rows ahead the header of a blob is fetched, and how much that is.
const PREFETCH_HEADER: usize = 16;
const HEADER: usize = 65;
/// How much is fetched of the next blob.
const WHOLE: usize = 4096;

/// Strings or blobs, borrowed from their vector.
#[derive(Clone, Copy)]
pub struct Strings<'a> {
    entries: &'a [StringEntry],
    validity: Validity<'a>,
}

impl<'a> Strings<'a> {
    /// Which rows are not NULL.
    pub fn validity(&self) -> Validity<'a> {
        self.validity
    }

    /// The bytes of a row, `None` where it is NULL.
    #[inline(always)]
    pub fn get(&self, row: usize) -> Option<&'a [u8]> {
        if !self.validity.is_valid(row) {
            return None;
        }
        let entry = &self.entries[row];
        let length = entry.length as usize;
        // SAFETY: the row is not NULL, so it holds a string: up to twelve bytes of it stand behind the length, of a
        // longer one the last eight bytes are a pointer to `length` bytes that live as long as the vector.
        Some(unsafe {
            let start = if length <= StringEntry::INLINE {
                (entry as *const StringEntry).cast::<u8>().add(4)
            } else {
                usize::from_ne_bytes(entry.tail) as *const u8
            };
            slice::from_raw_parts(start, length)
        })
    }

    /// The bytes of each of these rows, `None` where it is NULL. What will be read of the rows to come is brought into
    /// the cache meanwhile: blobs lie far apart in memory.
    #[inline(always)]
    pub fn stream(self, rows: Range<usize>, reading: Reading) -> impl Iterator<Item = (usize, Option<&'a [u8]>)> {
        rows.map(move |row| {
            self.prefetch(row + PREFETCH_HEADER, HEADER);
            if reading == Reading::Whole {
                self.prefetch(row + 1, WHOLE);
            }
            (row, self.get(row))
        })
    }

    /// Brings up to `most` bytes of a row and its last into the cache, if there is such a row.
    #[inline(always)]
    fn prefetch(&self, row: usize, most: usize) {
        let Some(entry) = self.entries.get(row) else { return };
        let length = entry.length as usize;
        if length > StringEntry::INLINE {
            // Of a NULL row this is any address; a prefetch of it does nothing.
            let start = usize::from_ne_bytes(entry.tail);
            for offset in (0..length.min(most)).step_by(CACHE_LINE) {
                prefetch(start.wrapping_add(offset) as *const u8);
            }
            prefetch(start.wrapping_add(length - 1) as *const u8);
        }
    }

    /// Row by row the length and the twelve bytes behind it (as a u64 and a u32, little-endian): of a string of up to
    /// twelve bytes the text, padded with zeros. What stands there for a longer string or a NULL is arbitrary.
    #[inline(always)]
    pub fn inline_words(&self) -> impl ExactSizeIterator<Item = (u32, u64, u32)> + Clone + 'a {
        self.entries.iter().map(|entry| {
            let [a, b, c, d] = entry.head;
            let [e, f, g, h, i, j, k, l] = entry.tail;
            (entry.length, u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([i, j, k, l]))
        })
    }
}

/// `duckdb_list_entry`
#[repr(C)]
#[derive(Clone, Copy)]
struct ListEntry {
    offset: u64,
    length: u64,
}

/// Lists of doubles, borrowed from their vector.
pub struct DoubleLists<'a> {
    entries: &'a [ListEntry],
    validity: Validity<'a>,
    elements: &'a [f64],
    element_validity: Validity<'a>,
}

impl<'a> DoubleLists<'a> {
    /// The elements of a row, `None` where the row is NULL.
    pub fn get(&self, row: usize) -> Option<impl ExactSizeIterator<Item = Option<f64>> + 'a> {
        let (elements, validity) = (self.elements, self.element_validity);
        self.validity.is_valid(row).then(|| {
            let ListEntry { offset, length } = self.entries[row];
            let rows = offset as usize..(offset + length) as usize;
            rows.map(move |element| validity.is_valid(element).then(|| elements[element]))
        })
    }
}
