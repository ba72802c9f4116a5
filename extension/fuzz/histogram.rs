//! Approximate histograms.

use duckdb_sketch::sketch::ErrorKind;
use duckdb_sketch::sketch::histogram::{Bucket, Histogram, HistogramBuilder, MaxBins};

use crate::allocation::measured;
use crate::decoder::{Checked, Decoder, law};
use crate::field::{Field, Kind, push_varint, row};
use crate::random::Random;

pub const DECODER: Decoder = Decoder { name: "histogram", sound, wild, fields, check };

const MOST: u64 = (1 << 62) - 1;
/// Of a count, for what floating point rounds.
const CLOSE: f64 = 1e-9;
/// Of a count, by how much it may miss the rank of a quantile: a place in a gap has 53 bits, and thinning takes up to 30.
const CLOSE_RANK: f64 = 1.0 / (1 << 22) as f64;

fn any_bins(random: &mut Random) -> MaxBins {
    let bins = random.pick(&[2, 3, 5, 10, 50, 50, 100, 1000, 65535]);
    MaxBins::new(bins).expect("in range")
}

fn sound(random: &mut Random) -> Vec<u8> {
    let mut builder = HistogramBuilder::new(any_bins(random));
    let many = if random.one_in(8) { 70_000 } else { 1000 };
    let values = random.pick(&[0, 1, 2, 5, 40, 200, 3000, many]);
    let kind = random.below(6);
    for i in 0..values {
        let uniform = random.bits() as f64 / u64::MAX as f64;
        let value = match kind {
            0 => (uniform * 40.0).floor(),
            1 => uniform,
            2 => (20.0 * uniform).exp(),
            3 => f64::from(i),
            4 => random.finite(),
            _ => random.double(),
        };
        builder.insert(value).expect("few values do not overflow");
    }
    builder.finish().to_bytes()
}

/// Bins of any centers and counts, but a header that fits them.
fn wild(random: &mut Random) -> Vec<u8> {
    let most = random.pick(&[1, 2, 3, 8, 60]);
    let mut centers: Vec<f64> = (0..random.below(most + 1)).map(|_| random.finite()).collect();
    if random.one_in(3) {
        let (start, step) = (random.finite(), random.finite().abs());
        centers = (0..centers.len()).map(|i| start + i as f64 * step).collect();
    }
    centers.retain(|center| center.is_finite() && center.to_bits() != 1 << 63);
    centers.sort_by(f64::total_cmp);
    centers.dedup();
    let mut room = if random.one_in(2) { MOST } else { random.edge() & MOST };
    let masses: Vec<u64> = centers
        .iter()
        .map(|_| {
            let count = (random.edge() % (room / 2 + 1)).max(1);
            room = room.saturating_sub(count);
            count << 1 | u64::from(count > 1 && random.one_in(2))
        })
        .collect();
    let count = masses.iter().map(|mass| mass >> 1).sum();
    let exact = masses.iter().all(|mass| mass & 1 == 0);
    let any_slack = random.bits() % (count + 1);
    let slack = if exact { 0 } else { random.pick(&[0, 1, count, any_slack]) };
    let mut ends = Vec::new();
    let mut flags = 0;
    if let (Some(&first), Some(&last)) = (centers.first(), centers.last()) {
        for (flag, end) in [(1, first - random.finite().abs()), (2, last + random.finite().abs())] {
            if random.one_in(2) && end.is_finite() {
                flags |= flag;
                ends.push(end);
            }
        }
    }
    let max_bins = random.pick(&[centers.len().max(2) as u16, 60, 65535]);
    let version = 1 + random.below(2) as u8;
    let mut image = [b'A', b'H', version].to_vec();
    image.push(flags);
    image.extend(max_bins.to_le_bytes());
    image.extend((centers.len() as u16).to_le_bytes());
    [count, random.edge() & MOST, slack].into_iter().for_each(|number| push_varint(&mut image, number));
    image.extend(ends.iter().chain(&centers).flat_map(|double| double.to_le_bytes()));
    masses.iter().for_each(|&mass| push_varint(&mut image, mass));
    if version == 2 {
        let inexact = masses.iter().filter(|&mass| mass & 1 == 1).count();
        image.extend((0..2 * inexact).map(|_| if random.one_in(4) { 255 } else { random.bits() as u8 }));
    }
    image
}

fn fields(image: &[u8]) -> Vec<Field> {
    let mut fields: Vec<Field> =
        [(2, 1), (3, 1), (4, 2), (6, 2)].map(|(at, width)| Field { at, kind: Kind::Little(width) }).into();
    let mut at = 8;
    let varint = |at: &mut usize| {
        let field = Field { at: *at, kind: Kind::Varint };
        *at += 1 + image.get(*at..).and_then(|rest| rest.iter().position(|byte| byte & 0x80 == 0)).unwrap_or(0);
        field
    };
    fields.extend([varint(&mut at), varint(&mut at), varint(&mut at)]);
    let (Some(flags), Some(&[low, high])) = (image.get(3), image.get(6..8)) else { return fields };
    let doubles = usize::from(u16::from_le_bytes([low, high])) + (flags & 3).count_ones() as usize;
    fields.extend(row(at, Kind::Double, 8, doubles));
    at += 8 * doubles;
    let bins = usize::from(u16::from_le_bytes([low, high]));
    for _ in 0..bins.min(image.len().saturating_sub(at)) {
        fields.push(varint(&mut at));
    }
    fields.extend(row(at, Kind::Little(1), 1, image.len().saturating_sub(at)));
    fields
}

/// Whether an image says what a histogram does, but for its extents, which are rounded; and is written so again.
fn is_same(image: &[u8], histogram: &Histogram) -> bool {
    let said = |one: &Histogram| (one.count(), one.non_finite(), one.min(), one.max(), one.bins().collect::<Vec<_>>());
    Histogram::parse(image).is_ok_and(|read| said(&read) == said(histogram) && read.to_bytes() == image)
}

fn check(bytes: &[u8], other: &[u8]) -> Checked {
    let (parsed, taken) = measured(|| Histogram::parse(bytes));
    law!(taken <= 16 * bytes.len() + 1024, "parsing {} bytes took {taken}", bytes.len());
    let histogram = match parsed {
        Ok(histogram) => histogram,
        Err(error) => {
            law!(error.kind() == ErrorKind::BadImage, "refused as {:?}: {error}", error.kind());
            return Ok(false);
        }
    };
    let written = histogram.to_bytes();
    law!(is_same(&written, &histogram), "another histogram came back");
    law!(written.len() <= bytes.len(), "{} bytes became {}", bytes.len(), written.len());
    check_answers(&histogram)?;
    let other_histogram = Histogram::parse(other).map_err(|error| format!("the sound image is refused: {error}"))?;
    check_merges(&histogram, &other_histogram)?;
    Ok(true)
}

/// What is read off a histogram.
pub fn check_answers(histogram: &Histogram) -> Result<(), String> {
    let said = |error: duckdb_sketch::sketch::Error| error.to_string();
    let count = histogram.count();
    law!(histogram.bins().map(|(_, count)| count).sum::<u64>() == count, "the bins do not hold the count");
    law!(count <= MOST && histogram.bins().len() <= 2 * histogram.max_bins().get(), "too many values or bins");
    law!((0.0..=1.0).contains(&histogram.rank_error()), "the rank error is {}", histogram.rank_error());
    law!(histogram.is_empty() == (count == 0), "empty and not");
    let (Some(min), Some(max), Some(mean)) = (histogram.min(), histogram.max(), histogram.mean()) else {
        law!(histogram.is_empty() && histogram.quantile(0.5) == Ok(None), "values without a minimum");
        law!(histogram.equi_width(3).is_ok_and(|buckets| buckets.is_empty()), "buckets of nothing");
        return Ok(());
    };
    law!(min.is_finite() && max.is_finite() && min <= mean && mean <= max, "{min} to {max} with a mean of {mean}");
    let total = count as f64;
    let (mut last, mut last_below) = (min, 0.0);
    for q in [0.0, 1e-300, 1e-9, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0 - 1e-9, 1.0 - 1e-16, 1.0] {
        let x = histogram.quantile(q).map_err(said)?.ok_or("a quantile of nothing")?;
        law!(x.is_finite() && last <= x && x <= max, "quantile {q} is {x}, after {last}, below {max}");
        let bounds = histogram.quantile_bounds(q).map_err(said)?.ok_or("no bounds")?;
        law!(bounds.estimate == x, "another estimate: {bounds:?} and {x}");
        law!(min <= bounds.lower && bounds.lower <= x && x <= bounds.upper && bounds.upper <= max, "{q}: {bounds:?}");
        let below = histogram.count_below(x).map_err(said)?;
        law!(
            below.is_finite() && last_below <= below + CLOSE * total && below <= total,
            "{below} below {x} of {total}, after {last_below}"
        );
        // Where a step of doubles holds many values no number has just so many below it.
        law!(
            below >= q * total - CLOSE_RANK * total - 1.0 || is_steep(histogram, x),
            "{below} of {total} below the quantile {q}, {x}"
        );
        (last, last_below) = (x, below);
    }
    law!(histogram.quantile(0.0) == Ok(Some(min)) && histogram.quantile(1.0) == Ok(Some(max)), "other extremes");
    let around = [f64::NEG_INFINITY, -f64::MAX, 0.0, min, mean, max, f64::MAX, f64::INFINITY];
    let centers = histogram.bins().map(|(center, _)| center).take(20);
    let mut points: Vec<f64> = around.into_iter().chain(centers).collect();
    points.sort_by(f64::total_cmp);
    let mut last = 0.0;
    for x in points {
        let cdf = histogram.cdf(x).map_err(said)?.ok_or("a fraction of nothing")?;
        law!((0.0..=1.0).contains(&cdf) && last <= cdf + CLOSE, "{cdf} are below {x}, after {last}");
        last = cdf;
    }
    let buckets =
        [histogram.equi_width(7), histogram.equi_depth(7), histogram.buckets(&[-f64::MAX, -1.0, 0.0, 2.0, f64::MAX])];
    for buckets in buckets {
        check_buckets(&buckets.map_err(said)?, total)?;
    }
    Ok(())
}

/// Whether the next numbers beside `x` differ much in how many values they have below.
fn is_steep(histogram: &Histogram, x: f64) -> bool {
    let below = |x: f64| histogram.cdf(x).ok().flatten().unwrap_or(f64::NAN);
    (below(next_up(x)) - below(-next_up(-x))).abs() > CLOSE
}

/// The next number above a finite one. The standard library's is newer than the Rust that this crate builds with.
fn next_up(x: f64) -> f64 {
    match x {
        0.0 => f64::from_bits(1),
        x if x > 0.0 => f64::from_bits(x.to_bits() + 1),
        x => f64::from_bits(x.to_bits() - 1),
    }
}

fn check_buckets(buckets: &[Bucket], total: f64) -> Result<(), String> {
    let sum: f64 = buckets.iter().map(|bucket| bucket.count).sum();
    law!((sum - total).abs() <= CLOSE * total, "{sum} of {total} values are in buckets: {buckets:?}");
    law!(buckets.iter().all(|bucket| bucket.count >= 0.0 && bucket.lower <= bucket.upper), "no bucket: {buckets:?}");
    law!(buckets.windows(2).all(|pair| pair[0].upper == pair[1].lower), "gaps between buckets: {buckets:?}");
    Ok(())
}

fn check_merges(histogram: &Histogram, other: &Histogram) -> Result<(), String> {
    check_union(&[histogram])?;
    check_union(&[histogram, other])?;
    check_union(&[other, histogram, histogram])?;
    let bins = histogram.max_bins().get();
    if histogram.bins().len() > 1 && bins <= 10 {
        check_union(&vec![histogram; 1200 / bins])?;
        check_flight(histogram, other)?;
    }
    Ok(())
}

/// So much between the same two ends that bins are folded, and more comes into the gaps between them.
fn check_flight(histogram: &Histogram, other: &Histogram) -> Result<(), String> {
    let said = |error: duckdb_sketch::sketch::Error| error.to_string();
    let (Some(min), Some(max)) = (histogram.min(), histogram.max()) else { return Ok(()) };
    let mut builder = HistogramBuilder::new(histogram.max_bins());
    let mut count = 0;
    for round in 1..=4u32 {
        let at = |i: u32| {
            let way = f64::from(i * (7 + round) % 997) / 997.0;
            (min * (1.0 - way) + max * way).clamp(min, max)
        };
        builder.extend(&(0..1100).map(at).collect::<Vec<_>>()).map_err(said)?;
        count += 1100;
        for part in [histogram, other] {
            let before = (builder.clone().finish(), part);
            if builder.merge_histogram(part).is_err() {
                law!(
                    before.0.count() + part.count() > MOST || before.0.non_finite() + part.non_finite() > MOST,
                    "refused"
                );
                return Ok(());
            }
            count += part.count();
        }
    }
    let folded = builder.finish();
    law!(folded.count() == count, "{} of {count} values are left", folded.count());
    law!(is_same(&folded.to_bytes(), &folded), "another one came back: {folded:?}");
    check_answers(&folded).map_err(|broken| format!("folded: {broken}"))
}

/// Counts, extremes and means are those of all parts, and the memory is bounded by their bytes.
pub fn check_union(histograms: &[&Histogram]) -> Result<(), String> {
    let bytes: usize = histograms.iter().map(|one| one.to_bytes().len()).sum();
    let (checked, taken) = measured(|| check_united(histograms));
    law!(taken <= 32 * bytes + 16_384, "merging {bytes} bytes took {taken}");
    checked
}

fn check_united(histograms: &[&Histogram]) -> Result<(), String> {
    let add = |of: fn(&Histogram) -> u64| histograms.iter().fold(0, |sum: u128, &one| sum + u128::from(of(one)));
    let (count, non_finite) = (add(Histogram::count), add(Histogram::non_finite));
    let overflows = count.max(non_finite) > u128::from(MOST);
    let mut builder = HistogramBuilder::new(histograms[0].max_bins());
    let mut in_parts = builder.clone();
    for &histogram in histograms {
        builder.widen(histogram.max_bins(), histogram.is_empty());
        let mut part = HistogramBuilder::new(histogram.max_bins());
        let merged = builder.merge_histogram(histogram).and_then(|()| {
            part.merge_histogram(histogram)?;
            in_parts.merge(&part)
        });
        if let Err(error) = merged {
            law!(overflows && error.kind() == ErrorKind::Overflow, "{count} and {non_finite} values: {error}");
            return Ok(());
        }
    }
    law!(!overflows, "{count} and {non_finite} values were merged");
    for (union, how) in [(builder.finish(), "at once"), (in_parts.finish(), "in parts")] {
        law!(u128::from(union.count()) == count, "{how} {} of {count} values are left", union.count());
        law!(u128::from(union.non_finite()) == non_finite, "{how} {} of {non_finite} are left", union.non_finite());
        law!(
            union.min() == least(histograms) && union.max() == greatest(histograms),
            "{how} other extremes: {union:?}"
        );
        law!(is_same(&union.to_bytes(), &union), "{how} another union came back: {union:?}");
        check_answers(&union).map_err(|broken| format!("{how}: {broken}"))?;
        check_mean(&union, histograms)?;
        let most = histograms.iter().filter(|one| !one.is_empty()).map(|one| one.max_bins()).max();
        law!(most.is_none_or(|most| union.max_bins() == most), "{how} {:?} bins", union.max_bins());
    }
    Ok(())
}

fn least(histograms: &[&Histogram]) -> Option<f64> {
    histograms.iter().filter_map(|one| one.min()).reduce(f64::min)
}

fn greatest(histograms: &[&Histogram]) -> Option<f64> {
    histograms.iter().filter_map(|one| one.max()).reduce(f64::max)
}

fn check_mean(union: &Histogram, parts: &[&Histogram]) -> Result<(), String> {
    let Some(mean) = union.mean() else { return Ok(()) };
    let total = union.count() as f64;
    // Halves, since the sum may overflow.
    let half: f64 = parts.iter().filter_map(|one| Some(one.mean()? / 2.0 * (one.count() as f64 / total))).sum();
    let scale = union.min().unwrap_or(0.0).abs().max(union.max().unwrap_or(0.0).abs());
    law!((mean / 2.0 - half).abs() <= CLOSE * scale + f64::MIN_POSITIVE, "the mean is {mean}, not twice {half}");
    Ok(())
}
