//! Cubic interpolation between DataSketches' published points (see NOTICE), kept as data files that the portable
//! backend shares.

use std::sync::LazyLock;

use super::lg_k::LgK;

const COMPOSITE: &str = include_str!("../../../../duckdb_sketch/data/hll_composite_interpolation.csv");
const COUPONS: &str = include_str!("../../../../duckdb_sketch/data/hll_coupon_interpolation.csv");

/// Points in ascending order of `x`.
struct Curve {
    points: Vec<(f64, f64)>,
}

/// Of each lg_k from 4: raw estimate to count.
static COMPOSITE_CURVES: LazyLock<Vec<Curve>> = LazyLock::new(|| {
    rows(COMPOSITE)
        .map(|row| {
            let [_, y_stride, ref xs @ ..] = row[..] else { unreachable!("lg_k, y_stride, x0, …") };
            Curve { points: xs.iter().enumerate().map(|(i, &x)| (x, y_stride * i as f64)).collect() }
        })
        .collect()
});

/// Number of coupons to count, for the 26 bits of a coupon's address.
static COUPON_CURVE: LazyLock<Curve> =
    LazyLock::new(|| Curve { points: rows(COUPONS).map(|row| (row[0], row[1])).collect() });

/// The rows of a data file of the crate, header left out.
pub(super) fn rows(csv: &'static str) -> impl Iterator<Item = Vec<f64>> {
    csv.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect())
}

/// The count behind a raw estimate; `None` if it is less than that of an empty sketch.
#[inline(always)]
pub fn composite(lg_k: LgK, raw_estimate: f64) -> Option<f64> {
    let curve = &COMPOSITE_CURVES[usize::from(lg_k.get()) - 4];
    let (first_x, _) = curve.points[0];
    let (last_x, last_y) = curve.points[curve.points.len() - 1];
    if raw_estimate < first_x {
        None
    } else if raw_estimate > last_x {
        Some(raw_estimate * (last_y / last_x))
    } else {
        Some(curve.at(raw_estimate))
    }
}

/// The count behind a number of different coupons.
pub fn coupons(count: u32) -> f64 {
    COUPON_CURVE.at(f64::from(count))
}

impl Curve {
    /// The cubic through the four points around `x`, which lies on the curve.
    #[inline(always)]
    fn at(&self, x: f64) -> f64 {
        let points = &self.points;
        let (last_x, last_y) = points[points.len() - 1];
        if x >= last_x {
            return last_y;
        }
        let at_or_before = points.partition_point(|&(point_x, _)| point_x <= x).saturating_sub(1);
        let first = at_or_before.saturating_sub(1).min(points.len() - 4);
        let nearest = points[first..].first_chunk().expect("a curve has four points");
        lagrange(nearest, x)
    }
}

/// Lagrange's polynomial through four points.
#[inline(always)]
fn lagrange(&[(x0, y0), (x1, y1), (x2, y2), (x3, y3)]: &[(f64, f64); 4], x: f64) -> f64 {
    let (d0, d1, d2, d3) = (x - x0, x - x1, x - x2, x - x3);
    y0 * (d1 * d2 * d3) / ((x0 - x1) * (x0 - x2) * (x0 - x3))
        + y1 * (d0 * d2 * d3) / ((x1 - x0) * (x1 - x2) * (x1 - x3))
        + y2 * (d0 * d1 * d3) / ((x2 - x0) * (x2 - x1) * (x2 - x3))
        + y3 * (d0 * d1 * d2) / ((x3 - x0) * (x3 - x1) * (x3 - x2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_whole() {
        assert_eq!(COMPOSITE_CURVES.len(), 18);
        assert!(COMPOSITE_CURVES.iter().all(|curve| curve.points.len() == 257));
        assert_eq!(COUPON_CURVE.points.len(), 40);
        for curve in COMPOSITE_CURVES.iter().chain([&*COUPON_CURVE]) {
            assert!(curve.points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
        }
    }

    #[test]
    fn passes_through_the_points() {
        for &(x, y) in &COUPON_CURVE.points {
            assert!((COUPON_CURVE.at(x) - y).abs() <= 1e-9 * y.max(1.0));
        }
    }
}
