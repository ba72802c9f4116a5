//! From SQL values to items: `docs/STORAGE.md`, "Sketches of frequent items".

use std::iter;
use std::ops::Range;

use crate::duckdb::{LogicalType, Plain, SqlError, Strings, TypeId, Validity, Vector, Wide};
use crate::functions::texts::{
    LONGEST_DECIMAL, MICROS_PER_MILLI, MICROS_PER_SECOND, decimal_text, microseconds, shortest_decimal, uuid_text,
};
use crate::sketch::top_k::{ItemType, TopKSketch};

/// A column of items, read once a chunk.
pub enum Items<'a> {
    /// Items of eight bytes or less.
    Words { item_type: ItemType, words: Vec<u64>, validity: Validity<'a>, all_valid: bool },
    /// Texts as they are.
    Strings { strings: Strings<'a>, all_valid: bool },
    /// Texts that were made of other values: which one is a row's.
    Texts { texts: Vec<Vec<u8>>, places: Vec<u32>, validity: Validity<'a> },
    /// NULL in every row.
    Nulls,
}

impl<'a> Items<'a> {
    /// Reads a column.
    #[inline(always)]
    pub fn of(column: &Vector<'a>) -> Result<Self, SqlError> {
        let logical_type = column.logical_type();
        Ok(match logical_type.id() {
            Some(TypeId::Boolean) => words(column, ItemType::Boolean, |value: u8| u64::from(value != 0)),
            Some(TypeId::TinyInt) => words(column, ItemType::BigInt, |value: i8| i64::from(value) as u64),
            Some(TypeId::SmallInt) => words(column, ItemType::BigInt, |value: i16| i64::from(value) as u64),
            Some(TypeId::Integer) => words(column, ItemType::BigInt, |value: i32| i64::from(value) as u64),
            Some(TypeId::BigInt) => words(column, ItemType::BigInt, |value: i64| value as u64),
            Some(TypeId::UTinyInt) => words(column, ItemType::BigInt, |value: u8| u64::from(value)),
            Some(TypeId::USmallInt) => words(column, ItemType::BigInt, |value: u16| u64::from(value)),
            Some(TypeId::UInteger) => words(column, ItemType::BigInt, |value: u32| u64::from(value)),
            Some(TypeId::UBigInt) => words(column, ItemType::UBigInt, |value: u64| value),
            Some(TypeId::Float) => {
                words(column, ItemType::Float, |value: f32| ItemType::Float.normal(u64::from(value.to_bits())))
            }
            Some(TypeId::Double) => {
                words(column, ItemType::Double, |value: f64| ItemType::Double.normal(value.to_bits()))
            }
            Some(TypeId::Date) => words(column, ItemType::Date, |value: i32| i64::from(value) as u64),
            Some(TypeId::Time) => words(column, ItemType::Time, |value: i64| value as u64),
            Some(TypeId::Timestamp) => words(column, ItemType::Timestamp, |value: i64| value as u64),
            Some(TypeId::TimestampTz) => words(column, ItemType::TimestampTz, |value: i64| value as u64),
            Some(TypeId::TimestampS) => {
                words(column, ItemType::Timestamp, |value| microseconds(value, MICROS_PER_SECOND) as u64)
            }
            Some(TypeId::TimestampMs) => {
                words(column, ItemType::Timestamp, |value| microseconds(value, MICROS_PER_MILLI) as u64)
            }
            Some(TypeId::Varchar) => {
                let strings = column.strings();
                Items::Strings { strings, all_valid: strings.validity().all_valid(column.len()) }
            }
            Some(TypeId::Uuid) => texts(column, |value: Wide<i128>| uuid_text(value.get()).to_vec()),
            Some(TypeId::HugeInt) => texts(column, |value: Wide<i128>| value.get().to_string().into_bytes()),
            Some(TypeId::UHugeInt) => texts(column, |value: Wide<u128>| value.get().to_string().into_bytes()),
            Some(TypeId::Decimal) => decimals(column, &logical_type),
            Some(TypeId::Enum) => enums(column, &logical_type),
            Some(TypeId::SqlNull) => Items::Nulls,
            other => return Err(unsupported(other)),
        })
    }

    /// Adds rows to a sketch, NULLs among them.
    #[inline(always)]
    pub fn add_to(&self, sketch: &mut TopKSketch, rows: Range<usize>) -> Result<(), SqlError> {
        match self {
            Items::Words { item_type, words, all_valid: true, .. } => {
                sketch.extend_words(*item_type, words[rows].iter().map(|&word| (word, 1)))?;
            }
            Items::Words { item_type, words, validity, .. } => {
                let valid = valid_rows(sketch, *validity, rows);
                sketch.extend_words(*item_type, valid.map(|row| (words[row], 1)))?;
            }
            Items::Strings { strings, all_valid } => {
                if !all_valid {
                    count_nulls(sketch, strings.validity(), rows.clone());
                }
                sketch.extend_texts(rows.filter_map(|row| Some((strings.get(row)?, 1))))?;
            }
            Items::Texts { texts, places, validity } => {
                let valid = valid_rows(sketch, *validity, rows);
                sketch.extend_texts(valid.map(|row| (&texts[places[row] as usize][..], 1)))?;
            }
            Items::Nulls => sketch.add_nulls(rows.len() as u64),
        }
        Ok(())
    }

    /// Adds a row as often as its weight says.
    #[inline(always)]
    pub fn add_weighted_to(&self, sketch: &mut TopKSketch, row: usize, weight: u64) -> Result<(), SqlError> {
        sketch.make_room(weight)?;
        if self.is_null(row) {
            sketch.add_nulls(weight);
            return Ok(());
        }
        match self {
            Items::Words { item_type, words, .. } => {
                sketch.extend_words(*item_type, iter::once((words[row], weight)))?;
            }
            Items::Strings { strings, .. } => {
                sketch.extend_texts(strings.get(row).map(|text| (text, weight)).into_iter())?;
            }
            Items::Texts { texts, places, .. } => {
                sketch.extend_texts(iter::once((&texts[places[row] as usize][..], weight)))?;
            }
            Items::Nulls => {}
        }
        Ok(())
    }

    #[inline(always)]
    fn is_null(&self, row: usize) -> bool {
        match self {
            Items::Words { all_valid: true, .. } | Items::Strings { all_valid: true, .. } => false,
            Items::Words { validity, .. } | Items::Texts { validity, .. } => !validity.is_valid(row),
            Items::Strings { strings, .. } => !strings.validity().is_valid(row),
            Items::Nulls => true,
        }
    }

    /// Where in memory the counter of a row's item is.
    #[inline(always)]
    pub fn place_in(&self, sketch: &TopKSketch, row: usize) -> Option<*const u8> {
        match self {
            Items::Words { words, .. } => sketch.place_of_word(words[row]),
            _ => None,
        }
    }
}

/// The rows that are not NULL; a sketch counts the others.
#[inline(always)]
fn valid_rows<'v>(
    sketch: &mut TopKSketch,
    validity: Validity<'v>,
    rows: Range<usize>,
) -> impl Iterator<Item = usize> + use<'v> {
    count_nulls(sketch, validity, rows.clone());
    rows.filter(move |&row| validity.is_valid(row))
}

#[inline(always)]
fn count_nulls(sketch: &mut TopKSketch, validity: Validity, rows: Range<usize>) {
    let nulls = rows.filter(|&row| !validity.is_valid(row)).count();
    sketch.add_nulls(nulls as u64);
}

#[cold]
fn unsupported(id: Option<TypeId>) -> SqlError {
    let name = id.map_or("of a newer DuckDB".into(), TypeId::sql_name);
    SqlError::new(format!(
        "values of type {name} cannot be ranked; cast them to VARCHAR, or to what makes two of them equal"
    ))
}

/// Row by row, NULL rows included.
#[inline(always)]
fn words<'a, T: Plain>(column: &Vector<'a>, item_type: ItemType, word: impl Fn(T) -> u64) -> Items<'a> {
    let values = column.values::<T>();
    let mut words = vec![0; values.len()];
    for (slot, &value) in words.iter_mut().zip(values) {
        *slot = word(value);
    }
    let validity = column.validity();
    Items::Words { item_type, words, validity, all_valid: validity.all_valid(column.len()) }
}

fn texts<'a, T: Plain>(column: &Vector<'a>, text: impl Fn(T) -> Vec<u8>) -> Items<'a> {
    let texts = column.values::<T>().iter().map(|&value| text(value)).collect();
    Items::Texts { texts, places: (0..column.len() as u32).collect(), validity: column.validity() }
}

/// A text without zeros at its end, so that columns of several scales have the same items.
fn decimals<'a>(column: &Vector<'a>, logical_type: &LogicalType) -> Items<'a> {
    let scale = u32::from(logical_type.decimal_scale());
    let text = |unscaled: i128| {
        let (unscaled, scale) = shortest_decimal(unscaled, scale);
        decimal_text(unscaled, scale, &mut [0; LONGEST_DECIMAL]).to_vec()
    };
    match logical_type.storage() {
        Some(TypeId::SmallInt) => texts(column, |value: i16| text(i128::from(value))),
        Some(TypeId::Integer) => texts(column, |value: i32| text(i128::from(value))),
        Some(TypeId::BigInt) => texts(column, |value: i64| text(i128::from(value))),
        _ => texts(column, |value: Wide<i128>| text(value.get())),
    }
}

fn enums<'a>(column: &Vector<'a>, logical_type: &LogicalType) -> Items<'a> {
    let codes: Vec<u32> = match logical_type.storage() {
        Some(TypeId::UTinyInt) => column.values::<u8>().iter().map(|&code| u32::from(code)).collect(),
        Some(TypeId::USmallInt) => column.values::<u16>().iter().map(|&code| u32::from(code)).collect(),
        _ => column.values::<u32>().to_vec(),
    };
    let validity = column.validity();
    let of_code = |code: u32| logical_type.enum_value(code).into_bytes();
    let size = logical_type.enum_size();
    // Of a small dictionary all texts are made, of a large one those that occur.
    if size as usize <= codes.len() {
        let places = codes.into_iter().map(|code| code.min(size.saturating_sub(1))).collect();
        return Items::Texts { texts: (0..size).map(of_code).collect(), places, validity };
    }
    let of_row = |(row, &code): (usize, &u32)| if validity.is_valid(row) { of_code(code) } else { Vec::new() };
    let texts = codes.iter().enumerate().map(of_row).collect();
    Items::Texts { texts, places: (0..codes.len() as u32).collect(), validity }
}
