//! The bytes of a sketch, read and written. What is read is a view of them: its header is checked at once, its entries when
//! they are asked for.

use super::entry::MAX_THETA;
use super::lg_nom::LgNom;
use crate::sketch::chunks::{chunks, chunks_mut};
use crate::sketch::codec::Reader;
use crate::sketch::format;
use crate::sketch::{Error, Format, memory};

/// What an image starts with, behind the length of its preamble.
pub const FORMATS: &[Format] = &[format_of(&[PLAIN, FAMILY]), format_of(&[PACKED, FAMILY])];

/// The same bytes may start a hyperUnique. Of fewer than a header the error asks what they are, and must not ask here.
const fn format_of(magic: &'static [u8]) -> Format {
    Format {
        offset: 1,
        magic,
        parses: Some(|bytes| bytes.len() >= 8 && ThetaImage::parse(bytes).is_ok()),
        description: "a theta sketch: it goes with the theta functions alone",
    }
}

const WHAT: &str = "theta sketch";
const FAMILY: u8 = 3;
/// Families of DataSketches' sketches that are still growing: their hash tables as they are.
const UPDATABLE_FAMILIES: [u8; 2] = [1, 2];
const PLAIN: u8 = 3;
const PACKED: u8 = 4;
/// The lowest 16 bits of the hash of the seed 9001, with seed 0.
const SEED_HASH: u16 = 0x93cc;
const FLAG_BIG_ENDIAN: u8 = 1;
const FLAG_READ_ONLY: u8 = 2;
const FLAG_EMPTY: u8 = 4;
const FLAG_COMPACT: u8 = 8;
const FLAG_ORDERED: u8 = 16;
const WRITTEN: u8 = FLAG_READ_ONLY | FLAG_COMPACT | FLAG_ORDERED;

/// A compact image of Apache DataSketches, family 3. Numbers have their lowest byte first, but for packed bits.
///
/// | byte | meaning |
/// |---|---|
/// | 0 | preamble length in longs: 1 empty or a single entry, 2 exact, 3 with theta; of version 4 one less |
/// | 1 | serial version: 3, or 4 of packed entries |
/// | 2 | family, 3 |
/// | 3 | `lg_nom_entries`, 4 to 26; 0, as all libraries write it, is 12. Of version 4 the bits of an entry, 1 to 63 |
/// | 4 | 0. Of version 4 how many bytes the number of entries has, 1 to 4 |
/// | 5 | flags: 2 read-only, 4 empty, 8 compact, 16 ordered, 32 a single entry |
/// | 6 | `u16` the hash of the seed, `0x93cc` of 9001; says nothing in an empty image |
///
/// | version 3 | then |
/// |---|---|
/// | empty | nothing |
/// | preamble 1 | 8: `u64` the entry |
/// | preamble 2 | 8: `u32` the number of entries; 12: `u32` unused; 16: the entries, `u64` each |
/// | preamble 3 | 8: `u32` the number of entries; 12: `u32` unused; 16: `u64` theta; 24: the entries, `u64` each |
///
/// | version 4 | then |
/// |---|---|
/// | preamble 2 | 8: `u64` theta |
/// | both | the number of entries, as many bytes as byte 4 says; for each entry the difference to the one before in as many bits as byte 3 says, the highest first; zeros up to a whole byte |
///
/// Theta and entries are less than 2^63, entries not 0, less than theta, and differ; flagged as ordered they ascend, and of
/// version 4 they always do. Bytes behind the end are an error.
///
/// What is written ([`of_entries`]) is canonical: version 3, ordered, with theta only where something was cut off.
#[derive(Clone, Copy, Debug)]
pub struct ThetaImage<'a> {
    lg_nom: LgNom,
    theta: u64,
    count: u32,
    is_ordered: bool,
    length: usize,
    body: Body<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Body<'a> {
    Plain(&'a [u8]),
    Packed { bits: u8, packed: &'a [u8] },
}

impl<'a> ThetaImage<'a> {
    /// Reads the header of an image by the table at [`ThetaImage`], and holds its lengths against the bytes.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, WHAT);
        let Ok(&[preamble, version, family, third, fourth, flags, seed_low, seed_high]) =
            reader.bytes(8).map(|header| <&[u8; 8]>::try_from(header).expect("eight bytes were read"))
        else {
            return Err(not_a_sketch(bytes));
        };
        if family != FAMILY || !(PLAIN..=PACKED).contains(&version) {
            return Err(not_a_sketch(bytes));
        }
        if flags & FLAG_BIG_ENDIAN != 0 || flags & FLAG_COMPACT == 0 {
            return Err(damaged(format_args!("its flags are {flags:#04x}, and must be those of a compact image")));
        }
        if flags & FLAG_EMPTY == 0 && u16::from_le_bytes([seed_low, seed_high]) != SEED_HASH {
            return Err(other_seed(u16::from_le_bytes([seed_low, seed_high])));
        }
        let header = Header { preamble, flags, third, fourth };
        let image = match version {
            PLAIN => header.read_plain(&mut reader, bytes.len())?,
            _ => header.read_packed(&mut reader, bytes.len())?,
        };
        reader.finish()?;
        if !(1..=MAX_THETA).contains(&image.theta) {
            return Err(damaged(format_args!("its theta is {:#x}, and must be from 1 to {MAX_THETA:#x}", image.theta)));
        }
        Ok(image)
    }

    /// The precision.
    pub fn lg_nom(&self) -> LgNom {
        self.lg_nom
    }

    /// Below it are all entries, and it is above 0.
    #[inline(always)]
    pub fn theta(&self) -> u64 {
        self.theta
    }

    /// How much of all hashes lies below theta: above 0, up to 1.
    pub fn fraction(&self) -> f64 {
        fraction_of(self.theta)
    }

    /// How many entries.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether it has seen nothing.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.theta == MAX_THETA && self.count == 0
    }

    /// Whether something was cut off, so that the entries are a sample.
    pub fn is_sample(&self) -> bool {
        self.theta < MAX_THETA
    }

    /// Whether its entries ascend.
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// The serial version.
    pub fn version(&self) -> u8 {
        match self.body {
            Body::Plain(_) => PLAIN,
            Body::Packed { .. } => PACKED,
        }
    }

    /// How many bytes.
    pub fn byte_length(&self) -> usize {
        self.length
    }

    /// The entries in ascending order, checked. `scratch` is memory to be used again.
    #[inline(always)]
    pub fn entries<'s>(&self, scratch: &'s mut Vec<u64>) -> Result<&'s [u64], Error> {
        scratch.clear();
        match self.body {
            Body::Plain(entries) => read_plain(entries, scratch),
            Body::Packed { bits, packed } => read_packed(packed, bits, self.count, scratch)?,
        }
        if !self.is_ordered {
            scratch.sort_unstable();
        }
        // Without a way out, so that an entry need not wait for the one before.
        let ascend = scratch.windows(2).fold(true, |ascend, pair| ascend & (pair[0] < pair[1]));
        let within =
            scratch.first().is_none_or(|&first| first > 0) && scratch.last().is_none_or(|&last| last < self.theta);
        if ascend && within { Ok(scratch) } else { Err(wrong_entries(scratch, self.theta)) }
    }
}

/// What of theta is all there is.
pub(super) fn fraction_of(theta: u64) -> f64 {
    theta as f64 / MAX_THETA as f64
}

struct Header {
    preamble: u8,
    flags: u8,
    third: u8,
    fourth: u8,
}

impl Header {
    #[inline(always)]
    fn read_plain<'a>(&self, reader: &mut Reader<'a>, length: usize) -> Result<ThetaImage<'a>, Error> {
        let is_empty = self.flags & FLAG_EMPTY != 0;
        let (mut count, mut theta) = (u32::from(!is_empty), MAX_THETA);
        match self.preamble {
            1 => {}
            2 | 3 if !is_empty => {
                count = reader.u32()?;
                reader.u32()?;
                if self.preamble == 3 {
                    theta = reader.u64()?;
                }
            }
            other => {
                return Err(damaged(format_args!(
                    "its preamble has {other} longs, and must have 1, or 2 or 3 with entries"
                )));
            }
        }
        let entries = reader.bytes(8 * count as usize)?;
        let is_ordered = count <= 1 || self.flags & FLAG_ORDERED != 0;
        let lg_nom = LgNom::of_byte(self.third);
        Ok(ThetaImage { lg_nom, theta, count, is_ordered, length, body: Body::Plain(entries) })
    }

    #[inline(always)]
    fn read_packed<'a>(&self, reader: &mut Reader<'a>, length: usize) -> Result<ThetaImage<'a>, Error> {
        let (bits, width) = (self.third, self.fourth);
        if !(1..=2).contains(&self.preamble)
            || !(1..=63).contains(&bits)
            || !(1..=4).contains(&width)
            || self.flags & (FLAG_EMPTY | FLAG_ORDERED) != FLAG_ORDERED
        {
            return Err(damaged("its header is none of serial version 4"));
        }
        let theta = if self.preamble == 2 { reader.u64()? } else { MAX_THETA };
        let mut count = [0; 4];
        count[..usize::from(width)].copy_from_slice(reader.bytes(usize::from(width))?);
        let count = u32::from_le_bytes(count);
        if count == 0 {
            return Err(damaged("it has no entries, and must have some in serial version 4"));
        }
        let packed = reader.bytes((u64::from(count) * u64::from(bits)).div_ceil(8) as usize)?;
        let body = Body::Packed { bits, packed };
        Ok(ThetaImage { lg_nom: LgNom::DEFAULT, theta, count, is_ordered: true, length, body })
    }
}

#[inline(always)]
fn read_plain(entries: &[u8], out: &mut Vec<u64>) {
    memory::reserve(out, entries.len() / 8);
    out.extend(chunks(entries).0.map(|&entry| u64::from_le_bytes(entry)));
}

fn read_packed(packed: &[u8], bits: u8, count: u32, out: &mut Vec<u64>) -> Result<(), Error> {
    memory::reserve(out, count as usize);
    let mut bytes = packed.iter();
    // Of what is read and not yet taken the lowest `held` bits.
    let (mut window, mut held, mut entry) = (0u128, 0, 0u64);
    for _ in 0..count {
        while held < u32::from(bits) {
            let &byte = bytes.next().expect("the bytes were counted");
            window = window << 8 | u128::from(byte);
            held += 8;
        }
        held -= u32::from(bits);
        let difference = (window >> held) as u64 & (u64::MAX >> (64 - u32::from(bits)));
        window &= (1 << held) - 1;
        entry = entry.checked_add(difference).ok_or_else(|| damaged("its entries exceed 64 bits"))?;
        out.push(entry);
    }
    Ok(())
}

/// The image of ascending entries below theta.
#[inline(always)]
pub fn of_entries(lg_nom: LgNom, theta: u64, entries: &[u64]) -> Vec<u8> {
    let (preamble, flags) = match entries.len() {
        _ if theta < MAX_THETA => (3, WRITTEN),
        0 => (1, WRITTEN | FLAG_EMPTY),
        1 => (1, WRITTEN),
        _ => (2, WRITTEN),
    };
    let mut image = memory::with_capacity(8 * (preamble as usize + entries.len()));
    image.extend([preamble, PLAIN, FAMILY, lg_nom.byte(), 0, flags]);
    image.extend(SEED_HASH.to_le_bytes());
    if preamble > 1 {
        image.extend((entries.len() as u64).to_le_bytes()); // the number as `u32`, and four zeros
    }
    if preamble > 2 {
        image.extend(theta.to_le_bytes());
    }
    let header = image.len();
    image.resize(header + 8 * entries.len(), 0);
    for (bytes, entry) in chunks_mut::<8, _>(&mut image[header..]).0.zip(entries) {
        *bytes = entry.to_le_bytes();
    }
    image
}

#[cold]
fn wrong_entries(entries: &[u64], theta: u64) -> Error {
    let wrong = entries.windows(2).find(|pair| pair[0] >= pair[1]);
    damaged(match wrong {
        Some(&[first, second]) => format!("{second:#x} follows the entry {first:#x}, and entries must ascend"),
        _ => format!(
            "its entries are from {:#x} to {:#x}, and must be above 0 and below its theta, {theta:#x}",
            entries[0],
            entries[entries.len() - 1]
        ),
    })
}

#[cold]
fn damaged(what: impl std::fmt::Display) -> Error {
    Error::bad_image(format!("damaged theta sketch: {what}"))
}

#[cold]
fn other_seed(hash: u16) -> Error {
    Error::incompatible(format!(
        "a theta sketch of another seed: its hash is {hash:04x}, and that of 9001, which DataSketches and Spark use unless \
         told otherwise, is {SEED_HASH:04x}; sketches of different seeds have nothing in common, so build it again with 9001"
    ))
}

#[cold]
fn not_a_sketch(bytes: &[u8]) -> Error {
    match *bytes {
        [_, version @ 1..=4, family, _, _, _, _, _, ..] if UPDATABLE_FAMILIES.contains(&family) => {
            Error::bad_image(format!(
                "an updatable theta sketch of serial version {version}; compact ones are known here: write it with compact()"
            ))
        }
        [1..=3, version, FAMILY, _, _, _, _, _, ..] if version != PLAIN && version != PACKED => {
            Error::bad_image(format!("a theta sketch of serial version {version}; versions 3 and 4 are known here"))
        }
        _ => Error::bad_image(format!(
            "not a theta sketch: it starts with {}, and a theta sketch with a length of 01 to 03, a version of 03 or 04, \
             and 03{}",
            format::start(bytes, 8),
            format::hint(bytes)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash::{SEED, hash_bytes_seeded};

    fn entries_of(image: &[u8]) -> Result<Vec<u64>, Error> {
        let mut scratch = Vec::new();
        ThetaImage::parse(image)?.entries(&mut scratch).map(<[u64]>::to_vec)
    }

    fn images() -> Vec<(u64, Vec<u64>, Vec<u8>)> {
        let lists: [(u64, Vec<u64>); 6] = [
            (MAX_THETA, vec![]),
            (MAX_THETA, vec![5]),
            (MAX_THETA, vec![1, 2, MAX_THETA - 1]),
            (1 << 40, vec![]),
            (1 << 40, vec![7]),
            (1 << 40, (1..1000).map(|i| i * 1_000_003).collect()),
        ];
        let image =
            |(theta, entries): (u64, Vec<u64>)| (theta, entries.clone(), of_entries(LgNom::DEFAULT, theta, &entries));
        lists.into_iter().map(image).collect()
    }

    /// As serial version 4 has them, by its definition.
    fn packed(theta: u64, entries: &[u64], bits: u32) -> Vec<u8> {
        let mut image = vec![1 + u8::from(theta < MAX_THETA), PACKED, FAMILY, bits as u8, 2, WRITTEN];
        image.extend(SEED_HASH.to_le_bytes());
        if theta < MAX_THETA {
            image.extend(theta.to_le_bytes());
        }
        image.extend((entries.len() as u16).to_le_bytes());
        let before = std::iter::once(0).chain(entries.iter().copied());
        let digits: String =
            entries.iter().zip(before).map(|(e, b)| format!("{:0w$b}", e - b, w = bits as usize)).collect();
        image.extend(digits.as_bytes().chunks(8).map(|byte| {
            let byte = std::str::from_utf8(byte).unwrap();
            u8::from_str_radix(&format!("{byte:0<8}"), 2).unwrap()
        }));
        image
    }

    #[test]
    fn the_seed_hash_is_that_of_the_seed() {
        assert_eq!(hash_bytes_seeded(&SEED.to_le_bytes(), 0).0 as u16, SEED_HASH);
    }

    #[test]
    fn what_is_written_is_read() {
        for (theta, entries, image) in images() {
            let parsed = ThetaImage::parse(&image).unwrap();
            assert_eq!((parsed.theta(), entries_of(&image).unwrap()), (theta, entries.clone()));
            assert_eq!((parsed.byte_length(), parsed.is_ordered(), parsed.version()), (image.len(), true, 3));
            assert_eq!(parsed.is_empty(), theta == MAX_THETA && entries.is_empty());
        }
    }

    #[test]
    fn packed_entries_are_read() {
        for (theta, entries, _) in images().into_iter().filter(|(_, entries, _)| !entries.is_empty()) {
            let before = std::iter::once(0).chain(entries.iter().copied());
            let needed = 64 - entries.iter().zip(before).fold(0, |all, (e, b)| all | (e - b)).leading_zeros();
            for bits in [needed, needed + 1, 63].into_iter().filter(|&bits| bits <= 63) {
                let image = packed(theta, &entries, bits);
                assert_eq!(entries_of(&image).unwrap(), entries, "{bits} bits");
                assert!(ThetaImage::parse(&image[..image.len() - 1]).is_err());
                assert!(ThetaImage::parse(&[&image[..], &[0]].concat()).is_err());
            }
        }
        assert!(entries_of(&packed(MAX_THETA, &[5, 5], 8)).is_err(), "twice the same");
    }

    #[test]
    fn unordered_entries_are_sorted() {
        let mut image = of_entries(LgNom::DEFAULT, 1 << 40, &[3, 20, 100]);
        image[24..].rotate_left(8);
        assert!(entries_of(&image).is_err(), "flagged as ordered");
        image[5] &= !FLAG_ORDERED;
        assert_eq!(entries_of(&image).unwrap(), [3, 20, 100]);
        image.copy_within(24..32, 32);
        assert!(entries_of(&image).is_err(), "twice the same");
    }

    #[test]
    fn every_truncation_and_every_trailing_byte_is_refused() {
        for (_, _, image) in images() {
            for length in 0..image.len() {
                assert!(ThetaImage::parse(&image[..length]).is_err(), "{length} of {}", image.len());
            }
            assert!(ThetaImage::parse(&[&image[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let image = of_entries(LgNom::DEFAULT, 1 << 40, &[3, 20, 1 << 41]);
        assert!(entries_of(&image).unwrap_err().to_string().contains("below its theta"));
        for (at, byte, said) in [
            (6, 0, "of another seed: its hash is 9300"),
            (1, 2, "serial version 2"),
            (2, 2, "updatable"),
            (2, 7, "not a theta sketch: it starts with 03 03 07"),
            (5, 0x12, "must be those of a compact image"),
            (0, 4, "its preamble has 4 longs"),
            (5, 0x1e, "its preamble has 3 longs"),
            (23, 0x80, "its theta is 0x8"),
        ] {
            let mut image = image.clone();
            image[at] = byte;
            let message = ThetaImage::parse(&image).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
    }
}
