//! Where the values of a bin lie: from its least to its greatest, or a little beyond.
//!
//! *What is guaranteed.* A value by itself is its own extent; bins that become one have the hull of theirs. Nothing is
//! added up, so that nothing grows with the number of merges. At rest each side takes a byte, rounded outwards to a
//! multiple of a power of two: on the same grid whatever the center, so that an extent that is rounded again stays as it
//! is, and a hull of two does too.

use super::bins::Bins;
use super::mass::Mass;
use crate::sketch::codec::Reader;
use crate::sketch::{Error, memory};

/// No value of a bin is below `low`, and none above `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    pub low: f64,
    pub high: f64,
}

impl Extent {
    /// Of bins of which nothing is known but the center, and this perhaps not as their mean: those of format version 1,
    /// and of Druid.
    pub const UNKNOWN: Extent = Extent { low: f64::NEG_INFINITY, high: f64::INFINITY };

    /// Of one value.
    #[inline(always)]
    pub fn at(value: f64) -> Self {
        Extent { low: value, high: value }
    }

    /// Of the values of both.
    #[inline(always)]
    pub fn hull(self, other: Extent) -> Self {
        Extent {
            low: if other.low < self.low { other.low } else { self.low },
            high: if other.high > self.high { other.high } else { self.high },
        }
    }

    /// Whether nothing is known.
    pub fn is_unknown(self) -> bool {
        self == Extent::UNKNOWN
    }
}

/// Up to the minimum or the maximum of the histogram.
const TO_THE_END: u8 = 254;
/// Nobody knows, not even when other values have made the histogram wider.
const UNKNOWN: u8 = 255;
/// From here on the codes of a side that reaches towards 0 are powers of two.
const HALVES: u8 = 192;
/// How many steps the finest grid counts, and by how many more each next one, of steps twice as long.
const STEPS: u8 = 16;
/// By how many powers of two a step of the finest grid is less than the smaller gap beside a bin, and than the center.
const STEP_OF_GAP: i32 = 5;
const STEP_OF_CENTER: i32 = 48;
/// Powers of two that are far from where doubles end.
const LEAST_EXPONENT: i32 = -1000;
const GREATEST_EXPONENT: i32 = 985;

/// One side of a bin. The lower one is the upper one of the mirrored bin.
#[derive(Clone, Copy)]
struct Side {
    center: f64,
    /// The minimum or the maximum.
    end: f64,
    /// The steps of the finest grid are 2 to this.
    base: i32,
}

impl Side {
    /// The byte for values up to `reach`: the code of the nearest number that has one and is not less.
    #[inline(always)]
    fn code(self, reach: f64) -> u8 {
        if reach == f64::INFINITY {
            return UNKNOWN;
        }
        if reach >= self.end {
            return TO_THE_END;
        }
        let (code, found) = self.in_steps(reach);
        let (code, found) = match self.towards_zero(reach) {
            Some((nearer, at)) if self.center < 0.0 && at <= found => (nearer, at),
            _ => (code, found),
        };
        // One number has one code, so that what is read is written again.
        debug_assert!(code == TO_THE_END || found >= self.end || found == self.reach(code));
        if reach <= found && found < self.end { code } else { TO_THE_END }
    }

    /// `e << 4 | f` is `f` steps of 2^base for `e = 0`, else `16 + f` steps of `2^(base + e - 1)`, counted from the
    /// multiple of a step at or below the center; and the number that it stands for.
    #[inline(always)]
    fn in_steps(self, reach: f64) -> (u8, f64) {
        let least = (exponent(reach - self.center) - 4).max(self.base);
        let codes = if self.center < 0.0 { HALVES } else { TO_THE_END };
        for step in [least, least + 1] {
            let grid = step - self.base;
            let from = floor(self.center * power(-step));
            let steps = -floor(-reach * power(-step)) - from;
            if grid < 15 && steps < f64::from(2 * STEPS) {
                let found = (from + steps) * power(step);
                let (steps, grid) = (steps as u8, grid as u8);
                let code = if steps < STEPS { steps } else { (grid + 1) << 4 | (steps - STEPS) };
                return if code < codes { (code, found.max(self.center)) } else { (TO_THE_END, self.end) };
            }
        }
        (TO_THE_END, self.end)
    }

    /// Where a side reaches towards 0: `HALVES + j` is the center's power of two, halved j times.
    #[inline(always)]
    fn towards_zero(self, reach: f64) -> Option<(u8, f64)> {
        let halved = exponent(self.center) - exponent(reach);
        let is_normal = reach <= -f64::MIN_POSITIVE;
        let is_coded = is_normal & (halved < i32::from(TO_THE_END - HALVES));
        is_coded.then(|| (HALVES + halved as u8, (-power(exponent(reach))).max(self.center)))
    }

    /// Up to where values are that this byte was written for.
    #[inline(always)]
    fn reach(self, code: u8) -> f64 {
        let (grid, steps) = (i32::from(code >> 4), i32::from(code & (STEPS - 1)));
        let step = self.base + grid.max(1) - 1;
        let steps = f64::from(if grid > 0 { steps + i32::from(STEPS) } else { steps });
        let in_steps = (floor(self.center * power(-step)) + steps) * power(step);
        let halved = -power((exponent(self.center) - (i32::from(code) - i32::from(HALVES)).max(0)).max(-1023));
        let reach = chosen((code >= HALVES) & (self.center < 0.0), halved, in_steps);
        let reach = chosen(code == TO_THE_END, self.end, reach);
        // Finite, whatever the bytes: the center and the end are.
        let reach = if reach > self.center { reach } else { self.center };
        let reach = if reach < self.end { reach } else { self.end };
        chosen(code == UNKNOWN, f64::INFINITY, reach)
    }
}

/// One of two numbers, both of which are computed: the compiler would branch, and make no vectors of the loop around.
#[inline(always)]
fn chosen(is_first: bool, first: f64, second: f64) -> f64 {
    let mask = 0_u64.wrapping_sub(u64::from(is_first));
    f64::from_bits(first.to_bits() & mask | second.to_bits() & !mask)
}

/// Of each bin which power of two the steps of its finest grid are.
#[inline(always)]
fn bases(centers: &[f64]) -> Vec<i32> {
    let mut bases: Vec<i32> = memory::with_capacity(centers.len());
    bases.resize(centers.len(), GREATEST_EXPONENT);
    // Exponents ascend with the gaps. One way and then the other, so that the compiler makes vectors of both.
    let gaps = centers.len().saturating_sub(1);
    let of_gap = |before: f64, behind: f64| exponent(behind - before) - STEP_OF_GAP;
    for i in 0..gaps {
        bases[i] = of_gap(centers[i], centers[i + 1]);
    }
    for i in (1..=gaps).rev() {
        bases[i] = bases[i].min(bases[i - 1]);
    }
    for (base, &center) in bases.iter_mut().zip(centers) {
        *base = (*base).max(exponent(center) - STEP_OF_CENTER).clamp(LEAST_EXPONENT, GREATEST_EXPONENT);
    }
    bases
}

/// Writes the extents of bins that are not exact, a byte for each side.
#[inline(always)]
pub fn write(bins: &Bins, min: f64, max: f64, image: &mut Vec<u8>) {
    let bases = bases(&bins.centers);
    for (bin, base) in bins.iter().zip(bases).filter(|(bin, _)| !bin.mass.is_exact()) {
        let low = Side { center: -bin.center, end: -min, base };
        let high = Side { center: bin.center, end: max, base };
        image.extend([low.code(-bin.extent.low), high.code(bin.extent.high)]);
    }
}

/// Reads what [`write`] has written.
#[inline(always)]
pub fn read(reader: &mut Reader, bins: &mut Bins, min: f64, max: f64) -> Result<(), Error> {
    let Bins { centers, masses, extents } = bins;
    let inexact = masses.iter().filter(|mass| !mass.is_exact()).count();
    let bases = bases(centers);
    let (lows, highs) = spread(reader.bytes(2 * inexact)?, masses);
    memory::resize(extents, centers.len(), Extent::UNKNOWN);
    let len = centers.len();
    let (centers, masses, bases) = (&centers[..len], &masses[..len], &bases[..len]);
    let (lows, highs, extents) = (&lows[..len], &highs[..len], &mut extents[..len]);
    // All bins alike, and without a branch or an iterator, so that the compiler makes vectors of them.
    for i in 0..len {
        let (center, base) = (centers[i], bases[i]);
        let low = -Side { center: -center, end: -min, base }.reach(lows[i]);
        let high = Side { center, end: max, base }.reach(highs[i]);
        let is_exact = masses[i].is_exact();
        extents[i] = Extent { low: chosen(is_exact, center, low), high: chosen(is_exact, center, high) };
    }
    Ok(())
}

/// The bytes of both sides, of exact bins any.
#[inline(always)]
fn spread(stored: &[u8], masses: &[Mass]) -> (Vec<u8>, Vec<u8>) {
    let (mut lows, mut highs) = (memory::with_capacity(masses.len()), memory::with_capacity(masses.len()));
    lows.resize(masses.len(), UNKNOWN);
    highs.resize(masses.len(), UNKNOWN);
    let mut inexact = 0;
    for ((low, high), mass) in lows.iter_mut().zip(&mut highs).zip(masses) {
        if let Some(&[of_low, of_high]) = stored.get(2 * inexact..2 * inexact + 2).and_then(|both| both.first_chunk()) {
            (*low, *high) = (of_low, of_high);
        }
        inexact += usize::from(!mass.is_exact());
    }
    (lows, highs)
}

/// Passes over what [`write`] has written.
pub fn skip(reader: &mut Reader, bins: &Bins) -> Result<(), Error> {
    let inexact = bins.masses.iter().filter(|mass| !mass.is_exact()).count();
    reader.bytes(2 * inexact).map(|_| ())
}

/// The extents of bins of which only the centers are known.
#[inline(always)]
pub fn unknown(bins: &mut Bins) {
    let Bins { centers, masses, extents } = bins;
    memory::reserve(extents, centers.len());
    let of = |(&center, mass): (&f64, &Mass)| if mass.is_exact() { Extent::at(center) } else { Extent::UNKNOWN };
    extents.extend(centers.iter().zip(&*masses).map(of));
}

/// The greatest whole number that is not above one of less than 2^51. The standard library's is a call where the CPU may
/// be any.
#[inline(always)]
fn floor(value: f64) -> f64 {
    const WHOLE: f64 = 1.5 * (1_u64 << 52) as f64;
    let nearest = (value + WHOLE) - WHOLE;
    if nearest > value { nearest - 1.0 } else { nearest }
}

/// The power of two at or below a number above 0; the least and the greatest ones for what has none.
#[inline(always)]
fn exponent(value: f64) -> i32 {
    (value.to_bits() >> 52 & 0x7ff) as i32 - 1023
}

/// 2 to this, which is not far from 0.
#[inline(always)]
fn power(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}
