//! Fewer bins: which neighbours to merge.

use super::bins::{Bin, Bins};
use super::mass::Mass;
use super::settle::settle;
use crate::sketch::memory;

/// What a reduction did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reduction {
    /// What the dearest merge cost; 0 if there was none.
    pub dearest: f64,
    /// How many values at most have moved from one side of any number to the other.
    pub moved: u64,
}

/// Merges neighbours until at most `target` bins are left.
///
/// The pair of least cost is merged first, the cost being *gap × combined count*, and no pair that holds more than
/// `2 N / target` values between them; one with 0 between them only if no other is left. (The paper merges the pair of least *gap*, which spends all bins on the far tail
/// of skewed data.) The cap leaves a pair to merge as long as there are more than `target` bins: the pairs of
/// neighbours hold fewer than `2 N` values together, so that one of `target` pairs or more holds no more than
/// `2 N / target`.
///
/// *What is guaranteed.* Let `S(x)` be the sum of the counts of the bins with centers `<= x`. A group of bins that
/// become one changes `S(x)` only for an `x` between its own outermost centers, and there by its values left of its new
/// center, or by those right of it: by less than its count, which the cap keeps at or below `2 N / target`. Groups do
/// not overlap, so one `x` meets at most one. So a reduction of exact bins leaves every `S(x)` within `2 N / target` of
/// the number of values `<= x`; a bin of one repeated value may hold more, but moves nothing. Pooling histograms adds
/// their errors, as it adds their counts. The sum of all terms, the *slack*, is carried along and stored: see
/// [`Histogram::rank_error`](super::Histogram::rank_error). It is a bound of the worst case; measured errors are far
/// smaller, since they have either sign.
#[inline(always)]
pub fn reduce(bins: &mut Bins, target: usize) -> Reduction {
    if bins.len() <= target {
        return Reduction::default();
    }
    let total: u64 = bins.masses.iter().map(|mass| mass.count()).sum();
    let costs = merge_costs(bins, 2 * total / target as u64);
    let (starts, dearest) = cut(&costs, bins.len() - target);
    let (grouped, moved) = group(bins, &starts);
    *bins = grouped;
    Reduction { dearest, moved }
}

/// The same for bins that are to be stored: down to [`BEFORE_SETTLING`] as many, and then as [`settle`] chooses.
///
/// Groups are made of the bins that there were, so that what is guaranteed is that of one reduction.
#[inline(always)]
pub fn reduce_to_store(bins: &mut Bins, target: usize) -> Reduction {
    let total: u64 = bins.masses.iter().map(|mass| mass.count()).sum();
    if bins.len() <= target || total <= FEW * target as u64 {
        return reduce(bins, target);
    }
    let wide = BEFORE_SETTLING * target;
    let (grouped, moved) = if bins.len() > wide {
        let starts = cut(&merge_costs(bins, 2 * total / wide as u64), bins.len() - wide).0;
        let mut chosen = settle(&group(bins, &starts).0, target);
        chosen.iter_mut().for_each(|first| *first = starts[*first]);
        group(bins, &chosen)
    } else {
        group(bins, &settle(bins, target))
    };
    *bins = grouped;
    Reduction { dearest: 0.0, moved }
}

/// How many times as many bins the last merges choose from.
const BEFORE_SETTLING: usize = 2;
/// With no more values per bin than this, what lies around a pair is chance: all merges are those of [`reduce`].
pub(super) const FEW: u64 = 2;

/// Fewer clusters than this, or fewer merges than one in that many of them, and a round is slower than the chain.
const WORTH_A_ROUND: usize = 64;
const LEAST_MERGED: usize = 8;

/// For each gap between bins, what its merge costs at the time when the cheapest pair is always merged first; infinite
/// where the cap forbids it.
///
/// Merging never makes a cost less: the merged center is farther from a neighbour than the nearer part was, and the
/// count is greater. So a pair that costs less than both pairs beside it will be merged before they change, and it does
/// not matter when. All such pairs are merged in rounds, which need no branches, as long as these bring much; the chain
/// does the rest.
#[inline(always)]
fn merge_costs(bins: &Bins, cap: u64) -> Box<[f64]> {
    let mut costs = memory::filled(f64::INFINITY, bins.len() - 1);
    let mut clusters = Clusters {
        centers: memory::copied(&bins.centers).into_vec(),
        counts: memory::with_capacity(bins.len()),
        firsts: memory::with_capacity(bins.len()),
    };
    clusters.counts.extend(bins.masses.iter().map(|mass| mass.count()));
    clusters.firsts.extend(0..bins.len());
    let mut pairs = Pairs::default();
    while clusters.len() >= WORTH_A_ROUND {
        let before = clusters.len();
        clusters.merge_cheapest_neighbours(cap, &mut pairs, &mut costs);
        if (before - clusters.len()) * LEAST_MERGED < before {
            break;
        }
    }
    merge_in_chain(&clusters, cap, &mut costs);
    costs
}

/// What it costs to merge two clusters. Finite, even if the gap is not: only what the cap forbids is infinite. What lies
/// on both sides of 0 is merged last.
#[inline(always)]
fn cost(left: f64, right: f64, count: u64, cap: u64) -> f64 {
    let crosses_zero = (left < 0.0) & (right > 0.0);
    let cost = if crosses_zero { f64::MAX } else { ((right - left) * count as f64).min(f64::MAX) };
    if count > cap { f64::INFINITY } else { cost }
}

/// Neighbouring bins on their way to become one, as columns.
struct Clusters {
    centers: Vec<f64>,
    counts: Vec<u64>,
    /// Of each its first bin.
    firsts: Vec<usize>,
}

/// Of each cluster and the one behind it what their merge costs, and the center that it makes.
#[derive(Default)]
struct Pairs {
    costs: Vec<f64>,
    centers: Vec<f64>,
}

impl Clusters {
    fn len(&self) -> usize {
        self.centers.len()
    }

    /// Merges each pair that costs less than both pairs beside it, of equal ones the left, and writes down what all
    /// pairs cost now.
    #[inline(always)]
    fn merge_cheapest_neighbours(&mut self, cap: u64, pairs: &mut Pairs, costs: &mut [f64]) {
        let len = self.len();
        let Clusters { centers, counts, firsts } = self;
        // Behind the last cluster is none to merge it with.
        memory::resize(&mut pairs.costs, len + 1, f64::INFINITY);
        pairs.costs[len - 1..].fill(f64::INFINITY);
        memory::resize(&mut pairs.centers, len, f64::INFINITY);
        let beside = centers.windows(2).zip(counts.windows(2));
        for ((pair_cost, mean), (centers, counts)) in pairs.costs.iter_mut().zip(&mut pairs.centers).zip(beside) {
            let count = counts[0] + counts[1];
            *pair_cost = cost(centers[0], centers[1], count, cap);
            *mean = between(centers[0], centers[1], counts[1] as f64 / count as f64);
        }
        for (first, pair_cost) in firsts[1..].iter().zip(&pairs.costs) {
            costs[first - 1] = *pair_cost;
        }
        let (mut kept, mut left, mut is_absorbed) = (0, f64::INFINITY, false);
        for i in 0..len {
            let (own, right) = (pairs.costs[i], pairs.costs[i + 1]);
            let merges = (own < left) & (own <= right);
            let behind = counts[(i + 1).min(len - 1)];
            centers[kept] = select(merges, pairs.centers[i], centers[i]);
            counts[kept] = counts[i] + select(merges, behind, 0);
            firsts[kept] = firsts[i];
            // What was merged into the cluster before is overwritten by the next.
            kept += usize::from(!is_absorbed);
            (left, is_absorbed) = (own, merges);
        }
        self.centers.truncate(kept);
        self.counts.truncate(kept);
        self.firsts.truncate(kept);
    }
}

/// One of two values, chosen without a branch: the CPU could not predict it.
#[inline(always)]
fn select<T>(condition: bool, if_true: T, if_false: T) -> T {
    #[cfg(has_select_unpredictable)]
    #[allow(clippy::incompatible_msrv)] // build.rs has looked
    return std::hint::select_unpredictable(condition, if_true, if_false);
    #[cfg(not(has_select_unpredictable))]
    if condition { if_true } else { if_false }
}

/// A cluster of the chain.
#[derive(Clone, Copy)]
struct Cluster {
    center: f64,
    count: u64,
    /// Its first bin.
    first: usize,
    /// What it costs to merge it with the cluster to its left.
    cost: f64,
}

/// Merges all that the cap allows, and writes down what each merge cost. The chain of nearest neighbours (Murtagh, "A
/// Survey of Recent Advances in Hierarchical Clustering Algorithms", 1983) finds the merges without a heap, in linear
/// time.
#[inline(always)]
fn merge_in_chain(clusters: &Clusters, cap: u64, costs: &mut [f64]) {
    clusters.firsts.iter().skip(1).for_each(|first| costs[first - 1] = f64::INFINITY);
    let cost = |left: &Cluster, right: &Cluster| cost(left.center, right.center, left.count + right.count, cap);
    // Costs between the clusters on the left fall from left to right; `back` holds clusters that return to the right.
    let mut left: Vec<Cluster> = Vec::with_capacity(64);
    let mut back: Vec<Cluster> = Vec::with_capacity(16);
    let mut next = 0;
    loop {
        let right = back.last().copied().or_else(|| {
            let (&center, cost) = (clusters.centers.get(next)?, f64::INFINITY);
            Some(Cluster { center, count: clusters.counts[next], first: clusters.firsts[next], cost })
        });
        let right_cost = match (left.last(), &right) {
            (Some(top), Some(right)) => cost(top, right),
            _ => f64::INFINITY,
        };
        match (left.last().copied(), right) {
            (Some(top), _) if top.cost < f64::INFINITY && top.cost <= right_cost => {
                left.pop();
                let Some(below) = left.pop() else { unreachable!("a finite cost is that of two clusters") };
                costs[top.first - 1] = top.cost;
                let count = below.count + top.count;
                let center = between(below.center, top.center, top.count as f64 / count as f64);
                let mut merged = Cluster { center, count, first: below.first, cost: f64::INFINITY };
                if let Some(beside) = left.last() {
                    merged.cost = cost(beside, &merged);
                }
                match left.last() {
                    Some(beside) if beside.cost < f64::INFINITY && beside.cost <= merged.cost => {
                        memory::push(&mut back, merged);
                    }
                    _ => memory::push(&mut left, merged),
                }
            }
            (_, Some(right)) => {
                if back.pop().is_none() {
                    next += 1;
                }
                memory::push(&mut left, Cluster { cost: right_cost, ..right });
            }
            (_, None) => return,
        }
    }
}

/// The first bin of each group when the `merges` cheapest gaps are closed, of equal ones the leftmost; and what the
/// dearest of them costs.
#[inline(always)]
fn cut(costs: &[f64], merges: usize) -> (Vec<usize>, f64) {
    let mut ranked = memory::copied(costs);
    let (below, &mut threshold, _) = ranked.select_nth_unstable_by(merges - 1, f64::total_cmp);
    let mut at_threshold = merges - below.iter().filter(|&&cost| cost < threshold).count();
    let mut starts = memory::with_capacity(costs.len() + 1 - merges);
    starts.push(0);
    for (gap, &cost) in costs.iter().enumerate() {
        if cost == threshold && at_threshold > 0 {
            at_threshold -= 1;
        } else if cost >= threshold {
            starts.push(gap + 1);
        }
    }
    (starts, threshold)
}

/// The bins of each group as one bin, and how many values at most have moved from one side of any number to the other.
#[inline(always)]
fn group(old: &Bins, starts: &[usize]) -> (Bins, u64) {
    let mut grouped = Bins::with_capacity(starts.len());
    let mut moved = 0;
    for (i, &start) in starts.iter().enumerate() {
        let end = starts.get(i + 1).copied().unwrap_or(old.len());
        let (centers, masses) = (&old.centers[start..end], &old.masses[start..end]);
        let extent = old.extents[start..end].iter().fold(old.extents[start], |hull, &extent| hull.hull(extent));
        if end - start == 1 {
            grouped.push(Bin { center: centers[0], mass: masses[0], extent });
            continue;
        }
        let count: u64 = masses.iter().map(|mass| mass.count()).sum();
        let center = mean(centers, masses, count);
        let (mut left, mut right) = (0, 0);
        for (&other, mass) in centers.iter().zip(masses) {
            left += if other < center { mass.count() } else { 0 };
            right += if other > center { mass.count() } else { 0 };
        }
        moved = moved.max(left).max(right);
        grouped.push(Bin { center, mass: Mass::inexact(count), extent });
    }
    (grouped, moved)
}

/// The mean of bins that hold `count` values together.
#[inline(always)]
pub(super) fn mean(centers: &[f64], masses: &[Mass], count: u64) -> f64 {
    let (first, last) = (centers[0], centers[centers.len() - 1]);
    // Away from the center nearest to 0, so that no digits are lost; but not where that would overflow.
    let nearest = if last <= 0.0 { last } else { first };
    let origin = if (last - first).is_finite() { nearest } else { 0.0 };
    let share = |(center, mass): (&f64, &Mass)| (center - origin) * (mass.count() as f64 / count as f64);
    let mean = origin + centers.iter().zip(masses).map(share).sum::<f64>();
    mean.clamp(first, last)
}

/// The point that divides the way from `a` to `b` at `fraction`; never outside it, and finite however far they are
/// apart.
#[inline(always)]
pub fn between(a: f64, b: f64, fraction: f64) -> f64 {
    let way = b - a;
    let point = if way.is_finite() { a + way * fraction } else { a * (1.0 - fraction) + b * fraction };
    point.clamp(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins_of(values: &[(f64, u64)]) -> Bins {
        let mut bins = Bins::default();
        values.iter().for_each(|&(center, count)| bins.push(Bin::exact(center, count)));
        bins
    }

    /// One pair at a time, the cheapest, the leftmost of equals.
    fn one_by_one(values: &[(f64, u64)], target: usize) -> Vec<(f64, u64)> {
        let mut bins = values.to_vec();
        let total: u64 = values.iter().map(|&(_, count)| count).sum();
        while bins.len() > target {
            let cost = |i: usize| (bins[i + 1].0 - bins[i].0) * (bins[i].1 + bins[i + 1].1) as f64;
            let allowed = |&i: &usize| bins[i].1 + bins[i + 1].1 <= 2 * total / target as u64;
            let best = (0..bins.len() - 1).filter(allowed).min_by(|&a, &b| cost(a).total_cmp(&cost(b))).unwrap();
            let (right, (center, count)) = (bins.remove(best + 1), bins[best]);
            let together = count + right.1;
            bins[best] = (between(center, right.0, right.1 as f64 / together as f64), together);
        }
        bins
    }

    #[test]
    fn rounds_and_chain_find_what_one_by_one_finds() {
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        for case in 0..200 {
            let mut center = 0.0;
            let values: Vec<(f64, u64)> = (0..3 + 2 * case)
                .map(|i| {
                    center += match case % 4 {
                        0 => random(),
                        1 => (6.0 * random()).exp(),
                        2 => 1.3f64.powi(i),
                        _ => 1.0,
                    };
                    (center, 1 + (10.0 * random() * random()) as u64)
                })
                .collect();
            let target = 2 + (random() * (values.len() - 2) as f64) as usize;
            let mut bins = bins_of(&values);
            reduce(&mut bins, target);
            let expected = one_by_one(&values, target);
            assert_eq!(bins.len(), expected.len().min(target));
            for (i, &(center, count)) in expected.iter().enumerate() {
                assert!((bins.centers[i] - center).abs() <= 1e-9 * center.abs().max(1.0), "case {case}");
                assert_eq!(bins.masses[i].count(), count, "case {case}");
            }
        }
    }

    #[test]
    fn no_bin_of_different_values_is_above_the_cap() {
        let values: Vec<(f64, u64)> = (0..500).map(|i| (1.05f64.powi(i), 1 + (i as u64 % 7) * 10)).collect();
        let total: u64 = values.iter().map(|&(_, count)| count).sum();
        let mut bins = bins_of(&values);
        reduce(&mut bins, 50);
        assert!(bins.masses.iter().all(|mass| mass.is_exact() || mass.count() <= 2 * total / 50));
    }

    #[test]
    fn values_at_the_ends_of_the_range_stay_finite() {
        let values: Vec<(f64, u64)> = (0..20).map(|i| (f64::from(i - 10) * 1.7e307, 1)).collect();
        let mut bins = bins_of(&values);
        reduce(&mut bins, 3);
        assert!(bins.len() <= 3 && bins.centers.iter().all(|center| center.is_finite()));
    }
}
