//! Between which centers a value lies, for many values at once.

use crate::sketch::chunks::{chunks, chunks_mut};
use crate::sketch::memory;

/// Centers in ascending order, padded with infinities to a power of two.
#[derive(Debug)]
pub struct Centers {
    padded: Vec<f64>,
}

/// How many searches go side by side: they wait for memory together, and the compiler makes vectors of them.
const LANES: usize = 16;
/// Into how many parts the first steps cut the centers.
const PARTS: usize = 16;

impl Clone for Centers {
    fn clone(&self) -> Self {
        Centers { padded: memory::copied(&self.padded).into_vec() }
    }
}

impl Centers {
    /// Centers in ascending order, all of them finite.
    pub fn new(centers: impl ExactSizeIterator<Item = f64>) -> Self {
        let slots = (centers.len() + 1).next_power_of_two();
        let mut padded = memory::with_capacity(slots);
        padded.extend(centers);
        padded.resize(slots, f64::INFINITY);
        Centers { padded }
    }

    /// The center of this position; infinite behind the last.
    #[inline(always)]
    pub fn get(&self, position: usize) -> f64 {
        self.padded[position]
    }

    /// Of each value how many centers are not above it. `ranks` is as long as `values`.
    #[inline(always)]
    pub fn ranks(&self, values: &[f64], ranks: &mut [u32]) {
        let (value_blocks, rest) = chunks::<LANES, _>(values);
        let (rank_blocks, rest_ranks) = chunks_mut::<LANES, _>(ranks);
        for (values, ranks) in value_blocks.zip(rank_blocks) {
            *ranks = self.rank_block(values);
        }
        if !rest.is_empty() {
            let mut block = [0.0; LANES];
            block[..rest.len()].copy_from_slice(rest);
            rest_ranks.copy_from_slice(&self.rank_block(&block)[..rest.len()]);
        }
    }

    /// Binary search without branches, in step for all lanes.
    #[inline(always)]
    fn rank_block(&self, values: &[f64; LANES]) -> [u32; LANES] {
        let table = &self.padded[..];
        let mask = table.len() - 1;
        let mut ranks = [0u64; LANES];
        let mut half = table.len() as u64 / 2;
        // The first steps at once: comparing with the few centers that they may meet costs less than looking them up.
        let part = table.len() / PARTS;
        if part > 0 {
            for i in 1..PARTS {
                let center = table[i * part - 1];
                for lane in 0..LANES {
                    ranks[lane] += if center <= values[lane] { part as u64 } else { 0 };
                }
            }
            half = part as u64 / 2;
        }
        while half > 0 {
            for lane in 0..LANES {
                let probe = table[(ranks[lane] + half - 1) as usize & mask];
                ranks[lane] += if probe <= values[lane] { half } else { 0 };
            }
            half /= 2;
        }
        ranks.map(|rank| rank as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::Centers;

    #[test]
    fn finds_what_a_plain_search_finds() {
        for n in [0usize, 1, 2, 3, 7, 8, 200, 255, 256] {
            let sorted: Vec<f64> = (0..n).map(|i| (i as f64 * 1.7).floor() * 0.5 + i as f64 * 1e-3).collect();
            let centers = Centers::new(sorted.iter().copied());
            let values: Vec<f64> = (0..1000).map(|i| i as f64 * 0.37 - 20.0).chain(sorted.iter().copied()).collect();
            let mut ranks = vec![0; values.len()];
            centers.ranks(&values, &mut ranks);
            for (value, rank) in values.iter().zip(ranks) {
                assert_eq!(rank as usize, sorted.partition_point(|center| center <= value));
            }
        }
    }
}
