//! Sketches of frequent items.

use duckdb_sketch::sketch::ErrorKind;
use duckdb_sketch::sketch::top_k::{ItemType, MapSize, Merging, Ranked, TopKImage, TopKSketch};

use crate::allocation::measured;
use crate::decoder::{Checked, Decoder, law};
use crate::field::{Field, Kind, row};
use crate::random::Random;

pub const DECODER: Decoder = Decoder { name: "top_k", sound, wild, fields, check };

/// The bytes of types in an image, that of VARCHAR, and some that are none.
const TYPE_BYTES: [u64; 13] = [1, 5, 9, 10, 11, 12, 13, 14, 31, 17, 17, 0, 2];
/// Names of types for images that do not say theirs.
const NAMES: [&str; 7] = ["BIGINT", "VARCHAR", "INTEGER", "DOUBLE", "DATE", "BOOLEAN", "no type"];

fn sound(random: &mut Random) -> Vec<u8> {
    let mut sketch = TopKSketch::new(MapSize::new(random.pick(&[1, 6, 7, 40, 10_000])).expect("a size"));
    let (items, most) = (random.pick(&[0, 1, 2, 7, 8, 40, 400, 3000]), random.pick(&[1, 2, 5, 300, 2000]));
    let words: Vec<u64> = (0..items).map(|_| random.bits() % most).collect();
    let weights = random.pick(&[1, 1, 3, 1 << 40]);
    let mut random_weight = || 1 + random.bits() % weights;
    let weighted: Vec<(u64, u64)> = words.iter().map(|&word| (word, random_weight())).collect();
    let added = if random.one_in(2) {
        let texts: Vec<String> = words.iter().map(|word| "x".repeat((word % 9) as usize) + &word.to_string()).collect();
        sketch.extend_texts(texts.iter().zip(&weighted).map(|(text, &(_, weight))| (text.as_bytes(), weight)))
    } else {
        let item_type = random.pick(&ItemType::of_words().collect::<Vec<_>>());
        sketch.extend_words(
            item_type,
            weighted
                .iter()
                .map(|&(word, weight)| (if item_type == ItemType::Boolean { word & 1 } else { word }, weight)),
        )
    };
    added.expect("a sketch of one type");
    sketch.add_nulls(random.pick(&[0, 0, 1, 500]));
    sketch.to_bytes()
}

/// Any counters of any items.
fn wild(random: &mut Random) -> Vec<u8> {
    let count = random.pick(&[0, 1, 2, 3, 6, 7, 30]);
    let is_empty = random.one_in(6);
    let (preamble, flags) = if is_empty { (1, 5) } else { (4, 0) };
    let type_byte = random.pick(&TYPE_BYTES) as u8;
    let mut image = vec![preamble, 1, 10, random.pick(&[3, 4, 14, 30, 31]), 3, flags, type_byte, 0];
    let edges = [random.edge(), random.edge(), random.edge()];
    if !is_empty {
        let mut counts: Vec<u64> = (0..count).map(|_| random.edge() % random.pick(&[3, 100, u64::MAX])).collect();
        if !random.one_in(4) {
            counts.sort_unstable_by(|a, b| b.cmp(a));
        }
        let sum = counts.iter().fold(0u64, |sum, &count| sum.wrapping_add(count));
        image.extend((count as u64).to_le_bytes());
        image.extend(random.pick(&[sum, sum, sum.wrapping_add(100), edges[0]]).to_le_bytes());
        image.extend(random.pick(&[0, 0, 1, 100, edges[1]]).to_le_bytes());
        image.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
        for item in 0..count {
            match type_byte {
                1 if item % 8 == 0 => image.push(random.bits() as u8),
                1 => {}
                10 | 13 => {
                    image.push(random.pick(&[2, 3, 6, 9, 12, if type_byte == 13 { 9 } else { 6 }]));
                    image.extend((random.edge() as u32).to_le_bytes());
                }
                17 => {
                    let text = &[b'a', b'b', random.bits() as u8][..random.below(4).min(3)];
                    image.extend((text.len() as u32).to_le_bytes());
                    image.extend(text);
                }
                _ => image.extend(random.edge().to_le_bytes()),
            }
        }
    }
    image.extend(random.pick(&[0, 0, 1, edges[2]]).to_be_bytes());
    image
}

fn fields(image: &[u8]) -> Vec<Field> {
    let bytes = row(0, Kind::Little(1), 1, 8.min(image.len()));
    let longs = row(8, Kind::Little(8), 8, (image.len().saturating_sub(8) / 8).min(40));
    let nulls = Field { at: image.len().saturating_sub(8), kind: Kind::Big(8) };
    bytes.chain([Field { at: 8, kind: Kind::Little(4) }, nulls]).chain(longs).collect()
}

fn check(bytes: &[u8], other: &[u8]) -> Checked {
    for name in NAMES {
        let (parsed, taken) = measured(|| TopKImage::parse_as(bytes, name).map(|image| merged(&[&image])));
        law!(taken <= 400 * bytes.len() + 8192, "importing {} bytes took {taken}", bytes.len());
        if let Ok(made) = parsed {
            let made = made?;
            check_accepted(
                &TopKImage::parse(&made).map_err(|error| format!("what was imported is refused: {error}"))?,
            )?;
        }
    }
    let (parsed, taken) = measured(|| TopKImage::parse(bytes));
    law!(taken <= 16 * bytes.len() + 1024, "parsing {} bytes took {taken}", bytes.len());
    let image = match parsed {
        Ok(image) => image,
        Err(error) => {
            let kinds = [ErrorKind::BadImage, ErrorKind::Incompatible];
            law!(kinds.contains(&error.kind()), "refused as {:?}: {error}", error.kind());
            return Ok(false);
        }
    };
    let other = TopKImage::parse(other).map_err(|error| format!("the sound image is refused: {error}"))?;
    check_accepted(&image)?;
    let fits = image.total().checked_add(other.total()).is_some_and(|total| total < 1 << 63);
    let is_of_one_type =
        image.item_type().is_none() || other.item_type().is_none() || image.item_type() == other.item_type();
    match merged(&[&image, &other]) {
        Ok(both) => {
            law!(fits && is_of_one_type, "what does not go together was merged");
            let made = TopKImage::parse(&both).map_err(|error| format!("what was merged is refused: {error}"))?;
            check_accepted(&made)?;
            law!(made.total() == image.total() + other.total(), "{} values", made.total());
            law!(made.nulls() == image.nulls() + other.nulls(), "{} NULLs", made.nulls());
            law!(both == merged(&[&other, &image])?, "merging is not commutative");
        }
        Err(error) => {
            law!(!(fits && is_of_one_type), "refused: {error}");
        }
    }
    Ok(true)
}

fn check_accepted(image: &TopKImage) -> Result<(), String> {
    let again = merged(&[image])?;
    let canonical = TopKImage::parse(&again).map_err(|error| format!("what was written is refused: {error}"))?;
    law!(canonical.active() <= image.active(), "{} items of {}", canonical.active(), image.active());
    law!(canonical.total() == image.total() && canonical.offset() == image.offset(), "another sketch came back");
    law!(merged(&[&canonical])? == again, "the canonical image is no fixed point");
    let said = |k| image.top(k).map_err(|error| error.to_string());
    let all: Vec<Ranked> = said(i64::MAX)?;
    law!(all.len() == image.active() + usize::from(image.nulls() > 0), "{} of {}", all.len(), image.active());
    law!(all.is_sorted_by(|a, b| a.upper >= b.upper), "not the greatest first");
    for ranked in &all {
        law!(ranked.lower >= 1 && ranked.lower <= ranked.upper, "{ranked:?}");
        law!(ranked.upper <= image.total() && ranked.upper - ranked.lower <= image.offset(), "{ranked:?}");
    }
    for k in [1, 2, 5] {
        law!(said(k)? == all[..all.len().min(k as usize)], "the first {k} are others");
    }
    law!(image.top(0).is_err() && image.top(-1).is_err(), "there are no first 0");
    Ok(())
}

fn merged(images: &[&TopKImage]) -> Result<Vec<u8>, String> {
    let mut at_once = TopKSketch::new(images[0].size());
    for image in images {
        at_once.merge_image(image, Merging::Least).map_err(|error| error.to_string())?;
    }
    Ok(at_once.to_bytes())
}
