//! The entry point: connect, register, report.

use super::aggregate::AggregateSet;
use super::api::{self, API_VERSION, Connection, ExtensionAccess, ExtensionInfo, SUCCESS, api};
use super::error::{SqlError, c_string};
use super::guard::guard;
use super::scalar::ScalarSet;

/// Where an extension registers its functions while it loads.
pub struct Registry {
    connection: Connection,
}

impl Registry {
    /// Registers an aggregate function with its overloads.
    pub fn aggregate(&self, set: AggregateSet) -> Result<(), SqlError> {
        set.register(self.connection)
    }

    /// Registers a scalar function with its overloads.
    pub fn scalar(&self, set: ScalarSet) -> Result<(), SqlError> {
        set.register(self.connection)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // SAFETY: `self` owns the connection.
        unsafe { (api().duckdb_disconnect)(&mut self.connection) };
    }
}

/// The body of `<name>_init_c_api`: `true` when every function is registered.
///
/// # Safety
/// To be called by DuckDB, with what DuckDB gave the entry symbol.
pub unsafe fn entry_point(
    info: ExtensionInfo,
    access: *const ExtensionAccess,
    register: fn(&Registry) -> Result<(), SqlError>,
) -> bool {
    // SAFETY: DuckDB's struct lives during the call.
    let access = unsafe { &*access };
    let outcome = guard("duckdb_sketch", || {
        // SAFETY: `info` is that of this call.
        let (table, database) = unsafe { ((access.get_api)(info, API_VERSION.as_ptr()), (access.get_database)(info)) };
        if table.is_null() || database.is_null() {
            return Err(SqlError::new(
                "this DuckDB does not offer the C extension API v1.2.0; use DuckDB 1.2 or newer",
            ));
        }
        // SAFETY: the host returned the table for that version.
        if !unsafe { api::init(table) } {
            return Err(SqlError::new(
                "another copy of DuckDB in this process has loaded this file; load a copy of the file, of another path",
            ));
        }
        let mut connection = Connection(std::ptr::null_mut());
        // SAFETY: the database is open while its extension loads.
        if unsafe { (api().duckdb_connect)(*database, &mut connection) } != SUCCESS {
            return Err(SqlError::new("DuckDB refused a connection to register the functions"));
        }
        register(&Registry { connection })
    });
    match outcome {
        Ok(()) => true,
        Err(message) => {
            // SAFETY: `info` is that of this call; DuckDB copies the message.
            unsafe { (access.set_error)(info, c_string(&message).as_ptr()) };
            false
        }
    }
}

/// Exports the symbol that DuckDB looks for when it loads `<name>.duckdb_extension`.
#[macro_export]
macro_rules! duckdb_entry_symbol {
    ($symbol:ident, $register:path) => {
        /// What DuckDB calls when it loads the extension.
        ///
        /// # Safety
        /// To be called by DuckDB alone.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $symbol(
            info: $crate::duckdb::ExtensionInfo,
            access: *const $crate::duckdb::ExtensionAccess,
        ) -> bool {
            // SAFETY: the arguments are those that DuckDB gave.
            unsafe { $crate::duckdb::entry_point(info, access, $register) }
        }
    };
}
