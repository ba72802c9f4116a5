//! Aggregate functions: a state a group, updated by rows, combined, and finalized.

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ops::Range;
use std::slice;

use super::api::{Connection, FunctionInfo, RawAggregateFunctionSet, RawChunk, RawState, RawVector, SUCCESS, api};
use super::cpu::{prefetch, widest};
use super::error::{SqlError, c_string};
use super::guard::guard;
use super::input::Chunk;
use super::logical_type::SqlType;
use super::output::{Output, Queue};
use super::refusal;

/// An aggregate function, or one overload of it.
pub trait Aggregate {
    /// The SQL name.
    const NAME: &'static CStr;
    /// The arguments' types.
    const PARAMETERS: &'static [SqlType];
    /// The type of the result.
    const RETURNS: SqlType;
    /// What a group holds. It lives in the row of DuckDB's hash table, which DuckDB moves as plain bytes. Threads hand it
    /// to each other, and several combine from one at a time.
    type State: Default + Send + Sync;

    /// Adds each row of `input`, NULL rows included, to its group's state.
    fn update(input: &Chunk, states: &mut States<Self::State>) -> Result<(), SqlError>;

    /// Adds what `source` holds to `target`. The source is left as it is: the segment trees of window functions
    /// combine one source many times, from several threads.
    fn combine(source: &Self::State, target: &mut Self::State) -> Result<(), SqlError>;

    /// Writes the result of a group. Window functions may finalize a state more than once.
    fn finalize(state: &Self::State, output: &mut Output, row: usize) -> Result<(), SqlError>;
}

/// The state of each row of a chunk: rows of one group share one.
pub struct States<'a, S> {
    pointers: &'a [RawState],
    state: PhantomData<&'a mut S>,
}

/// How many rows ahead a state is brought into the cache, and how many rows ahead what it points to.
const PREFETCH_STATE: usize = 16;
const PREFETCH_CONTENTS: usize = 8;

impl<'a, S> States<'a, S> {
    /// # Safety
    /// Each pointer must be to an initialized `S` that only this call uses during `'a`.
    unsafe fn new(pointers: &'a [RawState]) -> Self {
        States { pointers, state: PhantomData }
    }

    /// Visits the rows in order, cut where the state changes.
    #[inline(always)]
    pub fn for_each_run(
        &mut self,
        visit: impl FnMut(Range<usize>, &mut S) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        self.for_each_run_ahead(|_, _| None, visit)
    }

    /// The same with a look ahead: `soon` says of a later row and its state what the visit will touch, so that it is in
    /// the cache by then.
    #[inline(always)]
    pub fn for_each_run_ahead(
        &mut self,
        soon: impl Fn(usize, &S) -> Option<*const u8>,
        mut visit: impl FnMut(Range<usize>, &mut S) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let mut start = 0;
        while start < self.pointers.len() {
            let state = self.pointers[start];
            let end = self.run_end(start);
            if let Some(ahead) = self.pointers.get(end + PREFETCH_STATE) {
                prefetch(ahead.0.cast());
                // It may begin anywhere in a cache line.
                prefetch(ahead.0.cast::<u8>().wrapping_add(size_of::<S>() - 1));
            }
            if let Some(ahead) = self.pointers.get(end + PREFETCH_CONTENTS) {
                // SAFETY: by the promise of `new`; the reference ends before another is made.
                if let Some(contents) = soon(end + PREFETCH_CONTENTS, unsafe { &*ahead.0.cast::<S>() }) {
                    prefetch(contents);
                }
            }
            // SAFETY: by the promise of `new`; the reference ends before the next one is made.
            visit(start..end, unsafe { &mut *state.0.cast::<S>() })?;
            start = end;
        }
        Ok(())
    }

    #[inline(always)]
    fn run_end(&self, start: usize) -> usize {
        let state = self.pointers[start];
        let rest = &self.pointers[start + 1..];
        match rest.last() {
            // Ungrouped: one state for the whole chunk, found without a branch a row.
            Some(&last) if last == state && rest.iter().fold(true, |same, &other| same & (other == state)) => {
                self.pointers.len()
            }
            _ => start + 1 + rest.iter().take_while(|&&other| other == state).count(),
        }
    }
}

/// The overloads of one name, to be registered together.
pub struct AggregateSet {
    raw: RawAggregateFunctionSet,
    name: &'static CStr,
}

impl AggregateSet {
    /// A set with no overload yet.
    pub fn new(name: &'static CStr) -> Self {
        // SAFETY: the name is a C string that DuckDB copies.
        AggregateSet { raw: unsafe { (api().duckdb_create_aggregate_function_set)(name.as_ptr()) }, name }
    }

    /// Adds an overload.
    ///
    /// # Panics
    /// If the overload has another name.
    pub fn with<A: Aggregate>(self) -> Self {
        assert_eq!(self.name, A::NAME, "an overload has the name of its set");
        let api = api();
        // SAFETY: every handle comes from DuckDB and is destroyed once; types and names are copied by DuckDB.
        unsafe {
            let mut function = (api.duckdb_create_aggregate_function)();
            (api.duckdb_aggregate_function_set_name)(function, A::NAME.as_ptr());
            for parameter in A::PARAMETERS {
                (api.duckdb_aggregate_function_add_parameter)(function, parameter.create().0);
            }
            (api.duckdb_aggregate_function_set_return_type)(function, A::RETURNS.create().0);
            (api.duckdb_aggregate_function_set_functions)(
                function,
                state_size::<A>,
                init::<A>,
                update::<A>,
                combine::<A>,
                finalize::<A>,
            );
            (api.duckdb_aggregate_function_set_destructor)(function, destroy::<A>);
            (api.duckdb_add_aggregate_function_to_set)(self.raw, function);
            (api.duckdb_destroy_aggregate_function)(&mut function);
        }
        self
    }

    /// Adds an overload that is an error wherever it is called: of a type that the function cannot take, so that the
    /// error says what to write. Without it, DuckDB only says that there is no such function.
    pub fn refusing(self, parameters: &[SqlType], message: String) -> Self {
        // SAFETY: the set is live.
        unsafe { refusal::add(self.raw, self.name, parameters, &message) };
        self
    }

    pub(super) fn register(self, connection: Connection) -> Result<(), SqlError> {
        // SAFETY: connection and set are live.
        if unsafe { (api().duckdb_register_aggregate_function_set)(connection, self.raw) } == SUCCESS {
            Ok(())
        } else {
            Err(SqlError::new(format!("DuckDB refused the function {}", self.name.to_string_lossy())))
        }
    }
}

impl Drop for AggregateSet {
    fn drop(&mut self) {
        // SAFETY: `self` owns the set.
        unsafe { (api().duckdb_destroy_aggregate_function_set)(&mut self.raw) };
    }
}

/// How many results wait in memory of their own before DuckDB copies them.
const FINALIZED_AT_ONCE: usize = 32;

/// Runs a callback's body and reports its failure.
fn guarded<A: Aggregate>(info: FunctionInfo, body: impl FnOnce() -> Result<(), SqlError>) {
    report(info, guard(&A::NAME.to_string_lossy(), body));
}

pub(super) fn report(info: FunctionInfo, outcome: Result<(), String>) {
    if let Err(message) = outcome {
        // SAFETY: `info` is that of this call; DuckDB copies the message.
        unsafe { (api().duckdb_aggregate_function_set_error)(info, c_string(&message).as_ptr()) };
    }
}

unsafe extern "C-unwind" fn state_size<A: Aggregate>(_: FunctionInfo) -> u64 {
    size_of::<A::State>() as u64
}

unsafe extern "C-unwind" fn init<A: Aggregate>(info: FunctionInfo, state: RawState) {
    guarded::<A>(info, || {
        let state = state.0.cast::<A::State>();
        if !state.is_aligned() {
            return Err(SqlError::new("DuckDB placed the aggregate's state at an odd address"));
        }
        // SAFETY: DuckDB gives `state_size` bytes of uninitialized memory, aligned as just checked.
        unsafe { state.write(A::State::default()) };
        Ok(())
    });
}

/// How many states are looked at before the next ones are read.
const CHECKED_AT_ONCE: usize = 4;

/// Refuses what DuckDB before 2.0 gives where one state is that of all rows, as in `OVER ()`: it is there once, and behind
/// it is other memory, which sooner or later holds what is not an address of a state. Little of that is read.
///
/// # Safety
/// The first pointer must be readable, and behind it those of the rows, or memory of DuckDB's.
unsafe fn require_states<S>(states: *const RawState, rows: usize) -> Result<(), SqlError> {
    for first in (0..rows).step_by(CHECKED_AT_ONCE) {
        // SAFETY: those before were states, so that these are as well, or are the first ones that are not.
        let states = unsafe { slice::from_raw_parts(states.add(first), CHECKED_AT_ONCE.min(rows - first)) };
        if states.iter().fold(false, |bad, state| bad | state.0.is_null() | !state.0.cast::<S>().is_aligned()) {
            return Err(SqlError::new(
                "this version of DuckDB does not say which state is a row's where one is that of all, as with OVER () and \
                 ORDER BY in an aggregate; use GROUP BY and a join, or DuckDB 2.0",
            ));
        }
    }
    Ok(())
}

unsafe extern "C-unwind" fn update<A: Aggregate>(info: FunctionInfo, input: RawChunk, states: *mut RawState) {
    guarded::<A>(info, || {
        // SAFETY: DuckDB flattens the chunk and gives a pointer to an initialized state for each of its rows; no
        // other thread updates these states.
        let (input, mut states) = unsafe {
            let input = Chunk::new(input);
            require_states::<A::State>(states, input.len())?;
            let pointers = if input.is_empty() { &[] } else { slice::from_raw_parts(states, input.len()) };
            (input, States::new(pointers))
        };
        widest(
            #[inline(always)]
            || A::update(&input, &mut states),
        )
    });
}

unsafe extern "C-unwind" fn combine<A: Aggregate>(
    info: FunctionInfo,
    sources: *mut RawState,
    targets: *mut RawState,
    count: u64,
) {
    guarded::<A>(info, || {
        // SAFETY: DuckDB gives `count` pointers of either kind to initialized states; it writes no source during the
        // call, gives the targets to this thread alone, and no state is its own target.
        let pairs = unsafe {
            let sources = slice::from_raw_parts(sources, count as usize);
            let targets = slice::from_raw_parts(targets, count as usize);
            sources
                .iter()
                .zip(targets)
                .map(|(source, target)| (&*source.0.cast::<A::State>(), &mut *target.0.cast::<A::State>()))
        };
        widest(
            #[inline(always)]
            || {
                for (source, target) in pairs {
                    A::combine(source, target)?;
                }
                Ok(())
            },
        )
    });
}

unsafe extern "C-unwind" fn finalize<A: Aggregate>(
    info: FunctionInfo,
    states: *mut RawState,
    result: RawVector,
    count: u64,
    offset: u64,
) {
    let (name, queue) = (A::NAME.to_string_lossy(), Queue::default());
    let finalize = |first: usize, states: &[RawState]| {
        guard(&name, || {
            // SAFETY: DuckDB gives a result vector with room for `offset + count` rows.
            let mut output = unsafe { Output::new(result, &queue) };
            widest(
                #[inline(always)]
                || {
                    for (row, state) in states.iter().enumerate() {
                        // SAFETY: the states are initialized.
                        let state = unsafe { &*state.0.cast::<A::State>() };
                        A::finalize(state, &mut output, first + row)?;
                    }
                    Ok(())
                },
            )
        })?;
        // SAFETY: the result vector is still there.
        unsafe { queue.flush(&name) }
    };
    // SAFETY: DuckDB gives `count` pointers to initialized states.
    let states = unsafe { slice::from_raw_parts(states, count as usize) };
    let mut parts = (offset as usize..).step_by(FINALIZED_AT_ONCE).zip(states.chunks(FINALIZED_AT_ONCE));
    report(info, parts.try_for_each(|(first, states)| finalize(first, states)));
}

unsafe extern "C-unwind" fn destroy<A: Aggregate>(states: *mut RawState, count: u64) {
    // Nobody could be told of an error here; dropping a state cannot fail.
    let _ = guard(&A::NAME.to_string_lossy(), || {
        // SAFETY: DuckDB gives `count` pointers to states, each initialized once and destroyed once; `init` refused
        // to initialize those that are not aligned.
        for state in unsafe { slice::from_raw_parts(states, count as usize) } {
            let state = state.0.cast::<A::State>();
            if state.is_aligned() {
                // SAFETY: as above.
                unsafe { state.drop_in_place() };
            }
        }
        Ok(())
    });
}
