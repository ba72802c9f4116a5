//! The registers: of each the greatest rank, a byte each while in memory.

/// How many.
pub const REGISTERS: usize = 2048;
/// How many pairs, as they are stored: a byte each, the even register in its high half.
pub const PAIRS: usize = REGISTERS / 2;
/// The most that four bits say above the offset.
pub const MOST_ABOVE: u8 = 15;
/// The greatest rank of a hash.
pub const MAX_RANK: u8 = 64;
/// The greatest offset: what four bits say above it reaches to the greatest rank.
pub const MAX_OFFSET: u8 = MAX_RANK - MOST_ABOVE;

/// 2,048 ranks: the even registers and the odd ones apart, so that a loop over packed pairs has nothing to shuffle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers([[u8; PAIRS]; 2]);

/// Registers in four bits each, and the one that may stand beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The least rank, or the greatest offset.
    pub offset: u8,
    /// How many registers are above it.
    pub above: u16,
    /// Of each pair of registers what they are above the offset.
    pub pairs: [u8; PAIRS],
    /// The register and the rank of the greatest that four bits do not say; the first one of equals.
    pub overflow: Option<(u16, u8)>,
}

impl Registers {
    /// Of nothing.
    pub fn new() -> Self {
        Registers([[0; PAIRS]; 2])
    }

    /// Adds a hash.
    #[inline(always)]
    pub fn insert(&mut self, register: u16, rank: u8) {
        let place = &mut self.0[usize::from(register & 1)][usize::from(register >> 1)];
        *place = rank.max(*place);
    }

    /// Adds other registers.
    #[inline(always)]
    pub fn merge(&mut self, other: &Registers) {
        for (mine, theirs) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *mine = (*theirs).max(*mine);
        }
    }

    /// Adds packed registers, all of them.
    #[inline(always)]
    pub fn merge_pairs(&mut self, pairs: &[u8; PAIRS], offset: u8) {
        let [even, odd] = &mut self.0;
        for ((even, odd), &pair) in even.iter_mut().zip(odd).zip(pairs) {
            *even = ((pair >> 4) + offset).max(*even);
            *odd = ((pair & 15) + offset).max(*odd);
        }
    }

    /// Adds one pair of packed registers.
    #[inline(always)]
    pub fn merge_pair(&mut self, place: usize, pair: u8, offset: u8) {
        let place = place & (PAIRS - 1); // so that no bound is checked
        let [even, odd] = &mut self.0;
        even[place] = ((pair >> 4) + offset).max(even[place]);
        odd[place] = ((pair & 15) + offset).max(odd[place]);
    }

    /// Four bits each. Of the registers that these do not say only the greatest is kept beside them: the others, as the
    /// image has no room, become the most that four bits say.
    #[inline(always)]
    pub fn pack(&self) -> Packed {
        let [even, odd] = &self.0;
        let (mut offset, mut greatest) = (MAX_OFFSET, 0);
        for &rank in self.0.iter().flatten() {
            offset = rank.min(offset);
            greatest = rank.max(greatest);
        }
        let mut pairs = [0; PAIRS];
        for ((pair, even), odd) in pairs.iter_mut().zip(even).zip(odd) {
            *pair = (even - offset).min(MOST_ABOVE) << 4 | (odd - offset).min(MOST_ABOVE);
        }
        let overflow = (greatest > offset + MOST_ABOVE).then(|| {
            let rank_of = |register: u16| self.0[usize::from(register & 1)][usize::from(register >> 1)];
            let first = (0..REGISTERS as u16).find(|&register| rank_of(register) == greatest);
            (first.expect("it is the rank of a register"), greatest)
        });
        Packed { offset, above: count_above(&pairs), pairs, overflow }
    }
}

/// How many registers of packed pairs are above the offset.
#[inline(always)]
pub fn count_above(pairs: &[u8]) -> u16 {
    // In blocks that a byte can count, so that the sum of a block stays in narrow lanes.
    let block = |block: &[u8]| -> u8 { block.iter().map(|&pair| u8::from(pair > 15) + u8::from(pair & 15 > 0)).sum() };
    pairs.chunks(64).map(|pairs| u16::from(block(pairs))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(values: u32) -> Registers {
        let mut registers = Registers::new();
        (0..values).for_each(|i| {
            let (register, rank) = super::super::hash::register_and_rank(&i.to_le_bytes());
            registers.insert(register, rank.min(12));
        });
        registers
    }

    #[test]
    fn pairs_come_back() {
        for values in [0, 1, 100, 5_000, 100_000] {
            let registers = filled(values);
            let packed = registers.pack();
            let mut read = Registers::new();
            read.merge_pairs(&packed.pairs, packed.offset);
            assert_eq!(read, registers, "{values}");
            assert_eq!(packed.overflow, None);
            assert_eq!(packed.offset > 0, values == 100_000);
            let mut one_by_one = Registers::new();
            (0..PAIRS).for_each(|place| one_by_one.merge_pair(place, packed.pairs[place], packed.offset));
            assert_eq!(one_by_one, registers);
        }
    }

    #[test]
    fn registers_above_the_greatest_offset_come_back() {
        for rank in [MAX_OFFSET, MAX_OFFSET + 1, MAX_RANK] {
            let mut registers = Registers::new();
            (0..REGISTERS as u16).for_each(|register| registers.insert(register, rank));
            let packed = registers.pack();
            let mut read = Registers::new();
            read.merge_pairs(&packed.pairs, packed.offset);
            assert_eq!((read, packed.offset, packed.overflow), (registers, MAX_OFFSET, None));
        }
    }

    #[test]
    fn the_greatest_of_those_that_do_not_fit_stands_beside() {
        let mut registers = Registers::new();
        for (register, rank) in [(7, 16), (1301, 40), (1302, 40), (2047, 15)] {
            registers.insert(register, rank);
        }
        let packed = registers.pack();
        assert_eq!((packed.offset, packed.above, packed.overflow), (0, 4, Some((1301, 40))));
        assert_eq!([3, 650, 651, 1023].map(|place| packed.pairs[place]), [0x0f, 0x0f, 0xf0, 0x0f]);
    }
}
