//! A sketch that grows.

use super::hash::register_and_rank;
use super::image::HyperUniqueImage;
use super::registers::Registers;

/// Takes texts, images and other sketches, in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HyperUnique(Box<Registers>);

impl Default for HyperUnique {
    fn default() -> Self {
        HyperUnique(Box::new(Registers::new()))
    }
}

impl HyperUnique {
    /// Adds a text, as its UTF-8 bytes.
    #[inline(always)]
    pub fn insert(&mut self, text: &[u8]) {
        let (register, rank) = register_and_rank(text);
        self.0.insert(register, rank);
    }

    /// Adds what another sketch counted.
    #[inline(always)]
    pub fn merge(&mut self, other: &HyperUnique) {
        self.0.merge(&other.0);
    }

    /// Adds what an image counted.
    #[inline(always)]
    pub fn merge_image(&mut self, image: &HyperUniqueImage) {
        image.merge_into(&mut self.0);
    }

    /// The image. It depends on the registers alone, not on the order in which they came to be.
    #[inline(always)]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.pack().to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: std::ops::Range<u32>) -> HyperUnique {
        let mut sketch = HyperUnique::default();
        values.for_each(|i| sketch.insert(i.to_string().as_bytes()));
        sketch
    }

    fn estimate(bytes: &[u8]) -> f64 {
        HyperUniqueImage::parse(bytes).unwrap().estimate()
    }

    #[test]
    fn images_come_back_and_merge() {
        for values in [0, 1, 100, 140, 5_000, 200_000] {
            let bytes = of(0..values).to_bytes();
            assert_eq!(bytes.len() == 1031, values > 130, "{values}");
            let mut read = HyperUnique::default();
            read.merge_image(&HyperUniqueImage::parse(&bytes).unwrap());
            assert_eq!(read.to_bytes(), bytes, "{values}");
            let error = estimate(&bytes) / f64::from(values.max(1)) - 1.0;
            assert!(values == 0 || error.abs() < 0.08, "{values}: {error}");
        }
        assert_eq!(estimate(&of(0..0).to_bytes()), 0.0);
        assert_eq!(estimate(b""), 0.0);
    }

    #[test]
    fn every_truncation_and_every_trailing_byte_is_refused() {
        for values in [0, 1, 100, 5_000] {
            let image = of(0..values).to_bytes();
            for length in 1..image.len() {
                assert!(HyperUniqueImage::parse(&image[..length]).is_err(), "{length} of {values}");
            }
            assert!(HyperUniqueImage::parse(&[&image[..], &[0]].concat()).is_err());
        }
    }
}
