//! Overloads of aggregate functions that are errors.

use std::ffi::{CStr, CString, c_void};

use super::aggregate::report;
use super::api::{FunctionInfo, RawAggregateFunctionSet, RawChunk, RawState, RawVector, api};
use super::error::c_string;
use super::logical_type::SqlType;

/// Adds an overload to a set; it is called of rows, also of NULLs, and where there are no rows.
///
/// # Safety
/// The set must be live.
pub unsafe fn add(set: RawAggregateFunctionSet, name: &CStr, parameters: &[SqlType], message: &str) {
    let api = api();
    let types: Vec<_> = parameters.iter().map(|parameter| parameter.create()).collect();
    if types.iter().any(|parameter| parameter.id().is_none()) {
        return; // a type that this host does not have yet
    }
    // SAFETY: every handle comes from DuckDB and is destroyed once; types and the name are copied by DuckDB, and the
    // message is its own until it calls `delete`.
    unsafe {
        let mut function = (api.duckdb_create_aggregate_function)();
        (api.duckdb_aggregate_function_set_name)(function, name.as_ptr());
        for parameter in &types {
            (api.duckdb_aggregate_function_add_parameter)(function, parameter.0);
        }
        (api.duckdb_aggregate_function_set_return_type)(function, SqlType::BLOB.create().0);
        (api.duckdb_aggregate_function_set_functions)(function, state_size, init, update, combine, finalize);
        (api.duckdb_aggregate_function_set_extra_info)(function, c_string(message).into_raw().cast(), delete);
        (api.duckdb_add_aggregate_function_to_set)(set, function);
        (api.duckdb_destroy_aggregate_function)(&mut function);
    }
}

/// # Safety
/// It must be called by DuckDB, for a function of [`add`].
unsafe fn refuse(info: FunctionInfo) {
    // SAFETY: the extra info is the message, which lives as long as the function.
    let message = unsafe { CStr::from_ptr((api().duckdb_aggregate_function_get_extra_info)(info).cast()) };
    report(info, Err(message.to_string_lossy().into_owned()));
}

unsafe extern "C-unwind" fn state_size(_: FunctionInfo) -> u64 {
    size_of::<u64>() as u64
}

unsafe extern "C-unwind" fn init(_: FunctionInfo, _: RawState) {}

unsafe extern "C-unwind" fn update(info: FunctionInfo, _: RawChunk, _: *mut RawState) {
    // SAFETY: DuckDB calls.
    unsafe { refuse(info) };
}

unsafe extern "C-unwind" fn combine(_: FunctionInfo, _: *mut RawState, _: *mut RawState, _: u64) {}

unsafe extern "C-unwind" fn finalize(info: FunctionInfo, _: *mut RawState, _: RawVector, _: u64, _: u64) {
    // SAFETY: DuckDB calls.
    unsafe { refuse(info) };
}

unsafe extern "C-unwind" fn delete(message: *mut c_void) {
    // SAFETY: it came from `into_raw`, and DuckDB deletes it once.
    drop(unsafe { CString::from_raw(message.cast()) });
}
