//! A theta that leaves enough, found without sorting.

use crate::sketch::memory;

/// As many bits for each entry, or up to twice as many: of evenly spread entries few share one.
const LG_BITS: u32 = 4;
/// With fewer entries it is not worth it.
const LEAST: usize = 128;

/// A lower theta that more than `nominal` distinct entries are below, but not many more. `None`: there is none, or it takes
/// a closer look to find it, as with many duplicates.
///
/// An entry sets the bit of its first bits. Bits that are set are of distinct entries, so that there are at least as many.
#[inline(always)]
pub fn lower_theta(entries: &[u64], theta: u64, nominal: usize) -> Option<u64> {
    if entries.len() < LEAST || entries.len() <= nominal + nominal / 16 {
        return None;
    }
    let bits = u64::BITS - theta.leading_zeros();
    let shift = bits.saturating_sub(entries.len().ilog2() + LG_BITS);
    let last = (theta >> shift >> 6) as usize;
    let mut words = memory::filled(0u64, last + 1);
    for &entry in entries {
        let bit = entry >> shift;
        // Some are not below theta; they share the last word, which does not count.
        words[((bit >> 6) as usize).min(last)] |= 1 << (bit & 63);
    }
    let mut distinct = 0;
    let word = words[..last].iter().position(|word| {
        distinct += word.count_ones() as usize;
        distinct > nominal
    })?;
    Some((word as u64 + 1) << 6 << shift)
}

/// Drops entries that are not below theta; the others stay in their order.
#[inline(always)]
pub fn retain_below(entries: &mut Vec<u64>, theta: u64) {
    let mut kept = 0;
    // Without a branch that depends on the entry.
    for i in 0..entries.len() {
        let entry = entries[i];
        entries[kept] = entry;
        kept += usize::from(entry < theta);
    }
    entries.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash::hash_u64;
    use std::collections::BTreeSet;

    fn entries(count: u64, distinct: u64, theta: u64) -> Vec<u64> {
        (0..count).map(|i| 1 + hash_u64(i % distinct).0 % (theta - 1)).collect()
    }

    #[test]
    fn more_than_the_nominal_number_are_below() {
        for theta in [i64::MAX as u64, 1 << 40, 1 << 20, 5000] {
            for (count, distinct) in [(200, 200), (2048, 2048), (2048, 1500), (5000, 3000), (40_000, 40_000)] {
                for nominal in [16, 1024, 4096] {
                    let all = entries(count, distinct, theta);
                    let Some(lower) = lower_theta(&all, theta, nominal) else { continue };
                    assert!(lower <= theta);
                    let mut left = all.clone();
                    retain_below(&mut left, lower);
                    assert!(left.iter().eq(all.iter().filter(|&&entry| entry < lower)));
                    assert!(left.iter().collect::<BTreeSet<_>>().len() > nominal);
                }
            }
        }
    }

    #[test]
    fn not_many_more_are_below() {
        let mut entries = entries(8192, 8192, i64::MAX as u64);
        let lower = lower_theta(&entries, i64::MAX as u64, 4096).unwrap();
        retain_below(&mut entries, lower);
        assert!((4097..4400).contains(&entries.len()), "{}", entries.len());
    }

    #[test]
    fn duplicates_and_what_is_not_below_theta_do_not_count() {
        let theta = 1 << 62;
        assert_eq!(lower_theta(&entries(8192, 4096, theta), theta, 4096), None);
        let above: Vec<u64> = entries(8192, 8192, theta).iter().map(|entry| entry + theta).collect();
        assert_eq!(lower_theta(&above, theta, 4096), None);
    }
}
