//! What items are.

use super::item::Item;

/// The SQL type of items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum ItemType {
    Boolean,
    BigInt,
    UBigInt,
    Float,
    Double,
    Timestamp,
    Date,
    Time,
    Varchar,
    TimestampTz,
}

/// How items are written: by one of the classes of datasketches-java.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `ArrayOfBooleansSerDe`: a bit each.
    Bits,
    /// `ArrayOfNumbersSerDe`: a byte that says which number it is, and the number.
    Numbers,
    /// `ArrayOfLongsSerDe` and `ArrayOfDoublesSerDe`: eight bytes each.
    Longs,
    /// `ArrayOfStringsSerDe`: a length of four bytes, and the text as UTF-8.
    Strings,
}

/// The types, each with its byte in an image, which is that of DuckDB's C API, and its name.
const TYPES: [(ItemType, u8, &str); 10] = [
    (ItemType::Boolean, 1, "BOOLEAN"),
    (ItemType::BigInt, 5, "BIGINT"),
    (ItemType::UBigInt, 9, "UBIGINT"),
    (ItemType::Float, 10, "FLOAT"),
    (ItemType::Double, 11, "DOUBLE"),
    (ItemType::Timestamp, 12, "TIMESTAMP"),
    (ItemType::Date, 13, "DATE"),
    (ItemType::Time, 14, "TIME"),
    (ItemType::Varchar, 17, "VARCHAR"),
    (ItemType::TimestampTz, 31, "TIMESTAMP WITH TIME ZONE"),
];

/// Other names of types, and how items of them are written: integers of fewer bytes are BIGINTs here.
const ALIASES: [(&str, ItemType, Form); 6] = [
    ("TINYINT", ItemType::BigInt, Form::Numbers),
    ("SMALLINT", ItemType::BigInt, Form::Numbers),
    ("INTEGER", ItemType::BigInt, Form::Numbers),
    ("INT", ItemType::BigInt, Form::Numbers),
    ("STRING", ItemType::Varchar, Form::Strings),
    ("TIMESTAMPTZ", ItemType::TimestampTz, Form::Longs),
];

const SIGN: u64 = 1 << 63;

impl ItemType {
    /// The type that an image says.
    pub(super) fn of_byte(byte: u8) -> Option<Self> {
        TYPES.iter().find(|(_, known, _)| *known == byte).map(|(item_type, ..)| *item_type)
    }

    /// The reverse.
    pub(super) fn byte(self) -> u8 {
        self.entry().1
    }

    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        self.entry().2
    }

    fn entry(self) -> &'static (ItemType, u8, &'static str) {
        TYPES.iter().find(|(item_type, ..)| *item_type == self).expect("every type is in the table")
    }

    /// The type of this name, and how other libraries write its items.
    pub(super) fn of_name(name: &str) -> Option<(Self, Form)> {
        let name = name.trim().to_ascii_uppercase();
        let named =
            TYPES.iter().find(|(.., known)| *known == name).map(|(item_type, ..)| (*item_type, item_type.form()));
        named.or_else(|| {
            ALIASES.iter().find(|(alias, ..)| *alias == name).map(|(_, item_type, form)| (*item_type, *form))
        })
    }

    /// The names that [`ItemType::of_name`] knows.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        TYPES.iter().map(|(.., name)| *name).chain(ALIASES.iter().map(|(alias, ..)| *alias))
    }

    /// The types whose items take one word each: all but VARCHAR.
    pub fn of_words() -> impl Iterator<Item = Self> {
        TYPES.iter().map(|(item_type, ..)| *item_type).filter(|item_type| *item_type != ItemType::Varchar)
    }

    /// How its items are written.
    pub(super) fn form(self) -> Form {
        match self {
            ItemType::Boolean => Form::Bits,
            ItemType::Float | ItemType::Date => Form::Numbers,
            ItemType::Varchar => Form::Strings,
            _ => Form::Longs,
        }
    }

    /// The only word of equal numbers: NaNs are one, and zeros.
    #[inline(always)]
    pub fn normal(self, word: u64) -> u64 {
        match self {
            ItemType::Double => match f64::from_bits(word) {
                double if double.is_nan() => f64::NAN.to_bits() & !SIGN,
                double => (double + 0.0).to_bits(),
            },
            ItemType::Float => u64::from(match f32::from_bits(word as u32) {
                float if float.is_nan() => f32::NAN.to_bits() & !(1 << 31),
                float => (float + 0.0).to_bits(),
            }),
            _ => word,
        }
    }

    /// Numbers that order words as SQL orders the items. NaN is the greatest.
    #[inline(always)]
    pub(super) fn order(self, word: u64) -> u64 {
        match self {
            ItemType::Double => order_of_double(word),
            ItemType::Float => order_of_double(f64::from(f32::from_bits(word as u32)).to_bits()),
            ItemType::UBigInt | ItemType::Boolean => word,
            _ => word ^ SIGN,
        }
    }

    /// An item as it is kept.
    pub(super) fn item(self, word: u64) -> Item<'static> {
        Item::Word(self, word)
    }
}

fn order_of_double(bits: u64) -> u64 {
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_back_from_bytes_and_names() {
        for (item_type, byte, name) in TYPES {
            assert_eq!((ItemType::of_byte(byte), item_type.byte()), (Some(item_type), byte));
            assert_eq!(ItemType::of_name(&name.to_lowercase()), Some((item_type, item_type.form())));
        }
        assert_eq!(ItemType::of_name(" integer "), Some((ItemType::BigInt, Form::Numbers)));
        assert_eq!((ItemType::of_byte(0), ItemType::of_name("INTERVAL")), (None, None));
    }

    #[test]
    fn words_are_ordered_as_their_items() {
        let doubles = [f64::NEG_INFINITY, -1.5, 0.0, 1e-300, 2.5, f64::INFINITY, f64::NAN];
        let order = doubles.map(|double| ItemType::Double.order(ItemType::Double.normal(double.to_bits())));
        assert!(order.is_sorted());
        let floats = doubles.map(|double| double as f32);
        let order = floats.map(|float| ItemType::Float.order(ItemType::Float.normal(u64::from(float.to_bits()))));
        assert!(order.is_sorted());
        let order = [i64::MIN, -1, 0, 1, i64::MAX].map(|integer| ItemType::BigInt.order(integer as u64));
        assert!(order.is_sorted());
        assert!(ItemType::UBigInt.order(u64::MAX) > ItemType::UBigInt.order(1));
    }

    #[test]
    fn equal_numbers_are_one_word() {
        assert_eq!(ItemType::Double.normal((-0.0f64).to_bits()), 0);
        assert_eq!(ItemType::Double.normal((-f64::NAN).to_bits()), ItemType::Double.normal(f64::NAN.to_bits()));
        assert_eq!(ItemType::Float.normal(u64::from((-0.0f32).to_bits())), 0);
        assert_eq!(ItemType::BigInt.normal(u64::MAX), u64::MAX);
    }
}
