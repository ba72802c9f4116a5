//! The bounds of a proportion of which a sample is known.

/// Standard deviations to either side.
const DEVIATIONS: f64 = 2.0;

/// The proportion with its lower and upper bound of two standard deviations, as DataSketches computes them: the interval of
/// Clopper and Pearson, narrowed as the sample is not drawn from infinitely many.
///
/// `successes` of `sampled` have a property; `fraction` of all are in the sample.
pub fn bounds_of_proportion(successes: usize, sampled: usize, fraction: f64) -> [f64; 3] {
    if sampled == 0 {
        return [0.0, 0.5, 1.0];
    }
    let estimate = successes as f64 / sampled as f64;
    if fraction == 1.0 {
        return [estimate; 3];
    }
    let left_out = (1.0 - fraction).sqrt();
    let deviations = DEVIATIONS * if fraction <= 0.5 { left_out } else { left_out + 0.01 * (fraction - 0.5) };
    [lower(successes, sampled, deviations), estimate, upper(successes, sampled, deviations)]
}

fn lower(successes: usize, sampled: usize, deviations: f64) -> f64 {
    let (k, n) = (successes as f64, sampled as f64);
    match successes {
        0 => 0.0,
        1 => 1.0 - (1.0 - tail(deviations)).powf(1.0 / n),
        _ if successes == sampled => tail(deviations).powf(1.0 / n),
        _ => 1.0 - inverse_beta(n - k + 1.0, k, -deviations),
    }
}

fn upper(successes: usize, sampled: usize, deviations: f64) -> f64 {
    let (k, n) = (successes as f64, sampled as f64);
    match sampled - successes {
        0 => 1.0,
        1 => (1.0 - tail(deviations)).powf(1.0 / n),
        _ if successes == 0 => 1.0 - tail(deviations).powf(1.0 / n),
        _ => 1.0 - inverse_beta(n - k, k + 1.0, deviations),
    }
}

/// Abramowitz and Stegun, 26.5.22: where the incomplete beta function is what lies beyond `y` standard deviations.
fn inverse_beta(a: f64, b: f64, y: f64) -> f64 {
    let (by_a, by_b) = (1.0 / (2.0 * a - 1.0), 1.0 / (2.0 * b - 1.0));
    let h = 2.0 / (by_a + by_b);
    let lambda = (y * y - 3.0) / 6.0;
    let w = y * (h + lambda).sqrt() / h - (by_b - by_a) * (lambda + 5.0 / 6.0 - 2.0 / (3.0 * h));
    a / (a + b * (2.0 * w).exp())
}

/// What of a normal distribution lies beyond that many standard deviations, on one side: by Abramowitz and Stegun, 7.1.28.
fn tail(deviations: f64) -> f64 {
    const COEFFICIENTS: [f64; 6] =
        [0.070_523_078_4, 0.042_282_012_3, 0.009_270_527_2, 0.000_152_014_3, 0.000_276_567_2, 0.000_043_063_8];
    let x = deviations / std::f64::consts::SQRT_2;
    let sum = COEFFICIENTS.iter().rev().fold(0.0, |sum, coefficient| (sum + coefficient) * x);
    0.5 * (1.0 + sum).powi(-16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_around_the_estimate() {
        for sampled in [1usize, 2, 3, 10, 4096] {
            for successes in [0, 1, 2, sampled / 2, sampled - 1, sampled].into_iter().filter(|&k| k <= sampled) {
                for fraction in [1e-6, 0.3, 0.5, 0.7, 0.999, 1.0] {
                    let [lower, estimate, upper] = bounds_of_proportion(successes, sampled, fraction);
                    assert!(
                        0.0 <= lower && lower <= estimate && estimate <= upper && upper <= 1.0,
                        "{successes} of {sampled}, {fraction}: {lower} {estimate} {upper}"
                    );
                }
            }
        }
        assert_eq!(bounds_of_proportion(0, 0, 0.5), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn the_tail_is_that_of_the_normal_distribution() {
        for (deviations, expected) in [(0.0, 0.5), (1.0, 0.158_655_25), (2.0, 0.022_750_13)] {
            assert!((tail(deviations) - expected).abs() < 1e-6);
        }
    }
}
