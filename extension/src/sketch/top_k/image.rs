//! The bytes of a sketch, read and written. What is read is a view of them, checked as a whole.

use std::cmp::Reverse;

use super::item::Item;
use super::item_type::{Form, ItemType};
use super::map_size::MapSize;
use super::ranking::{Ranked, first};
use crate::sketch::chunks::chunks;
use crate::sketch::codec::Reader;
use crate::sketch::format;
use crate::sketch::{Error, Format, memory};

/// What an image starts with, behind the length of its preamble.
pub const FORMATS: &[Format] = &[Format {
    offset: 1,
    magic: &[VERSION, FAMILY],
    // The same bytes may start a hyperUnique. Of fewer than a header the error asks what they are, and must not ask here.
    parses: Some(|bytes| bytes.len() >= 8 && TopKImage::read(bytes, None).is_ok()),
    description: "a sketch of frequent items: it goes with the functions approx_top_k_ alone",
}];

const WHAT: &str = "sketch of frequent items";
const VERSION: u8 = 1;
const FAMILY: u8 = 10;
const EMPTY: u8 = 1;
const FULL: u8 = 4;
/// Libraries write one of these bits, or both.
const FLAGS_EMPTY: u8 = 5;
/// What a sketch may have seen at most: the libraries know no greater number.
pub const MOST: u64 = i64::MAX as u64;
/// Bytes of the number of NULLs.
const NULLS: usize = 8;
const MICROS_PER_DAY: u64 = 86_400_000_000;

const BYTE: u8 = 2;
const SHORT: u8 = 3;
const FLOAT: u8 = 6;
const INTEGER: u8 = 9;
const LONG: u8 = 12;

/// An image of Apache DataSketches, family 10, and the number of NULLs behind it, as Spark has it. Numbers have their lowest
/// byte first, but for that of NULLs.
///
/// | byte | meaning |
/// |---|---|
/// | 0 | preamble length in longs: 1 if no item was seen, else 4 |
/// | 1 | serial version, 1 |
/// | 2 | family, 10 |
/// | 3 | log2 of the most slots of the table, 3 to 30: three quarters of them are used |
/// | 4 | log2 of the least slots that hold the items, at least 3 |
/// | 5 | flags: 5 if no item was seen (others write 1 or 4), else 0 |
/// | 6 | the type of the items, by its number in DuckDB's C API; 0, as all libraries write it, if it is not known |
/// | 7 | 0 |
///
/// | preamble 4 | then |
/// |---|---|
/// | 8 | `u32` the number of items |
/// | 12 | `u32` unused |
/// | 16 | `u64` how often any item came, less than 2^63 |
/// | 24 | `u64` the offset: what was subtracted from the counters that are left |
/// | 32 | the counters, `u64` each, not 0 |
/// | | the items, in the form of their type |
///
/// | type | form |
/// |---|---|
/// | BOOLEAN | a bit each, the lowest first, and zeros up to a whole byte |
/// | DATE | the byte 9, and days since 1970-01-01 as `i32` |
/// | FLOAT | the byte 6, and the number |
/// | BIGINT, UBIGINT, DOUBLE | eight bytes |
/// | TIME, TIMESTAMP, TIMESTAMPTZ | microseconds as `i64` |
/// | VARCHAR | `u32` the length, and the text as UTF-8 |
///
/// Behind either follows `u64` the number of NULLs, the highest byte first.
///
/// What is written is canonical: the greatest counters first, and of equal ones the least item; 0.0 and one NaN alone.
#[derive(Clone, Copy, Debug)]
pub struct TopKImage<'a> {
    header: Header,
    counts: &'a [u8],
    form: Form,
    items: &'a [u8],
    length: usize,
}

/// What a sketch is, without its items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    pub size: MapSize,
    /// None if no item was seen, and nothing is known of those that may be.
    pub item_type: Option<ItemType>,
    pub weight: u64,
    pub offset: u64,
    pub nulls: u64,
}

impl Header {
    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.weight == 0 && self.nulls == 0
    }
}

impl<'a> TopKImage<'a> {
    /// Reads an image by the table at [`TopKImage`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let image = Self::read(bytes, None)?;
        image.check_order()?;
        Ok(image)
    }

    /// Reads an image of another library, which does not say what its items are, and has them in any order. There may be no
    /// number of NULLs.
    pub fn parse_as(bytes: &'a [u8], type_name: &str) -> Result<Self, Error> {
        let Some(given) = ItemType::of_name(type_name) else {
            let names: Vec<_> = ItemType::names().collect();
            return Err(Error::bad_parameter(format!(
                "items of type {type_name} are not known; there are {}",
                names.join(", ")
            )));
        };
        Self::read(bytes, Some(given))
    }

    fn read(bytes: &'a [u8], given: Option<(ItemType, Form)>) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, WHAT);
        let Ok(&[preamble, VERSION, FAMILY, lg_max, lg_cur, flags, type_byte, seventh]) =
            reader.bytes(8).map(|header| <&[u8; 8]>::try_from(header).expect("eight bytes were read"))
        else {
            return Err(not_a_sketch(bytes));
        };
        let is_empty = match (preamble, flags & FLAGS_EMPTY) {
            (EMPTY, 1..) => true,
            (FULL, 0) => false,
            _ => return Err(damaged(format_args!("its preamble has {preamble} longs, its flags are {flags:#04x}"))),
        };
        let size = match (MapSize::of_byte(lg_max), MapSize::of_byte(lg_cur)) {
            (Some(most), Some(now)) if now <= most => most,
            _ => {
                return Err(damaged(format_args!(
                    "its table has 2^{lg_cur} and at most 2^{lg_max} slots, and may have 2^3 to 2^30"
                )));
            }
        };
        let item_type = match given {
            Some((given, _)) => Some(given),
            None if type_byte == 0 && seventh == 0 => None,
            None => match ItemType::of_byte(type_byte) {
                Some(known) if seventh == 0 => Some(known),
                _ => return Err(damaged(format_args!("its items are of type {type_byte}, {seventh}, which is none"))),
            },
        };
        let mut header = Header { size, item_type, weight: 0, offset: 0, nulls: 0 };
        let form = given.map(|(_, form)| form).or(item_type.map(ItemType::form)).unwrap_or(Form::Longs);
        let (mut counts, mut items) = (&bytes[..0], &bytes[..0]);
        if !is_empty {
            let Some(item_type) = item_type else { return Err(untyped()) };
            let count = reader.u32()? as usize;
            reader.u32()?;
            (header.weight, header.offset) = (reader.u64()?, reader.u64()?);
            counts = reader.bytes(8 * count)?;
            let before = reader;
            let mut walk = Items::new(reader, item_type, form);
            for _ in 0..count {
                walk.next()?;
            }
            items = reader.bytes(before.remaining() - walk.reader.remaining())?;
        }
        header.nulls = nulls(reader, given.is_some())?;
        let image = TopKImage { header, counts, form, items, length: bytes.len() };
        image.check_sums()?;
        Ok(image)
    }

    fn check_sums(&self) -> Result<(), Error> {
        let Header { size, weight, offset, nulls, .. } = self.header;
        let (mut sum, mut least) = (0u64, u64::MAX);
        for count in self.counts() {
            sum = sum.saturating_add(count);
            least = least.min(count);
        }
        if weight > MOST || nulls > MOST - weight {
            return Err(damaged(format_args!("it has seen {weight} items and {nulls} NULLs, more than 2^63")));
        }
        if least == 0 || self.active() > size.capacity() || sum > weight || offset > weight - sum {
            return Err(damaged(format_args!(
                "its {} counters, of which the least is {}, add up to {sum}; with an offset of {offset} and room for {} \
                 they cannot be those of {weight} items",
                self.active(),
                if self.active() == 0 { 0 } else { least },
                size.capacity()
            )));
        }
        Ok(())
    }

    fn check_order(&self) -> Result<(), Error> {
        let mut last = None;
        for (item, count) in self.entries() {
            let place = (Reverse(count), order(item));
            if last.is_some_and(|last| last >= place) {
                return Err(damaged(format_args!(
                    "{item} with {count} does not come behind the item before it, as the greatest counters and then the \
                     least items must be first"
                )));
            }
            last = Some(place);
        }
        Ok(())
    }

    /// What it is.
    pub fn header(&self) -> Header {
        self.header
    }

    /// How many items it counts.
    pub fn active(&self) -> usize {
        self.counts.len() / 8
    }

    /// Whether nothing was seen, neither an item nor NULL.
    pub fn is_empty(&self) -> bool {
        self.header.is_empty()
    }

    /// What its items are; None if it has seen none, and nothing is known of those that may come.
    pub fn item_type(&self) -> Option<ItemType> {
        self.header.item_type
    }

    /// The size of its table.
    pub fn size(&self) -> MapSize {
        self.header.size
    }

    /// How many values it has seen, NULLs among them.
    pub fn total(&self) -> u64 {
        self.header.weight + self.header.nulls
    }

    /// How many of them were NULL.
    pub fn nulls(&self) -> u64 {
        self.header.nulls
    }

    /// How much too high an estimate may be, and how often an item may have come that is not counted.
    pub fn offset(&self) -> u64 {
        self.header.offset
    }

    /// How many bytes.
    pub fn byte_length(&self) -> usize {
        self.length
    }

    /// The `k` items that came most often, NULL among them.
    pub fn top(&self, k: i64) -> Result<Vec<Ranked<'a>>, Error> {
        let k = match usize::try_from(k) {
            Ok(k @ 1..) => k,
            _ => return Err(Error::bad_parameter(format!("k is {k}, and must be at least 1"))),
        };
        let offset = self.header.offset;
        let items =
            self.entries().map(|(item, count)| Ranked { item: Some(item), lower: count, upper: count + offset });
        Ok(first(k, items, self.header.nulls))
    }

    /// Whether both may be of the same values: they have seen as many, as many NULLs, and of no item do the bounds exclude
    /// each other. Of sketches without an offset it means that they are equal but for their size.
    pub fn agrees(&self, other: &TopKImage) -> bool {
        let is_of_one_type = self.active() == 0 || other.active() == 0 || self.item_type() == other.item_type();
        if self.total() != other.total() || self.nulls() != other.nulls() || !is_of_one_type {
            return false;
        }
        let (mine, theirs) = (self.offset(), other.offset());
        let mut counted: Vec<(Item, u64)> = memory::with_capacity(other.active());
        counted.extend(other.entries());
        counted.sort_unstable_by(|(a, _), (b, _)| order(*a).cmp(&order(*b)));
        // Those that this one must have as well, as they came more often than an item that it does not count.
        let mut missing = counted.iter().filter(|(_, count)| *count > mine).count();
        for (item, count) in self.entries() {
            let found = counted.binary_search_by(|(other, _)| order(*other).cmp(&order(item)));
            let other = found.map_or(0, |at| counted[at].1);
            if count > other + theirs || other > count + mine {
                return false;
            }
            missing -= usize::from(other > mine);
        }
        missing == 0
    }

    fn counts(&self) -> impl Iterator<Item = u64> + use<'a> {
        chunks(self.counts).0.map(|&count| u64::from_le_bytes(count))
    }

    /// The items and their counters, in the order in which they are written.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Item<'a>, u64)> + use<'a> {
        let item_type = self.header.item_type.unwrap_or(ItemType::Varchar); // of which there is no item
        let mut items = Items::new(Reader::new(self.items, WHAT), item_type, self.form);
        self.counts().map(move |count| (items.next().expect("the items were read before"), count))
    }
}

/// The number of NULLs; of an image of another library it may be missing.
fn nulls(mut reader: Reader, may_be_missing: bool) -> Result<u64, Error> {
    if may_be_missing && reader.remaining() == 0 {
        return Ok(0);
    }
    let bytes = reader.bytes(NULLS)?;
    reader.finish()?;
    Ok(u64::from_be_bytes(bytes.try_into().expect("eight bytes were read")))
}

/// What orders items of the same type.
fn order(item: Item<'_>) -> (u64, &[u8]) {
    match item {
        Item::Word(item_type, word) => (item_type.order(word), &[]),
        Item::Text(text) => (0, text),
    }
}

/// Reads items one by one.
struct Items<'a> {
    reader: Reader<'a>,
    item_type: ItemType,
    form: Form,
    /// Of bits those that were read, and how many of them were taken.
    bits: u8,
    taken: u8,
}

impl<'a> Items<'a> {
    fn new(reader: Reader<'a>, item_type: ItemType, form: Form) -> Self {
        Items { reader, item_type, form, bits: 0, taken: 8 }
    }

    #[inline(always)]
    fn next(&mut self) -> Result<Item<'a>, Error> {
        let word = match self.form {
            Form::Strings => return self.text(),
            Form::Longs => self.reader.u64()?,
            Form::Numbers => self.number()?,
            Form::Bits => self.bit()?,
        };
        if self.item_type == ItemType::Time && word > MICROS_PER_DAY {
            return Err(damaged(format_args!("{} is not a time of day in microseconds", word as i64)));
        }
        Ok(self.item_type.item(self.item_type.normal(word)))
    }

    fn text(&mut self) -> Result<Item<'a>, Error> {
        let length = self.reader.u32()? as usize;
        let text = self.reader.bytes(length)?;
        match std::str::from_utf8(text) {
            Ok(_) => Ok(Item::Text(text)),
            Err(_) => Err(damaged(format_args!("the item that starts with {} is not UTF-8", format::start(text, 8)))),
        }
    }

    fn number(&mut self) -> Result<u64, Error> {
        let kind = self.reader.u8()?;
        let integer = match kind {
            FLOAT if self.item_type == ItemType::Float => return Ok(u64::from(self.reader.u32()?)),
            INTEGER if self.item_type == ItemType::Date => return Ok(i64::from(self.reader.u32()? as i32) as u64),
            _ if self.item_type != ItemType::BigInt => None,
            LONG => Some(self.reader.u64()? as i64),
            INTEGER => Some(i64::from(self.reader.u32()? as i32)),
            SHORT => Some(i64::from(self.reader.u16()? as i16)),
            BYTE => Some(i64::from(self.reader.u8()? as i8)),
            _ => None,
        };
        integer
            .map(|integer| integer as u64)
            .ok_or_else(|| damaged(format_args!("a number of kind {kind} is not a {}", self.item_type.name())))
    }

    fn bit(&mut self) -> Result<u64, Error> {
        if self.taken == 8 {
            (self.bits, self.taken) = (self.reader.u8()?, 0);
        }
        self.taken += 1;
        Ok(u64::from(self.bits >> (self.taken - 1) & 1))
    }
}

/// The image of items and their counters.
pub fn of_entries(header: Header, mut entries: Vec<(Item, u64)>) -> Vec<u8> {
    entries.sort_unstable_by(|(a, m), (b, n)| n.cmp(m).then_with(|| order(*a).cmp(&order(*b))));
    let lg_now = MapSize::holding(entries.len()).lg();
    let is_empty = header.weight == 0;
    let (preamble, flags) = if is_empty { (EMPTY, FLAGS_EMPTY) } else { (FULL, 0) };
    let type_byte = header.item_type.map_or(0, ItemType::byte);
    let texts: usize = entries.iter().map(|(item, _)| if let Item::Text(text) = item { text.len() } else { 4 }).sum();
    let mut image = memory::with_capacity(40 + 12 * entries.len() + texts);
    image.extend([preamble, VERSION, FAMILY, header.size.lg(), lg_now, flags, type_byte, 0]);
    if !is_empty {
        image.extend((entries.len() as u64).to_le_bytes()); // the number as `u32`, and four zeros
        image.extend(header.weight.to_le_bytes());
        image.extend(header.offset.to_le_bytes());
        entries.iter().for_each(|(_, count)| image.extend_from_slice(&count.to_le_bytes()));
        write_items(&mut image, header.item_type, &entries);
    }
    image.extend(header.nulls.to_be_bytes());
    image
}

fn write_items(image: &mut Vec<u8>, item_type: Option<ItemType>, entries: &[(Item, u64)]) {
    for (i, (item, _)) in entries.iter().enumerate() {
        match *item {
            Item::Text(text) => {
                image.extend_from_slice(&(text.len() as u32).to_le_bytes());
                memory::extend(image, text);
            }
            Item::Word(_, word) => match item_type.map(ItemType::form) {
                Some(Form::Bits) => {
                    if i % 8 == 0 {
                        image.push(0);
                    }
                    *image.last_mut().expect("a byte was pushed") |= (word as u8 & 1) << (i % 8);
                }
                Some(Form::Numbers) => {
                    image.push(if item_type == Some(ItemType::Float) { FLOAT } else { INTEGER });
                    image.extend_from_slice(&(word as u32).to_le_bytes());
                }
                _ => image.extend_from_slice(&word.to_le_bytes()),
            },
        }
    }
}

#[cold]
fn damaged(what: impl std::fmt::Display) -> Error {
    Error::bad_image(format!("damaged {WHAT}: {what}"))
}

#[cold]
fn untyped() -> Error {
    Error::incompatible(
        "a sketch of frequent items that does not say what its items are, as other libraries write it: \
         approx_top_k_import(sketch, 'VARCHAR'), or whatever they are, makes it one that does",
    )
}

#[cold]
fn not_a_sketch(bytes: &[u8]) -> Error {
    match *bytes {
        [EMPTY | FULL, version, FAMILY, _, _, _, _, _, ..] => {
            Error::bad_image(format!("a {WHAT} of serial version {version}; version 1 is known here"))
        }
        _ => Error::bad_image(format!(
            "not a {WHAT}: it starts with {}, and such a sketch with 01 or 04, and then 01 0a{}",
            format::start(bytes, 8),
            format::hint(bytes)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::ErrorKind;
    use crate::sketch::top_k::{Merging, TopKSketch};

    fn words(item_type: ItemType) -> Vec<u8> {
        let mut sketch = TopKSketch::new(MapSize::new(20).unwrap());
        let words = (0..40u64).map(|i| match item_type {
            ItemType::Boolean => i % 2,
            ItemType::Float => u64::from((i as f32 / 3.0 % 7.0).to_bits()),
            ItemType::Double => (i as f64 / 3.0 % 7.0).to_bits(),
            _ => i % 11,
        });
        sketch.extend_words(item_type, words.map(|word| (word, 1))).unwrap();
        sketch.add_nulls(3);
        sketch.to_bytes()
    }

    fn texts() -> Vec<u8> {
        let texts: Vec<String> = (0..100u32).map(|i| format!("text {}", i * i % 13)).collect();
        let mut sketch = TopKSketch::new(MapSize::new(5).unwrap());
        sketch.extend_texts(texts.iter().map(|text| (text.as_bytes(), 1))).unwrap();
        sketch.to_bytes()
    }

    fn images() -> Vec<Vec<u8>> {
        let empty = TopKSketch::new(MapSize::DEFAULT).to_bytes();
        ItemType::of_words().map(words).chain([texts(), empty]).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        for bytes in images() {
            let image = TopKImage::parse(&bytes).unwrap();
            let mut sketch = TopKSketch::new(image.size());
            sketch.merge_image(&image, Merging::Least).unwrap();
            assert_eq!(sketch.to_bytes(), bytes);
            assert_eq!(image.byte_length(), bytes.len());
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let mut sketch = TopKSketch::new(MapSize::new(10).unwrap());
        sketch.extend_texts([&b"b"[..], b"a", b"c", b"c"].into_iter().map(|text| (text, 1))).unwrap();
        sketch.add_nulls(258);
        let mut expected = vec![4, 1, 10, 4, 3, 0, 17, 0];
        for long in [3u64, 4, 0, 2, 1, 1] {
            expected.extend(long.to_le_bytes());
        }
        expected.extend(b"\x01\0\0\0c\x01\0\0\0a\x01\0\0\0b\0\0\0\0\0\0\x01\x02");
        assert_eq!(sketch.to_bytes(), expected);
        assert_eq!(TopKSketch::new(MapSize::DEFAULT).to_bytes(), [1, 1, 10, 14, 3, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn images_of_other_libraries_are_read_if_the_type_is_given() {
        let bytes = words(ItemType::BigInt);
        let mut theirs = bytes[..bytes.len() - 8].to_vec();
        theirs[6] = 0;
        assert_eq!(TopKImage::parse(&theirs).unwrap_err().kind(), ErrorKind::Incompatible);
        let image = TopKImage::parse_as(&theirs, "bigint").unwrap();
        assert_eq!((image.nulls(), image.item_type()), (0, Some(ItemType::BigInt)));
        theirs[32..48].rotate_left(8);
        theirs[32 + 8 * image_len(&bytes)..][..16].rotate_left(8);
        let image = TopKImage::parse_as(&theirs, "BIGINT").unwrap();
        let mut sketch = TopKSketch::new(image.size());
        sketch.merge_image(&image, Merging::Least).unwrap();
        sketch.add_nulls(3);
        assert_eq!(sketch.to_bytes(), bytes);
        assert!(TopKImage::parse_as(&theirs, "INTERVAL").unwrap_err().to_string().contains("VARCHAR"));
    }

    #[test]
    fn sketches_of_the_same_values_agree() {
        let words: Vec<u64> = (0..3000u64).map(|i| if i % 3 == 0 { i % 5 } else { i }).collect();
        let sketch = |size, words: &[u64]| {
            let mut sketch = TopKSketch::new(MapSize::new(size).unwrap());
            sketch.extend_words(ItemType::BigInt, words.iter().map(|&word| (word, 1))).unwrap();
            sketch.to_bytes()
        };
        let agree = |a: &[u8], b: &[u8]| TopKImage::parse(a).unwrap().agrees(&TopKImage::parse(b).unwrap());
        let mut reversed = words.clone();
        reversed.reverse();
        for size in [20, 300, 10_000] {
            assert!(agree(&sketch(size, &words), &sketch(size, &reversed)));
            assert!(agree(&sketch(size, &words), &sketch(10_000, &words)));
            assert!(!agree(&sketch(size, &words), &sketch(size, &words[1..])));
        }
        let mut others = words.clone();
        others[1] = 9999;
        assert!(!agree(&sketch(10_000, &words), &sketch(10_000, &others)));
        others.iter_mut().step_by(3).for_each(|word| *word += 1);
        assert!(!agree(&sketch(300, &words), &sketch(300, &others)));
    }

    fn image_len(bytes: &[u8]) -> usize {
        TopKImage::parse(bytes).unwrap().active()
    }

    #[test]
    fn numbers_of_any_width_are_integers() {
        let mut bytes = vec![4, 1, 10, 4, 3, 0, 0, 0];
        for long in [4u64, 10, 0, 4, 3, 2, 1] {
            bytes.extend(long.to_le_bytes());
        }
        bytes.extend([BYTE, 0xff, SHORT, 0xfe, 0xff, INTEGER, 7, 0, 0, 0, LONG, 8, 0, 0, 0, 0, 0, 0, 0]);
        let image = TopKImage::parse_as(&bytes, "INTEGER").unwrap();
        let items: Vec<String> = image.entries().map(|(item, _)| item.to_string()).collect();
        assert_eq!(items, ["-1", "-2", "7", "8"]);
        assert!(TopKImage::parse_as(&bytes, "DATE").is_err());
    }

    #[test]
    fn every_truncation_and_every_trailing_byte_is_refused() {
        for bytes in images() {
            for length in 0..bytes.len() {
                assert!(TopKImage::parse(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
            }
            assert!(TopKImage::parse(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let bytes = texts();
        for (at, byte, said) in [
            (0, 1, "its preamble has 1 longs"),
            (1, 2, "serial version 2"),
            (2, 3, "not a sketch of frequent items: it starts with 04 01 03"),
            (3, 2, "may have 2^3 to 2^30"),
            (4, 9, "its table has 2^9"),
            (5, 4, "its flags are 0x04"),
            (6, 99, "its items are of type 99"),
            (6, 0, "approx_top_k_import"),
            (23, 0x80, "more than 2^63"),
            (16, 1, "they cannot be those of"),
            (31, 1, "they cannot be those of"),
            (32, 0, "they cannot be those of"),
            (40, 200, "add up to"),
        ] {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            let message = TopKImage::parse(&bytes).unwrap_err().to_string();
            assert!(message.contains(said), "{at}: {message}");
        }
        let at = 32 + 8 * image_len(&bytes);
        for (at, byte, said) in [(at + 4, 0xff, "not UTF-8"), (at + 3, 1, "truncated")] {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            let message = TopKImage::parse(&bytes).unwrap_err().to_string();
            assert!(message.contains(said), "{at}: {message}");
        }
    }
}
