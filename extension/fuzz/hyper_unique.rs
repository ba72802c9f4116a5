//! Druid's hyperUnique.

use duckdb_sketch::sketch::ErrorKind;
use duckdb_sketch::sketch::hyper_unique::{HyperUnique, HyperUniqueImage};

use crate::allocation::measured;
use crate::decoder::{Checked, Decoder, law};
use crate::field::{Field, Kind, row};
use crate::random::Random;

pub const DECODER: Decoder = Decoder { name: "hyper_unique", sound, wild, fields, check };

const HEADER: usize = 7;
const PAIRS: usize = 1024;
/// A sketch in memory: two bytes a pair.
const SKETCH: usize = 2 * PAIRS;

fn sound(random: &mut Random) -> Vec<u8> {
    let mut sketch = HyperUnique::default();
    let values = random.pick(&[0, 1, 5, 60, 130, 1000, 20_000]);
    (0..values).for_each(|i| sketch.insert(format!("{i} {}", random.bits() % 2).as_bytes()));
    sketch.to_bytes()
}

/// Any registers and any offset, but a header that counts them.
fn wild(random: &mut Random) -> Vec<u8> {
    let filled = random.pick(&[2, 30, 1024, 4096]);
    let at_least = random.pick(&[0, 0, 0, 0x11, 0xff]);
    let pairs: Vec<u8> =
        (0..PAIRS).map(|_| if random.below(PAIRS) < filled { random.bits() as u8 | at_least } else { 0 }).collect();
    let above: u16 = pairs.iter().map(|&pair| u16::from(pair > 15) + u16::from(pair & 15 > 0)).sum();
    let is_dense = above > 200 || random.one_in(4);
    let any_offset = random.below(64) as u8;
    let mut image = vec![u8::from(!is_dense || random.one_in(2)), random.pick(&[0, 1, 49, any_offset])];
    image.extend(above.to_be_bytes());
    let any_rank = random.below(70) as u8;
    image.push(random.pick(&[0, 16, 64, any_rank]));
    image.extend((random.below(2100) as u16).to_be_bytes());
    if is_dense {
        image.extend(pairs);
        return image;
    }
    for (place, &pair) in pairs.iter().enumerate().filter(|&(_, &pair)| pair != 0) {
        image.extend(((HEADER + place) as u16).to_be_bytes());
        image.push(pair);
    }
    image.resize(HEADER + 3 * usize::from(above), 0);
    image
}

fn fields(image: &[u8]) -> Vec<Field> {
    let header = [(0, 1), (1, 1), (2, 2), (4, 1), (5, 2)].map(|(at, width)| Field { at, kind: Kind::Big(width) });
    let listed = row(HEADER, Kind::Big(2), 3, image.len().saturating_sub(HEADER) / 3);
    header.into_iter().chain(listed).collect()
}

fn check(bytes: &[u8], other: &[u8]) -> Checked {
    let (parsed, taken) = measured(|| HyperUniqueImage::parse(bytes));
    law!(taken <= 16 * bytes.len() + 1024, "parsing {} bytes took {taken}", bytes.len());
    let image = match parsed {
        Ok(image) => image,
        Err(error) => {
            law!(error.kind() == ErrorKind::BadImage, "refused as {:?}: {error}", error.kind());
            return Ok(false);
        }
    };
    let other = HyperUniqueImage::parse(other).map_err(|error| format!("the sound image is refused: {error}"))?;
    check_estimate(&image)?;
    let alone = union(&[&image])?;
    let again = HyperUniqueImage::parse(&alone).map_err(|error| format!("what was written is refused: {error}"))?;
    check_estimate(&again)?;
    law!(union(&[&again])? == alone, "the image is no fixed point");
    law!(union(&[&image, &image])? == alone, "merging is not idempotent");
    let both = union(&[&image, &other])?;
    law!(both == union(&[&other, &image])?, "merging is not commutative");
    check_estimate(&HyperUniqueImage::parse(&both).map_err(|error| format!("a union is refused: {error}"))?)?;
    Ok(true)
}

/// Infinite where Druid's is: where no hash is left.
fn check_estimate(image: &HyperUniqueImage) -> Result<(), String> {
    law!(image.estimate() >= 0.0, "the estimate is {}", image.estimate());
    Ok(())
}

/// Image by image, and sketch by sketch.
fn union(images: &[&HyperUniqueImage]) -> Result<Vec<u8>, String> {
    let (united, taken) = measured(|| {
        let (mut at_once, mut in_parts) = (HyperUnique::default(), HyperUnique::default());
        for image in images {
            at_once.merge_image(image);
            let mut part = HyperUnique::default();
            part.merge_image(image);
            in_parts.merge(&part);
        }
        (at_once.to_bytes(), in_parts.to_bytes())
    });
    law!(taken <= 6 * SKETCH, "merging took {taken}");
    law!(united.0 == united.1, "images merge to something else than their sketches");
    Ok(united.0)
}
