//! The sketch in memory.
//!
//! # Why the bytes are canonical
//!
//! Let k be the nominal number of entries, and S a set of hashes. The *sample* of S is: all of S with theta at its
//! greatest, if S has at most k members; else the k least members, with theta at the one that follows them. It depends on
//! S and k alone, so it is enough that each way of making a sketch ends in the sample of all that was seen.
//!
//! 1. A sketch in memory holds theta and `E = {x in S: x < theta}`, where theta is at its greatest, or is a member of S with
//!    at least k members below it, or any number with more than k below it. An insertion keeps that. So does what makes room
//!    when the buffer is full, if E has more than k: theta becomes the member of E that has k below it, or any number that
//!    has more. Whenever the sketch is written, it is cut once more: theta is then the member of S with exactly k below it.
//!    If E has at most k and theta is not at its greatest, theta is a member with exactly k below it as well. Either way it
//!    is the sample of S.
//! 2. A union of samples `(theta_i, E_i)` of `S_i` takes the least theta and the members of all `E_i` below it. With S the
//!    union of all `S_i`: a member x of S below the least theta is in some `S_i` and below `theta_i`, hence in `E_i`; so
//!    `E = {x in S: x < theta}`. Each `theta_i` that is not at its greatest is a member of S with at least k below it, or has
//!    more than k below it. So the union is a sketch in memory of S as in 1., and is written as the sample of S.
//!
//! With several k the least one counts. A sample of more entries is one for it as well, in the sense of 1.; the
//! least of several numbers does not depend on their order. Sketches of other libraries need not be samples: their theta may
//! be less than the member that has k below it. A union takes the least theta all the same, and cuts E to k. Both steps
//! give the same in any order, as whatever a cut drops has k members of E below its new theta, and is dropped from any
//! union of more.

use super::entries::Entries;
use super::entry::{Entry, MAX_THETA};
use super::image::{self, ThetaImage};
use super::lg_nom::LgNom;
use crate::sketch::Error;
use crate::sketch::chunks::chunks;

/// A theta sketch that takes values, images and other sketches, in any order.
#[derive(Clone, Debug)]
pub struct ThetaSketch {
    theta: u64,
    /// Since theta was last lowered by a merge, also some that are not below it.
    entries: Entries,
    lg_nom: LgNom,
}

/// What becomes the precision of a union.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nominal {
    /// The least of those that are not empty.
    Least,
    /// This one, whatever is united.
    Given(LgNom),
}

impl ThetaSketch {
    /// An empty sketch.
    pub fn new(lg_nom: LgNom) -> Self {
        ThetaSketch { theta: MAX_THETA, entries: Entries::default(), lg_nom }
    }

    /// The precision.
    pub fn lg_nom(&self) -> LgNom {
        self.lg_nom
    }

    /// Whether it has seen nothing.
    pub fn is_empty(&self) -> bool {
        self.theta == MAX_THETA && self.entries.is_empty()
    }

    /// Adds an entry.
    #[inline(always)]
    pub fn insert(&mut self, entry: Entry) {
        if entry.is_below(self.theta) && !self.entries.insert(entry.bits()) {
            self.theta = self.entries.shrink(self.theta, self.lg_nom);
        }
    }

    /// Adds entries. Once theta is low, hardly any is below it: several are compared at once.
    #[inline(always)]
    pub fn extend(&mut self, entries: &[Entry]) {
        let (blocks, rest) = chunks::<16, _>(entries);
        for block in blocks {
            let theta = self.theta;
            if block.iter().fold(false, |any, entry| any | entry.is_below(theta)) {
                for &entry in block {
                    self.insert(entry);
                }
            }
        }
        for &entry in rest {
            self.insert(entry);
        }
    }

    /// Where in memory an entry will go; `None` if that is nowhere, or in the sketch itself.
    #[inline(always)]
    pub fn place_of(&self, entry: Entry) -> Option<*const u8> {
        if entry.is_below(self.theta) { self.entries.next_place() } else { None }
    }

    /// Adds what another sketch has seen.
    #[inline(always)]
    pub fn merge(&mut self, other: &ThetaSketch, nominal: Nominal) {
        self.prepare_merge(other.lg_nom, other.is_empty(), nominal);
        self.theta = self.entries.merge(&other.entries, self.theta.min(other.theta), self.lg_nom);
    }

    /// Adds what a stored sketch has seen. `scratch` is memory to be used again.
    #[inline(always)]
    pub fn merge_image(&mut self, other: &ThetaImage, nominal: Nominal, scratch: &mut Vec<u64>) -> Result<(), Error> {
        let entries = other.entries(scratch)?;
        self.prepare_merge(other.lg_nom(), other.is_empty(), nominal);
        self.unite(other.theta(), entries);
        Ok(())
    }

    /// Adds ascending entries below another theta.
    #[inline(always)]
    fn unite(&mut self, theta: u64, entries: &[u64]) {
        self.theta = self.theta.min(theta);
        let below = entries.partition_point(|&entry| entry < self.theta);
        self.theta = self.entries.unite(&entries[..below], self.theta, self.lg_nom);
    }

    /// Brings the precision to that of the merge.
    #[inline(always)]
    fn prepare_merge(&mut self, lg_nom: LgNom, other_is_empty: bool, nominal: Nominal) {
        if nominal != Nominal::Least {
            return;
        }
        if self.is_empty() {
            // Of two empty sketches the finer one stays, whichever comes first.
            self.lg_nom = if other_is_empty { self.lg_nom.max(lg_nom) } else { lg_nom };
        } else if !other_is_empty && lg_nom < self.lg_nom {
            self.lg_nom = lg_nom;
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.theta = self.entries.cut(self.theta, self.lg_nom);
    }

    /// The canonical image: the same values give the same bytes, whatever the order or the merges.
    #[inline(always)]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (theta, entries) = self.entries.sample(self.theta, self.lg_nom);
        image::of_entries(self.lg_nom, theta, &entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::FromHash;

    fn sketch_of(lg_nom: i64, values: impl IntoIterator<Item = u64>) -> ThetaSketch {
        let mut sketch = ThetaSketch::new(LgNom::new(lg_nom).unwrap());
        let entries: Vec<Entry> = values.into_iter().map(Entry::of_u64).collect();
        sketch.extend(&entries);
        sketch
    }

    /// The sample by its definition.
    fn sample(lg_nom: i64, values: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let lg_nom = LgNom::new(lg_nom).unwrap();
        let all: std::collections::BTreeSet<u64> =
            values.into_iter().map(|value| Entry::of_u64(value).bits()).collect();
        let entries: Vec<u64> = all.iter().copied().take(lg_nom.entries()).collect();
        image::of_entries(lg_nom, all.iter().copied().nth(lg_nom.entries()).unwrap_or(MAX_THETA), &entries)
    }

    fn read(bytes: &[u8]) -> ThetaSketch {
        let mut sketch = ThetaSketch::new(LgNom::DEFAULT);
        sketch.merge_image(&ThetaImage::parse(bytes).unwrap(), Nominal::Least, &mut Vec::new()).unwrap();
        sketch
    }

    #[test]
    fn order_and_merges_leave_the_bytes() {
        for lg_nom in [4, 5, 8, 12] {
            let k = 1u64 << lg_nom;
            for n in [0, 1, 2, 7, 8, k - 1, k, k + 1, k + k / 2 - 1, k + k / 2, k + k / 2 + 1, 3 * k, 50_000] {
                let whole = sketch_of(lg_nom, 0..n).to_bytes();
                assert_eq!(whole, sample(lg_nom, 0..n), "{n} values of lg {lg_nom}");
                assert_eq!(whole, sketch_of(lg_nom, (0..n).rev().chain(0..n / 2)).to_bytes());
                let parts = [0..n / 3, n / 4..n / 2, n / 2..n].map(|part| sketch_of(lg_nom, part));
                let mut merged = ThetaSketch::new(LgNom::new(lg_nom).unwrap());
                parts.iter().for_each(|part| merged.merge(part, Nominal::Least));
                assert_eq!(whole, merged.to_bytes());
                let stored = parts.map(|part| part.to_bytes());
                for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
                    let mut united = ThetaSketch::new(LgNom::DEFAULT);
                    for part in order.map(|part| &stored[part]) {
                        united.merge_image(&ThetaImage::parse(part).unwrap(), Nominal::Least, &mut Vec::new()).unwrap();
                        united = read(&united.to_bytes());
                    }
                    // The union of empty sketches has the finest precision of them.
                    assert!(n == 0 || whole == united.to_bytes(), "{n} values of lg {lg_nom} in order {order:?}");
                }
            }
        }
    }

    #[test]
    fn the_least_precision_counts_unless_one_is_given() {
        let (fine, coarse) = (sketch_of(10, 0..5000), sketch_of(6, 3000..9000));
        for (a, b) in [(&fine, &coarse), (&coarse, &fine)] {
            let mut merged = a.clone();
            merged.merge(b, Nominal::Least);
            assert_eq!(merged.to_bytes(), sample(6, 0..9000));
        }
        let mut given = ThetaSketch::new(LgNom::new(5).unwrap());
        given.merge(&fine, Nominal::Given(LgNom::new(5).unwrap()));
        given.merge(&coarse, Nominal::Given(LgNom::new(5).unwrap()));
        assert_eq!(given.to_bytes(), sample(5, 0..9000));
        let mut empty = sketch_of(10, []);
        empty.merge(&coarse, Nominal::Least);
        assert_eq!(empty.to_bytes(), coarse.to_bytes());
        empty.merge(&sketch_of(4, []), Nominal::Least);
        assert_eq!(empty.to_bytes(), coarse.to_bytes());
        let mut both_empty = sketch_of(10, []);
        both_empty.merge(&sketch_of(4, []), Nominal::Least);
        assert_eq!(both_empty.lg_nom().get(), 10);
    }

    /// What other libraries write: theta below the member that has k below it, and more than k entries.
    #[test]
    fn sketches_of_others_unite_in_any_order() {
        let of = |theta: u64, values: std::ops::Range<u64>| {
            let mut entries: Vec<u64> =
                values.map(|value| Entry::of_u64(value).bits()).filter(|&entry| entry < theta).collect();
            entries.sort_unstable();
            image::of_entries(LgNom::new(4).unwrap(), theta, &entries)
        };
        let images = [
            of(MAX_THETA / 3, 0..100),
            of(MAX_THETA / 50, 50..150),
            of(MAX_THETA / 7, 0..1000),
            of(MAX_THETA, 0..20),
            of(MAX_THETA / 1000, 0..1),
        ];
        let union = |order: &[usize]| {
            let mut united = sketch_of(4, []);
            for &i in order {
                united.merge_image(&ThetaImage::parse(&images[i]).unwrap(), Nominal::Least, &mut Vec::new()).unwrap();
            }
            united.to_bytes()
        };
        for count in 2..=images.len() {
            let order: Vec<usize> = (0..count).collect();
            let expected = union(&order);
            for by in 1..count {
                let rotated: Vec<usize> = (0..count).map(|i| (i + by) % count).rev().collect();
                assert_eq!(union(&rotated), expected, "{rotated:?}");
                let (left, right) = order.split_at(by);
                let mut halves = read(&union(left));
                halves.merge(&read(&union(right)), Nominal::Least);
                assert_eq!(halves.to_bytes(), expected, "{left:?} and {right:?}");
            }
        }
    }

    #[test]
    fn whatever_grows_while_there_is_no_memory_unwinds() {
        use crate::sketch::memory::{OutOfMemory, testing::without_memory};
        use std::panic::{AssertUnwindSafe, catch_unwind};

        let few = sketch_of(20, 0..100);
        let many = sketch_of(20, 0..100_000);
        let before = many.to_bytes();
        let steps: [&mut dyn FnMut(); 4] = [
            &mut || drop(sketch_of(20, 0..100_000)),
            &mut || few.clone().merge(&many, Nominal::Least),
            &mut || drop(many.clone()),
            &mut || drop(many.to_bytes()),
        ];
        for step in steps {
            let panic = without_memory(|| catch_unwind(AssertUnwindSafe(step)).unwrap_err());
            assert!(panic.is::<OutOfMemory>());
        }
        assert_eq!(many.to_bytes(), before);
    }
}
