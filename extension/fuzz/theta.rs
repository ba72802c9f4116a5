//! Theta sketches.

use duckdb_sketch::sketch::theta::{
    Entry, LgNom, Nominal, ThetaImage, ThetaIntersection, ThetaSketch, difference, jaccard,
};
use duckdb_sketch::sketch::{Bounds, Error, ErrorKind, FromHash};

use crate::allocation::measured;
use crate::decoder::{Checked, Decoder, law};
use crate::field::{Field, Kind, row};
use crate::random::Random;

pub const DECODER: Decoder = Decoder { name: "theta", sound, wild, fields, check };

const MAX_THETA: u64 = i64::MAX as u64;

fn sound(random: &mut Random) -> Vec<u8> {
    let lg_nom = random.pick(&[4, 4, 5, 8, 12]);
    let mut sketch = ThetaSketch::new(LgNom::new(lg_nom).expect("a precision"));
    let values = random.pick(&[0, 1, 2, 7, 8, 16, 17, 60, 400, 6000]);
    (0..values).for_each(|i| sketch.insert(Entry::of_u64(i + random.bits() % 3)));
    let image = sketch.to_bytes();
    if random.one_in(3) { packed(&image).unwrap_or(image) } else { image }
}

/// The same entries in serial version 4, if there are any.
fn packed(image: &[u8]) -> Option<Vec<u8>> {
    let parsed = ThetaImage::parse(image).ok()?;
    let mut scratch = Vec::new();
    let entries = parsed.entries(&mut scratch).ok()?;
    let before = std::iter::once(0).chain(entries.iter().copied());
    let differences: Vec<u64> = entries.iter().zip(before).map(|(entry, before)| entry - before).collect();
    let bits = 64 - differences.iter().fold(0, |all, difference| all | difference).leading_zeros();
    if entries.is_empty() {
        return None;
    }
    let mut packed = vec![1 + u8::from(parsed.is_sample()), 4, 3, bits as u8, 2, image[5], image[6], image[7]];
    if parsed.is_sample() {
        packed.extend(parsed.theta().to_le_bytes());
    }
    packed.extend((entries.len() as u16).to_le_bytes());
    let (mut window, mut held) = (0u128, 0);
    for difference in differences {
        window = window << bits | u128::from(difference);
        held += bits;
        while held >= 8 {
            held -= 8;
            packed.push((window >> held) as u8);
        }
        window &= (1 << held) - 1;
    }
    if held > 0 {
        packed.push((window << (8 - held)) as u8);
    }
    Some(packed)
}

/// Any entries below any theta, perhaps in any order.
fn wild(random: &mut Random) -> Vec<u8> {
    let any_theta = (random.bits() >> 1).max(1);
    let theta = random.pick(&[MAX_THETA, MAX_THETA, 1, 2, 1 << 40, MAX_THETA - 1, any_theta]);
    let count = random.pick(&[0, 1, 2, 3, 7, 8, 24, 100]);
    let mut entries: Vec<u64> = (0..count).map(|_| (random.edge() % theta).max(1)).collect();
    let is_ordered = !random.one_in(4);
    if is_ordered {
        entries.sort_unstable();
    }
    if !random.one_in(4) {
        let mut seen = std::collections::BTreeSet::new();
        entries.retain(|&entry| seen.insert(entry));
    }
    let preamble = match entries.len() {
        _ if theta < MAX_THETA => 3,
        0 | 1 => 1,
        _ => 2,
    };
    let flags = 0x0a | u8::from(is_ordered) << 4 | u8::from(entries.is_empty() && preamble == 1) << 2;
    let mut image = vec![preamble, 3, 3, random.pick(&[0, 0, 4, 12, 26, 27]), 0, flags, 0xcc, 0x93];
    if preamble > 1 {
        image.extend((entries.len() as u64).to_le_bytes());
    }
    if preamble > 2 {
        image.extend(theta.to_le_bytes());
    }
    image.extend(entries.iter().flat_map(|entry| entry.to_le_bytes()));
    image
}

fn fields(image: &[u8]) -> Vec<Field> {
    let bytes = row(0, Kind::Little(1), 1, 6.min(image.len()));
    let longs = row(8, Kind::Little(8), 8, (image.len().saturating_sub(8) / 8).min(40));
    bytes.chain([Field { at: 6, kind: Kind::Little(2) }, Field { at: 8, kind: Kind::Little(4) }]).chain(longs).collect()
}

fn check(bytes: &[u8], other: &[u8]) -> Checked {
    let (parsed, taken) = measured(|| ThetaImage::parse(bytes));
    law!(taken <= 16 * bytes.len() + 1024, "parsing {} bytes took {taken}", bytes.len());
    let image = match parsed {
        Ok(image) => image,
        Err(error) => {
            let kinds = [ErrorKind::BadImage, ErrorKind::Incompatible];
            law!(kinds.contains(&error.kind()), "refused as {:?}: {error}", error.kind());
            return Ok(false);
        }
    };
    let other = ThetaImage::parse(other).map_err(|error| format!("the sound image is refused: {error}"))?;
    check_answers(&image)?;
    // A bit an entry, and eight bytes in memory.
    let (read, taken) = measured(|| image.entries(&mut Vec::new()).map(<[u64]>::len));
    law!(taken <= 64 * bytes.len() + 1024, "reading {} bytes took {taken}", bytes.len());
    match read {
        Ok(count) => {
            law!(count == image.count() as usize, "{count} entries of {}", image.count());
            check_accepted(&image, &other)?;
        }
        // Entries are looked at only where they are needed; then all refuse them.
        Err(error) => {
            law!(error.kind() == ErrorKind::BadImage, "entries refused as {:?}: {error}", error.kind());
            for pair in [[&image, &other], [&other, &image]] {
                law!(union(&pair).is_err(), "refused alone, accepted in a union");
                law!(intersection(&pair).is_err(), "refused alone, accepted in an intersection");
                law!(minus(pair).is_err(), "refused alone, accepted in a difference");
                law!(likeness(pair).is_err(), "refused alone, accepted in a comparison");
            }
        }
    }
    Ok(true)
}

fn check_accepted(image: &ThetaImage, other: &ThetaImage) -> Result<(), String> {
    let canonical = union(&[image])?;
    let again = ThetaImage::parse(&canonical).map_err(|error| format!("what was written is refused: {error}"))?;
    check_answers(&again)?;
    law!(again.lg_nom() == image.lg_nom() && again.version() == 3 && again.is_ordered(), "not of the canonical form");
    law!(again.count() as usize <= again.lg_nom().entries(), "{} entries", again.count());
    law!(again.is_empty() == image.is_empty(), "empty and not");
    if image.count() as usize <= image.lg_nom().entries() {
        law!((again.count(), again.theta()) == (image.count(), image.theta()), "another sketch came back");
    }
    law!(union(&[&again])? == canonical, "the canonical image is no fixed point");
    law!(union(&[image, image])? == canonical && union(&[image, &again])? == canonical, "uniting is not idempotent");
    let both = union(&[image, other])?;
    law!(both == union(&[other, image])?, "uniting is not commutative");
    law!(both == union(&[&again, other])?, "the canonical image unites to something else");

    let common = intersection(&[image, other])?;
    law!(common == intersection(&[other, image])?, "intersecting is not commutative");
    law!(common == intersection(&[image, other, image, other])?, "intersecting is not idempotent");
    let (mine, theirs) = (minus([image, other])?, minus([other, image])?);
    for made in [&both, &common, &mine, &theirs] {
        check_answers(&ThetaImage::parse(made).map_err(|error| format!("what was made is refused: {error}"))?)?;
    }
    check_sums(image, other, [&common, &mine, &theirs])?;
    let bounds = likeness([image, other])?;
    law!(0.0 <= bounds.lower && bounds.lower <= bounds.estimate, "{bounds:?}");
    law!(bounds.estimate <= bounds.upper && bounds.upper <= 1.0, "{bounds:?}");
    law!(likeness([image, image])?.estimate == 1.0, "not like itself");
    Ok(())
}

/// What both have, and what each has alone, is what there is below the lower theta.
fn check_sums(a: &ThetaImage, b: &ThetaImage, parts: [&[u8]; 3]) -> Result<(), String> {
    if a.is_empty() || b.is_empty() {
        return Ok(()); // nothing is exactly nothing, whatever theta
    }
    let theta = a.theta().min(b.theta());
    let (mut left, mut right, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for (image, entries) in [(a, &mut left), (b, &mut right)] {
        image.entries(entries).map_err(|error| error.to_string())?;
        entries.retain(|&entry| entry < theta);
        all.extend_from_slice(entries);
    }
    all.sort_unstable();
    all.dedup();
    let counts = parts.map(|part| ThetaImage::parse(part).map_or(0, |part| part.count() as usize));
    law!(counts[0] + counts[1] == left.len() && counts[0] + counts[2] == right.len(), "{counts:?} do not add up");
    law!(counts.iter().sum::<usize>() == all.len(), "{counts:?} are not {}", all.len());
    Ok(())
}

/// The canonical image: image by image, and sketch by sketch.
fn union(images: &[&ThetaImage]) -> Result<Vec<u8>, String> {
    let bytes: usize = images.iter().map(|image| image.byte_length()).sum();
    let (united, taken) = measured(|| united(images));
    law!(taken <= 400 * bytes + 8192, "uniting {bytes} bytes took {taken}");
    united
}

fn united(images: &[&ThetaImage]) -> Result<Vec<u8>, String> {
    let mut at_once = ThetaSketch::new(images[0].lg_nom());
    let mut in_parts = at_once.clone();
    let mut scratch = Vec::new();
    for image in images {
        at_once.merge_image(image, Nominal::Least, &mut scratch).map_err(|error| error.to_string())?;
        let mut part = ThetaSketch::new(image.lg_nom());
        part.merge_image(image, Nominal::Least, &mut scratch).map_err(|error| error.to_string())?;
        in_parts.merge(&part, Nominal::Least);
    }
    let bytes = at_once.to_bytes();
    law!(bytes == in_parts.to_bytes(), "images unite to something else than their sketches");
    Ok(bytes)
}

fn intersection(images: &[&ThetaImage]) -> Result<Vec<u8>, String> {
    let mut all = ThetaIntersection::of(images[0]).map_err(|error| error.to_string())?;
    for image in &images[1..] {
        all.intersect_image(image, &mut Vec::new()).map_err(|error| error.to_string())?;
    }
    Ok(all.to_bytes())
}

fn minus([a, b]: [&ThetaImage; 2]) -> Result<Vec<u8>, String> {
    difference(a, b, &mut Default::default()).map_err(|error| error.to_string())
}

fn likeness([a, b]: [&ThetaImage; 2]) -> Result<Bounds, String> {
    jaccard(a, b, &mut Default::default()).map_err(|error| error.to_string())
}

fn check_answers(image: &ThetaImage) -> Result<(), String> {
    let said = |error: Error| error.to_string();
    let estimate = image.estimate();
    law!(estimate.is_finite() && estimate >= f64::from(image.count()), "the estimate is {estimate}");
    for num_std_dev in 1..=3 {
        let bounds = image.bounds(num_std_dev).map_err(said)?;
        let ordered = f64::from(image.count()) <= bounds.lower && bounds.lower <= estimate && estimate <= bounds.upper;
        law!(ordered && bounds.upper.is_finite(), "{bounds:?} of {} entries", image.count());
    }
    law!(image.bounds(0).is_err() && image.bounds(4).is_err(), "no bounds of 0 or 4 standard deviations");
    Ok(())
}
