//! The last merges: which of a few bins too many become one, judged by what lies around them.

use super::bins::Bins;
use super::reduce::between;
use crate::sketch::memory;

/// Which bins to merge with neighbours, so that `target` groups are left of not many more: the first bin of each.
///
/// The cost of a pair is about how many of its values a reader would then look for in a wrong place. It depends on ratios
/// of distances alone, so that every scale counts alike:
/// - how far either center moves, over the gap on its other side;
/// - a tenth of the pair, since nobody knows where in a bin its values lie;
/// - that a thin gap is bridged, or that two bins close to each other lose their scale;
/// - a whole bin's worth if the gap is ten times as thin as both beside it: what is merged there each time, be it
///   little, would in time make a bin where no values are;
/// - all values of an exact bin of several, which are known exactly and then are not.
///
/// As in [`reduce`](super::reduce::reduce), no pair may hold more than `2 N / target` values, which leaves one to merge as
/// long as there are too many bins. Values below 0 and above it are merged only if all else is forbidden.
///
/// A merge may make a cost less, so that no order is the right one. In rounds: of the pairs that are among the cheapest,
/// as many as are still to be merged, each that is cheaper than both pairs beside it.
#[inline(always)]
pub fn settle(bins: &Bins, target: usize) -> Vec<usize> {
    let mut clusters = Clusters::of(bins, target);
    while clusters.firsts.len() > target {
        clusters.merge_round(target);
    }
    clusters.firsts
}

const SIZE: f64 = 0.1;
/// What bridging a thin gap costs, and losing the scale of a close pair, of the smaller bin.
const BRIDGE: f64 = 1.0;
const CLOSE: f64 = 0.8;
/// How many times as thin as both gaps beside it an empty one is, where bins of the mean count would cost their count.
const EMPTY: f64 = 10.0;
/// For what rounding adds to the sum of all counts.
const ROUNDING: f64 = 1.0 + 1.0 / (1_u64 << 40) as f64;

/// Neighbouring bins on their way to become one, as columns.
struct Clusters {
    centers: Vec<f64>,
    counts: Vec<f64>,
    /// Of each the values that are known exactly: all of an exact bin of several, else none.
    known: Vec<f64>,
    /// Of each its first bin.
    firsts: Vec<usize>,
    /// The most values that a pair may hold.
    cap: f64,
    pairs: Pairs,
}

/// Of each cluster and the one behind it. One more stands before the first and behind the last: a missing neighbour
/// counts as the pair itself.
#[derive(Default)]
struct Pairs {
    gaps: Vec<f64>,
    /// The gap over the count: the inverse of a density.
    thins: Vec<f64>,
    costs: Vec<f64>,
    ranked: Vec<f64>,
}

impl Clusters {
    fn of(bins: &Bins, target: usize) -> Self {
        let Bins { centers, masses } = bins;
        let mut counts = memory::with_capacity(bins.len());
        counts.extend(masses.iter().map(|mass| mass.count() as f64));
        let mut known = memory::with_capacity(bins.len());
        known.extend(masses.iter().map(|mass| {
            let is_known = mass.is_exact() && mass.count() > 1;
            if is_known { mass.count() as f64 } else { 0.0 }
        }));
        let mut firsts = memory::with_capacity(bins.len());
        firsts.extend(0..bins.len());
        let cap = 2.0 * counts.iter().sum::<f64>() / target as f64 * ROUNDING;
        let centers = memory::copied(centers).into_vec();
        Clusters { centers, counts, known, firsts, cap, pairs: Pairs::default() }
    }

    /// Merges what is cheaper than its neighbours, and among the cheapest.
    #[inline(always)]
    fn merge_round(&mut self, target: usize) {
        self.find_costs();
        let Clusters { centers, counts, known, firsts, pairs, .. } = self;
        let len = centers.len();
        let mut left = len - target;
        pairs.ranked.clear();
        memory::extend(&mut pairs.ranked, &pairs.costs[1..len]);
        let (_, &mut dearest, _) = pairs.ranked.select_nth_unstable_by(left - 1, f64::total_cmp);
        let (mut kept, mut i) = (0, 0);
        while i < len {
            let (before, own, behind) = (pairs.costs[i], pairs.costs[i + 1], pairs.costs[i + 2]);
            let merges = left > 0 && own < before && own <= behind && own <= dearest;
            firsts[kept] = firsts[i];
            if merges {
                let both = counts[i] + counts[i + 1];
                centers[kept] = between(centers[i], centers[i + 1], counts[i + 1] / both);
                counts[kept] = both;
                known[kept] = 0.0;
                left -= 1;
                i += 1;
            } else {
                (centers[kept], counts[kept], known[kept]) = (centers[i], counts[i], known[i]);
            }
            kept += 1;
            i += 1;
        }
        centers.truncate(kept);
        counts.truncate(kept);
        known.truncate(kept);
        firsts.truncate(kept);
    }

    /// What it costs to merge each cluster with the next; infinite before the first and behind the last.
    #[inline(always)]
    fn find_costs(&mut self) {
        let len = self.centers.len();
        let (centers, counts, known) = (&self.centers[..len], &self.counts[..len], &self.known[..len]);
        let Pairs { gaps, thins, costs, .. } = &mut self.pairs;
        for column in [&mut *gaps, &mut *thins] {
            memory::resize(column, len + 1, 0.0);
        }
        for i in 0..len - 1 {
            // Half of it, since distances may overflow.
            gaps[i + 1] = centers[i + 1] / 2.0 - centers[i] / 2.0;
            thins[i + 1] = gaps[i + 1] / (counts[i] + counts[i + 1]);
        }
        for column in [&mut *gaps, &mut *thins] {
            (column[0], column[len]) = (column[1], column[len - 1]);
        }
        memory::resize(costs, len + 2, f64::INFINITY);
        (costs[0], costs[len], costs[len + 1]) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
        let costs = &mut costs[1..len];
        for i in 0..len - 1 {
            let (a, b) = (counts[i], counts[i + 1]);
            let both = a + b;
            let moves_a = least(gaps[i + 1] * (b / both) / gaps[i], 1.0);
            let moves_b = least(gaps[i + 1] * (a / both) / gaps[i + 2], 1.0);
            let thin = thins[i + 1];
            let denser = greatest(thins[i], thins[i + 2]) / thin;
            let (bridged, emptied) = (greatest(1.0 - denser, 0.0), greatest(1.0 - EMPTY * denser, 0.0));
            let close = greatest(1.0 - thin / least(thins[i], thins[i + 2]), 0.0);
            let cost = (a * (moves_a * moves_a) + b * (moves_b * moves_b))
                + SIZE * both
                + least(a, b) * (BRIDGE * bridged + CLOSE * close)
                + self.cap / 2.0 * emptied
                + (known[i] + known[i + 1]);
            let crosses_zero = (centers[i] < 0.0) & (centers[i + 1] > 0.0);
            let cost = if crosses_zero { f64::MAX } else { cost };
            costs[i] = if both > self.cap { f64::INFINITY } else { cost };
        }
    }
}

/// The lesser of two numbers; the second if the first is none.
#[inline(always)]
fn least(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The greater of two numbers; the second if the first is none.
#[inline(always)]
fn greatest(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::super::mass::Mass;
    use super::*;

    fn bins(values: &[(f64, u64)]) -> Bins {
        Bins {
            centers: values.iter().map(|&(center, _)| center).collect(),
            masses: values.iter().map(|&(_, count)| Mass::inexact(count)).collect(),
        }
    }

    #[test]
    fn a_heavy_value_stays_by_itself() {
        let mut bins = bins(&[(1.0, 9), (2.0, 9), (2.5, 9), (3.0, 9), (4.0, 9), (5.0, 9)]);
        bins.masses[2] = Mass::exact(30);
        for target in 3..6 {
            let firsts = settle(&bins, target);
            assert!(firsts.contains(&2) && firsts.contains(&3), "{firsts:?}");
        }
    }

    #[test]
    fn an_empty_gap_is_not_bridged_and_no_sign_is_lost() {
        let clusters = bins(&[(1.0, 5), (1.1, 5), (1.2, 5), (900.0, 5), (900.1, 5), (900.2, 5), (900.3, 5)]);
        for target in 2..7 {
            assert!(settle(&clusters, target).contains(&3));
        }
        let signs = bins(&[(-3.0, 5), (-2.0, 5), (-0.1, 5), (0.1, 5), (2.0, 5), (3.0, 5)]);
        for target in 2..6 {
            assert!(settle(&signs, target).contains(&3));
        }
        assert_eq!(settle(&bins(&[(-3.0, 5), (-1.0, 5), (0.1, 5)]), 2), [0, 2]);
        assert_eq!(settle(&bins(&[(-3.0, 5), (0.1, 1)]), 1), [0]);
    }

    #[test]
    fn whatever_the_counts_there_is_a_pair_to_merge() {
        let most = (1 << 62) / 700;
        for (center, count) in [(1.0, 1), (1.0, most), (0.0, most), (f64::MAX / 800.0, most), (5e-324, 7)] {
            let values: Vec<_> =
                (0..600).map(|i| (center * f64::from(i) - 100.0 * center, count + i as u64 % 2)).collect();
            let mut bins = bins(&values);
            bins.centers =
                values.iter().enumerate().map(|(i, &(x, _))| if center == 0.0 { i as f64 } else { x }).collect();
            for target in [2, 3, 50, 599] {
                assert_eq!(settle(&bins, target).len(), target, "{center} {count}");
            }
        }
    }
}
