//! What two sketches have in common, and what one has that the other has not. Both know all hashes below the lower theta.

use super::entry::MAX_THETA;
use super::image::{self, ThetaImage, fraction_of};
use super::lg_nom::LgNom;
use super::proportion::bounds_of_proportion;
use crate::sketch::{Bounds, Error, memory};

/// What all of several sketches have seen. It grows smaller with each, and is the same in any order.
#[derive(Debug)]
pub struct ThetaIntersection {
    lg_nom: LgNom,
    theta: u64,
    /// Ascending.
    entries: Vec<u64>,
    /// Whether one of the sketches had seen nothing, so that nothing is in all of them.
    has_empty: bool,
}

impl Clone for ThetaIntersection {
    fn clone(&self) -> Self {
        ThetaIntersection { entries: memory::copied(&self.entries).into_vec(), ..*self }
    }
}

impl ThetaIntersection {
    /// What one sketch has seen.
    pub fn of(image: &ThetaImage) -> Result<Self, Error> {
        let mut entries = Vec::new();
        image.entries(&mut entries)?;
        let (lg_nom, theta) = (image.lg_nom(), image.theta());
        Ok(ThetaIntersection { lg_nom, theta, entries, has_empty: image.is_empty() })
    }

    /// Drops what another stored sketch has not seen. `scratch` is memory to be used again.
    #[inline(always)]
    pub fn intersect_image(&mut self, other: &ThetaImage, scratch: &mut Vec<u64>) -> Result<(), Error> {
        let entries = other.entries(scratch)?;
        self.intersect_with(other.lg_nom(), other.theta(), entries, other.is_empty());
        Ok(())
    }

    /// Drops what another intersection has not seen.
    #[inline(always)]
    pub fn intersect(&mut self, other: &ThetaIntersection) {
        self.intersect_with(other.lg_nom, other.theta, &other.entries, other.has_empty);
    }

    #[inline(always)]
    fn intersect_with(&mut self, lg_nom: LgNom, theta: u64, entries: &[u64], is_empty: bool) {
        self.lg_nom = self.lg_nom.min(lg_nom);
        self.theta = self.theta.min(theta);
        self.has_empty |= is_empty;
        let theta = self.theta;
        retain(&mut self.entries, entries, |entry, is_there| is_there && entry < theta);
    }

    /// The canonical image.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self.has_empty {
            true => image::of_entries(self.lg_nom, MAX_THETA, &[]),
            false => image::of_entries(self.lg_nom, self.theta, &self.entries),
        }
    }
}

/// The image of what `a` has seen and `b` has not. `scratches` are memory to be used again.
pub fn difference(a: &ThetaImage, b: &ThetaImage, scratches: &mut [Vec<u64>; 2]) -> Result<Vec<u8>, Error> {
    let [scratch_a, scratch_b] = scratches;
    a.entries(scratch_a)?;
    let without = b.entries(scratch_b)?;
    if b.is_empty() {
        return Ok(image::of_entries(a.lg_nom(), a.theta(), scratch_a));
    }
    if a.is_empty() {
        return Ok(image::of_entries(a.lg_nom(), MAX_THETA, &[]));
    }
    let theta = a.theta().min(b.theta());
    retain(scratch_a, without, |entry, is_there| !is_there && entry < theta);
    Ok(image::of_entries(a.lg_nom().min(b.lg_nom()), theta, scratch_a))
}

/// How much of what either has seen both have seen, with bounds of two standard deviations. Two empty sketches are alike.
pub fn jaccard(a: &ThetaImage, b: &ThetaImage, scratches: &mut [Vec<u64>; 2]) -> Result<Bounds, Error> {
    let [scratch_a, scratch_b] = scratches;
    let (left, right) = (a.entries(scratch_a)?, b.entries(scratch_b)?);
    let [lower, estimate, upper] = match (a.is_empty(), b.is_empty()) {
        (true, true) => [1.0; 3],
        (true, false) | (false, true) => [0.0; 3],
        _ if a.theta() == b.theta() && left == right => [1.0; 3],
        _ => {
            let theta = a.theta().min(b.theta());
            let below = |entries: &[u64]| entries.partition_point(|&entry| entry < theta);
            let (left, right) = (&left[..below(left)], &right[..below(right)]);
            let common = count_common(left, right);
            bounds_of_proportion(common, left.len() + right.len() - common, fraction_of(theta))
        }
    };
    Ok(Bounds { lower, estimate, upper })
}

/// Keeps of ascending entries those for which `keep` holds of the entry and whether it is among others.
#[inline(always)]
fn retain(entries: &mut Vec<u64>, others: &[u64], keep: impl Fn(u64, bool) -> bool) {
    let mut at = 0;
    entries.retain(|&entry| {
        while at < others.len() && others[at] < entry {
            at += 1;
        }
        keep(entry, others.get(at) == Some(&entry))
    });
}

fn count_common(left: &[u64], right: &[u64]) -> usize {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while i < left.len() && j < right.len() {
        common += usize::from(left[i] == right[j]);
        let (l, r) = (left[i], right[j]);
        i += usize::from(l <= r);
        j += usize::from(r <= l);
    }
    common
}

#[cfg(test)]
mod tests {
    use super::super::entry::Entry;
    use super::super::sketch::{Nominal, ThetaSketch};
    use super::*;
    use crate::sketch::FromHash;
    use std::ops::Range;

    fn image_of(lg_nom: i64, values: Range<u64>) -> Vec<u8> {
        let mut sketch = ThetaSketch::new(LgNom::new(lg_nom).unwrap());
        values.for_each(|value| sketch.insert(Entry::of_u64(value)));
        sketch.to_bytes()
    }

    fn intersection(images: &[&[u8]]) -> Vec<u8> {
        let parsed: Vec<_> = images.iter().map(|image| ThetaImage::parse(image).unwrap()).collect();
        let mut all = ThetaIntersection::of(&parsed[0]).unwrap();
        parsed[1..].iter().for_each(|image| all.intersect_image(image, &mut Vec::new()).unwrap());
        all.to_bytes()
    }

    fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
        difference(&ThetaImage::parse(a).unwrap(), &ThetaImage::parse(b).unwrap(), &mut Default::default()).unwrap()
    }

    fn union(a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut both = ThetaSketch::new(LgNom::DEFAULT);
        for image in [a, b] {
            both.merge_image(&ThetaImage::parse(image).unwrap(), Nominal::Least, &mut Vec::new()).unwrap();
        }
        both.to_bytes()
    }

    fn estimate(image: &[u8]) -> f64 {
        ThetaImage::parse(image).unwrap().estimate()
    }

    #[test]
    fn few_are_exact() {
        let (a, b) = (image_of(12, 0..1000), image_of(12, 600..1500));
        assert_eq!(intersection(&[&a, &b]), image_of(12, 600..1000));
        assert_eq!(minus(&a, &b), image_of(12, 0..600));
        assert_eq!(minus(&a, &a), image_of(12, 0..0));
        assert_eq!(intersection(&[&a, &image_of(12, 2000..2100)]), image_of(12, 0..0));
        let empty = image_of(12, 0..0);
        assert_eq!((minus(&a, &empty), minus(&empty, &a), intersection(&[&a, &empty])), (a, empty.clone(), empty));
    }

    #[test]
    fn many_are_estimated_and_add_up() {
        let (a, b) = (image_of(12, 0..60_000), image_of(12, 40_000..140_000));
        let (both, only_a) = (intersection(&[&a, &b]), minus(&a, &b));
        assert!((estimate(&both) / 20_000.0 - 1.0).abs() < 0.1, "{}", estimate(&both));
        assert!((estimate(&only_a) / 40_000.0 - 1.0).abs() < 0.1, "{}", estimate(&only_a));
        // What is in both and what is in one alone have one theta, that of b: they add up to a, cut to it.
        let parts = ThetaImage::parse(&both).unwrap().count() + ThetaImage::parse(&only_a).unwrap().count();
        let mut scratch = Vec::new();
        let all = ThetaImage::parse(&a).unwrap().entries(&mut scratch).unwrap().to_vec();
        let theta = ThetaImage::parse(&b).unwrap().theta();
        assert_eq!(parts as usize, all.iter().filter(|&&entry| entry < theta).count());
        assert_eq!(estimate(&union(&both, &only_a)), f64::from(parts) / fraction_of(theta));
    }

    #[test]
    fn intersections_are_the_same_in_any_order() {
        let images = [
            image_of(6, 0..5000),
            image_of(8, 100..3000),
            image_of(6, 0..20),
            image_of(7, 10..4000),
            image_of(6, 5000..5010), // nothing in common with the one before
            image_of(9, 0..0),
        ];
        for count in 2..=images.len() {
            let chosen: Vec<&[u8]> = images[..count].iter().map(Vec::as_slice).collect();
            let expected = intersection(&chosen);
            for by in 1..count {
                let mut rotated = chosen.clone();
                rotated.rotate_left(by);
                rotated.reverse();
                assert_eq!(intersection(&rotated), expected);
                let parts = [&chosen[..by], &chosen[by..]].map(|part| {
                    let mut all = ThetaIntersection::of(&ThetaImage::parse(part[0]).unwrap()).unwrap();
                    for image in &part[1..] {
                        all.intersect_image(&ThetaImage::parse(image).unwrap(), &mut Vec::new()).unwrap();
                    }
                    all
                });
                let mut halves = parts[1].clone();
                halves.intersect(&parts[0]);
                assert_eq!(halves.to_bytes(), expected);
            }
        }
    }

    #[test]
    fn likeness() {
        let of = |a: Range<u64>, b: Range<u64>| {
            let (a, b) = (image_of(12, a), image_of(12, b));
            jaccard(&ThetaImage::parse(&a).unwrap(), &ThetaImage::parse(&b).unwrap(), &mut Default::default()).unwrap()
        };
        let all = |number: f64| Bounds { lower: number, estimate: number, upper: number };
        assert_eq!(of(0..0, 0..0), all(1.0));
        assert_eq!(of(0..0, 0..5), all(0.0));
        assert_eq!(of(0..300, 100..400), all(0.5));
        assert_eq!(of(0..50_000, 0..50_000), all(1.0));
        let half = of(0..60_000, 20_000..80_000);
        assert!(half.lower < 0.5 && 0.5 < half.upper && half.upper - half.lower < 0.1, "{half:?}");
    }
}
