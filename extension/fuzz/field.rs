//! The fields of an image, and how to spoil one.

use crate::random::Random;

/// How a number is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// So many bytes, the lowest first.
    Little(usize),
    /// So many bytes, the highest first.
    Big(usize),
    /// A double, the lowest byte first.
    Double,
    /// A float, the highest byte first.
    BigFloat,
    /// An unsigned LEB128.
    Varint,
}

/// Where a number is stored.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its first byte.
    pub at: usize,
    /// How.
    pub kind: Kind,
}

impl Field {
    /// How many bytes it takes; none if the image ends before.
    fn width(self, image: &[u8]) -> Option<usize> {
        let rest = image.get(self.at..)?;
        let width = match self.kind {
            Kind::Little(width) | Kind::Big(width) => width,
            Kind::Double => 8,
            Kind::BigFloat => 4,
            Kind::Varint => 1 + rest.iter().position(|byte| byte & 0x80 == 0)?,
        };
        (width <= rest.len()).then_some(width)
    }

    /// Puts another number there.
    pub fn spoil(self, image: &mut Vec<u8>, random: &mut Random) {
        let Some(width) = self.width(image) else { return };
        let old = &image[self.at..self.at + width];
        let new = match self.kind {
            Kind::Double => random.double().to_le_bytes().to_vec(),
            Kind::BigFloat => (random.double() as f32).to_be_bytes().to_vec(),
            Kind::Little(_) => near(number(old.iter().rev()), random).to_le_bytes()[..width].to_vec(),
            Kind::Big(_) => near(number(old.iter()), random).to_be_bytes()[8 - width..].to_vec(),
            Kind::Varint => {
                let bits = old.iter().rev().fold(0, |bits, &byte| bits << 7 | u64::from(byte & 0x7f));
                spoilt_varint(near(bits, random), random)
            }
        };
        image.splice(self.at..self.at + width, new);
    }
}

/// The fields of this kind, one behind the other.
pub fn row(at: usize, kind: Kind, width: usize, count: usize) -> impl Iterator<Item = Field> {
    (0..count).map(move |i| Field { at: at + i * width, kind })
}

/// Appends an unsigned LEB128.
pub fn push_varint(image: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        image.push(number as u8 | 0x80);
        number >>= 7;
    }
    image.push(number as u8);
}

fn number<'a>(highest_first: impl Iterator<Item = &'a u8>) -> u64 {
    highest_first.fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn near(old: u64, random: &mut Random) -> u64 {
    match random.below(4) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        2 => old ^ 1 << random.below(64),
        _ => random.edge(),
    }
}

fn spoilt_varint(number: u64, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_varint(&mut bytes, number);
    if random.one_in(8) {
        // Longer than it need be, or without an end.
        *bytes.last_mut().expect("a varint has a byte") |= 0x80;
        bytes.extend([0x80; 9][..random.below(10)].iter().chain(&[random.below(2) as u8]));
    }
    bytes
}
