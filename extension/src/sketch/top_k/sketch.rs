//! The sketch in memory.
//!
//! # How far off
//!
//! Let N be how often any item came, and C how many items are counted. A purge subtracts an amount that more than C / 2
//! counters had, so that N is at least the counters that are left and the sum over all purges of C / 2 times their amounts.
//! So the offset is at most 2 N / C; with C = 3 M / 4 of M slots that is 2.7 N / M, less than the 3.5 N / M that the library
//! promises of its own purges, which take the median of a sample. A merge adds counters, offsets and N, and keeps the
//! inequality; where C differs, the least counts.

use super::counters::Counters;
use super::image::{self, Header, MOST, TopKImage};
use super::item::Item;
use super::item_type::ItemType;
use super::keys::{Texts, Words};
use super::map_size::MapSize;
use crate::sketch::{Error, memory};

/// A sketch that takes items, images and other sketches.
#[derive(Clone, Debug)]
pub struct TopKSketch {
    header: Header,
    counters: Items,
}

#[derive(Clone, Debug)]
enum Items {
    /// Of which it is not known what they are.
    Unknown,
    Words(Counters<Words>),
    Texts(Counters<Texts>),
}

/// What becomes the size of a merge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Merging {
    /// The least of those that are not empty.
    Least,
    /// This one, whatever is merged.
    Given(MapSize),
}

impl TopKSketch {
    /// A sketch that has seen nothing.
    pub fn new(size: MapSize) -> Self {
        let header = Header { size, item_type: None, weight: 0, offset: 0, nulls: 0 };
        TopKSketch { header, counters: Items::Unknown }
    }

    /// The size of its table.
    #[inline(always)]
    pub fn size(&self) -> MapSize {
        self.header.size
    }

    /// Adds that many NULLs.
    #[inline(always)]
    pub fn add_nulls(&mut self, count: u64) {
        self.header.nulls += count;
    }

    /// Sees that so much may be added: before items that have weights.
    #[inline(always)]
    pub fn make_room(&self, weight: u64) -> Result<(), Error> {
        let total = (self.header.weight + self.header.nulls).saturating_add(weight);
        if total > MOST { Err(too_much(total)) } else { Ok(()) }
    }

    /// Adds items of eight bytes or less, each [normal](ItemType::normal), and how often each came: at least once.
    #[inline(always)]
    pub fn extend_words(&mut self, item_type: ItemType, words: impl Iterator<Item = (u64, u64)>) -> Result<(), Error> {
        self.expect(item_type)?;
        let Items::Words(counters) = &mut self.counters else { unreachable!("these items are words") };
        let (size, capacity) = (self.header.size, self.header.size.capacity());
        for (word, weight) in words {
            self.header.weight += weight;
            if counters.add(word, weight) && counters.active() > capacity {
                self.header.offset += counters.purge(capacity / 2, size.slots());
            }
        }
        Ok(())
    }

    /// Adds texts, which are UTF-8, and how often each came: at least once.
    #[inline(always)]
    pub fn extend_texts<'t>(&mut self, texts: impl Iterator<Item = (&'t [u8], u64)>) -> Result<(), Error> {
        self.expect(ItemType::Varchar)?;
        let Items::Texts(counters) = &mut self.counters else { unreachable!("these items are texts") };
        let (size, capacity) = (self.header.size, self.header.size.capacity());
        for (text, weight) in texts {
            self.header.weight += weight;
            if counters.add(text, weight) && counters.active() > capacity {
                self.header.offset += counters.purge(capacity / 2, size.slots());
            }
        }
        Ok(())
    }

    /// Where in memory the counter of an item is; `None` if there is no counter.
    #[inline(always)]
    pub fn place_of_word(&self, word: u64) -> Option<*const u8> {
        match &self.counters {
            Items::Words(counters) => Some(counters.place_of(word)),
            _ => None,
        }
    }

    /// The same of a text.
    #[inline(always)]
    pub fn place_of_text(&self, text: &[u8]) -> Option<*const u8> {
        match &self.counters {
            Items::Texts(counters) => Some(counters.place_of(text)),
            _ => None,
        }
    }

    /// Sees that the items are of this type.
    #[inline(always)]
    fn expect(&mut self, item_type: ItemType) -> Result<(), Error> {
        if self.header.item_type == Some(item_type) { Ok(()) } else { self.begin(item_type) }
    }

    #[cold]
    fn begin(&mut self, item_type: ItemType) -> Result<(), Error> {
        if let Some(other) = self.header.item_type {
            return Err(Error::incompatible(format!(
                "items of type {} and of type {} are counted in sketches of their own; cast them to one type",
                other.name(),
                item_type.name()
            )));
        }
        self.header.item_type = Some(item_type);
        self.counters = match item_type {
            ItemType::Varchar => Items::Texts(Counters::default()),
            _ => Items::Words(Counters::default()),
        };
        Ok(())
    }

    /// Adds what another sketch has seen.
    pub fn merge(&mut self, other: &TopKSketch, merging: Merging) -> Result<(), Error> {
        self.prepare_merge(&other.header, merging)?;
        match (&mut self.counters, &other.counters) {
            (Items::Words(mine), Items::Words(theirs)) => {
                for (word, count) in theirs.scattered() {
                    mine.add(word, count);
                }
            }
            (Items::Texts(mine), Items::Texts(theirs)) => {
                for (text, count) in theirs.scattered() {
                    mine.add(text, count);
                }
            }
            _ => {} // nothing is known of the other one's items, so that it has none
        }
        self.cut();
        Ok(())
    }

    /// Adds what a stored sketch has seen.
    pub fn merge_image(&mut self, other: &TopKImage, merging: Merging) -> Result<(), Error> {
        self.prepare_merge(&other.header(), merging)?;
        match &mut self.counters {
            Items::Unknown => {}
            Items::Words(counters) => {
                for (item, count) in other.entries() {
                    let Item::Word(_, word) = item else { unreachable!("the types are the same") };
                    counters.add(word, count);
                }
            }
            Items::Texts(counters) => {
                for (item, count) in other.entries() {
                    let Item::Text(text) = item else { unreachable!("the types are the same") };
                    counters.add(text, count);
                }
            }
        }
        self.cut();
        Ok(())
    }

    /// Everything of a merge but the counters.
    fn prepare_merge(&mut self, other: &Header, merging: Merging) -> Result<(), Error> {
        if let Some(item_type) = other.item_type {
            self.expect(item_type)?;
        }
        let mine = &mut self.header;
        let total = mine.weight + mine.nulls + other.weight + other.nulls;
        if total > MOST {
            return Err(too_much(total));
        }
        if merging == Merging::Least {
            mine.size = match (mine.is_empty(), other.is_empty()) {
                (true, true) => mine.size.max(other.size),
                (true, false) => other.size,
                (false, true) => mine.size,
                (false, false) => mine.size.min(other.size),
            };
        }
        mine.weight += other.weight;
        mine.offset += other.offset;
        mine.nulls += other.nulls;
        Ok(())
    }

    /// Purges what a merge left over the capacity. Three quarters of the counters stay, where a stream keeps half: merges
    /// are rarer, and what is subtracted is lost for all later ones.
    fn cut(&mut self) {
        let (slots, capacity) = (self.header.size.slots(), self.header.size.capacity());
        self.header.offset += match &mut self.counters {
            Items::Words(counters) if counters.active() > capacity => counters.purge(capacity / 4 * 3, slots),
            Items::Texts(counters) if counters.active() > capacity => counters.purge(capacity / 4 * 3, slots),
            _ => 0,
        };
    }

    /// The canonical image.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entries;
        match (&self.counters, self.header.item_type) {
            (Items::Words(counters), Some(item_type)) => {
                entries = memory::with_capacity(counters.active());
                entries.extend(counters.scattered().map(|(word, count)| (item_type.item(word), count)));
            }
            (Items::Texts(counters), _) => {
                entries = memory::with_capacity(counters.active());
                entries.extend(counters.scattered().map(|(text, count)| (Item::Text(text), count)));
            }
            _ => entries = Vec::new(),
        }
        image::of_entries(self.header, entries)
    }
}

#[cold]
fn too_much(total: u64) -> Error {
    Error::overflow(format!("a sketch of frequent items cannot hold {total} values, which is more than {MOST}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn size(max_items: i64) -> MapSize {
        MapSize::new(max_items).unwrap()
    }

    fn sketch_of(size: MapSize, words: &[u64]) -> TopKSketch {
        let mut sketch = TopKSketch::new(size);
        sketch.extend_words(ItemType::BigInt, words.iter().map(|&word| (word, 1))).unwrap();
        sketch
    }

    /// A few items that come often among many that do not.
    fn stream(seed: u64, items: u64) -> Vec<u64> {
        (0..items)
            .map(|i| {
                let random = (i + seed * 1_000_003).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                if i % 3 == 0 { random % 7 } else { 100 + random % 5000 }
            })
            .collect()
    }

    fn assert_bounds(sketch: &TopKSketch, words: &[u64]) {
        let mut exact = BTreeMap::new();
        words.iter().for_each(|&word| *exact.entry(word).or_insert(0u64) += 1);
        let bytes = sketch.to_bytes();
        let image = TopKImage::parse(&bytes).unwrap();
        assert_eq!(image.total(), words.len() as u64);
        let most = 2.0 * words.len() as f64 / image.size().capacity() as f64;
        assert!(image.offset() as f64 <= most, "{} of {most}", image.offset());
        let counted: BTreeMap<String, u64> = image.entries().map(|(item, count)| (item.to_string(), count)).collect();
        for (word, exact) in exact {
            let lower = counted.get(&word.to_string()).copied().unwrap_or(0);
            assert!((lower..=lower + image.offset()).contains(&exact), "{word}");
        }
    }

    #[test]
    fn few_items_are_counted_exactly() {
        let words = stream(1, 6000);
        let sketch = sketch_of(size(10_000), &words);
        assert_eq!(sketch.header.offset, 0);
        assert_bounds(&sketch, &words);
    }

    #[test]
    fn bounds_hold_of_many_items() {
        for max_items in [1, 6, 7, 50, 1000] {
            let words = stream(2, 60_000);
            let sketch = sketch_of(size(max_items), &words);
            assert!(sketch.header.offset > 0);
            assert_bounds(&sketch, &words);
        }
    }

    #[test]
    fn bounds_hold_of_merges() {
        for (first, second) in [(20, 20), (20, 300), (300, 20)] {
            let (a, b) = (stream(3, 30_000), stream(4, 20_000));
            let mut merged = sketch_of(size(first), &a);
            merged.merge(&sketch_of(size(second), &b), Merging::Least).unwrap();
            assert_eq!(merged.size(), size(20));
            assert_bounds(&merged, &[&a[..], &b].concat());
            let mut given = TopKSketch::new(size(50));
            for part in [sketch_of(size(first), &a), sketch_of(size(second), &b)] {
                let bytes = part.to_bytes();
                given.merge_image(&TopKImage::parse(&bytes).unwrap(), Merging::Given(size(50))).unwrap();
            }
            assert_eq!(given.size(), size(50));
            let (offset, total) = (given.header.offset, given.header.weight);
            assert!(offset as f64 <= 2.0 * total as f64 / size(20).capacity() as f64);
        }
    }

    #[test]
    fn merges_commute() {
        let (a, b) = (sketch_of(size(100), &stream(5, 9000)), sketch_of(size(100), &stream(6, 9000)));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(&b, Merging::Least).unwrap();
        ba.merge(&a, Merging::Least).unwrap();
        assert_eq!(ab.to_bytes(), ba.to_bytes());
    }

    #[test]
    fn the_order_of_items_is_forgotten_while_all_are_counted() {
        let words = stream(7, 5000);
        let mut reversed = words.clone();
        reversed.reverse();
        assert_eq!(sketch_of(size(10_000), &words).to_bytes(), sketch_of(size(10_000), &reversed).to_bytes());
    }

    #[test]
    fn a_weight_is_how_often_an_item_came() {
        let words = stream(8, 3000);
        let mut weighted = TopKSketch::new(size(10_000));
        let mut exact = BTreeMap::new();
        words.iter().for_each(|&word| *exact.entry(word).or_insert(0u64) += 1);
        weighted.make_room(3000).unwrap();
        weighted.extend_words(ItemType::BigInt, exact.into_iter()).unwrap();
        assert_eq!(weighted.to_bytes(), sketch_of(size(10_000), &words).to_bytes());
        assert_eq!(weighted.make_room(MOST - 3000), Ok(()));
        assert_eq!(weighted.make_room(MOST - 2999).unwrap_err().kind(), crate::sketch::ErrorKind::Overflow);
        assert_eq!(weighted.make_room(u64::MAX).unwrap_err().kind(), crate::sketch::ErrorKind::Overflow);
    }

    #[test]
    fn items_of_two_types_are_not_merged() {
        let mut texts = TopKSketch::new(MapSize::DEFAULT);
        texts.extend_texts([(&b"x"[..], 1)].into_iter()).unwrap();
        let error = texts.merge(&sketch_of(MapSize::DEFAULT, &[1]), Merging::Least).unwrap_err();
        assert!(error.to_string().contains("VARCHAR and of type BIGINT"), "{error}");
        texts.merge(&TopKSketch::new(MapSize::DEFAULT), Merging::Least).unwrap();
    }

    #[test]
    fn a_sketch_that_lost_all_counters_keeps_what_it_has_seen() {
        let words: Vec<u64> = (0..7).collect();
        let sketch = sketch_of(size(1), &words);
        let bytes = sketch.to_bytes();
        let image = TopKImage::parse(&bytes).unwrap();
        assert_eq!((image.active(), image.total(), image.offset()), (0, 7, 1));
        assert_bounds(&sketch, &words);
    }

    #[test]
    fn sketches_that_have_seen_too_much_are_not_merged() {
        let mut sketch = sketch_of(size(5), &[1]);
        sketch.header.nulls = MOST - 1;
        let other = sketch.clone();
        assert_eq!(sketch.merge(&other, Merging::Least).unwrap_err().kind(), crate::sketch::ErrorKind::Overflow);
    }
}
