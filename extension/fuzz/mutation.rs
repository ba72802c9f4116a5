//! From an image to one that no sketch writes.

use crate::field::Field;
use crate::random::Random;

/// Changes an image in a few places: the fields that it has by its layout, or any bytes. `other` lends its own.
pub fn mutate(image: &mut Vec<u8>, fields: fn(&[u8]) -> Vec<Field>, other: &[u8], random: &mut Random) {
    while !random.one_in(3) {
        if random.one_in(2) {
            let fields = fields(image);
            if !fields.is_empty() {
                // The header's are few, and matter most.
                let first = if random.one_in(2) { fields.len().min(12) } else { fields.len() };
                random.pick(&fields[..first]).spoil(image, random);
            }
        } else {
            change_bytes(image, other, random);
        }
    }
}

fn change_bytes(image: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let len = image.len();
    if len == 0 {
        image.extend_from_slice(other);
        return;
    }
    let at = if random.one_in(2) { random.below(len.min(48)) } else { random.below(len) };
    let end = at + 1 + random.below((len - at).min(64));
    match random.below(11) {
        0 | 1 => image[at] ^= 1 << random.below(8),
        2 => image[at] = random.pick(&[0, 1, 2, 3, 4, 8, 15, 16, 32, 63, 64, 127, 128, 254, 255]),
        3 => image[at] = random.bits() as u8,
        4 => image.truncate(at),
        5 => (0..=random.below(9)).for_each(|_| image.push(random.pick(&[0, 1, 255]))),
        6 => drop(image.drain(at..end)),
        7 => {
            let part = image[at..end].to_vec();
            image.splice(at..at, part);
        }
        8 => image[at..end].fill(random.pick(&[0, 255])),
        9 => {
            // Two parts change places.
            let from = random.below(len);
            let width = (end - at).min(len - from).min(at.abs_diff(from));
            for i in 0..width {
                image.swap(at + i, from + i);
            }
        }
        _ => {
            // This one's start, that one's end.
            image.truncate(at);
            image.extend_from_slice(&other[at.min(other.len())..]);
        }
    }
}
