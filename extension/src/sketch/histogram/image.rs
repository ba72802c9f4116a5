//! The bytes of a histogram.

use super::bins::{Bins, Histogram, MaxBins};
use super::extents::Steps;
use super::grid::Grid;
use super::mass::{MAX_COUNT, Mass};
use crate::sketch::chunks::chunks;
use crate::sketch::codec::{Reader, push_varint};
use crate::sketch::{Error, Format, format};

const MAGIC: [u8; 2] = *b"AH";
/// The version that is written.
const VERSION: u8 = 2;
/// It has no extents and no grid.
const VERSION_1: u8 = 1;
const FLAG_MIN: u8 = 1;
const FLAG_MAX: u8 = 2;
const FLAG_GRID: u8 = 4;
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
        let places = if bins.len() > 0 { self.grid.places() } else { None };
        let flags = flags | if places.is_some() { FLAG_GRID } else { 0 };

        let mut image = Vec::with_capacity(40 + 16 * bins.len());
        image.extend(MAGIC);
        image.extend([VERSION, flags]);
        image.extend(self.max_bins.bits().to_le_bytes());
        image.extend((bins.len() as u16).to_le_bytes());
        push_varint(&mut image, self.count);
        push_varint(&mut image, self.non_finite);
        push_varint(&mut image, self.slack);
        image.extend(places);
        if min_is_stored {
            image.extend(self.min.to_le_bytes());
        }
        if max_is_stored {
            image.extend(self.max.to_le_bytes());
        }
        image.extend(bins.centers.iter().flat_map(|center| center.to_le_bytes()));
        bins.masses.iter().for_each(|mass| push_varint(&mut image, mass.bits()));
        for at in (0..bins.len()).filter(|&at| !bins.masses[at].is_exact()) {
            let steps = bins.steps(at, self.min, self.max);
            image.extend([steps.encode_low(bins.lows[at]), steps.encode_high(bins.highs[at])]);
        }
        image
    }

    /// What is left of it when it is stored: extents are rounded outwards.
    pub(super) fn round_extents(&mut self) {
        for at in (0..self.bins.len()).filter(|&at| !self.bins.masses[at].is_exact()) {
            let steps = self.bins.steps(at, self.min, self.max);
            self.bins.lows[at] = within_low(steps.decode_low(steps.encode_low(self.bins.lows[at])), self.min);
            self.bins.highs[at] = within_high(steps.decode_high(steps.encode_high(self.bins.highs[at])), self.max);
        }
    }

    /// Reads an image. Numbers have their lowest byte first; a *varint* is an unsigned LEB128 in its shortest form.
    ///
    /// | byte | meaning |
    /// |---|---|
    /// | 0 | `41 48`, "AH" |
    /// | 2 | format version: 2; 1 has neither grid nor extents |
    /// | 3 | flags: 1 the minimum is stored, 2 the maximum is stored, 4 the values lie on a grid; other bits are 0 |
    /// | 4 | `u16` the greatest number of bins, 2 to 65535 |
    /// | 6 | `u16` n, the number of bins, at most twice as many (version 1: at most as many) |
    /// | 8 | varint: how many values, the sum of the bins' counts; below 2^62 |
    /// | then | varint: how many values were NaN or infinite; below 2^62 |
    /// | then | varint: the slack (see [`Histogram::rank_error`]), at most the number of values; 0 if every bin is exact |
    /// | then | `u8` how many decimal places the values have, 0 to 15, if flag 4 |
    /// | then | `f64` minimum, if flag 1; else it is the first center |
    /// | then | `f64` maximum, if flag 2; else it is the last center |
    /// | then | n × `f64` centers: finite, strictly ascending, between minimum and maximum, none of them -0.0 |
    /// | then | n × varint: `count << 1 \| inexact`, each count at least 1; a bin of one value is exact |
    /// | then | of each inexact bin its extents, `u8` the lower and `u8` the upper one: see [`Steps`] |
    ///
    /// Without bins no flag is set. Bytes behind the end are an error.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut histogram = Histogram::default();
        histogram.read(bytes)?;
        Ok(histogram)
    }

    /// Becomes what the image says, as [`parse`](Histogram::parse) reads it, in the memory that it has; left in no useful state by an error.
    #[inline(always)]
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(bytes, WHAT);
        match reader.bytes(2) {
            Ok(magic) if magic == MAGIC => {}
            _ => return Err(not_a_histogram(bytes)),
        }
        let version = reader.u8()?;
        if version != VERSION && version != VERSION_1 {
            return Err(Error::bad_image(format!(
                "an approximate histogram of format version {version}; versions 1 and 2 are known here"
            )));
        }
        let flags = reader.u8()?;
        let max_bins = MaxBins::new(i64::from(reader.u16()?)).map_err(damaged)?;
        let len = usize::from(reader.u16()?);
        let (known, most) = match version {
            VERSION_1 => (FLAG_MIN | FLAG_MAX, max_bins.get()),
            _ => (FLAG_MIN | FLAG_MAX | FLAG_GRID, max_bins.wide()),
        };
        if flags & !known != 0 || len > most {
            return Err(damaged("its header has unknown flags or more bins than it allows"));
        }
        let (count, non_finite, slack) = (reader.varint()?, reader.varint()?, reader.varint()?);
        if count.max(non_finite) > MAX_COUNT {
            return Err(damaged(format!(
                "the count overflows: it says {count} values, and {non_finite} that are not finite, of fewer than 2^62"
            )));
        }
        let places = if flags & FLAG_GRID != 0 { Some(reader.u8()?) } else { None };
        let min = if flags & FLAG_MIN != 0 { Some(reader.f64()?) } else { None };
        let max = if flags & FLAG_MAX != 0 { Some(reader.f64()?) } else { None };

        let bins = &mut self.bins;
        bins.clear();
        let (centers, _) = chunks(reader.bytes(8 * len)?);
        bins.centers.extend(centers.map(|&center| f64::from_le_bytes(center)));
        let ascending = bins.centers.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || bins.centers.iter().any(|center| !center.is_finite() || center.to_bits() == 1 << 63) {
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
        (self.max_bins, self.count, self.non_finite, self.slack) = (max_bins, count, non_finite, slack);
        (self.min, self.max) = (min, max);
        let extents = if version == VERSION_1 { None } else { Some(&mut reader) };
        self.read_extents(extents)?;
        reader.finish()?;
        self.grid = match places {
            Some(places) => Grid::of_places(places).ok_or_else(|| damaged(format!("its grid has {places} places")))?,
            None if exact && version == VERSION_1 => Grid::WHOLE.with(&self.bins.centers),
            None if len == 0 => Grid::WHOLE,
            None => Grid::NONE,
        };
        Ok(())
    }

    /// Reads the extents; of an image without them, those of inexact bins are not known.
    #[inline(always)]
    fn read_extents(&mut self, mut reader: Option<&mut Reader>) -> Result<(), Error> {
        let bins = &mut self.bins;
        bins.lows.extend_from_slice(&bins.centers);
        bins.highs.extend_from_slice(&bins.centers);
        for at in 0..bins.len() {
            if bins.masses[at].is_exact() {
                continue;
            }
            (bins.lows[at], bins.highs[at]) = (f64::NEG_INFINITY, f64::INFINITY);
            if let Some(reader) = &mut reader {
                let steps = bins.steps(at, self.min, self.max);
                bins.lows[at] = within_low(steps.decode_low(reader.u8()?), self.min);
                bins.highs[at] = within_high(steps.decode_high(reader.u8()?), self.max);
            }
        }
        Ok(())
    }
}

impl Bins {
    /// The steps of the extents of a bin, by the nearer one of its neighbours, where there is none by the end.
    fn steps(&self, at: usize, min: f64, max: f64) -> Steps {
        let center = self.centers[at];
        let before = at.checked_sub(1).map_or(min, |before| self.centers[before]);
        let after = self.centers.get(at + 1).copied().unwrap_or(max);
        let (left, right) = (center - before, after - center);
        // An outermost center may lie at the end itself.
        let gap = if left > 0.0 && (left < right || right <= 0.0) { left } else { right };
        Steps::new(center, gap)
    }
}

/// A lower extent that rounding has moved beyond the minimum; one that is not known stays so.
fn within_low(low: f64, min: f64) -> f64 {
    if low.is_finite() { low.max(min) } else { low }
}

fn within_high(high: f64, max: f64) -> f64 {
    if high.is_finite() { high.min(max) } else { high }
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
            let histogram = example(values);
            assert_eq!(Histogram::parse(&histogram.to_bytes()).as_ref(), Ok(&histogram), "{values}");
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
