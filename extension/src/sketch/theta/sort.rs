//! Hashes in ascending order. They are spread evenly, so that most find their place by their first bits.

use crate::sketch::memory;

/// Up to so many are compared with each other.
const FEW: usize = 64;

/// Sorts entries below theta.
#[inline(always)]
pub fn sort(entries: &mut Vec<u64>, theta: u64) {
    if entries.len() <= FEW {
        entries.sort_unstable();
    } else {
        *entries = sort_by_first_bits(entries, theta);
    }
}

/// Buckets by the first bits, about as many as there are entries; in a bucket there is seldom more than one.
fn sort_by_first_bits(entries: &[u64], theta: u64) -> Vec<u64> {
    let bits = u64::BITS - theta.leading_zeros();
    let shift = bits.saturating_sub(entries.len().ilog2() + 1);
    let mut ends = memory::filled(0u32, (theta >> shift) as usize + 1);
    entries.iter().for_each(|&entry| ends[(entry >> shift) as usize] += 1);
    let mut end = 0;
    for bucket in &mut ends {
        end += *bucket;
        *bucket = end;
    }
    let mut sorted = memory::filled(0u64, entries.len()).into_vec();
    for &entry in entries.iter().rev() {
        let start = &mut ends[(entry >> shift) as usize];
        *start -= 1;
        sorted[*start as usize] = entry;
    }
    // The ends have become starts.
    for (bucket, &start) in ends.iter().enumerate() {
        let end = ends.get(bucket + 1).map_or(sorted.len(), |&next| next as usize);
        if end - start as usize > 1 {
            sorted[start as usize..end].sort_unstable();
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash::hash_u64;

    #[test]
    fn any_entries_are_sorted() {
        for theta in [2u64, 100, 1 << 20, 1 << 40, i64::MAX as u64] {
            for count in [0u64, 1, 2, 63, 64, 65, 66, 1000, 5000] {
                for spread in [1, theta.min(7), theta - 1] {
                    let mut entries: Vec<u64> = (0..count).map(|i| 1 + hash_u64(i).0 % spread).collect();
                    let mut expected = entries.clone();
                    expected.sort_unstable();
                    sort(&mut entries, theta);
                    assert_eq!(entries, expected, "{count} of {spread} below {theta}");
                }
            }
        }
    }
}
