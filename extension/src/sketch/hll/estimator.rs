//! How many distinct values an image counted: DataSketches' estimators, so that the same bytes give the same number
//! there and here.

use super::image::HllImage;
use super::interpolation;
use super::lg_k::LgK;
use super::registers::Summary;
use crate::sketch::Error;

impl HllImage<'_> {
    /// How many distinct values it counted: HIP where the image carries it, else by coupons or composite.
    #[inline(always)]
    pub fn estimate(&self) -> Result<f64, Error> {
        match (self.coupon_count(), self.hip()) {
            (Some(count), _) => Ok(interpolation::coupons(count).max(f64::from(count))),
            (None, Some(hip)) => Ok(hip),
            (None, None) => Ok(composite(self.lg_k(), self.summary()?)),
        }
    }
}

/// The estimator of merged sketches: the raw estimate corrected by interpolation, and linear counting where that is
/// better. The thresholds are DataSketches' own (`HllArray::getCompositeEstimate`), measured at the crossover of the
/// two errors.
#[inline(always)]
fn composite(lg_k: LgK, summary: Summary) -> f64 {
    let k = f64::from(lg_k.k());
    let Some(adjusted) = interpolation::composite(lg_k, raw(lg_k, summary.kxq0 + summary.kxq1)) else {
        return 0.0;
    };
    if adjusted > 3.0 * k {
        return adjusted;
    }
    let linear = linear_counting(lg_k, summary.unhit());
    let crossover = match lg_k.get() {
        4 => 0.718,
        5 => 0.672,
        _ => 0.64,
    };
    // The mean of both is compared: less biased than either.
    if (adjusted + linear) / 2.0 > crossover * k { adjusted } else { linear }
}

/// Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog" (2007), figure 3.
#[inline(always)]
fn raw(lg_k: LgK, sum_of_inverse_powers: f64) -> f64 {
    let k = f64::from(lg_k.k());
    let correction = match lg_k.get() {
        4 => 0.673,
        5 => 0.697,
        6 => 0.709,
        _ => 0.7213 / (1.0 + 1.079 / k),
    };
    correction * k * k / sum_of_inverse_powers
}

/// How many balls were thrown if `unhit` of `k` bins are empty, in expectation: the coupon collector's problem.
fn linear_counting(lg_k: LgK, unhit: u32) -> f64 {
    let k = f64::from(lg_k.k());
    if unhit == 0 {
        return k * (k / 0.5).ln();
    }
    k * (harmonic(lg_k.k()) - harmonic(unhit))
}

/// The harmonic number `1 + 1/2 + … + 1/n`.
fn harmonic(n: u32) -> f64 {
    const EULER_MASCHERONI: f64 = 0.577_215_664_901_532_9;
    if n < 25 {
        return (1..=n).map(|i| 1.0 / f64::from(i)).sum();
    }
    // Euler and Maclaurin: the terms left out are below the precision of a double from 25 on.
    let n = f64::from(n);
    let square = 1.0 / (n * n);
    let tail = square * (-1.0 / 12.0 + square * (1.0 / 120.0 + square * (-1.0 / 252.0 + square / 240.0)));
    n.ln() + EULER_MASCHERONI + 0.5 / n + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmonic_numbers_agree_across_the_switch() {
        let exact = |n: u32| (1..=n).map(|i| 1.0 / f64::from(i)).sum::<f64>();
        for n in [0, 1, 24, 25, 26, 100, 4096] {
            assert!((harmonic(n) - exact(n)).abs() < 1e-13 * exact(n).max(1.0), "{n}");
        }
    }
}
