//! Scalar functions: a value a row from the arguments of that row.

use std::ffi::CStr;

use super::api::{Connection, FunctionInfo, RawChunk, RawScalarFunctionSet, RawVector, SUCCESS, api};
use super::cpu::widest;
use super::error::{SqlError, c_string};
use super::guard::guard;
use super::input::Chunk;
use super::logical_type::SqlType;
use super::output::{Output, Queue};

/// A scalar function, or one overload of it.
pub trait Scalar {
    /// The SQL name.
    const NAME: &'static CStr;
    /// The arguments' types.
    const PARAMETERS: &'static [SqlType];
    /// The type of the result.
    const RETURNS: SqlType;

    /// Fills a row of `output` for each row of `input`, NULL rows included.
    fn call(input: &Chunk, output: &mut Output) -> Result<(), SqlError>;
}

/// The overloads of one name, to be registered together.
pub struct ScalarSet {
    raw: RawScalarFunctionSet,
    name: &'static CStr,
}

impl ScalarSet {
    /// A set with no overload yet.
    pub fn new(name: &'static CStr) -> Self {
        // SAFETY: the name is a C string that DuckDB copies.
        ScalarSet { raw: unsafe { (api().duckdb_create_scalar_function_set)(name.as_ptr()) }, name }
    }

    /// Adds an overload.
    ///
    /// # Panics
    /// If the overload has another name.
    pub fn with<F: Scalar>(self) -> Self {
        assert_eq!(self.name, F::NAME, "an overload has the name of its set");
        let api = api();
        // SAFETY: every handle comes from DuckDB and is destroyed once; types and names are copied by DuckDB.
        unsafe {
            let mut function = (api.duckdb_create_scalar_function)();
            (api.duckdb_scalar_function_set_name)(function, F::NAME.as_ptr());
            for parameter in F::PARAMETERS {
                (api.duckdb_scalar_function_add_parameter)(function, parameter.create().0);
            }
            (api.duckdb_scalar_function_set_return_type)(function, F::RETURNS.create().0);
            (api.duckdb_scalar_function_set_function)(function, call::<F>);
            (api.duckdb_add_scalar_function_to_set)(self.raw, function);
            (api.duckdb_destroy_scalar_function)(&mut function);
        }
        self
    }

    pub(super) fn register(self, connection: Connection) -> Result<(), SqlError> {
        // SAFETY: connection and set are live.
        if unsafe { (api().duckdb_register_scalar_function_set)(connection, self.raw) } == SUCCESS {
            Ok(())
        } else {
            Err(SqlError::new(format!("DuckDB refused the function {}", self.name.to_string_lossy())))
        }
    }
}

impl Drop for ScalarSet {
    fn drop(&mut self) {
        // SAFETY: `self` owns the set.
        unsafe { (api().duckdb_destroy_scalar_function_set)(&mut self.raw) };
    }
}

unsafe extern "C-unwind" fn call<F: Scalar>(info: FunctionInfo, input: RawChunk, output: RawVector) {
    let (name, queue) = (F::NAME.to_string_lossy(), Queue::default());
    let outcome = guard(&name, || {
        // SAFETY: DuckDB flattens the chunk and keeps both alive during the call.
        let (input, mut output) = unsafe { (Chunk::new(input), Output::new(output, &queue)) };
        widest(
            #[inline(always)]
            || F::call(&input, &mut output),
        )
    });
    // SAFETY: the result vector is still there.
    if let Err(message) = outcome.and_then(|()| unsafe { queue.flush(&name) }) {
        // SAFETY: `info` is that of this call; DuckDB copies the message.
        unsafe { (api().duckdb_scalar_function_set_error)(info, c_string(&message).as_ptr()) };
    }
}
