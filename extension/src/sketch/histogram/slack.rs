//! Slack: a bound of the error of rank that is carried along and holds by construction.
//!
//! Number the gaps of a histogram: gap `j` lies between bin `j - 1` (its center included) and bin `j` (excluded). Let
//! `C(j)` be the sum of the counts before it, and `T(x)` the true number of values `<= x`. The slack of the gap promises
//!
//! > `|T(x) - C(j)| <= slack(j)` for each `x` in gap `j`.
//!
//! *Values.* Bins that each hold equal values keep the promise with slack 0.
//!
//! *Pooling.* The bins of several histograms, sorted together, hold the sum of their values: `T` and, at each `x`, `C` add up.
//! So do the slacks, as functions of `x`: each histogram's is a staircase that steps at its own centers.
//!
//! *Merging neighbours.* Let bins become groups, and consider the gap between the centers `g` of a group and `h` of the
//! next, with `C'` the sum of the counts up to the end of the first group. An `x` in it lies in an old gap `j`, so that `|T(x) - C'| <=
//! slack(j) + |C(j) - C'|`. The greatest such sum over the old gaps that meet `[g, h)` is the new slack.
//!
//! *One reduction.* If all slacks were 0 before it, `|C(j) - C'|` is less than the count of one group, since a gap that meets `[g, h)` lies
//! between bins of the two groups, on the far side of their centers. No group that merged different values holds more than `2 N / bins`
//! (see [`reduce`](super::reduce)): so sorted data, cut into bins once, has ranks within `2 / bins` of the truth, and repeated
//! values, which are never moved, add nothing. Further merges add their own terms; the slack says how much it came to.

use super::bins::Bins;

/// 255 squared: the steps are squares, so that small slacks are kept finely.
const SCALE: u128 = 255 * 255;

/// What a stored byte promises, for a histogram of `count` values.
pub fn decode(byte: u8, count: u64) -> u64 {
    let square = u128::from(byte) * u128::from(byte);
    (u128::from(count) * square).div_ceil(SCALE) as u64
}

/// The least byte that promises as much.
pub fn encode(slack: u64, count: u64) -> u8 {
    if slack == 0 {
        return 0;
    }
    // ceil(N s² / 255²) >= slack where s > 255 sqrt((slack - 1) / N); the loop mends what rounding did to the root.
    let root = ((slack - 1) as f64 / count as f64).sqrt() * 255.0;
    let mut byte = (root.min(254.0) as u8).max(1);
    while byte < 255 && decode(byte, count) < slack {
        byte += 1;
    }
    byte
}

/// The slacks after neighbours were merged: group `i` holds the old bins `starts[i]..starts[i + 1]` and has the center
/// `centers[i]`.
pub fn of_groups(old: &Bins, starts: &[usize], centers: &[f64]) -> Vec<u64> {
    let mut slacks = Vec::with_capacity(centers.len() + 1);
    let count_of = |bins: std::ops::Range<usize>| old.masses[bins].iter().map(|mass| mass.count()).sum::<u64>();
    let total = count_of(0..old.len());
    for after in 0..=centers.len() {
        // The gap between group `after - 1` and group `after`, and where the old bins part.
        let boundary = if after == centers.len() { old.len() } else { starts[after] };
        let mut worst = old.slacks[boundary];
        let mut moved = 0;
        if after > 0 {
            // Values of the group before that stood right of its center, and count as left of the gap now.
            for bin in (starts[after - 1]..boundary).rev().take_while(|&bin| old.centers[bin] > centers[after - 1]) {
                moved += old.masses[bin].count();
                worst = worst.max(old.slacks[bin] + moved);
            }
        }
        moved = 0;
        if after < centers.len() {
            // Values of the group behind that stood left of its center, and count as right of the gap now.
            let end = starts.get(after + 1).copied().unwrap_or(old.len());
            for bin in (boundary..end).take_while(|&bin| old.centers[bin] < centers[after]) {
                moved += old.masses[bin].count();
                worst = worst.max(old.slacks[bin + 1] + moved);
            }
        }
        slacks.push(worst.min(total));
    }
    slacks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_slack_never_promises_too_much() {
        for count in [1, 2, 50, 1000, 123_456_789, super::super::mass::MAX_COUNT] {
            for part in 0..=100 {
                let slack = (u128::from(count) * part / 100) as u64;
                let kept = decode(encode(slack, count), count);
                assert!(kept >= slack && kept <= count, "{slack} of {count} became {kept}");
                assert_eq!(encode(kept, count), encode(slack, count), "storing twice must not grow it");
            }
        }
    }
}
