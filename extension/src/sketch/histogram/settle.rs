//! The last merges: which of a few bins too many become one, judged by what lies around them.

use super::bins::Bins;
use super::reduce::between;
use crate::sketch::memory;

/// Which bins to merge with neighbours, so that `target` groups are left of not many more: the first bin of each.
///
/// The cost of a pair is about how many of its values a reader would then look for in a wrong place. It depends on ratios
/// of distances alone, so that every scale counts alike:
/// - how far either center moves, over the gap on its other side;
/// - a tenth of the pair, since nobody knows where in a bin its values lie, but of a small bin next to a large one no more
///   than that goes by the small one: its values belong where they are near, and not where few are;
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
/// A pair counts as no more than that multiple of its smaller bin.
const UNLIKE: f64 = 32.0;
/// What bridging a thin gap costs, and losing the scale of a close pair, of the smaller bin.
const BRIDGE: f64 = 1.0;
const CLOSE: f64 = 0.8;
/// How many times as thin as both gaps beside it an empty one is, where bins of the mean count would cost their count.
const EMPTY: f64 = 10.0;
/// Which bits of a cost are not looked at, so that a threshold is off by an eighth at most.
const DIGITS: u32 = 49;
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
    /// The inverse of the gap.
    nears: Vec<f64>,
    /// The gap over the count.
    thins: Vec<f64>,
    /// The count over the gap.
    denses: Vec<f64>,
    costs: Vec<f64>,
    /// Those that merge.
    chosen: Vec<usize>,
}

impl Clusters {
    fn of(bins: &Bins, target: usize) -> Self {
        let Bins { centers, masses, .. } = bins;
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
        let len = self.centers.len();
        self.pairs.choose(len - target);
        let Clusters { centers, counts, known, firsts, pairs, .. } = self;
        for &i in &pairs.chosen {
            let both = counts[i] + counts[i + 1];
            centers[i] = between(centers[i], centers[i + 1], counts[i + 1] / both);
            (counts[i], counts[i + 1], known[i]) = (both, 0.0, 0.0);
        }
        let (centers, counts, known, firsts) =
            (&mut centers[..len], &mut counts[..len], &mut known[..len], &mut firsts[..len]);
        let mut kept = 0;
        for i in 0..len {
            let count = counts[i];
            (centers[kept], counts[kept], known[kept], firsts[kept]) = (centers[i], count, known[i], firsts[i]);
            kept += usize::from(count > 0.0);
        }
        self.centers.truncate(kept);
        self.counts.truncate(kept);
        self.known.truncate(kept);
        self.firsts.truncate(kept);
    }

    /// What it costs to merge each cluster with the next; infinite before the first and behind the last.
    #[inline(always)]
    fn find_costs(&mut self) {
        let pairs = self.centers.len() - 1;
        self.pairs.resize(pairs);
        let Pairs { nears, thins, denses, costs, .. } = &mut self.pairs;
        let (centers, next_centers) = (&self.centers[..pairs], &self.centers[1..]);
        let (counts, next_counts) = (&self.counts[..pairs], &self.counts[1..]);
        let (known, next_known) = (&self.known[..pairs], &self.known[1..]);
        {
            let (nears, thins, denses) = (&mut nears[1..=pairs], &mut thins[1..=pairs], &mut denses[1..=pairs]);
            for i in 0..pairs {
                // Half of it, since distances may overflow.
                let gap = next_centers[i] / 2.0 - centers[i] / 2.0;
                let both = counts[i] + next_counts[i];
                nears[i] = 1.0 / gap;
                thins[i] = gap / both;
                denses[i] = nears[i] * both;
            }
        }
        for column in [&mut *nears, &mut *thins, &mut *denses] {
            (column[0], column[pairs + 1]) = (column[1], column[pairs]);
        }
        let (near_before, near_behind) = (&nears[..pairs], &nears[2..]);
        let (thin_before, thins, thin_behind) = (&thins[..pairs], &thins[1..=pairs], &thins[2..]);
        let (dense_before, denses, dense_behind) = (&denses[..pairs], &denses[1..=pairs], &denses[2..]);
        let costs = &mut costs[1..=pairs];
        for i in 0..pairs {
            let (a, b, thin) = (counts[i], next_counts[i], thins[i]);
            let (both, smaller) = (a + b, least(a, b));
            let moves_a = least(thin * b * near_before[i], 1.0);
            let moves_b = least(thin * a * near_behind[i], 1.0);
            let denser = greatest(thin_before[i], thin_behind[i]) * denses[i];
            let (bridged, emptied) = (greatest(1.0 - denser, 0.0), greatest(1.0 - EMPTY * denser, 0.0));
            let close = greatest(1.0 - thin * greatest(dense_before[i], dense_behind[i]), 0.0);
            let cost = (a * (moves_a * moves_a) + b * (moves_b * moves_b))
                + SIZE * least(both, UNLIKE * smaller)
                + smaller * (BRIDGE * bridged + CLOSE * close)
                + self.cap / 2.0 * emptied
                + (known[i] + next_known[i]);
            let crosses_zero = (centers[i] < 0.0) & (next_centers[i] > 0.0);
            let cost = if crosses_zero { f64::MAX } else { cost };
            costs[i] = if both > self.cap { f64::INFINITY } else { cost };
        }
    }
}

impl Pairs {
    /// Makes room for the pairs and the two beside them, which never merge.
    #[inline(always)]
    fn resize(&mut self, pairs: usize) {
        for column in [&mut self.nears, &mut self.thins, &mut self.denses, &mut self.costs] {
            memory::resize(column, pairs + 2, 0.0);
        }
        (self.costs[0], self.costs[pairs + 1]) = (f64::INFINITY, f64::INFINITY);
        memory::resize(&mut self.chosen, pairs, 0);
    }

    /// Chooses the pairs that cost less than both beside them, of equal ones the left, and are among the `merges` cheapest.
    #[inline(always)]
    fn choose(&mut self, merges: usize) {
        let pairs = self.costs.len() - 2;
        let (before, own, behind) = (&self.costs[..pairs], &self.costs[1..=pairs], &self.costs[2..]);
        let dearest = dearest_of_cheapest(own, merges);
        let chosen = &mut self.chosen[..pairs];
        let mut found = 0;
        for i in 0..pairs {
            chosen[found] = i;
            found += usize::from((own[i] < before[i]) & (own[i] <= behind[i]) & (own[i] <= dearest));
        }
        self.chosen.truncate(found.min(merges));
    }
}

/// What the dearest of the `many` cheapest pairs costs, rounded up to [`DIGITS`]: to count them takes no branches, as sorting
/// would.
#[inline(always)]
fn dearest_of_cheapest(costs: &[f64], many: usize) -> f64 {
    // Costs are positive, so that their bits ascend with them. Bit by bit: the greatest number that too few stay below.
    let mut bits = 0;
    for bit in (DIGITS..63).rev() {
        let tried = bits | 1_i64 << bit;
        let below: i64 = costs.iter().map(|cost| i64::from((cost.to_bits() as i64) < tried)).sum();
        bits = if below < many as i64 { tried } else { bits };
    }
    let rounded = f64::from_bits((bits | ((1 << DIGITS) - 1)) as u64);
    if rounded.is_nan() { f64::INFINITY } else { rounded }
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
    use super::super::bins::Bin;
    use super::super::mass::Mass;
    use super::*;

    fn bins(values: &[(f64, u64)]) -> Bins {
        let mut bins = Bins::default();
        values.iter().for_each(|&(center, count)| {
            bins.push(Bin { mass: Mass::inexact(count), ..Bin::of(center) });
        });
        bins
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
    fn a_few_values_go_to_the_nearer_bin_however_many_it_holds() {
        let bins = bins(&[(-3.0, 3000), (0.0, 3000), (0.1, 3), (1.0, 1000), (4.0, 1000)]);
        assert_eq!(settle(&bins, 4), [0, 1, 3, 4]);
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
