//! From SQL values to what sketches keep of their hashes: `docs/STORAGE.md`, "The bytes that each SQL type is hashed by".

use super::texts::{
    LONGEST_DECIMAL, MICROS_PER_MILLI, MICROS_PER_SECOND, decimal_text, microseconds, shortest_decimal, uuid_text,
};
use crate::duckdb::{LogicalType, Plain, SqlError, TypeId, Validity, Vector, Wide};
use crate::sketch::FromHash;
use crate::sketch::histogram::Histogram;
use crate::sketch::hll::HllImage;
use crate::sketch::theta::ThetaImage;
use crate::sketch::top_k::TopKImage;

const NANOS_PER_MICRO: i64 = 1_000;

/// What is kept of each row's hash; [`FromHash::NOTHING`] where it is NULL.
#[inline(always)]
pub fn hashes<H: FromHash>(column: &Vector) -> Result<Vec<H>, SqlError> {
    let logical_type = column.logical_type();
    let mut hashes: Vec<H> = match logical_type.id() {
        Some(TypeId::Boolean) => each(column, |value: u8| H::of_u64(u64::from(value))),
        Some(TypeId::TinyInt) => each(column, |value: i8| H::of_u64(i64::from(value) as u64)),
        Some(TypeId::SmallInt) => each(column, |value: i16| H::of_u64(i64::from(value) as u64)),
        Some(TypeId::Integer | TypeId::Date) => each(column, |value: i32| H::of_u64(i64::from(value) as u64)),
        Some(TypeId::BigInt | TypeId::Time | TypeId::Timestamp | TypeId::TimestampTz) => {
            each(column, |value: i64| H::of_u64(value as u64))
        }
        Some(TypeId::UTinyInt) => each(column, |value: u8| H::of_u64(u64::from(value))),
        Some(TypeId::USmallInt) => each(column, |value: u16| H::of_u64(u64::from(value))),
        Some(TypeId::UInteger) => each(column, |value: u32| H::of_u64(u64::from(value))),
        Some(TypeId::UBigInt) => each(column, |value: u64| H::of_i128(i128::from(value))),
        Some(TypeId::HugeInt) => each(column, |value: Wide<i128>| H::of_i128(value.get())),
        Some(TypeId::UHugeInt) => each(column, |value: Wide<u128>| H::of_u128(value.get())),
        Some(TypeId::Float) => each(column, |value: f32| H::of_f64(f64::from(value))),
        Some(TypeId::Double) => each(column, H::of_f64),
        Some(TypeId::TimestampS) => each(column, |value| of_instant(value, MICROS_PER_SECOND)),
        Some(TypeId::TimestampMs) => each(column, |value| of_instant(value, MICROS_PER_MILLI)),
        Some(TypeId::TimestampNs | TypeId::TimestampTzNs | TypeId::TimeNs) => each(column, of_nanoseconds),
        Some(TypeId::Varchar) => return Ok(of_strings(column)),
        Some(TypeId::Blob) => {
            refuse_states(column)?;
            return Ok(of_strings(column));
        }
        Some(TypeId::Uuid) => each(column, |value: Wide<i128>| of_uuid(value.get())),
        Some(TypeId::Decimal) => of_decimals(column, &logical_type),
        Some(TypeId::Enum) => of_enums(column, &logical_type),
        Some(TypeId::SqlNull) => return Ok(vec![H::NOTHING; column.len()]),
        other => return Err(unsupported(other)),
    };
    blank_nulls(column.validity(), &mut hashes);
    Ok(hashes)
}

#[cold]
fn unsupported(id: Option<TypeId>) -> SqlError {
    let name = id.map_or("of a newer DuckDB".into(), TypeId::sql_name);
    SqlError::new(format!(
        "values of type {name} cannot be counted; cast them to VARCHAR, or to what makes two of them equal"
    ))
}

/// Row by row without a branch, NULL rows included: the loop vectorizes. (`collect` would not: its loop is a function
/// of its own, compiled once for every CPU.)
#[inline(always)]
fn each<T: Plain, H: FromHash>(column: &Vector, hash: impl Fn(T) -> H) -> Vec<H> {
    let values = column.values::<T>();
    let mut hashes = vec![H::NOTHING; values.len()];
    for (slot, &value) in hashes.iter_mut().zip(values) {
        *slot = hash(value);
    }
    hashes
}

#[inline(always)]
fn blank_nulls<H: FromHash>(validity: Validity, hashes: &mut [H]) {
    if validity.all_valid(hashes.len()) {
        return;
    }
    for (row, hash) in hashes.iter_mut().enumerate() {
        if !validity.is_valid(row) {
            *hash = H::NOTHING;
        }
    }
}

/// Short strings, which most are, all at once; then the others one by one.
#[inline(always)]
fn of_strings<H: FromHash>(column: &Vector) -> Vec<H> {
    const INLINE: u32 = 12;
    let strings = column.strings();
    let words = strings.inline_words();
    let mut hashes = vec![H::NOTHING; column.len()];
    for (slot, (length, k1, k2)) in hashes.iter_mut().zip(words.clone()) {
        *slot = H::of_words(k1, u64::from(k2), u64::from(length));
    }
    blank_nulls(strings.validity(), &mut hashes);
    for (row, (length, _, _)) in words.enumerate() {
        if length > INLINE {
            hashes[row] = strings.get(row).map_or(H::NOTHING, H::of_bytes);
        }
    }
    hashes
}

/// Sees that no value is a whole state: its hash would count the sketch as one value, and not what the sketch counted.
fn refuse_states(column: &Vector) -> Result<(), SqlError> {
    let strings = column.strings();
    for row in 0..column.len() {
        match strings.get(row) {
            Some(bytes) if HllImage::parse(bytes).is_ok() => return Err(counted("an HLL sketch", "hll_union_agg")),
            Some(bytes) if Histogram::parse(bytes).is_ok() => {
                return Err(counted("an approximate histogram", "approx_histogram_union_agg"));
            }
            Some(bytes) if ThetaImage::parse(bytes).is_ok() => {
                return Err(counted("a theta sketch", "theta_union_agg"));
            }
            Some(bytes) if TopKImage::parse(bytes).is_ok() => {
                return Err(counted("a sketch of frequent items", "approx_top_k_combine"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cold]
fn counted(state: &str, union: &str) -> SqlError {
    SqlError::new(format!(
        "a value is {state} itself: {union}(x) unites what such a column holds. To count distinct sketches, count md5(x)"
    ))
}

fn of_instant<H: FromHash>(value: i64, micros: i64) -> H {
    H::of_u64(microseconds(value, micros) as u64)
}

fn of_nanoseconds<H: FromHash>(value: i64) -> H {
    let (micros, nanos) = (value.div_euclid(NANOS_PER_MICRO), value.rem_euclid(NANOS_PER_MICRO));
    if value.unsigned_abs() == i64::MAX as u64 {
        return H::of_u64(value as u64);
    }
    if nanos == 0 {
        return H::of_u64(micros as u64);
    }
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&micros.to_le_bytes());
    bytes[8..].copy_from_slice(&nanos.to_le_bytes());
    H::of_bytes(&bytes)
}

fn of_uuid<H: FromHash>(value: i128) -> H {
    H::of_bytes(&uuid_text(value))
}

fn of_decimals<H: FromHash>(column: &Vector, logical_type: &LogicalType) -> Vec<H> {
    let scale = u32::from(logical_type.decimal_scale());
    match logical_type.storage() {
        Some(TypeId::SmallInt) => each(column, |value: i16| of_decimal(i128::from(value), scale)),
        Some(TypeId::Integer) => each(column, |value: i32| of_decimal(i128::from(value), scale)),
        Some(TypeId::BigInt) => each(column, |value: i64| of_decimal(i128::from(value), scale)),
        _ => each(column, |value: Wide<i128>| of_decimal(value.get(), scale)),
    }
}

/// A whole number as an integer, else the shortest text.
fn of_decimal<H: FromHash>(unscaled: i128, scale: u32) -> H {
    match shortest_decimal(unscaled, scale) {
        (integer, 0) => H::of_i128(integer),
        (unscaled, scale) => H::of_bytes(decimal_text(unscaled, scale, &mut [0; LONGEST_DECIMAL])),
    }
}

fn of_enums<H: FromHash>(column: &Vector, logical_type: &LogicalType) -> Vec<H> {
    let codes: Vec<u32> = match logical_type.storage() {
        Some(TypeId::UTinyInt) => column.values::<u8>().iter().map(|&code| u32::from(code)).collect(),
        Some(TypeId::USmallInt) => column.values::<u16>().iter().map(|&code| u32::from(code)).collect(),
        _ => column.values::<u32>().to_vec(),
    };
    let validity = column.validity();
    let size = logical_type.enum_size();
    let of_code = |code: u32| H::of_bytes(logical_type.enum_value(code).as_bytes());
    // A small dictionary is hashed whole, of a large one only what occurs.
    let dictionary: Vec<H> = if size as usize <= codes.len() { (0..size).map(of_code).collect() } else { Vec::new() };
    let hash = |(row, &code): (usize, &u32)| match dictionary.get(code as usize) {
        _ if !validity.is_valid(row) => H::NOTHING,
        Some(&hash) => hash,
        None => of_code(code),
    };
    codes.iter().enumerate().map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hll::Coupon;

    #[test]
    fn equal_decimals_have_one_hash() {
        assert_eq!(of_decimal::<Coupon>(119, 2), Coupon::of_bytes(b"1.19"));
        assert_eq!(of_decimal::<Coupon>(11900, 4), Coupon::of_bytes(b"1.19"));
        assert_eq!(of_decimal::<Coupon>(-5, 1), Coupon::of_bytes(b"-0.5"));
        assert_eq!(of_decimal::<Coupon>(5, 3), Coupon::of_bytes(b"0.005"));
        assert_eq!(of_decimal::<Coupon>(-300, 2), Coupon::of_i128(-3));
        assert_eq!(of_decimal::<Coupon>(0, 2), Coupon::of_i128(0));
        let widest = 10i128.pow(38) - 1;
        assert_eq!(of_decimal::<Coupon>(-widest, 38), Coupon::of_bytes(format!("-0.{widest}").as_bytes()));
    }

    #[test]
    fn equal_instants_have_one_hash() {
        let micros = Coupon::of_u64(1_500_000_000_000_000);
        assert_eq!(of_instant::<Coupon>(1_500_000_000, MICROS_PER_SECOND), micros);
        assert_eq!(of_instant::<Coupon>(1_500_000_000_000, MICROS_PER_MILLI), micros);
        assert_eq!(of_nanoseconds::<Coupon>(1_500_000_000_000_000_000), micros);
        assert_ne!(of_nanoseconds::<Coupon>(1_500_000_000_000_000_001), micros);
        assert_eq!(of_instant::<Coupon>(i64::MAX, MICROS_PER_SECOND), of_nanoseconds(i64::MAX));
    }

    #[test]
    fn a_uuid_is_its_text() {
        let bits = 0xeecc_b8c5_9943_b2bb_bb5e_222f_4e14_b687_u128;
        assert_eq!(
            of_uuid::<Coupon>((bits ^ (1 << 127)) as i128),
            Coupon::of_bytes(b"eeccb8c5-9943-b2bb-bb5e-222f4e14b687")
        );
    }
}
