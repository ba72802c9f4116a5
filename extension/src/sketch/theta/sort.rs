//! Hashes in ascending order. They are spread evenly, so that most find their place by their first bits.

use crate::sketch::memory;

/// Up to that many are compared with each other.
const FEW: usize = 64;
/// Where a bucket has more, hashes are not spread evenly.
const MOST_IN_A_BUCKET: usize = 32;

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
    for &entry in entries {
        ends[(entry >> shift) as usize] += 1;
    }
    let (mut end, mut most) = (0, 0);
    for bucket in &mut ends {
        most = most.max(*bucket);
        end += *bucket;
        *bucket = end;
    }
    let mut sorted = memory::filled(0u64, entries.len()).into_vec();
    for &entry in entries.iter().rev() {
        let start = &mut ends[(entry >> shift) as usize];
        *start -= 1;
        sorted[*start as usize] = entry;
    }
    if most as usize <= MOST_IN_A_BUCKET {
        insertion_sort(&mut sorted)
    } else {
        sorted.sort_unstable()
    }
    sorted
}

/// Sorts what is nearly sorted.
#[inline(always)]
fn insertion_sort(entries: &mut [u64]) {
    for i in 1..entries.len() {
        let entry = entries[i];
        let mut at = i;
        while at > 0 && entries[at - 1] > entry {
            entries[at] = entries[at - 1];
            at -= 1;
        }
        entries[at] = entry;
    }
}

/// The first of the entries that are in one of two ascending lists, ascending, up to that many.
#[inline(always)]
pub fn unite(left: &[u64], right: &[u64], most: usize) -> Vec<u64> {
    let most = most.min(left.len() + right.len());
    let mut both = memory::filled(0u64, most).into_vec();
    let (mut i, mut j, mut len) = (0, 0, 0);
    // Without a branch that depends on which is less.
    while i < left.len() && j < right.len() && len < most {
        let (l, r) = (left[i], right[j]);
        both[len] = l.min(r);
        len += 1;
        i += usize::from(l <= r);
        j += usize::from(r <= l);
    }
    let rest = if i < left.len() { &left[i..] } else { &right[j..] };
    let rest = &rest[..rest.len().min(most - len)];
    both[len..len + rest.len()].copy_from_slice(rest);
    both.truncate(len + rest.len());
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash::hash_u64;

    #[test]
    fn lists_are_united() {
        let list = |start: u64, step: u64, count: u64| (0..count).map(|i| start + i * step).collect::<Vec<_>>();
        for (left, right) in [(0, 0), (0, 3), (3, 0), (1, 1), (50, 70), (200, 3)] {
            let (left, right) = (list(1, 3, left), list(2, 2, right));
            let all: Vec<u64> =
                left.iter().chain(&right).copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
            for most in [0, 1, 10, all.len(), all.len() + 5] {
                assert_eq!(unite(&left, &right, most), all[..most.min(all.len())]);
            }
        }
    }

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
