//! HLL sketches.

use std::collections::BTreeMap;

use duckdb_sketch::sketch::ErrorKind;
use duckdb_sketch::sketch::FromHash;
use duckdb_sketch::sketch::hll::{Coupon, HllImage, HllSketch, LgK, Mode};

use crate::allocation::measured;
use crate::decoder::{Checked, Decoder, law};
use crate::field::{Field, Kind, row};
use crate::random::Random;

pub const DECODER: Decoder = Decoder { name: "hll", sound, wild, fields, check };

const FLAG_EMPTY: u8 = 4;
const FLAG_COMPACT: u8 = 8;
const FLAG_OUT_OF_ORDER: u8 = 16;
const FLAG_REBUILD: u8 = 32;
const HLL_4: u8 = 0;
const HLL_6: u8 = 1;

/// Most are small, since these are the fastest to look through.
fn any_lg_k(random: &mut Random) -> u8 {
    match random.below(60) {
        0 => 21,
        1 => 13 + random.below(8) as u8,
        2..20 => 8 + random.below(5) as u8,
        _ => 4 + random.below(6) as u8,
    }
}

fn sound(random: &mut Random) -> Vec<u8> {
    let lg_k = any_lg_k(random);
    let values = random.pick(&[0u64, 1, 3, 7, 8, 24, 25, 60, 384, 385, 3000, 40_000]);
    let mut coupons: Vec<Coupon> = (0..values).map(|i| Coupon::of_u64(i + random.bits() % 3)).collect();
    if random.one_in(3) {
        // Values that four bits cannot say.
        coupons.extend((0..random.below(40)).map(|_| Coupon::new(random.bits() as usize, 10 + random.below(54) as u8)));
    }
    if random.one_in(3) {
        let mut sketch = HllSketch::new(LgK::new(i64::from(lg_k)).expect("in range"));
        sketch.extend(&coupons);
        return sketch.to_bytes();
    }
    coupons.sort_unstable();
    coupons.dedup();
    let flags = [FLAG_COMPACT, FLAG_OUT_OF_ORDER, FLAG_REBUILD].map(|flag| if random.one_in(2) { flag } else { 0 });
    let shape = Shape { lg_k, target_type: random.below(3) as u8, flags: flags.into_iter().sum() };
    let limit = if lg_k < 8 { 7 } else { 3 << (lg_k - 5) };
    if coupons.len() > limit { shape.registers(&coupons) } else { shape.coupons(&coupons) }
}

/// How DataSketches, too, may have written it.
#[derive(Clone, Copy)]
struct Shape {
    lg_k: u8,
    target_type: u8,
    flags: u8,
}

impl Shape {
    fn is_compact(self) -> bool {
        self.flags & FLAG_COMPACT != 0
    }

    fn header(self, preamble: u8, lg_arr: u8, byte_6: u8, mode: u8) -> Vec<u8> {
        vec![preamble, 1, 7, self.lg_k, lg_arr, self.flags, byte_6, self.target_type << 2 | mode]
    }

    fn coupons(mut self, coupons: &[Coupon]) -> Vec<u8> {
        if coupons.is_empty() {
            self.flags |= FLAG_EMPTY;
        }
        let stored = coupons.iter().flat_map(|coupon| coupon.bits().to_le_bytes());
        let (mut image, slots) = if coupons.len() < 8 {
            (self.header(2, 3, coupons.len() as u8, 0), 8)
        } else {
            let slots = (coupons.len() * 4 / 3 + 1).next_power_of_two().max(32);
            let mut image = self.header(3, slots.trailing_zeros() as u8, 0, 1);
            image.extend((coupons.len() as u32).to_le_bytes());
            (image, slots)
        };
        let end = image.len() + 4 * slots;
        image.extend(stored);
        if !self.is_compact() {
            image.resize(end, 0);
        }
        image
    }

    fn registers(self, coupons: &[Coupon]) -> Vec<u8> {
        let mut values = vec![0; 1 << self.lg_k];
        for coupon in coupons {
            let register = &mut values[coupon.address() & ((1 << self.lg_k) - 1)];
            *register = coupon.value().max(*register);
        }
        let at_least = if self.target_type == HLL_4 { values.iter().copied().min().unwrap_or(0) } else { 0 };
        let sum = |high: bool| -> f64 {
            values.iter().filter(|&&value| (value >= 32) == high).map(|&value| 0.5f64.powi(i32::from(value))).sum()
        };
        let at_cur_min = values.iter().filter(|&&value| value == at_least).count();
        self.with_header(&values, at_least, [coupons.len() as f64, sum(false), sum(true)], at_cur_min as u32)
    }

    fn with_header(self, values: &[u8], cur_min: u8, sums: [f64; 3], at_cur_min: u32) -> Vec<u8> {
        let (packed, exceptions) = self.pack(values, cur_min);
        let least = [2, 2, 2, 3, 3, 3, 4, 4, 5, 5].get(usize::from(self.lg_k) - 4).copied();
        let least = least.unwrap_or_else(|| u32::from(self.lg_k) - 8);
        let lg_arr = (exceptions.len() * 4 / 3 + 1).next_power_of_two().trailing_zeros().max(least) as u8;
        let mut image = self.header(10, lg_arr, cur_min, 2);
        image.extend(sums.into_iter().flat_map(f64::to_le_bytes));
        image.extend(at_cur_min.to_le_bytes());
        image.extend((exceptions.len() as u32).to_le_bytes());
        image.extend(packed);
        let end = image.len() + (4 << lg_arr);
        image.extend(exceptions.iter().flat_map(|coupon| coupon.bits().to_le_bytes()));
        if self.target_type == HLL_4 && !self.is_compact() {
            image.resize(end, 0);
        }
        image
    }

    fn pack(self, values: &[u8], cur_min: u8) -> (Vec<u8>, Vec<Coupon>) {
        match self.target_type {
            HLL_4 => {
                let nibble = |value: u8| (value.saturating_sub(cur_min)).min(15);
                let packed = values.chunks(2).map(|pair| nibble(pair[0]) | nibble(pair[1]) << 4).collect();
                let large = values.iter().enumerate().filter(|&(_, &value)| nibble(value) == 15);
                (packed, large.map(|(slot, &value)| Coupon::new(slot, value)).collect())
            }
            HLL_6 => {
                let four = |four: &[u8]| four.iter().rev().fold(0u32, |bits, &value| bits << 6 | u32::from(value));
                let packed = values.chunks(4).flat_map(|values| four(values).to_le_bytes().into_iter().take(3));
                (packed.chain([0]).collect(), Vec::new())
            }
            _ => (values.to_vec(), Vec::new()),
        }
    }
}

fn wild(random: &mut Random) -> Vec<u8> {
    let lg_k = if random.one_in(1000) { 21 } else { 4 + random.below(6) as u8 };
    let shape = Shape { lg_k, target_type: random.below(3) as u8, flags: random.bits() as u8 & 60 };
    if random.one_in(3) {
        let count = random.below(if lg_k < 8 { 8 } else { 3 << (lg_k - 5) });
        let coupons: BTreeMap<u32, ()> = (0..count).map(|_| (random.bits() as u32 | 1 << 26, ())).collect();
        let coupons: Vec<Coupon> = coupons.into_keys().map(Coupon::from_bits).collect();
        return shape.coupons(&coupons);
    }
    let most = random.pick(&[1, 2, 16, 31, 33, 64]);
    let least = random.below(most) as u8;
    let values: Vec<u8> = (0..1 << lg_k).map(|_| least + random.below(most - usize::from(least)) as u8).collect();
    let k = f64::from(1u32 << lg_k);
    let sum = values.iter().map(|&value| 0.5f64.powi(i32::from(value))).sum();
    let (hip, any_sum, any_rest) = (random.double().abs(), random.double(), random.double());
    let sums = [hip, random.pick(&[sum, sum, k, 0.0, any_sum]), random.pick(&[0.0, 0.0, 1.0, any_rest])];
    let (any_count, any_least) = (random.below(2 << lg_k) as u32, random.below(64) as u8);
    let at_cur_min = random.pick(&[0, 1, 1 << lg_k, any_count]);
    shape.with_header(&values, random.pick(&[0, least, 48, any_least]), sums, at_cur_min)
}

fn fields(image: &[u8]) -> Vec<Field> {
    let bytes = row(0, Kind::Little(1), 1, 8.min(image.len()));
    let words = |at: usize, most: usize| row(at, Kind::Little(4), 4, (image.len().saturating_sub(at) / 4).min(most));
    match image.first() {
        Some(2) => bytes.chain(words(8, 8)).collect(),
        Some(3) => bytes.chain(words(8, 400)).collect(),
        Some(10) => {
            // The last words are exceptions, if there are any.
            let tail = image.len().saturating_sub(4 * 8).max(40);
            bytes.skip(3).chain(row(8, Kind::Double, 8, 3)).chain(words(32, 2)).chain(words(tail, 8)).collect()
        }
        _ => bytes.collect(),
    }
}

/// What is asked for.
const COMMON: bool = true;

fn check(bytes: &[u8], other: &[u8]) -> Checked {
    // Of what is refused the error says what it is instead.
    let (parsed, taken) = measured(|| HllImage::parse(bytes));
    law!(taken <= 16 * bytes.len() + 1024, "parsing {} bytes took {taken}", bytes.len());
    let image = match parsed {
        Ok(image) => image,
        Err(error) => {
            law!(error.kind() == ErrorKind::BadImage, "refused as {:?}: {error}", error.kind());
            return Ok(false);
        }
    };
    let other = HllImage::parse(other).map_err(|error| format!("the sound image is refused: {error}"))?;
    check_accepted(&image, &other)?;
    Ok(true)
}

fn check_accepted(image: &HllImage, other: &HllImage) -> Result<(), String> {
    law!(image.byte_length() > 0, "no length");
    let k = image.lg_k().k();
    let canonical = match union(&[image]) {
        Ok(canonical) => canonical,
        // Registers are looked at only where they are merged.
        Err(error) => {
            law!(image.mode() == Mode::Hll, "coupons were accepted, and not merged: {error}");
            law!(union(&[other, image]).is_err(), "refused alone, accepted in a union");
            return check_answers(image, k)
                .or_else(|broken| if image.occupied().is_err() { Ok(()) } else { Err(broken) });
        }
    };
    check_answers(image, k)?;
    let again = HllImage::parse(&canonical).map_err(|error| format!("what was written is refused: {error}"))?;
    check_answers(&again, k)?;
    law!(again.lg_k() == image.lg_k(), "another lg_k came back");
    law!(again.is_empty() == image.is_empty(), "empty and not");
    law!(again.is_compact() && (again.mode() != Mode::Hll || again.is_out_of_order()), "not of the canonical form");
    law!(union(&[&again])? == canonical, "the canonical image is no fixed point");
    if image.mode() != Mode::Hll {
        let few = image.occupied().is_ok_and(|count| count < 8);
        law!(again.mode() == if few { Mode::List } else { Mode::Set }, "another mode came back");
        law!(again.estimate() == image.estimate() && again.bounds(2) == image.bounds(2), "another estimate came back");
    }
    law!(union(&[image, image])? == canonical && union(&[image, &again])? == canonical, "merging is not idempotent");
    let both = union(&[image, other])?;
    law!(both == union(&[other, image])?, "merging is not commutative");
    law!(both == union(&[&again, other])?, "the canonical image merges to something else");
    let both = HllImage::parse(&both).map_err(|error| format!("a union is refused: {error}"))?;
    check_answers(&both, both.lg_k().k())?;
    let strict = HllSketch::new(image.lg_k()).merge_image(image, false).and_then(|()| {
        let mut sketch = HllSketch::new(image.lg_k());
        sketch.merge_image(image, false)?;
        sketch.merge_image(other, false)
    });
    let fits = image.lg_k() == other.lg_k() || image.is_empty() || other.is_empty();
    law!(strict.is_ok() == fits, "a union of lg_k {} and {}: {strict:?}", image.lg_k(), other.lg_k());
    Ok(())
}

/// The canonical image of the union.
fn union(images: &[&HllImage]) -> Result<Vec<u8>, String> {
    let bytes: usize = images.iter().map(|image| image.byte_length()).sum();
    let (united, taken) = measured(|| united(images));
    law!(taken <= 32 * bytes + 2048, "merging {bytes} bytes took {taken}");
    united
}

/// First image by image, then sketch by sketch.
fn united(images: &[&HllImage]) -> Result<Vec<u8>, String> {
    let mut at_once = HllSketch::new(images[0].lg_k());
    let mut in_parts = at_once.clone();
    for image in images {
        at_once.merge_image(image, COMMON).map_err(|error| error.to_string())?;
        let mut part = HllSketch::new(image.lg_k());
        part.merge_image(image, COMMON).map_err(|error| error.to_string())?;
        in_parts.merge(&part, COMMON).map_err(|error| error.to_string())?;
    }
    let bytes = at_once.to_bytes();
    law!(bytes == in_parts.to_bytes(), "images merge to something else than their sketches");
    Ok(bytes)
}

fn check_answers(image: &HllImage, k: u32) -> Result<(), String> {
    let said = |error: duckdb_sketch::sketch::Error| error.to_string();
    let (estimate, occupied) = (image.estimate().map_err(said)?, image.occupied().map_err(said)?);
    law!(estimate.is_finite() && estimate >= 0.0, "the estimate is {estimate}");
    law!(occupied <= k.max(3 << 16), "{occupied} are occupied");
    for num_std_dev in 1..=3 {
        let bounds = image.bounds(num_std_dev).map_err(said)?;
        // As of DataSketches: the registers that are not 0 are the least, whatever the estimate.
        let ordered = bounds.lower <= estimate.max(f64::from(occupied)) && estimate <= bounds.upper;
        law!(bounds.lower >= 0.0 && ordered && bounds.upper.is_finite(), "{bounds:?} with {occupied} occupied");
    }
    law!(image.bounds(0).is_err() && image.bounds(4).is_err(), "no bounds of 0 or 4 standard deviations");
    Ok(())
}
