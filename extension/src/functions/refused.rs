//! Types of which no sketch of a family can be built: each has an overload whose error says what to write.

use super::family::Family;
use super::parameter::Parameter;
use crate::duckdb::{AggregateSet, SqlType, TypeId};

/// Types that are neither numbers nor text.
pub const OTHERS: &[TypeId] = {
    use TypeId::*;
    &[
        Boolean,
        Blob,
        Bit,
        Date,
        Interval,
        Time,
        TimeTz,
        Timestamp,
        TimestampS,
        TimestampMs,
        TimestampNs,
        TimestampTz,
        TimestampTzNs,
        TimeNs,
        Uuid,
    ]
};

/// Adds the overloads that refuse, with one argument to `ARGUMENTS`: the second is the family's parameter.
///
/// `verb` is what the family does with values; `advice` gives what to write in the place of a type.
pub fn refusing<F: Family, const ARGUMENTS: usize>(
    set: AggregateSet,
    types: impl IntoIterator<Item = TypeId>,
    verb: &str,
    advice: impl Fn(TypeId) -> String,
) -> AggregateSet {
    types.into_iter().fold(set, |set, id| {
        let message = refusal::<F>(id, verb, &advice(id));
        let parameters = [SqlType::Plain(id), F::Size::TYPE];
        (1..=ARGUMENTS).fold(set, |set, arguments| set.refusing(&parameters[..arguments], message.clone()))
    })
}

/// The error that says what to write in the place of a type.
pub fn refusal<F: Family>(id: TypeId, verb: &str, advice: &str) -> String {
    format!("{} cannot {verb} {}: write {advice}", F::BUILD.to_string_lossy(), id.sql_name())
}
