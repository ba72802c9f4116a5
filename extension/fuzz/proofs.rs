//! A search for values and merges that break what a histogram proves of its quantiles.
//!
//! It climbs: one value is changed at a time, and the change stays if the brackets become no wider. What would break a
//! proof is near where they are narrowest.

use duckdb_sketch::sketch::histogram::{Histogram, HistogramBuilder, MaxBins};

use crate::random::Random;

/// How many changes are tried from each start.
const STEPS: usize = 40;

/// Searches from so many starts; returns what was broken.
pub fn search(seed: u64, starts: u64) -> Vec<String> {
    (0..starts).filter_map(|start| climb(&mut Random::of_case(seed ^ 0x9001, start)).err()).collect()
}

fn climb(random: &mut Random) -> Result<(), String> {
    let shape = Shape::any(random);
    let kind = random.below(5);
    let mut values: Vec<f64> = (0..4 + random.below(120)).map(|i| any_value(random, kind, i)).collect();
    let mut narrowest = shape.width(&values)?;
    for _ in 0..STEPS {
        let mut changed = values.clone();
        let (at, other) = (random.below(values.len()), random.below(values.len()));
        changed[at] = match random.below(5) {
            0 => values[other],
            1 => values[other].next_up(),
            2 => values[at] / 2.0 + values[other] / 2.0,
            3 => values[at] * (1.0 + random.below(100) as f64 / 50.0),
            _ => any_value(random, kind, at),
        };
        changed.iter_mut().for_each(|value| *value = value.clamp(-f64::MAX, f64::MAX));
        let width = shape.width(&changed)?;
        if width <= narrowest {
            (values, narrowest) = (changed, width);
        }
    }
    Ok(())
}

fn any_value(random: &mut Random, kind: usize, i: usize) -> f64 {
    let uniform = random.bits() as f64 / u64::MAX as f64;
    match kind {
        0 => (uniform * 30.0).floor(),
        1 => uniform - 0.5,
        2 => (1.7e9 + uniform).next_up(),
        3 => (2.0 * uniform - 1.0) * 10f64.powi((i * 7 % 40) as i32 - 20),
        _ => random.finite().clamp(-f64::MAX, f64::MAX),
    }
}

/// How values become one histogram.
struct Shape {
    bins: MaxBins,
    /// So many values make a part, and so many parts are merged at once; `chained` merges one after the other.
    part: usize,
    branch: usize,
    chained: bool,
}

impl Shape {
    fn any(random: &mut Random) -> Self {
        Shape {
            bins: MaxBins::new(random.pick(&[2, 3, 5, 8, 16, 17, 20])).expect("in range"),
            part: random.pick(&[1, 3, 10, 40, 1000]),
            branch: random.pick(&[2, 3, 8]),
            chained: random.one_in(2),
        }
    }

    fn histogram(&self, values: &[f64]) -> Histogram {
        let stored = |builder: &HistogramBuilder, wide: bool| {
            let histogram = if wide { builder.finish_wide() } else { builder.finish() };
            Histogram::parse(&histogram.to_bytes()).expect("what was written is read")
        };
        let union = |parts: &[Histogram], wide: bool| {
            let mut builder = HistogramBuilder::new(self.bins);
            parts.iter().for_each(|part| builder.merge_histogram(part).expect("few values"));
            stored(&builder, wide)
        };
        let parts = values.chunks(self.part).map(|part| {
            let mut builder = HistogramBuilder::new(self.bins);
            builder.extend(part).expect("few values");
            stored(&builder, false)
        });
        if self.chained {
            return parts.reduce(|chain, part| union(&[chain, part], true)).expect("a part");
        }
        let branches: Vec<_> = parts.collect::<Vec<_>>().chunks(self.branch).map(|parts| union(parts, false)).collect();
        union(&branches, false)
    }

    /// How wide the brackets of all ranks are together, in ranks; an error if one does not hold the true quantile.
    fn width(&self, values: &[f64]) -> Result<usize, String> {
        let histogram = self.histogram(values);
        let mut ordered = values.to_vec();
        ordered.sort_by(f64::total_cmp);
        let mut width = 0;
        for (i, &truth) in ordered.iter().enumerate() {
            let q = (i + 1) as f64 / ordered.len() as f64;
            let bounds = histogram.quantile_bounds(q).map_err(|error| error.to_string())?.ok_or("no values")?;
            if !(bounds.lower <= truth && truth <= bounds.upper) {
                return Err(format!("{q}: {bounds:?} do not hold {truth:?}, of {values:?} in {:?} bins", self.bins));
            }
            let rank = |x: f64| ordered.partition_point(|&value| value < x);
            width += rank(bounds.upper) - rank(bounds.lower);
        }
        Ok(width)
    }
}
