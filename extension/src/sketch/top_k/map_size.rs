//! How many items a sketch counts.

use crate::sketch::Error;

/// The size of the table of counters, a power of two, of which three quarters are used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MapSize(u8);

impl MapSize {
    /// That of 10,000 items.
    pub const DEFAULT: MapSize = MapSize(14);

    const LEAST: u8 = 3;
    /// The greatest that an image may say.
    const GREATEST: u8 = 30;

    /// The least that counts that many items, 1 to 1,000,000.
    pub fn new(max_items: i64) -> Result<Self, Error> {
        match max_items {
            1..=1_000_000 => Ok(MapSize::holding(max_items as usize)),
            _ => Err(Error::bad_parameter(format!("max_items is {max_items}, and must be from 1 to 1,000,000"))),
        }
    }

    /// The least that counts that many items.
    pub(super) fn holding(items: usize) -> Self {
        let slots = (items * 4).div_ceil(3).next_power_of_two();
        MapSize((slots.trailing_zeros() as u8).max(Self::LEAST))
    }

    /// The size that an image says.
    pub(super) fn of_byte(lg: u8) -> Option<Self> {
        (Self::LEAST..=Self::GREATEST).contains(&lg).then_some(MapSize(lg))
    }

    /// The logarithm to base 2.
    pub fn lg(self) -> u8 {
        self.0
    }

    /// How many slots the table has.
    pub fn slots(self) -> usize {
        1 << self.0
    }

    /// How many items are counted.
    pub fn capacity(self) -> usize {
        self.slots() / 4 * 3
    }
}

#[cfg(test)]
mod tests {
    use super::MapSize;

    #[test]
    fn a_size_is_the_least_that_holds_the_items() {
        for (max_items, lg) in
            [(1, 3), (6, 3), (7, 4), (12, 4), (13, 5), (10_000, 14), (12_288, 14), (12_289, 15), (1_000_000, 21)]
        {
            let size = MapSize::new(max_items).unwrap();
            assert_eq!(size.lg(), lg, "{max_items}");
            assert!(size.capacity() >= max_items as usize);
            assert_eq!(MapSize::of_byte(lg), Some(size));
        }
        assert_eq!(MapSize::new(10_000), Ok(MapSize::DEFAULT));
        assert!(MapSize::new(0).is_err() && MapSize::new(1_000_001).is_err() && MapSize::new(-1).is_err());
        assert_eq!((MapSize::of_byte(2), MapSize::of_byte(31)), (None, None));
    }
}
