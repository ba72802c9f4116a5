//! The bytes of a histogram.

use super::bins::{Bins, Histogram, MaxBins};
use super::extent;
use super::extent::Extent;
use super::mass::{MAX_COUNT, Mass};
use crate::sketch::chunks::chunks;
use crate::sketch::codec::{Reader, push_varint};
use crate::sketch::{Error, Format, format, memory};

const MAGIC: [u8; 2] = *b"AH";
/// Without extents, and at most as many bins as allowed.
const FIRST_VERSION: u8 = 1;
const VERSION: u8 = 2;
const FLAG_MIN: u8 = 1;
const FLAG_MAX: u8 = 2;
const WHAT: &str = "approximate histogram";

/// What an image starts with.
pub const FORMAT: Format = Format { offset: 0, magic: &MAGIC, parses: None, description: "an approximate histogram" };

impl Histogram {
    /// The image, by the table at [`Histogram::parse`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let bins = &self.bins;
        let min_is_stored = bins.centers.first().is_some_and(|&first| first != self.min);
        let max_is_stored = bins.centers.last().is_some_and(|&last| last != self.max);
        let flags = if min_is_stored { FLAG_MIN } else { 0 } | if max_is_stored { FLAG_MAX } else { 0 };

        let mut image = memory::with_capacity(40 + 16 * bins.len());
        image.extend(MAGIC);
        let version = self.version();
        image.extend([version, flags]);
        image.extend(self.max_bins.bits().to_le_bytes());
        image.extend((bins.len() as u16).to_le_bytes());
        push_varint(&mut image, self.count);
        push_varint(&mut image, self.non_finite);
        push_varint(&mut image, self.slack);
        if min_is_stored {
            image.extend(self.min.to_le_bytes());
        }
        if max_is_stored {
            image.extend(self.max.to_le_bytes());
        }
        image.extend(bins.centers.iter().flat_map(|center| center.to_le_bytes()));
        bins.masses.iter().for_each(|mass| push_varint(&mut image, mass.bits()));
        if version == VERSION {
            extent::write(bins, self.min, self.max, &mut image);
        }
        image
    }

    /// The first version that can say it: what every reader knows is written so that every reader reads it.
    fn version(&self) -> u8 {
        let bins = &self.bins;
        let is_known = |(mass, extent): (&Mass, &Extent)| !mass.is_exact() && !extent.is_unknown();
        let has_extents = bins.masses.iter().zip(&bins.extents).any(is_known);
        if has_extents || bins.len() > self.max_bins.get() { VERSION } else { FIRST_VERSION }
    }

    /// Reads an image. Numbers have their lowest byte first; a *varint* is an unsigned LEB128 in its shortest form.
    ///
    /// | byte | meaning |
    /// |---|---|
    /// | 0 | `41 48`, "AH" |
    /// | 2 | format version, 1 or 2 |
    /// | 3 | flags: 1 the minimum is stored, 2 the maximum is stored; other bits are 0 |
    /// | 4 | `u16` the greatest number of bins, 2 to 65535 |
    /// | 6 | `u16` n, the number of bins, at most as many; in version 2 at most twice as many |
    /// | 8 | varint: how many values, the sum of the bins' counts; below 2^62 |
    /// | then | varint: how many values were NaN or infinite; below 2^62 |
    /// | then | varint: the slack (see [`Histogram::rank_error`]), at most the number of values; 0 if every bin is exact |
    /// | then | `f64` minimum, if flag 1; else it is the first center |
    /// | then | `f64` maximum, if flag 2; else it is the last center |
    /// | then | n × `f64` centers: finite, strictly ascending, between minimum and maximum, none of them -0.0 |
    /// | then | n × varint: `count << 1 \| inexact`, each count at least 1; a bin of one value is exact |
    ///
    /// In version 2 then, of each inexact bin, a byte for each side of its extent: see [`extent`].
    ///
    /// Without bins neither flag is set. Bytes behind the end are an error.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut histogram = Histogram::default();
        histogram.read(bytes)?;
        Ok(histogram)
    }

    /// The same without the extents, which neither the bins nor the curve between them need: neither merges nor brackets do
    /// without.
    pub fn parse_bins(bytes: &[u8]) -> Result<Self, Error> {
        let mut histogram = Histogram::default();
        histogram.read_bins(bytes)?;
        Ok(histogram)
    }

    /// Becomes what the image says, as [`parse_bins`](Histogram::parse_bins) reads it, in the memory that it has.
    pub fn read_bins(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.read_with(bytes, |reader, bins, _, _| {
            extent::unknown(bins);
            extent::skip(reader, bins)
        })
    }

    /// Becomes what the image says, as [`parse`](Histogram::parse) reads it, in the memory that it has; left in no useful state by an error.
    #[inline(always)]
    #[allow(clippy::redundant_closure)] // the function itself would not be compiled for the CPU that the caller is
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.read_with(
            bytes,
            #[inline(always)]
            |reader, bins, min, max| extent::read(reader, bins, min, max),
        )
    }

    #[inline(always)]
    fn read_with(
        &mut self,
        bytes: &[u8],
        read_extents: impl FnOnce(&mut Reader, &mut Bins, f64, f64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut reader = Reader::new(bytes, WHAT);
        match reader.bytes(2) {
            Ok(magic) if magic == MAGIC => {}
            _ => return Err(not_a_histogram(bytes)),
        }
        let version = reader.u8()?;
        if !(FIRST_VERSION..=VERSION).contains(&version) {
            return Err(Error::bad_image(format!(
                "an approximate histogram of format version {version}; versions 1 and 2 are known here"
            )));
        }
        let flags = reader.u8()?;
        let max_bins = MaxBins::new(i64::from(reader.u16()?)).map_err(damaged)?;
        let len = usize::from(reader.u16()?);
        let most = if version == FIRST_VERSION { max_bins.get() } else { max_bins.while_open() };
        if flags & !(FLAG_MIN | FLAG_MAX) != 0 || len > most {
            return Err(damaged("its header has unknown flags or more bins than it allows"));
        }
        let (count, non_finite, slack) = (reader.varint()?, reader.varint()?, reader.varint()?);
        if count.max(non_finite) > MAX_COUNT {
            return Err(damaged(format!(
                "the count overflows: it says {count} values, and {non_finite} that are not finite, of fewer than 2^62"
            )));
        }
        let min = if flags & FLAG_MIN != 0 { Some(reader.f64()?) } else { None };
        let max = if flags & FLAG_MAX != 0 { Some(reader.f64()?) } else { None };

        let bins = &mut self.bins;
        bins.clear();
        let (centers, _) = chunks(reader.bytes(8 * len)?);
        memory::reserve(&mut bins.centers, len);
        memory::reserve(&mut bins.masses, len);
        bins.centers.extend(centers.map(|&center| f64::from_le_bytes(center)));
        // Every center is looked at, so that the compiler makes vectors of them.
        let ascending = bins.centers.windows(2).fold(true, |all, pair| all & (pair[0] < pair[1]));
        let is_number = |&center: &f64| center.is_finite() & (center.to_bits() != 1 << 63);
        if !(ascending & bins.centers.iter().fold(true, |all, center| all & is_number(center))) {
            return Err(damaged("its centers are not finite numbers in ascending order"));
        }
        let mut total: u64 = 0;
        for _ in 0..len {
            let mass = Mass::from_bits(reader.varint()?);
            if mass.count() == 0 || mass == Mass::inexact(1) {
                return Err(damaged("a bin has no value, or one that differs from its center"));
            }
            bins.masses.push(mass);
            total = total.saturating_add(mass.count());
        }
        if total != count {
            return Err(damaged(format!("its bins hold {total} values where its header says {count}")));
        }
        let exact = bins.masses.iter().all(|mass| mass.is_exact());
        if slack > count || (exact && slack > 0) {
            return Err(damaged(format!(
                "its slack is {slack}, of {count} values in bins of which none is inexact or too few"
            )));
        }

        let (first, last) = match (bins.centers.first(), bins.centers.last()) {
            (Some(&first), Some(&last)) => (first, last),
            _ if flags == 0 => (f64::INFINITY, f64::NEG_INFINITY),
            _ => return Err(damaged("it has no bins, but a minimum or a maximum")),
        };
        // -0.0 becomes 0.0.
        let (min, max) = (min.unwrap_or(first) + 0.0, max.unwrap_or(last) + 0.0);
        let in_range = len == 0 || (min.is_finite() && max.is_finite() && min <= first && last <= max);
        if !in_range {
            return Err(damaged("its bins are not between its minimum and its maximum"));
        }
        if version == FIRST_VERSION {
            extent::unknown(bins);
        } else {
            read_extents(&mut reader, bins, min, max)?;
        }
        reader.finish()?;
        (self.max_bins, self.count, self.non_finite, self.slack) = (max_bins, count, non_finite, slack);
        (self.min, self.max) = (min, max);
        Ok(())
    }
}

#[cold]
fn damaged(what: impl std::fmt::Display) -> Error {
    Error::bad_image(format!("damaged approximate histogram: {what}"))
}

#[cold]
fn not_a_histogram(bytes: &[u8]) -> Error {
    let (start, hint) = (format::start(bytes, 4), format::hint(bytes));
    Error::bad_image(format!(
        "not an approximate histogram: it starts with {start}, and a histogram with 41 48 (\"AH\"){hint}"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::HistogramBuilder;
    use super::*;

    fn example(values: u32) -> Histogram {
        let mut builder = HistogramBuilder::new(MaxBins::new(20).unwrap());
        builder.extend(&(0..values).map(|i| (f64::from(i) * 0.37).sin() * 100.0).collect::<Vec<_>>()).unwrap();
        builder.finish()
    }

    #[test]
    fn comes_back() {
        for values in [0, 1, 2, 20, 21, 5000] {
            let (histogram, image) = (example(values), example(values).to_bytes());
            let read = Histogram::parse(&image).unwrap();
            assert_eq!(read.bins().collect::<Vec<_>>(), histogram.bins().collect::<Vec<_>>());
            assert_eq!((read.min(), read.max(), read.slack), (histogram.min(), histogram.max(), histogram.slack));
            assert_eq!(read.to_bytes(), image, "{values}");
            for (rounded, extent) in read.bins.extents.iter().zip(&histogram.bins.extents) {
                assert!(rounded.low <= extent.low && extent.high <= rounded.high, "{rounded:?} {extent:?}");
            }
        }
    }

    #[test]
    fn every_truncation_and_every_trailing_byte_is_refused() {
        let image = example(5000).to_bytes();
        for length in 0..image.len() {
            assert!(Histogram::parse(&image[..length]).is_err(), "{length}");
        }
        assert!(Histogram::parse(&[&image[..], &[0]].concat()).is_err());
    }
}
