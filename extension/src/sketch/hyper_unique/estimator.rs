//! How many distinct values: the estimate that Druid gives for the same bytes.

use super::image::HyperUniqueImage;
use super::registers::{MOST_ABOVE, PAIRS, REGISTERS};

const M: f64 = REGISTERS as f64;
/// `alpha` of Flajolet and others, "HyperLogLog", 2007, figure 3.
const ALPHA: f64 = 0.7213 / (1.0 + 1.079 / M);
/// Up to here registers of 0 are counted instead.
const LINEAR_COUNTING: f64 = 2.5 * M;
/// 2^64.
const HASHES: f64 = 18_446_744_073_709_551_616.0;

impl HyperUniqueImage<'_> {
    /// The estimate.
    pub fn estimate(&self) -> f64 {
        let (sum, zeros) = self.sum_and_zeros();
        let raw = ALPHA * M * M / sum;
        if raw <= LINEAR_COUNTING {
            return if zeros == 0 { raw } else { M * (M / f64::from(zeros)).ln() };
        }
        if raw > HASHES / 30.0 {
            let ratio = raw / HASHES;
            return if ratio >= 1.0 { f64::INFINITY } else { -HASHES * (1.0 - ratio).ln() };
        }
        raw
    }

    /// The sum of `2^-rank`, and how many registers are 0.
    ///
    /// The terms are added as whole numbers, and the one that overflows as the last: rounded once, this is what Druid's
    /// loop comes to, too. In a dense image Druid counts the two registers of the pair with the overflow by their ranks: an
    /// even one below 16 and an odd one that 16 divides are 0 to it. In a sparse image Druid looked for that pair in the
    /// wrong place until 2026 (apache/druid#19649); here its registers are what they are.
    fn sum_and_zeros(&self) -> (f64, u16) {
        let mut listed = [0; PAIRS];
        let pairs = self.dense().unwrap_or_else(|| {
            self.listed().for_each(|(place, pair)| listed[place] = pair);
            &listed
        });
        let mut units: u32 = pairs.iter().map(|&pair| units(pair)).sum();
        let mut zeros = REGISTERS as u16 - self.above();
        let mut beside = 0.0;
        if let Some((register, rank)) = self.overflow() {
            let pair = pairs[usize::from(register >> 1)];
            units -= self::units(pair);
            let (mut even, mut odd) = ((pair >> 4) + self.offset(), (pair & 15) + self.offset());
            let (even_is_0, odd_is_0) = (pair >> 4 == 0, pair & 15 == 0);
            let greater = if register & 1 == 0 { &mut even } else { &mut odd };
            *greater = rank.max(*greater);
            beside = power(even) + power(odd);
            zeros -= u16::from(even_is_0) + u16::from(odd_is_0);
            zeros += match self.dense() {
                Some(_) => u16::from(even & 0xf0 == 0) + u16::from(odd & 0x0f == 0),
                None => u16::from(even == self.offset()) + u16::from(odd == self.offset()),
            };
        }
        (f64::from(units) * power(MOST_ABOVE + self.offset()) + beside, zeros)
    }
}

/// `2^-above` of both registers, in units of 2^-15.
#[inline(always)]
fn units(pair: u8) -> u32 {
    let of = |above: u8| 1 << (MOST_ABOVE - above);
    of(pair >> 4) + of(pair & 15)
}

/// `2^-rank`.
fn power(rank: u8) -> f64 {
    0.5f64.powi(i32::from(rank))
}
