//! The bytes of Druid's `ApproximateHistogram`, in its three forms.

use super::bins::{Bin, Bins, Histogram, MaxBins};
use super::extent::Extent;
use super::mass::{MAX_COUNT, Mass};
use super::pool::Pool;
use crate::sketch::chunks::chunks;
use crate::sketch::codec::BigEndian;
use crate::sketch::{Error, Format, format, memory};

/// How Druid writes a histogram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DruidForm {
    /// Every bin that there may be.
    Dense,
    /// The bins that there are.
    Sparse,
    /// The values of the bins, each as often as it is counted: up to 127 in exact bins and 127 in approximate ones.
    Compact,
}

const WHAT: &str = "histogram of Druid";
/// The sign bit of a count: the bin's values differ.
const APPROXIMATE: u64 = 1 << 63;
/// What the compact form counts with a signed byte and a signed short.
const MOST_LISTED: u64 = 127;
const MOST_COMPACT_BINS: u16 = 32_767;
/// Druid merges its bins in 32-bit floats: a center may have left the range of its values by so much of it.
const ROUNDING: f64 = 4.0 * f32::EPSILON as f64;

/// There are no magic bytes: whatever can be read as a histogram that holds something.
pub const FORMAT: Format = Format {
    offset: 0,
    magic: &[],
    parses: Some(|bytes| DruidHistogram::parse(bytes).is_ok_and(|druid| !druid.bins.is_empty())),
    description: "a histogram of Druid: approx_histogram_from_druid makes one of it",
};

/// A bin as Druid has it: position, count, and whether its values differ.
struct DruidBin {
    position: f32,
    count: u64,
    approximate: bool,
}

/// What the three forms say.
struct DruidHistogram {
    /// How many bins there may be.
    size: u32,
    bins: Vec<DruidBin>,
    /// Of no meaning without bins, and in a compact image of exact bins alone.
    min: f32,
    max: f32,
}

impl DruidForm {
    /// The form of this name.
    pub fn of(name: &[u8]) -> Result<Self, Error> {
        match name {
            b"dense" => Ok(DruidForm::Dense),
            b"sparse" => Ok(DruidForm::Sparse),
            b"compact" => Ok(DruidForm::Compact),
            _ => Err(Error::bad_parameter(format!(
                "the form is '{}', and must be 'dense', 'sparse' or 'compact'",
                String::from_utf8_lossy(name)
            ))),
        }
    }
}

impl Histogram {
    /// Reads an image of Druid. Numbers have their highest byte first.
    ///
    /// | form | bytes |
    /// |---|---|
    /// | dense | `i32` size, `i32` n, size × `f32` positions, size × `i64` counts, `f32` minimum, `f32` maximum: 16 + 12 size bytes, of which those behind the n-th bin say nothing |
    /// | sparse | `i32` size, `i32` -n, n × `f32`, n × `i64`, `f32` minimum, `f32` maximum: 16 + 12 n bytes |
    /// | compact, of exact bins | `i16` -size, `i8` values, each value as `f32` |
    /// | compact | `i16` -size, `i8` -a, a × `f32` the positions of approximate bins, as often as they are counted, `f32` minimum, `f32` maximum, `i8` e, e × `f32` the values of exact bins |
    ///
    /// The sign bit of a count marks an approximate bin. A first `i16` below 0 is compact, else an `i32` below 0 at 4 is
    /// sparse. No bytes, or three of 0, are an empty histogram: Druid writes them for a null.
    ///
    /// Druid forgets the marks of some bins when it merges. So a bin without one is believed to be exact only where no bin
    /// has one, and there is one at the minimum and at the maximum: elsewhere every bin of two values or more is taken as
    /// approximate. Nothing bounds the rank error that Druid's merges have made:
    /// the slack is all values of approximate bins. Exact bins of NaN or an infinity are counted as such.
    pub fn from_druid(bytes: &[u8]) -> Result<Self, Error> {
        DruidHistogram::parse(bytes).map_err(|error| not_of_druid(bytes).unwrap_or(error))?.to_histogram()
    }

    /// Writes an image of Druid: in this form, or in the one that Druid chooses, which is the smaller one of sparse and
    /// compact. Centers, minimum and maximum are rounded to floats; those that become one become one approximate bin. The
    /// slack and the number of values that are not finite have no place in it.
    pub fn to_druid(&self, form: Option<DruidForm>) -> Result<Vec<u8>, Error> {
        let druid = DruidHistogram::of(self)?;
        match form {
            None => Ok(druid.to_smallest()),
            Some(DruidForm::Dense) => Ok(druid.to_dense()),
            Some(DruidForm::Sparse) if druid.bins.is_empty() => Err(Error::bad_parameter(
                "an empty histogram has no sparse form that Druid can read: leave the form out, or ask for 'compact' or 'dense'",
            )),
            Some(DruidForm::Sparse) => Ok(druid.to_sparse()),
            Some(DruidForm::Compact) => druid.to_compact().ok_or_else(|| {
                Error::bad_parameter(format!(
                    "a histogram of at most {} bins, with {} values in exact bins and {} in approximate ones, has no compact form, \
                     which takes at most 32767 bins and 127 values of either kind: leave the form out, or ask for 'sparse'",
                    druid.size,
                    druid.values(false),
                    druid.values(true)
                ))
            }),
        }
    }
}

impl DruidHistogram {
    fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.is_empty() || bytes == [0; 3] {
            return Ok(DruidHistogram { size: 0, bins: Vec::new(), min: f32::INFINITY, max: f32::NEG_INFINITY });
        }
        if bytes[0] >= 0x80 { Self::parse_compact(bytes) } else { Self::parse_columns(bytes) }
    }

    fn parse_compact(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = BigEndian::new(bytes, WHAT);
        let size = u32::from(i16::from_be_bytes(reader.array()?).unsigned_abs());
        let head = i8::from_be_bytes(reader.array()?);
        let mut bins = Vec::new();
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        let exact = if head < 0 {
            list_bins(&mut bins, reader.f32s(usize::from(head.unsigned_abs()))?, true);
            (min, max) = (reader.f32()?, reader.f32()?);
            i8::from_be_bytes(reader.array()?)
        } else {
            head
        };
        if head == i8::MIN || exact < 0 || size > u32::from(MOST_COMPACT_BINS) {
            return Err(damaged("a compact one of more than 127 values of one kind, or of more than 32767 bins"));
        }
        list_bins(&mut bins, reader.f32s(exact as usize)?, false);
        reader.finish()?;
        if head >= 0 {
            // A total order, so that a NaN, which Druid takes as a value, does not hide the others.
            let by_position = |a: &&DruidBin, b: &&DruidBin| a.position.total_cmp(&b.position);
            min = bins.iter().min_by(by_position).map_or(min, |bin| bin.position);
            max = bins.iter().max_by(by_position).map_or(max, |bin| bin.position);
        }
        Self { size, bins, min, max }.checked()
    }

    fn parse_columns(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = BigEndian::new(bytes, WHAT);
        let size = u32::from_be_bytes(reader.array()?);
        let n = i32::from_be_bytes(reader.array()?);
        // Druid writes an empty histogram of many bins as a sparse one of -0 bins.
        let is_sparse = n < 0 || (n == 0 && bytes.len() == 16);
        let n = n.unsigned_abs();
        if n > size {
            return Err(damaged(format!("it has {n} bins, and says that it has at most {size}")));
        }
        let stored = if is_sparse { n } else { size } as usize;
        let positions = reader.bytes(stored.saturating_mul(4))?;
        let counts = reader.bytes(stored.saturating_mul(8))?;
        let (min, max) = (reader.f32()?, reader.f32()?);
        reader.finish()?;
        let bins = chunks(positions).0.zip(chunks(counts).0).take(n as usize);
        let bins = bins.map(|(&position, &count)| {
            let count = u64::from_be_bytes(count);
            DruidBin {
                position: f32::from_be_bytes(position),
                count: count & !APPROXIMATE,
                approximate: count & APPROXIMATE != 0,
            }
        });
        let mut held = memory::with_capacity(n as usize);
        held.extend(bins);
        Self { size, bins: held, min, max }.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        if self.bins.len() > self.size as usize {
            return Err(damaged(format!(
                "it has {} bins, and says that it has at most {}",
                self.bins.len(),
                self.size
            )));
        }
        if self.bins.len() > usize::from(u16::MAX) {
            return Err(damaged(format!(
                "it has {} bins, and 65535 are the most that a histogram has here",
                self.bins.len()
            )));
        }
        if self.bins.iter().any(|bin| bin.count == 0) {
            return Err(damaged("a bin has no value"));
        }
        let total = self.bins.iter().fold(0u64, |total, bin| total.saturating_add(bin.count));
        if total > MAX_COUNT {
            return Err(Error::overflow("the count overflows: a histogram holds fewer than 2^62 values"));
        }
        Ok(self)
    }

    fn to_histogram(&self) -> Result<Histogram, Error> {
        let max_bins = match self.size {
            0 => MaxBins::DEFAULT,
            size => MaxBins::new(i64::from(size.clamp(2, u32::from(u16::MAX))))?,
        };
        let believed = self.bins.iter().all(|bin| !bin.approximate) && self.reaches_to_its_ends();
        let is_exact = |bin: &DruidBin| believed || bin.count == 1;
        if self.bins.iter().any(|bin| !bin.position.is_finite() && !is_exact(bin)) {
            return Err(damaged("an approximate bin lies at NaN or an infinity, so that its values are lost"));
        }
        let finite = |bin: &&DruidBin| bin.position.is_finite();
        let non_finite = self.bins.iter().filter(|bin| !finite(bin)).map(|bin| bin.count).sum();
        let Some((min, max)) = self.extremes(&is_exact)? else {
            return Ok(Histogram { non_finite, ..Histogram::empty(max_bins) });
        };
        let mut pool = Pool::with_capacity(self.bins.len());
        let (mut count, mut slack) = (0, 0);
        for bin in self.bins.iter().filter(finite) {
            let center = within(f64::from(bin.position), min, max)? + 0.0;
            count += bin.count;
            if is_exact(bin) {
                pool.push(Bin::exact(center, bin.count));
            } else {
                slack += bin.count;
                pool.push(Bin { center, mass: Mass::inexact(bin.count), extent: Extent::UNKNOWN });
            }
        }
        // As many bins may be left as there are: only those at one position become one.
        let bins = pool.into_united();
        Ok(Histogram { max_bins, count, non_finite, slack, min, max, bins })
    }

    /// Whether the least and the greatest bin lie at the minimum and the maximum, as exact ones do.
    fn reaches_to_its_ends(&self) -> bool {
        let lies_at = |end: f32| !end.is_finite() || self.bins.iter().any(|bin| bin.position == end);
        lies_at(self.min) && lies_at(self.max)
    }

    /// The least and the greatest finite value; none if there is none. Where Druid's own is not finite, it is that of the
    /// outermost finite bin, which must be exact.
    fn extremes(&self, is_exact: &impl Fn(&DruidBin) -> bool) -> Result<Option<(f64, f64)>, Error> {
        let finite = || self.bins.iter().filter(|bin| bin.position.is_finite());
        let first = finite().min_by(|a, b| a.position.total_cmp(&b.position));
        let last = finite().max_by(|a, b| a.position.total_cmp(&b.position));
        let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
        let end = |stored: f32, bin: &DruidBin| match stored.is_finite() {
            true => Ok(f64::from(stored) + 0.0),
            false if is_exact(bin) => Ok(f64::from(bin.position) + 0.0),
            false => Err(damaged(format!("its minimum or maximum is {stored}, and its outermost bin is approximate"))),
        };
        let (min, max) = (end(self.min, first)?, end(self.max, last)?);
        if min > max {
            return Err(damaged(format!("its minimum is {min:?}, and its maximum {max:?}")));
        }
        Ok(Some((min, max)))
    }

    /// The histogram in floats.
    fn of(histogram: &Histogram) -> Result<Self, Error> {
        let Bins { centers, masses, .. } = &histogram.bins;
        let mut bins: Vec<DruidBin> = memory::with_capacity(centers.len());
        for (&center, mass) in centers.iter().zip(masses) {
            let position = to_float(center)?;
            match bins.last_mut() {
                Some(last) if last.position == position => {
                    last.count += mass.count();
                    last.approximate = true;
                }
                _ => bins.push(DruidBin { position, count: mass.count(), approximate: !mass.is_exact() }),
            }
        }
        // One that is still to be merged may have more.
        let size = u32::from(histogram.max_bins.bits()).max(bins.len() as u32);
        if bins.is_empty() {
            // Of more bins Druid has no form for nothing that it could read.
            let size = size.min(u32::from(MOST_COMPACT_BINS));
            return Ok(Self { size, bins, min: f32::INFINITY, max: f32::NEG_INFINITY });
        }
        Ok(Self { size, bins, min: to_float(histogram.min)?, max: to_float(histogram.max)? })
    }

    /// How many values the bins of one kind hold.
    fn values(&self, approximate: bool) -> u64 {
        self.bins.iter().filter(|bin| bin.approximate == approximate).map(|bin| bin.count).sum()
    }

    fn to_smallest(&self) -> Vec<u8> {
        let sparse = 16 + 12 * self.bins.len();
        match self.to_compact() {
            Some(compact) if compact.len() < sparse => compact,
            _ => self.to_sparse(),
        }
    }

    fn to_dense(&self) -> Vec<u8> {
        self.to_columns(self.bins.len() as i32, self.size as usize)
    }

    fn to_sparse(&self) -> Vec<u8> {
        self.to_columns(-(self.bins.len() as i32), self.bins.len())
    }

    /// The bins as columns with room for `stored`.
    fn to_columns(&self, n: i32, stored: usize) -> Vec<u8> {
        let unused = stored - self.bins.len();
        let mut image = memory::with_capacity(16 + 12 * stored);
        image.extend(self.size.to_be_bytes());
        image.extend(n.to_be_bytes());
        image.extend(self.bins.iter().flat_map(|bin| bin.position.to_be_bytes()));
        image.extend(std::iter::repeat_n(0, 4 * unused));
        let mark = |bin: &DruidBin| if bin.approximate { APPROXIMATE } else { 0 };
        image.extend(self.bins.iter().flat_map(|bin| (bin.count | mark(bin)).to_be_bytes()));
        image.extend(std::iter::repeat_n(0, 8 * unused));
        image.extend(self.min.to_be_bytes());
        image.extend(self.max.to_be_bytes());
        image
    }

    /// None if there are too many values.
    fn to_compact(&self) -> Option<Vec<u8>> {
        let (exact, approximate) = (self.values(false), self.values(true));
        if exact.max(approximate) > MOST_LISTED || self.size > u32::from(MOST_COMPACT_BINS) {
            return None;
        }
        let mut image = (-(self.size as i16)).to_be_bytes().to_vec();
        if approximate > 0 {
            image.extend((-(approximate as i8)).to_be_bytes());
            self.list(&mut image, true);
            image.extend(self.min.to_be_bytes());
            image.extend(self.max.to_be_bytes());
        }
        image.push(exact as u8);
        self.list(&mut image, false);
        Some(image)
    }

    /// Appends the positions of the bins of one kind, each as often as it is counted.
    fn list(&self, image: &mut Vec<u8>, approximate: bool) {
        for bin in self.bins.iter().filter(|bin| bin.approximate == approximate) {
            image.extend(bin.position.to_be_bytes().repeat(bin.count as usize));
        }
    }
}

/// Adds a bin for each run of equal positions.
fn list_bins(bins: &mut Vec<DruidBin>, positions: impl Iterator<Item = f32>, approximate: bool) {
    let first = bins.len();
    for position in positions {
        // By their bits, so that a NaN equals itself.
        match bins[first..].last_mut() {
            Some(last) if last.position.to_bits() == position.to_bits() => last.count += 1,
            _ => bins.push(DruidBin { position, count: 1, approximate }),
        }
    }
}

/// A center, brought back between minimum and maximum where rounding alone has moved it out.
fn within(center: f64, min: f64, max: f64) -> Result<f64, Error> {
    let rounding = ROUNDING * min.abs().max(max.abs());
    if center < min - rounding || center > max + rounding {
        return Err(damaged(format!("a bin at {center:?} is not between its minimum {min:?} and its maximum {max:?}")));
    }
    Ok(center.clamp(min, max))
}

/// The nearest float.
fn to_float(number: f64) -> Result<f32, Error> {
    let float = number as f32;
    if !float.is_finite() {
        return Err(Error::bad_parameter(format!(
            "{number:e} does not fit the 32-bit floats of Druid, which reach to 3.4028235e38"
        )));
    }
    Ok(float + 0.0)
}

#[cold]
fn damaged(what: impl std::fmt::Display) -> Error {
    Error::bad_image(format!("damaged histogram of Druid: {what}"))
}

/// The error of bytes that are something else, or that nothing could be.
#[cold]
fn not_of_druid(bytes: &[u8]) -> Option<Error> {
    let is_columns = bytes.first().is_some_and(|&first| first < 0x80);
    let hint = format::hint(bytes);
    (!hint.is_empty() || (is_columns && bytes.len() < 16)).then(|| {
        let start = format::start(bytes, 8);
        Error::bad_image(format!(
            "not a histogram of Druid: it starts with {start}, and a histogram with ff for a compact one, else with its number of \
             bins in 32 bits, of 16 bytes or more together{hint}"
        ))
    })
}
