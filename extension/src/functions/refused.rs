//! Types of which no sketch of a family can be built: each has an overload whose error says what to write.

use super::family::Family;
use super::parameter::Parameter;
use crate::duckdb::{AggregateSet, SqlType, TypeId};

/// Adds the overloads that refuse, with and without the family's parameter.
///
/// `advice` gives what to write in the place of a type.
pub fn refusing<F: Family>(set: AggregateSet, types: &[TypeId], advice: impl Fn(TypeId) -> String) -> AggregateSet {
    types.iter().fold(set, |set, &id| {
        let name = F::BUILD.to_string_lossy();
        let message = format!("{name} cannot measure {}: write {}", id.sql_name(), advice(id));
        let parameters = [SqlType::Plain(id), F::Size::TYPE];
        set.refusing(&parameters[..1], message.clone()).refusing(&parameters, message)
    })
}
