//! The part of DuckDB's C extension API that we call, as a typed table.
//!
//! DuckDB hands an extension a struct of function pointers that grows at its end with every release. The stable API
//! v1.2.0 guarantees slots 0 to 356; reading past the end of an older host's struct is undefined, so only the
//! slots named here are read, each by its number.
//!
//! They are `C-unwind`: DuckDB is C++, and some of them throw where memory ends. What is thrown passes through our frames
//! to DuckDB's, which report it; only a [`guard`](super::guard) may not be in between, as Rust cannot catch it.

use std::ffi::{c_char, c_void};
use std::sync::OnceLock;

/// The API version asked of the host: the first stable one.
pub const API_VERSION: &std::ffi::CStr = c"v1.2.0";

macro_rules! opaque_handles {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[repr(transparent)]
            #[derive(Clone, Copy, PartialEq, Eq)]
            pub struct $name(pub *mut c_void);
        )*
    };
}

opaque_handles! {
    /// `duckdb_database`
    Database,
    /// `duckdb_connection`
    Connection,
    /// `duckdb_logical_type`
    RawLogicalType,
    /// `duckdb_data_chunk`
    RawChunk,
    /// `duckdb_vector`
    RawVector,
    /// `duckdb_function_info`
    FunctionInfo,
    /// `duckdb_scalar_function`
    RawScalarFunction,
    /// `duckdb_scalar_function_set`
    RawScalarFunctionSet,
    /// `duckdb_aggregate_function`
    RawAggregateFunction,
    /// `duckdb_aggregate_function_set`
    RawAggregateFunctionSet,
    /// `duckdb_aggregate_state`
    RawState,
    /// `duckdb_extension_info`
    ExtensionInfo,
}

/// `duckdb_state`: 0 is success.
pub type Status = i32;
/// `DuckDBSuccess`
pub const SUCCESS: Status = 0;

/// `duckdb_scalar_function_t`
pub type ScalarCallback = unsafe extern "C-unwind" fn(FunctionInfo, RawChunk, RawVector);
/// `duckdb_aggregate_state_size`
pub type StateSizeCallback = unsafe extern "C-unwind" fn(FunctionInfo) -> u64;
/// `duckdb_aggregate_init_t`
pub type StateInitCallback = unsafe extern "C-unwind" fn(FunctionInfo, RawState);
/// `duckdb_aggregate_update_t`
pub type UpdateCallback = unsafe extern "C-unwind" fn(FunctionInfo, RawChunk, *mut RawState);
/// `duckdb_aggregate_combine_t`
pub type CombineCallback = unsafe extern "C-unwind" fn(FunctionInfo, *mut RawState, *mut RawState, u64);
/// `duckdb_aggregate_finalize_t`
pub type FinalizeCallback = unsafe extern "C-unwind" fn(FunctionInfo, *mut RawState, RawVector, u64, u64);
/// `duckdb_aggregate_destroy_t`
pub type DestroyCallback = unsafe extern "C-unwind" fn(*mut RawState, u64);

/// `duckdb_delete_callback_t`
pub type DeleteCallback = unsafe extern "C-unwind" fn(*mut c_void);

/// `struct duckdb_extension_access`: what the entry point is handed.
#[repr(C)]
pub struct ExtensionAccess {
    /// Reports why the extension cannot load.
    pub set_error: unsafe extern "C-unwind" fn(ExtensionInfo, *const c_char),
    /// The database to register functions in.
    pub get_database: unsafe extern "C-unwind" fn(ExtensionInfo) -> *mut Database,
    /// The struct of function pointers for an API version, or null.
    pub get_api: unsafe extern "C-unwind" fn(ExtensionInfo, *const c_char) -> *const *const c_void,
}

macro_rules! api_table {
    ($($slot:literal $name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions that we call, each read from its slot.
        #[derive(Clone, Copy)]
        pub struct Api {
            $(#[doc = concat!("slot ", $slot)] pub $name: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)*
        }

        impl Api {
            #[cfg(test)]
            /// Slot number and C name of each function, for the test against DuckDB's own list.
            pub const SLOTS: &[(usize, &str)] = &[$(($slot, stringify!($name))),*];

            /// Reads the slots.
            ///
            /// # Safety
            /// `table` must be the struct that the host returned for [`API_VERSION`].
            unsafe fn read(table: *const *const c_void) -> Self {
                Api {
                    // SAFETY: every slot number is within the 357 that API v1.2.0 guarantees, and the signature
                    // beside it is that of the header of the same version.
                    $($name: unsafe {
                        std::mem::transmute::<*const c_void, unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?>(
                            *table.add($slot),
                        )
                    },)*
                }
            }
        }
    };
}

api_table! {
    3 duckdb_connect: fn(Database, *mut Connection) -> Status;
    6 duckdb_disconnect: fn(*mut Connection);
    25 duckdb_free: fn(*mut c_void);
    156 duckdb_create_logical_type: fn(u32) -> RawLogicalType;
    159 duckdb_create_list_type: fn(RawLogicalType) -> RawLogicalType;
    163 duckdb_create_struct_type: fn(*mut RawLogicalType, *mut *const c_char, u64) -> RawLogicalType;
    166 duckdb_get_type_id: fn(RawLogicalType) -> u32;
    168 duckdb_decimal_scale: fn(RawLogicalType) -> u8;
    169 duckdb_decimal_internal_type: fn(RawLogicalType) -> u32;
    170 duckdb_enum_internal_type: fn(RawLogicalType) -> u32;
    171 duckdb_enum_dictionary_size: fn(RawLogicalType) -> u32;
    172 duckdb_enum_dictionary_value: fn(RawLogicalType, u64) -> *mut c_char;
    178 duckdb_struct_type_child_count: fn(RawLogicalType) -> u64;
    184 duckdb_destroy_logical_type: fn(*mut RawLogicalType);
    189 duckdb_data_chunk_get_column_count: fn(RawChunk) -> u64;
    190 duckdb_data_chunk_get_vector: fn(RawChunk, u64) -> RawVector;
    191 duckdb_data_chunk_get_size: fn(RawChunk) -> u64;
    193 duckdb_vector_get_column_type: fn(RawVector) -> RawLogicalType;
    194 duckdb_vector_get_data: fn(RawVector) -> *mut c_void;
    195 duckdb_vector_get_validity: fn(RawVector) -> *mut u64;
    196 duckdb_vector_ensure_validity_writable: fn(RawVector);
    198 duckdb_vector_assign_string_element_len: fn(RawVector, u64, *const c_char, u64);
    199 duckdb_list_vector_get_child: fn(RawVector) -> RawVector;
    200 duckdb_list_vector_get_size: fn(RawVector) -> u64;
    201 duckdb_list_vector_set_size: fn(RawVector, u64) -> Status;
    202 duckdb_list_vector_reserve: fn(RawVector, u64) -> Status;
    203 duckdb_struct_vector_get_child: fn(RawVector, u64) -> RawVector;
    209 duckdb_create_scalar_function: fn() -> RawScalarFunction;
    210 duckdb_destroy_scalar_function: fn(*mut RawScalarFunction);
    211 duckdb_scalar_function_set_name: fn(RawScalarFunction, *const c_char);
    215 duckdb_scalar_function_add_parameter: fn(RawScalarFunction, RawLogicalType);
    216 duckdb_scalar_function_set_return_type: fn(RawScalarFunction, RawLogicalType);
    218 duckdb_scalar_function_set_function: fn(RawScalarFunction, ScalarCallback);
    221 duckdb_scalar_function_set_error: fn(FunctionInfo, *const c_char);
    222 duckdb_create_scalar_function_set: fn(*const c_char) -> RawScalarFunctionSet;
    223 duckdb_destroy_scalar_function_set: fn(*mut RawScalarFunctionSet);
    224 duckdb_add_scalar_function_to_set: fn(RawScalarFunctionSet, RawScalarFunction) -> Status;
    225 duckdb_register_scalar_function_set: fn(Connection, RawScalarFunctionSet) -> Status;
    226 duckdb_create_aggregate_function: fn() -> RawAggregateFunction;
    227 duckdb_destroy_aggregate_function: fn(*mut RawAggregateFunction);
    228 duckdb_aggregate_function_set_name: fn(RawAggregateFunction, *const c_char);
    229 duckdb_aggregate_function_add_parameter: fn(RawAggregateFunction, RawLogicalType);
    230 duckdb_aggregate_function_set_return_type: fn(RawAggregateFunction, RawLogicalType);
    231 duckdb_aggregate_function_set_functions: fn(
        RawAggregateFunction,
        StateSizeCallback,
        StateInitCallback,
        UpdateCallback,
        CombineCallback,
        FinalizeCallback
    );
    232 duckdb_aggregate_function_set_destructor: fn(RawAggregateFunction, DestroyCallback);
    235 duckdb_aggregate_function_set_extra_info: fn(RawAggregateFunction, *mut c_void, DeleteCallback);
    236 duckdb_aggregate_function_get_extra_info: fn(FunctionInfo) -> *mut c_void;
    237 duckdb_aggregate_function_set_error: fn(FunctionInfo, *const c_char);
    238 duckdb_create_aggregate_function_set: fn(*const c_char) -> RawAggregateFunctionSet;
    239 duckdb_destroy_aggregate_function_set: fn(*mut RawAggregateFunctionSet);
    240 duckdb_add_aggregate_function_to_set: fn(RawAggregateFunctionSet, RawAggregateFunction) -> Status;
    241 duckdb_register_aggregate_function_set: fn(Connection, RawAggregateFunctionSet) -> Status;
}

static API: OnceLock<Api> = OnceLock::new();

/// The table. A process that has two copies of DuckDB can use the library with one of them, so there is one table.
///
/// # Panics
/// If called before [`init`]; every caller runs inside a callback that DuckDB can only know after it.
pub fn api() -> &'static Api {
    API.get().expect("the extension's entry point has run")
}

/// Keeps the host's table; `false` if another DuckDB of this process came first, whose functions these are not.
///
/// # Safety
/// `table` must be the struct that the host returned for [`API_VERSION`].
pub unsafe fn init(table: *const *const c_void) -> bool {
    // SAFETY: the caller's promise is the same.
    let host = unsafe { Api::read(table) };
    std::ptr::fn_addr_eq(API.get_or_init(|| host).duckdb_connect, host.duckdb_connect)
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;

    use super::{Api, init};

    /// Slot numbers and names as DuckDB publishes them for API v1.2.0.
    const PUBLISHED: &str = include_str!("api-slots.txt");

    #[test]
    fn one_process_has_one_host() {
        let (one, other) = ([1usize; 357], [2usize; 357]);
        let table = |host: &[usize; 357]| host.as_ptr().cast::<*const c_void>();
        // SAFETY: the tables have every slot, and nothing in them is called.
        let known = [&one, &one, &other, &one].map(|host| unsafe { init(table(host)) });
        assert_eq!(known, [true, true, false, true]);
    }

    #[test]
    fn each_slot_is_the_published_one() {
        let published: Vec<(usize, &str)> = PUBLISHED
            .lines()
            .map(|line| line.split_once(' ').expect("slot and name"))
            .map(|(slot, name)| (slot.parse().expect("a number"), name.trim()))
            .collect();
        assert_eq!(published.len(), 357);
        for slot in Api::SLOTS {
            assert!(published.contains(slot), "{slot:?} is not in DuckDB's list");
        }
    }
}
