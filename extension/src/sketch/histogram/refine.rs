//! Fewer bins, chosen with care: the last step before a histogram is stored.

use super::bins::{Bin, Bins, greater, lesser};
use super::mass::Mass;
use super::piece::{Piece, ends_between, spacing};
use super::reduce::{between, group, reduce};

/// Histograms of fewer bins than this are merged and read as in the paper.
pub const FEW_BINS: usize = 16;
/// From so many bins for each that is to be left the choice is made.
const CHOICE: usize = 4;
/// What a merge costs for each value of the pair, beside what it does to the ranks of now: later merges find it larger.
const COST_OF_SIZE: f64 = 0.07;

/// Merges neighbours until at most `target` bins are left; returns how many values at most have moved from one side of
/// any number to the other.
///
/// The pair of least cost is merged first, the leftmost of equals, and no pair that holds more than `2 N / target`
/// values between them. A merge costs as many values as ranks change by at most when the pair is read as one bin (see
/// [`Piece`]) instead of two, and so many more as it brings over a gap that was empty, and [`COST_OF_SIZE`] of its values.
/// So what a merge would spoil stays apart: gaps, heavy values, steps of the density, the end of a scale. The cost has no
/// unit of x.
///
/// From many bins [`reduce`] first makes few: it is faster, and what it merges is narrow.
#[inline(always)]
pub fn refine(bins: &mut Bins, target: usize, field: Field) -> u64 {
    if target < FEW_BINS {
        return reduce(bins, target).moved;
    }
    let moved = reduce(bins, CHOICE * target).moved;
    if bins.len() <= target {
        return moved;
    }
    let total: u64 = bins.masses.iter().map(|mass| mass.count()).sum();
    let starts = Clusters::new(bins, 2 * total / target as u64, field).merge_down_to(target);
    let (grouped, also_moved) = group(bins, &starts);
    *bins = grouped;
    moved.saturating_add(also_moved)
}

/// Where all values lie.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The least value.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Half a step of their grid; 0 if there is none.
    pub half_step: f64,
}

/// Neighbouring bins on their way to become one.
struct Clusters {
    bins: Vec<Bin>,
    /// Of each cluster the next one and the one before, by the positions of their first bins.
    next: Vec<usize>,
    previous: Vec<usize>,
    /// Where the values of a cluster end and those of the next begin.
    ends: Vec<(f64, f64)>,
    costs: Tournament,
    cap: u64,
    field: Field,
}

const NONE: usize = usize::MAX;

impl Clusters {
    fn new(bins: &Bins, cap: u64, field: Field) -> Self {
        let len = bins.len();
        let mut clusters = Clusters {
            bins: (0..len).map(|at| bins.get(at)).collect(),
            next: (1..=len).map(|at| if at < len { at } else { NONE }).collect(),
            previous: (0..len).map(|at| at.checked_sub(1).unwrap_or(NONE)).collect(),
            ends: vec![(0.0, 0.0); len],
            costs: Tournament::new(len),
            cap,
            field,
        };
        (0..len - 1).for_each(|at| clusters.find_ends(at));
        let costs: Vec<f64> = (0..len - 1).map(|at| clusters.cost(at)).collect();
        clusters.costs.fill(&costs);
        clusters
    }

    /// The first bins of the clusters that are left. The cap leaves a pair to merge: see [`reduce`].
    fn merge_down_to(mut self, target: usize) -> Vec<usize> {
        for _ in target..self.bins.len() {
            let left = self.costs.least();
            self.merge_with_next(left);
        }
        let mut starts = Vec::with_capacity(target);
        let mut at = 0;
        while at != NONE {
            starts.push(at);
            at = self.next[at];
        }
        starts
    }

    fn merge_with_next(&mut self, left: usize) {
        let right = self.next[left];
        let (before, after) = (self.previous[left], self.next[right]);
        self.bins[left] = join(&self.bins[left], &self.bins[right]);
        self.next[left] = after;
        if after != NONE {
            self.previous[after] = left;
        }
        self.costs.set(right, f64::INFINITY);
        let two_before = if before == NONE { NONE } else { self.previous[before] };
        // Ends depend on the neighbours of both bins, and costs on the ends.
        let around = [two_before, before, left, after];
        around.into_iter().filter(|&at| at != NONE).for_each(|at| self.find_ends(at));
        for at in around.into_iter().filter(|&at| at != NONE) {
            let cost = self.cost(at);
            self.costs.set(at, cost);
        }
    }

    fn find_ends(&mut self, left: usize) {
        let bin = |at: usize| self.bins.get(at);
        if let Some(right) = bin(self.next[left]) {
            let after = bin(self.next[self.next[left]]);
            let ends = ends_between(bin(self.previous[left]), &self.bins[left], right, after, self.field.half_step);
            self.ends[left] = ends;
        }
    }

    /// How many values a merge brings over a gap, by how much wider it is, for the values beside it, than both the gaps
    /// around the pair.
    fn bridged(&self, left: usize) -> f64 {
        let right = self.next[left];
        let (a, b) = (&self.bins[left], &self.bins[right]);
        let own = spacing(a, b);
        let before = self.bins.get(self.previous[left]).map_or(own, |before| spacing(before, a));
        let after = self.bins.get(self.next[right]).map_or(own, |after| spacing(b, after));
        let fewer = a.mass.count().min(b.mass.count()) as f64;
        fewer * greater(1.0 - greater(before, after) / own, 0.0)
    }

    /// What it costs to merge a cluster with the next one; infinite if there is none, or if the cap forbids it.
    fn cost(&self, left: usize) -> f64 {
        let right = self.next[left];
        let (a, Some(b)) = (&self.bins[left], self.bins.get(right)) else { return f64::INFINITY };
        let count = a.mass.count() + b.mass.count();
        if count > self.cap {
            return f64::INFINITY;
        }
        let low = self
            .ends
            .get(self.previous[left])
            .map_or(greater(a.low, self.field.min) - self.field.half_step, |ends| ends.1);
        let high = if self.next[right] == NONE {
            lesser(b.high, self.field.max) + self.field.half_step
        } else {
            self.ends[right].0
        };
        let change = rank_change(a, b, [low, self.ends[left].0, self.ends[left].1, high]);
        change + self.bridged(left) + COST_OF_SIZE * count as f64
    }
}

/// By how many values at most ranks change at the ends and the centers of two bins that become one.
#[inline(always)]
fn rank_change(a: &Bin, b: &Bin, [low, end, start, high]: [f64; 4]) -> f64 {
    let (a_count, b_count) = (a.mass.count() as f64, b.mass.count() as f64);
    let count = a_count + b_count;
    let merged = Piece::new(low, between(a.center, b.center, b_count / count), high);
    let change = |x: f64, below: f64| (below - count * merged.share_below(x)).abs();
    let mut most = greater(change(end, a_count), change(start, a_count));
    // Of equal values none lies below their center.
    let below_a = if low < a.center { Piece::new(low, a.center, end).share_below(a.center) } else { 0.0 };
    let below_b = if b.center < high { Piece::new(start, b.center, high).share_below(b.center) } else { 1.0 };
    most = greater(most, change(a.center, a_count * below_a));
    greater(most, change(b.center, a_count + b_count * below_b))
}

fn join(a: &Bin, b: &Bin) -> Bin {
    let count = a.mass.count() + b.mass.count();
    Bin {
        center: between(a.center, b.center, b.mass.count() as f64 / count as f64),
        mass: Mass::inexact(count),
        low: lesser(a.low, b.low),
        high: greater(a.high, b.high),
    }
}

/// Costs, the least of which is at hand: a tree whose nodes know the lesser of two.
struct Tournament {
    costs: Vec<f64>,
    winners: Vec<u32>,
    slots: usize,
}

impl Tournament {
    fn new(len: usize) -> Self {
        let slots = len.next_power_of_two();
        Tournament { costs: vec![f64::INFINITY; slots], winners: vec![0; 2 * slots], slots }
    }

    fn fill(&mut self, costs: &[f64]) {
        self.costs[..costs.len()].copy_from_slice(costs);
        (0..self.slots).for_each(|at| self.winners[self.slots + at] = at as u32);
        (1..self.slots).rev().for_each(|node| self.play(node));
    }

    fn set(&mut self, at: usize, cost: f64) {
        self.costs[at] = cost;
        let mut node = (self.slots + at) / 2;
        while node > 0 {
            self.play(node);
            node /= 2;
        }
    }

    fn play(&mut self, node: usize) {
        let (left, right) = (self.winners[2 * node], self.winners[2 * node + 1]);
        self.winners[node] = if self.costs[right as usize] < self.costs[left as usize] { right } else { left };
    }

    /// The leftmost one of the least cost.
    fn least(&self) -> usize {
        self.winners[1] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANYWHERE: Field = Field { min: -1e300, max: 1e300, half_step: 0.0 };

    fn bins_of(values: impl Iterator<Item = (f64, u64)>) -> Bins {
        let mut bins = Bins::default();
        values.for_each(|(center, count)| bins.push(Bin::exact(center, Mass::exact(count))));
        bins
    }

    #[test]
    fn clusters_and_heavy_values_stay_apart() {
        let clusters = (0..18).flat_map(|i| (0..8).map(move |j| (f64::from(1000 * i + j), 1)));
        let mut bins = bins_of(clusters);
        refine(&mut bins, 20, ANYWHERE);
        assert!((0..bins.len()).all(|at| bins.highs[at] - bins.lows[at] < 10.0), "{bins:?}");
        let mut bins = bins_of((0..100).map(|i| (f64::from(i), if i % 10 == 5 { 300 } else { 1 })));
        refine(&mut bins, 40, ANYWHERE);
        assert_eq!(bins.masses.iter().filter(|mass| **mass == Mass::exact(300)).count(), 10);
    }

    #[test]
    fn no_bin_of_different_values_is_above_the_cap() {
        let mut bins = bins_of((0..500).map(|i| (1.05f64.powi(i), 1 + (i as u64 % 7) * 10)));
        let total: u64 = bins.masses.iter().map(|mass| mass.count()).sum();
        refine(&mut bins, 50, ANYWHERE);
        assert_eq!(bins.len(), 50);
        assert!(bins.masses.iter().all(|mass| mass.is_exact() || mass.count() <= 2 * total / 50));
    }
}
