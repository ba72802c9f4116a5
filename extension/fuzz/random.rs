//! Numbers that are the same in every run: splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
//! Generators", 2014).

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of numbers.
pub struct Random(u64);

impl Random {
    /// The stream of one case: it depends on nothing else, so that any case can be repeated alone.
    pub fn of_case(seed: u64, case: u64) -> Self {
        let mut random = Random(seed);
        Random(random.bits() ^ case.wrapping_mul(GOLDEN))
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// A number from 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// Whether the one of so many chances comes.
    pub fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }

    /// A whole number, most often near a power of two, where counts and lengths turn.
    pub fn edge(&mut self) -> u64 {
        match self.below(4) {
            0 => self.bits(),
            1 => self.bits() % 70,
            _ => {
                let power = 1u64.checked_shl(self.below(65) as u32).unwrap_or(0);
                power.wrapping_add(self.bits() % 3).wrapping_sub(1)
            }
        }
    }

    /// Any double, most often one at the end of some range.
    pub fn double(&mut self) -> f64 {
        const ENDS: [f64; 12] = [
            0.0,
            1.0,
            0.5,
            f64::MAX,
            f64::MAX / 2.0,
            1e154,
            f64::MIN_POSITIVE,
            5e-324,
            1e-310,
            9_007_199_254_740_993.0,
            f64::INFINITY,
            f64::NAN,
        ];
        let double = match self.below(4) {
            0 => f64::from_bits(self.bits()),
            1 => self.below(100) as f64 / 4.0,
            _ => self.pick(&ENDS),
        };
        if self.one_in(2) { -double } else { double }
    }

    /// A finite double.
    pub fn finite(&mut self) -> f64 {
        let double = self.double();
        if double.is_finite() { double } else { 1.5 }
    }
}
