//! What histograms prove, against the values themselves: bytes are a script of values, parts and unions, and a few steps
//! uphill, towards narrower brackets, look for one that does not hold.

use duckdb_sketch::sketch::histogram::{Histogram, HistogramBuilder, MaxBins};

use crate::decoder::{Checked, Decoder, law};
use crate::field::Field;
use crate::random::Random;

pub const DECODER: Decoder = Decoder { name: "proofs", sound, wild: sound, fields, check };

/// The longest script, and how many steps uphill.
const MOST_BYTES: usize = 200;
const STEPS: u64 = 2;
/// Of a count, for what floating point rounds.
const CLOSE: f64 = 1e-9;

fn sound(random: &mut Random) -> Vec<u8> {
    let length = random.pick(&[10, 20, 50, MOST_BYTES]);
    let few = random.one_in(3);
    (0..length)
        .map(|_| if few { random.pick(&[3, 8, 60, 61, 190, 205, 225, 245]) } else { random.bits() as u8 })
        .collect()
}

fn fields(_: &[u8]) -> Vec<Field> {
    Vec::new()
}

fn check(bytes: &[u8], _: &[u8]) -> Checked {
    let mut script = bytes[..bytes.len().min(MOST_BYTES)].to_vec();
    let mut width = play(&script)?;
    for step in 0..STEPS.min(script.len() as u64) {
        let mut random = Random::of_case(bytes.len() as u64, step ^ u64::from(bytes[0]) << 8);
        let at = random.below(script.len());
        let before = std::mem::replace(&mut script[at], random.bits() as u8);
        match play(&script)? {
            narrower if narrower <= width => width = narrower,
            _ => script[at] = before,
        }
    }
    Ok(true)
}

/// Does what a script says, and compares all brackets with the values; how wide these are together, of the most.
fn play(script: &[u8]) -> Result<f64, String> {
    let Some((&[bins, kind], rest)) = script.split_first_chunk::<2>() else { return Ok(1.0) };
    let max_bins = MaxBins::new(2 + i64::from(bins % 7)).map_err(|error| error.to_string())?;
    let mut parts = vec![Histogram::empty(max_bins)];
    let mut part = HistogramBuilder::new(max_bins);
    let mut values = Vec::new();
    for pair in rest.chunks_exact(2) {
        let (act, byte) = (pair[0], pair[1]);
        match act {
            0..200 => {
                for _ in 0..=act % 4 {
                    let value = value_of(kind, byte, act);
                    values.push(value);
                    part.insert(value).map_err(|error| error.to_string())?;
                }
            }
            200..225 => parts.push(stored(&std::mem::replace(&mut part, HistogramBuilder::new(max_bins)), act)?),
            225.. => unite(&mut parts, 2 + usize::from(act % 3), act)?,
        }
    }
    parts.push(stored(&part, 0)?);
    while parts.len() > 1 {
        unite(&mut parts, 2, kind)?;
    }
    values.sort_by(f64::total_cmp);
    compare(&parts[0], &values)
}

/// By the kind of a script whole numbers, powers, large numbers close to each other, or all of them.
fn value_of(kind: u8, byte: u8, act: u8) -> f64 {
    let signed = f64::from(byte as i8);
    match if kind % 5 == 4 { act % 4 } else { kind % 5 } {
        0 => signed,
        1 => 10f64.powi(i32::from(byte as i8) * (1 + i32::from(kind >> 7))) * if act & 64 == 0 { 1.0 } else { -1.0 },
        2 => 1e15 + signed / 8.0,
        _ => signed.powi(7) / 3.0,
    }
}

/// As it comes back from where it was stored.
fn stored(builder: &HistogramBuilder, act: u8) -> Result<Histogram, String> {
    let histogram = if act & 1 == 0 { builder.finish() } else { builder.finish_open() };
    Histogram::parse(&histogram.to_bytes()).map_err(|error| error.to_string())
}

/// Makes one of the last few parts.
fn unite(parts: &mut Vec<Histogram>, many: usize, act: u8) -> Result<(), String> {
    let last = parts.split_off(parts.len().saturating_sub(many));
    let mut union = HistogramBuilder::new(last[0].max_bins());
    for part in &last {
        union.merge_histogram(part).map_err(|error| error.to_string())?;
    }
    parts.push(stored(&union, act)?);
    Ok(())
}

fn compare(histogram: &Histogram, values: &[f64]) -> Result<f64, String> {
    let said = |error: duckdb_sketch::sketch::Error| error.to_string();
    let count = values.len() as f64;
    let off = histogram.rank_error() * count + CLOSE * count;
    let mut width = 0.0;
    for (i, &value) in values.iter().enumerate() {
        let below = f64::from_bits(if value > 0.0 { value.to_bits() - 1 } else { value.to_bits() + 1 });
        for x in [value, below].into_iter().filter(|x| x.is_finite()) {
            let truth = values.partition_point(|&value| value <= x) as u64;
            let (least, most) = histogram.rank_bounds(x).map_err(said)?;
            law!(least <= truth && truth <= most, "{truth} values are <= {x}, not {least} to {most}: {histogram:?}");
            let answer = histogram.count_below(x).map_err(said)?;
            law!((answer - truth as f64).abs() <= off, "{truth} are <= {x}, {answer} +- {off} said: {histogram:?}");
            width += (most - least) as f64;
        }
        let bounds = histogram.quantile_bounds((i + 1) as f64 / count).map_err(said)?.ok_or("no bounds")?;
        law!(bounds.lower <= value && value <= bounds.upper, "value {i} is {value}, not in {bounds:?}: {histogram:?}");
    }
    Ok(width / (2.0 * count * count).max(1.0))
}
