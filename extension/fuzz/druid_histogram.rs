//! Druid's histograms, in their three forms.

use duckdb_sketch::sketch::ErrorKind;
use duckdb_sketch::sketch::histogram::{DruidForm, Histogram, HistogramBuilder, MaxBins};

use crate::allocation::measured;
use crate::decoder::{Checked, Decoder, law};
use crate::field::{Field, Kind, row};
use crate::histogram::{check_answers, check_union};
use crate::random::Random;

pub const DECODER: Decoder = Decoder { name: "druid_histogram", sound, wild, fields, check };

const FORMS: [Option<DruidForm>; 4] = [None, Some(DruidForm::Dense), Some(DruidForm::Sparse), Some(DruidForm::Compact)];
const APPROXIMATE: u64 = 1 << 63;

fn sound(random: &mut Random) -> Vec<u8> {
    let mut builder = HistogramBuilder::new(MaxBins::new(random.pick(&[2, 5, 50, 300])).expect("in range"));
    for i in 0..random.pick(&[0, 1, 5, 50, 100, 1000]) {
        let uniform = random.bits() as f64 / u64::MAX as f64;
        builder.insert(random.pick(&[f64::from(i), uniform, (60.0 * uniform).exp()])).expect("few values");
    }
    let histogram = builder.finish();
    let form = random.pick(&FORMS);
    // Not each has every form.
    histogram.to_druid(form).or_else(|_| histogram.to_druid(None)).expect("its floats are finite")
}

/// Any positions and counts, in columns.
fn wild(random: &mut Random) -> Vec<u8> {
    let n = random.below(12);
    let mut positions: Vec<f32> = (0..n).map(|_| random.double() as f32).collect();
    if !random.one_in(3) {
        positions.sort_by(f32::total_cmp);
    }
    let counts = positions.iter().map(|_| {
        let most = random.pick(&[1, 3, 200, 1 << 58, 1 << 62]);
        let count = 1 + random.bits() % most;
        count | if random.one_in(2) { APPROXIMATE } else { 0 }
    });
    let counts: Vec<u64> = counts.collect();
    let is_sparse = random.one_in(2);
    let any_size = n + random.below(9);
    let size = random.pick(&[n, any_size, if is_sparse { 70_000 } else { n }]);
    let mut image = (size as u32).to_be_bytes().to_vec();
    image.extend(if is_sparse { -(n as i32) } else { n as i32 }.to_be_bytes());
    let unused = if is_sparse { 0 } else { size - n };
    image.extend(positions.iter().flat_map(|position| position.to_be_bytes()));
    image.extend(vec![0; 4 * unused]);
    image.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    image.extend(vec![0; 8 * unused]);
    let ends = [positions.iter().copied().reduce(f32::min), positions.iter().copied().reduce(f32::max)];
    for end in ends {
        let any_end = random.double() as f32;
        image.extend(random.pick(&[end.unwrap_or(0.0), end.unwrap_or(0.0), any_end]).to_be_bytes());
    }
    image
}

fn fields(image: &[u8]) -> Vec<Field> {
    let first = image.first().copied().unwrap_or(0);
    if first >= 0x80 {
        let header = [(0, 2), (2, 1)].map(|(at, width)| Field { at, kind: Kind::Big(width) });
        return header.into_iter().chain(row(3, Kind::BigFloat, 4, image.len() / 4)).collect();
    }
    let header = [(0, 4), (4, 4)].map(|(at, width)| Field { at, kind: Kind::Big(width) });
    let stored = image.len().saturating_sub(16) / 12;
    let ends = row(8 + 12 * stored, Kind::BigFloat, 4, 2);
    let bins = row(8, Kind::BigFloat, 4, stored).chain(row(8 + 4 * stored, Kind::Big(8), 8, stored));
    header.into_iter().chain(ends).chain(bins).collect()
}

fn check(bytes: &[u8], other: &[u8]) -> Checked {
    let (read, taken) = measured(|| Histogram::from_druid(bytes));
    law!(taken <= 64 * bytes.len() + 4096, "reading {} bytes took {taken}", bytes.len());
    let histogram = match read {
        Ok(histogram) => histogram,
        Err(error) => {
            let is_right = matches!(error.kind(), ErrorKind::BadImage | ErrorKind::Overflow);
            law!(is_right, "refused as {:?}: {error}", error.kind());
            return Ok(false);
        }
    };
    law!(Histogram::parse(&histogram.to_bytes()).as_ref() == Ok(&histogram), "another histogram came back");
    check_answers(&histogram)?;
    let other = Histogram::from_druid(other).map_err(|error| format!("the sound image is refused: {error}"))?;
    check_union(&[&histogram, &other])?;
    for form in FORMS {
        let Ok(written) = histogram.to_druid(form) else { continue };
        let again = Histogram::from_druid(&written).map_err(|error| format!("{form:?} is refused: {error}"))?;
        law!(again.count() == histogram.count(), "as {form:?} {} of {} values", again.count(), histogram.count());
        let ends = (again.min(), again.max());
        // The compact form of exact bins has no ends but these.
        let kept = histogram.is_exact() || ends == (histogram.min(), histogram.max());
        law!(kept, "as {form:?} from and to {ends:?}");
        check_answers(&again)?;
    }
    law!(histogram.to_druid(None).is_ok(), "there is no form for it");
    Ok(true)
}
