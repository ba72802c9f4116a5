//! A view of stored bytes: checked once, merged and estimated without being copied.

use super::registers::{MAX_OFFSET, MAX_RANK, MOST_ABOVE, PAIRS, Packed, REGISTERS, Registers, count_above};
use crate::sketch::chunks::chunks;
use crate::sketch::{Error, Format, format};

const VERSION: u8 = 1;
const HEADER: usize = 7;
const DENSE: usize = HEADER + PAIRS;
/// A pair that is listed: its place and its byte.
const LISTED: usize = 3;
/// With fewer registers above the offset only the pairs that have one are listed.
const LEAST_DENSE: u16 = 128;

/// A version alone says little, so that the rest must be sound, too.
pub const FORMATS: &[Format] = &[Format {
    offset: 0,
    magic: &[VERSION],
    parses: Some(|bytes| HyperUniqueImage::parse(bytes).is_ok()),
    description: "a hyperUnique of Druid, of another hash: it goes with the hyper_unique functions alone",
}];

/// An image of Druid's `HyperLogLogCollector`, version 1. Numbers have their highest byte first.
///
/// | byte | meaning |
/// |---|---|
/// | 0 | version, 1; in a dense image also 0, where Druid has overwritten it with the filling of a sparse one |
/// | 1 | the offset: a register has its four bits above it |
/// | 2 | `u16` how many registers are above the offset |
/// | 4 | the overflow: a rank that four bits do not say, 16 to 64; 0 if there is none |
/// | 5 | `u16` the register that has it, whatever its four bits are |
/// | 7 | dense, of 1,031 bytes together: 1,024 pairs of registers, the even one in the high half of its byte |
/// | 7 | sparse: three bytes for each pair that is not 0, ascending: its place in a dense image, 7 to 1030, as `u16`, and the pair; then three bytes of 0 for each register above the offset that has a pair with another one |
///
/// Old versions of Druid may have counted fewer registers above the offset than there are, where an image was folded into
/// one with a lower offset. Druid reads these, and so they are counted again; a header that counts more is damage.
///
/// No bytes at all are an empty sketch, too: Druid writes them for a null.
#[derive(Clone, Copy, Debug)]
pub struct HyperUniqueImage<'a> {
    offset: u8,
    above: u16,
    /// Register and rank.
    overflow: Option<(u16, u8)>,
    pairs: Pairs<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Pairs<'a> {
    Dense(&'a [u8; PAIRS]),
    Sparse(&'a [u8]),
}

impl<'a> HyperUniqueImage<'a> {
    /// Reads an image by the table at [`HyperUniqueImage`]; everything is checked against the bytes before anything is
    /// made of them.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let (header, body) = match bytes.split_first_chunk::<HEADER>() {
            Some((header, body)) if header[0] == VERSION || (header[0] == 0 && bytes.len() == DENSE) => (header, body),
            _ if bytes.is_empty() => (&[VERSION, 0, 0, 0, 0, 0, 0], bytes),
            _ => return Err(not_a_hyper_unique(bytes)),
        };
        let &[_, offset, above_high, above_low, rank, register_high, register_low] = header;
        let above = u16::from_be_bytes([above_high, above_low]);
        let register = u16::from_be_bytes([register_high, register_low]);
        if offset > MAX_OFFSET {
            return Err(damaged(format!("its offset is {offset}, and no hash has ranks for more than 49")));
        }
        if (rank != 0 && rank <= MOST_ABOVE) || rank > MAX_RANK || usize::from(register) >= REGISTERS {
            return Err(damaged(format!(
                "its overflow is rank {rank} of register {register}, and must be 0 or 16 to 64, of register 0 to 2047"
            )));
        }
        let (pairs, counted) = match <&[u8; PAIRS]>::try_from(body) {
            Ok(dense) => (Pairs::Dense(dense), count_above(dense)),
            Err(_) if body.len() % LISTED == 0 => {
                let listed = without_filling(body);
                (Pairs::Sparse(listed), count_listed(listed)?)
            }
            Err(_) => {
                return Err(damaged(format!(
                    "it has {} bytes, and must have {DENSE}, or {HEADER} and {LISTED} for each register above the offset",
                    bytes.len()
                )));
            }
        };
        if counted < above {
            return Err(damaged(format!(
                "its header counts {above} registers above the offset, and there are {counted}"
            )));
        }
        if body.len() != PAIRS && body.len() != LISTED * usize::from(above) {
            return Err(damaged(format!(
                "it has {} bytes, and must have {HEADER} and {LISTED} for each of {above} registers above the offset",
                bytes.len()
            )));
        }
        Ok(HyperUniqueImage { offset, above: counted, overflow: (rank != 0).then_some((register, rank)), pairs })
    }

    /// What every register has at least.
    pub(super) fn offset(&self) -> u8 {
        self.offset
    }

    /// How many registers have more.
    pub(super) fn above(&self) -> u16 {
        self.above
    }

    /// The register and the rank that stand beside the pairs.
    pub(super) fn overflow(&self) -> Option<(u16, u8)> {
        self.overflow
    }

    /// The pairs of a dense image.
    pub(super) fn dense(&self) -> Option<&'a [u8; PAIRS]> {
        match self.pairs {
            Pairs::Dense(pairs) => Some(pairs),
            Pairs::Sparse(_) => None,
        }
    }

    /// The pairs that are listed in a sparse image.
    pub(super) fn listed(&self) -> impl Iterator<Item = (usize, u8)> + 'a {
        let listed = match self.pairs {
            Pairs::Dense(_) => &[],
            Pairs::Sparse(listed) => listed,
        };
        chunks::<LISTED, _>(listed)
            .0
            .map(|&[high, low, pair]| (usize::from(u16::from_be_bytes([high, low])) - HEADER, pair))
    }

    /// Adds what it counted to registers.
    #[inline(always)]
    pub(super) fn merge_into(&self, registers: &mut Registers) {
        match self.dense() {
            Some(pairs) => registers.merge_pairs(pairs, self.offset),
            None => {
                if self.offset > 0 {
                    registers.merge_pairs(&[0; PAIRS], self.offset);
                }
                self.listed().for_each(|(place, pair)| registers.merge_pair(place, pair, self.offset));
            }
        }
        if let Some((register, rank)) = self.overflow {
            registers.insert(register, rank);
        }
    }
}

impl Packed {
    /// The image.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (register, rank) = self.overflow.unwrap_or_default();
        let sparse = HEADER + LISTED * usize::from(self.above);
        let mut image = Vec::with_capacity(if self.above < LEAST_DENSE { sparse } else { DENSE });
        image.extend([VERSION, self.offset]);
        image.extend(self.above.to_be_bytes());
        image.push(rank);
        image.extend(register.to_be_bytes());
        if self.above >= LEAST_DENSE {
            image.extend(self.pairs);
            return image;
        }
        for (place, &pair) in self.pairs.iter().enumerate().filter(|&(_, &pair)| pair != 0) {
            image.extend(((HEADER + place) as u16).to_be_bytes());
            image.push(pair);
        }
        image.resize(sparse, 0);
        image
    }
}

/// Druid makes room for each register above the offset, and leaves it empty where two of them are one pair.
#[inline(always)]
fn without_filling(mut listed: &[u8]) -> &[u8] {
    while let [rest @ .., 0, 0, 0] = listed {
        listed = rest;
    }
    listed
}

/// How many registers are above the offset: each pair must lie within a dense image, behind the one before, and not be 0.
#[inline(always)]
fn count_listed(listed: &[u8]) -> Result<u16, Error> {
    // Without a way out, so that a pair need not wait for the one before.
    let (mut least, mut above, mut sound) = (HEADER as u16, 0u32, true);
    for &[high, low, pair] in chunks::<LISTED, _>(listed).0 {
        let place = u16::from_be_bytes([high, low]);
        sound &= place >= least && place < DENSE as u16 && pair != 0;
        least = place.wrapping_add(1);
        above += u32::from(pair > 15) + u32::from(pair & 15 > 0);
    }
    // Of pairs in different places there are at most 1,024.
    if sound { Ok(above as u16) } else { Err(misplaced(listed)) }
}

#[cold]
fn misplaced(listed: &[u8]) -> Error {
    let listed: Vec<[u8; LISTED]> = chunks(listed).0.copied().collect();
    let place = |&[high, low, _]: &[u8; LISTED]| u16::from_be_bytes([high, low]);
    let is_wrong = |&at: &usize| {
        let least = if at == 0 { HEADER as u16 } else { place(&listed[at - 1]).saturating_add(1) };
        !(least..DENSE as u16).contains(&place(&listed[at])) || listed[at][2] == 0
    };
    let first = (0..listed.len()).find(is_wrong).expect("a pair was found wrong");
    damaged(format!(
        "it lists the pair {:02x} at {}, and must list pairs that are not 0, ascending, at 7 to 1030",
        listed[first][2],
        place(&listed[first])
    ))
}

#[cold]
fn damaged(what: impl std::fmt::Display) -> Error {
    Error::bad_image(format!("damaged hyperUnique: {what}"))
}

#[cold]
fn not_a_hyper_unique(bytes: &[u8]) -> Error {
    let start = format::start(bytes, HEADER);
    let hint = if bytes[0] == VERSION { String::new() } else { format::hint(bytes) };
    Error::bad_image(format!(
        "not a hyperUnique of Druid: it starts with {start}, and a hyperUnique with 01 and six bytes more{hint}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_counts_too_few_registers_is_counted_again() {
        for (registers, header) in [(2048u16, 2047u16), (2043, 2042), (1000, 0)] {
            let pair = |place: u16| u8::from(2 * place < registers) << 4 | u8::from(2 * place + 1 < registers);
            let mut image = vec![VERSION, 0, 0, 0, 0, 0, 0];
            image.extend((0..PAIRS as u16).map(pair));
            image[2..4].copy_from_slice(&registers.to_be_bytes());
            let sound = HyperUniqueImage::parse(&image).unwrap().estimate();
            image[2..4].copy_from_slice(&header.to_be_bytes());
            let recounted = HyperUniqueImage::parse(&image).unwrap();
            assert_eq!((recounted.above(), recounted.estimate()), (registers, sound));
            image[2..4].copy_from_slice(&(registers + 1).to_be_bytes());
            assert!(HyperUniqueImage::parse(&image).is_err());
        }
    }

    /// More registers than a `u16` counts.
    #[test]
    fn a_long_list_is_refused() {
        let mut image = vec![VERSION, 0, 0, 0, 0, 0, 0];
        image.extend([0, 7, 0xff].repeat(40_000));
        assert!(HyperUniqueImage::parse(&image).is_err());
    }
}
