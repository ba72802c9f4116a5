//! One item.

use std::fmt;

use super::calendar::{is_infinite, write_date, write_time, write_timestamp};
use super::item_type::ItemType;

/// An item; what it displays is what a cast to VARCHAR gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item<'a> {
    /// One of eight bytes or less.
    Word(ItemType, u64),
    /// UTF-8.
    Text(&'a [u8]),
}

impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (item_type, word) = match *self {
            Item::Word(item_type, word) => (item_type, word),
            Item::Text(text) => return f.write_str(&String::from_utf8_lossy(text)),
        };
        match item_type {
            ItemType::Boolean => write!(f, "{}", word != 0),
            ItemType::UBigInt => write!(f, "{word}"),
            ItemType::Float => write_float(f, f32::from_bits(word as u32)),
            ItemType::Double => write_float(f, f64::from_bits(word)),
            ItemType::Date => write_date(f, word as i32),
            ItemType::Time => write_time(f, word as i64),
            ItemType::Timestamp => write_timestamp(f, word as i64),
            ItemType::TimestampTz => {
                write_timestamp(f, word as i64)?;
                f.write_str(if is_infinite(word as i64) { "" } else { "+00" })
            }
            ItemType::BigInt | ItemType::Varchar => write!(f, "{}", word as i64),
        }
    }
}

/// The shortest digits that are read as the same number.
fn write_float<T: fmt::Debug>(f: &mut fmt::Formatter<'_>, float: T) -> fmt::Result {
    let text = format!("{float:?}");
    match text.split_once('e') {
        _ if text == "NaN" => f.write_str("nan"),
        None => f.write_str(&text),
        Some((digits, exponent)) => {
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
            write!(f, "{digits}e{sign}{exponent:0>2}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_written_as_sql_writes_them() {
        for (item_type, word, text) in [
            (ItemType::Boolean, 1, "true"),
            (ItemType::BigInt, u64::MAX, "-1"),
            (ItemType::UBigInt, u64::MAX, "18446744073709551615"),
            (ItemType::Float, u64::from(0.1f32.to_bits()), "0.1"),
            (ItemType::Double, 2.0f64.to_bits(), "2.0"),
            (ItemType::Double, f64::NAN.to_bits(), "nan"),
            (ItemType::Double, 1e300f64.to_bits(), "1e+300"),
            (ItemType::Double, (-2.5e-7f64).to_bits(), "-2.5e-07"),
            (ItemType::Double, f64::NEG_INFINITY.to_bits(), "-inf"),
            (ItemType::Date, u64::MAX, "1969-12-31"),
            (ItemType::Time, 1_000_000, "00:00:01"),
            (ItemType::Timestamp, 0, "1970-01-01 00:00:00"),
            (ItemType::TimestampTz, 0, "1970-01-01 00:00:00+00"),
            (ItemType::TimestampTz, i64::MAX as u64, "infinity"),
        ] {
            assert_eq!(item_type.item(word).to_string(), text);
        }
        assert_eq!(Item::Text("ä".as_bytes()).to_string(), "ä");
    }
}
