//! SQL types: those that functions are declared with, and those that arrive in a vector.

use std::ffi::{CStr, CString};

use super::api::{RawLogicalType, RawVector, api};

/// `enum DUCKDB_TYPE`, as far as functions know it; the numbers are part of the stable API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
#[repr(u32)]
pub enum TypeId {
    Boolean = 1,
    TinyInt = 2,
    SmallInt = 3,
    Integer = 4,
    BigInt = 5,
    UTinyInt = 6,
    USmallInt = 7,
    UInteger = 8,
    UBigInt = 9,
    Float = 10,
    Double = 11,
    Timestamp = 12,
    Date = 13,
    Time = 14,
    Interval = 15,
    HugeInt = 16,
    Varchar = 17,
    Blob = 18,
    Decimal = 19,
    TimestampS = 20,
    TimestampMs = 21,
    TimestampNs = 22,
    Enum = 23,
    List = 24,
    Struct = 25,
    Map = 26,
    Uuid = 27,
    Union = 28,
    Bit = 29,
    TimeTz = 30,
    TimestampTz = 31,
    UHugeInt = 32,
    Array = 33,
    Any = 34,
    BigNum = 35,
    SqlNull = 36,
    TimeNs = 39,
    TimestampTzNs = 42,
}

impl TypeId {
    const ALL: [TypeId; 38] = {
        use TypeId::*;
        [
            Boolean,
            TinyInt,
            SmallInt,
            Integer,
            BigInt,
            UTinyInt,
            USmallInt,
            UInteger,
            UBigInt,
            Float,
            Double,
            Timestamp,
            Date,
            Time,
            Interval,
            HugeInt,
            Varchar,
            Blob,
            Decimal,
            TimestampS,
            TimestampMs,
            TimestampNs,
            Enum,
            List,
            Struct,
            Map,
            Uuid,
            Union,
            Bit,
            TimeTz,
            TimestampTz,
            UHugeInt,
            Array,
            Any,
            BigNum,
            SqlNull,
            TimeNs,
            TimestampTzNs,
        ]
    };

    fn from_raw(raw: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|&id| id as u32 == raw)
    }

    /// The name as SQL spells it.
    pub fn sql_name(self) -> String {
        match self {
            TypeId::TimeTz => "TIME WITH TIME ZONE".into(),
            TypeId::TimestampTz => "TIMESTAMP WITH TIME ZONE".into(),
            TypeId::TimestampS => "TIMESTAMP_S".into(),
            TypeId::TimestampMs => "TIMESTAMP_MS".into(),
            TypeId::TimestampNs => "TIMESTAMP_NS".into(),
            TypeId::TimeNs => "TIME_NS".into(),
            TypeId::TimestampTzNs => "TIMESTAMPTZ_NS".into(),
            TypeId::SqlNull => "NULL".into(),
            other => format!("{other:?}").to_uppercase(),
        }
    }
}

/// A type in a function's signature.
#[derive(Clone, Copy)]
pub enum SqlType {
    /// A type without parameters.
    Plain(TypeId),
    /// `element[]`
    List(&'static SqlType),
    /// `STRUCT(name type, …)`
    Struct(&'static [(&'static CStr, SqlType)]),
}

impl SqlType {
    /// Any type at all; the vector says which.
    pub const ANY: SqlType = SqlType::Plain(TypeId::Any);
    /// `BLOB`
    pub const BLOB: SqlType = SqlType::Plain(TypeId::Blob);
    /// `VARCHAR`
    pub const VARCHAR: SqlType = SqlType::Plain(TypeId::Varchar);
    /// `BOOLEAN`
    pub const BOOLEAN: SqlType = SqlType::Plain(TypeId::Boolean);
    /// `INTEGER`
    pub const INTEGER: SqlType = SqlType::Plain(TypeId::Integer);
    /// `BIGINT`
    pub const BIGINT: SqlType = SqlType::Plain(TypeId::BigInt);
    /// `UBIGINT`
    pub const UBIGINT: SqlType = SqlType::Plain(TypeId::UBigInt);
    /// `DOUBLE`
    pub const DOUBLE: SqlType = SqlType::Plain(TypeId::Double);
    /// `DOUBLE[]`
    pub const DOUBLES: SqlType = SqlType::List(&SqlType::DOUBLE);

    pub(super) fn create(self) -> LogicalType {
        let api = api();
        match self {
            // SAFETY: the id is one of the enum's.
            SqlType::Plain(id) => LogicalType(unsafe { (api.duckdb_create_logical_type)(id as u32) }),
            SqlType::List(element) => {
                let element = element.create();
                // SAFETY: DuckDB copies the element's type.
                LogicalType(unsafe { (api.duckdb_create_list_type)(element.0) })
            }
            SqlType::Struct(fields) => {
                let types: Vec<LogicalType> = fields.iter().map(|(_, field)| field.create()).collect();
                let mut raw: Vec<RawLogicalType> = types.iter().map(|field| field.0).collect();
                let mut names: Vec<_> = fields.iter().map(|(name, _)| name.as_ptr()).collect();
                // SAFETY: both arrays have `len` entries; DuckDB copies types and names.
                LogicalType(unsafe {
                    (api.duckdb_create_struct_type)(raw.as_mut_ptr(), names.as_mut_ptr(), raw.len() as u64)
                })
            }
        }
    }
}

/// A type that DuckDB made, destroyed with its owner.
pub struct LogicalType(pub(super) RawLogicalType);

impl LogicalType {
    pub(super) fn of(vector: RawVector) -> Self {
        // SAFETY: the vector lives as long as the callback that asks.
        LogicalType(unsafe { (api().duckdb_vector_get_column_type)(vector) })
    }

    /// Which type it is; `None` for one that is newer than this extension.
    pub fn id(&self) -> Option<TypeId> {
        // SAFETY: `self` owns a live type.
        TypeId::from_raw(unsafe { (api().duckdb_get_type_id)(self.0) })
    }

    /// Digits behind the point of a DECIMAL.
    pub fn decimal_scale(&self) -> u8 {
        // SAFETY: as in `id`.
        unsafe { (api().duckdb_decimal_scale)(self.0) }
    }

    /// The type whose layout the vector's values have: that of the integer behind a DECIMAL or an ENUM.
    pub fn storage(&self) -> Option<TypeId> {
        let raw = match self.id()? {
            // SAFETY: as in `id`.
            TypeId::Decimal => unsafe { (api().duckdb_decimal_internal_type)(self.0) },
            // SAFETY: as in `id`.
            TypeId::Enum => unsafe { (api().duckdb_enum_internal_type)(self.0) },
            other => return Some(other),
        };
        TypeId::from_raw(raw)
    }

    /// How many fields a STRUCT has; other types have none.
    pub(super) fn fields(&self) -> u64 {
        match self.id() {
            // SAFETY: as in `id`.
            Some(TypeId::Struct) => unsafe { (api().duckdb_struct_type_child_count)(self.0) },
            _ => 0,
        }
    }

    /// How many strings an ENUM has.
    pub fn enum_size(&self) -> u32 {
        // SAFETY: as in `id`.
        unsafe { (api().duckdb_enum_dictionary_size)(self.0) }
    }

    /// The string behind a number of an ENUM.
    pub fn enum_value(&self, code: u32) -> CString {
        let api = api();
        // SAFETY: `self` owns a live ENUM type, and the number comes from its vector; the string is a NUL-terminated
        // copy for us to free.
        unsafe {
            let text = (api.duckdb_enum_dictionary_value)(self.0, u64::from(code));
            let copy = CStr::from_ptr(text).to_owned();
            (api.duckdb_free)(text.cast());
            copy
        }
    }
}

impl Drop for LogicalType {
    fn drop(&mut self) {
        // SAFETY: `self` owns the type, and nothing uses it after this.
        unsafe { (api().duckdb_destroy_logical_type)(&mut self.0) };
    }
}
