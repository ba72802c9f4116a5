//! How many values two sketches have in common: the most likely number, by both their registers (Ertl, "New cardinality
//! estimation algorithms for HyperLogLog sketches", 2017), and the interval of all that are nearly as likely.

use super::coupon::Coupon;
use super::image::HllImage;
use super::interpolation;
use super::joint::{Joint, Rates};
use super::registers::Registers;
use crate::sketch::{Bounds, Error};

/// Two standard deviations to either side.
const DEVIATIONS: f64 = 2.0;
/// By Wilks' theorem the logarithm of the likelihood falls by so much within them.
const FALL: f64 = DEVIATIONS * DEVIATIONS / 2.0;
/// What of a normal distribution lies beyond them, on one side.
const TAIL: f64 = 0.0228;
/// DataSketches' relative standard error of a number of coupons.
const COUPON_ERROR: f64 = 0.409 / 8192.0;
/// How likely two coupons of distinct values are equal: all of the address, and the register value, which is v with
/// probability 2^-v.
const EQUAL_BY_CHANCE: f64 = 1.0 / (3.0 * (1u64 << 26) as f64);
/// Fewer values than this are none.
const LEAST_RATE: f64 = 1e-3;
const GREATEST_RATE: f64 = 1e25;
const MOST_STEPS: usize = 60;

/// How many values both sketches have counted, with the interval of two standard deviations.
pub fn intersection(a: &HllImage, b: &HllImage, allow_different_lg_k: bool) -> Result<Bounds, Error> {
    if a.is_empty() || b.is_empty() {
        return Ok(Bounds { lower: 0.0, estimate: 0.0, upper: 0.0 });
    }
    let lg_k = a.lg_k().common(b.lg_k(), allow_different_lg_k)?;
    if a.coupon_count().is_some() && b.coupon_count().is_some() {
        return Ok(of_coupons(&sorted(a), &sorted(b)));
    }
    let registers = |image: &HllImage| -> Result<Registers, Error> {
        // Of a sketch of more registers those that agree in their lower bits become one.
        let mut registers = Registers::new(lg_k.get());
        image.merge_into(&mut registers)?;
        Ok(registers)
    };
    let joint = Joint::of(&registers(a)?, &registers(b)?);
    Ok(Profile { joint, sizes: [a.estimate()?, b.estimate()?] }.bounds())
}

fn sorted(image: &HllImage) -> Vec<Coupon> {
    let mut coupons: Vec<Coupon> = image.coupons().collect();
    coupons.sort_unstable();
    coupons
}

/// Coupons are nearly values: equal ones are of one value, but for a few.
fn of_coupons(a: &[Coupon], b: &[Coupon]) -> Bounds {
    let common = a.iter().filter(|coupon| b.binary_search(coupon).is_ok()).count();
    let by_chance = (a.len() - common) as f64 * (b.len() - common) as f64 * EQUAL_BY_CHANCE;
    let at_most = if by_chance <= TAIL { 0.0 } else { by_chance + DEVIATIONS * by_chance.sqrt() + 1.0 };
    let count = interpolation::coupons(common as u32);
    let lower = ((count - at_most) / (1.0 + DEVIATIONS * COUPON_ERROR)).max(0.0);
    let upper = count / (1.0 - DEVIATIONS * COUPON_ERROR);
    Bounds { lower, estimate: (count - by_chance).clamp(lower, upper), upper }
}

/// The likelihood by the number of values in common, with whatever else makes it greatest.
struct Profile {
    joint: Joint,
    /// How many values each sketch has counted, about.
    sizes: [f64; 2],
}

/// A place on the profile.
#[derive(Clone, Copy)]
struct Place {
    log: f64,
    slope: f64,
    rates: Rates,
}

impl Profile {
    fn bounds(&self) -> Bounds {
        let none = self.at(0.0, self.sizes);
        let most = self.sizes[0].min(self.sizes[1]).max(1.0) * (1.0 + 10.0 / self.joint.registers().sqrt()) + 10.0;
        let best = if none.slope <= 0.0 { none } else { self.root(none, most, |place| place.slope) };
        let is_out = |place: &Place| place.log - (best.log - FALL);
        let lower = if is_out(&none) >= 0.0 { 0.0 } else { self.root(best, 0.0, is_out).rates[2] };
        let upper = self.root(best, most, is_out).rates[2];
        let estimate = best.rates[2];
        Bounds { lower: lower.min(estimate), estimate, upper: upper.max(estimate) }
    }

    /// The place between one where a function is above 0 and an end where it is below; the end itself if it is not. False
    /// position, which halves the value at an end that has stayed (Dowell and Jarratt, 1971).
    fn root(&self, above: Place, end: f64, function: impl Fn(&Place) -> f64) -> Place {
        let (mut above, mut value_above) = (above, function(&above));
        let mut below = self.from(end, &above);
        let mut value_below = function(&below);
        if value_below >= 0.0 {
            return below;
        }
        let mut stayed = 0i32;
        for _ in 0..MOST_STEPS {
            let (left, right) = (above.rates[2], below.rates[2]);
            if (right - left).abs() <= 1e-7 * left.max(right) + 1e-6 {
                break;
            }
            let part = (value_above / (value_above - value_below)).clamp(0.01, 0.99);
            let place = self.from(left + part * (right - left), &above);
            let value = function(&place);
            if value >= 0.0 {
                (above, value_above) = (place, value);
                stayed = stayed.max(0) + 1;
                value_below *= if stayed > 1 { 0.5 } else { 1.0 };
            } else {
                (below, value_below) = (place, value);
                stayed = stayed.min(0) - 1;
                value_above *= if stayed < -1 { 0.5 } else { 1.0 };
            }
        }
        above
    }

    fn from(&self, common: f64, near: &Place) -> Place {
        // What is in common is taken from what each has alone, and back.
        let [a, b, x] = near.rates;
        self.at(common, [a + x, b + x])
    }

    /// The place with that many in common, from the sizes of both: Newton's method on the logarithms of what each has alone,
    /// damped where it does not climb (Levenberg, 1944).
    fn at(&self, common: f64, sizes: [f64; 2]) -> Place {
        let rate = |rate: f64| rate.clamp(LEAST_RATE, GREATEST_RATE);
        let mut alone = sizes.map(|size| rate((size - common).max(size * 0.01)));
        let mut here = self.joint.likelihood(&[alone[0], alone[1], common]);
        let mut damping = 1e-6;
        for _ in 0..MOST_STEPS {
            let slope = [0, 1].map(|i| alone[i] * here.slope[i]);
            let curve = |i: usize, j: usize| {
                alone[i] * alone[j] * here.curve[i][j] + if i == j { alone[i] * here.slope[i] } else { 0.0 }
            };
            let diagonal = [0, 1].map(|i| (-curve(i, i)).max(1e-9) * (1.0 + damping));
            let beside = -curve(0, 1);
            let determinant = diagonal[0] * diagonal[1] - beside * beside;
            let step = if determinant > 1e-6 * diagonal[0] * diagonal[1] {
                [
                    (slope[0] * diagonal[1] - slope[1] * beside) / determinant,
                    (slope[1] * diagonal[0] - slope[0] * beside) / determinant,
                ]
            } else {
                [slope[0] / diagonal[0], slope[1] / diagonal[1]]
            };
            let next = [0, 1].map(|i| rate(alone[i] * step[i].clamp(-3.0, 3.0).exp()));
            let there = self.joint.likelihood(&[next[0], next[1], common]);
            let gain = there.log - here.log;
            if gain < 0.0 {
                damping = (damping * 10.0).max(1e-2);
                if damping > 1e9 {
                    break;
                }
                continue;
            }
            (alone, here) = (next, there);
            damping *= 0.1;
            if gain < 1e-9 {
                break;
            }
        }
        Place { log: here.log, slope: here.slope[2], rates: [alone[0], alone[1], common] }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::HllSketch;
    use super::*;
    use crate::sketch::FromHash;
    use crate::sketch::hll::LgK;
    use std::ops::Range;

    fn image_of(lg_k: i64, values: Range<u64>) -> Vec<u8> {
        let mut sketch = HllSketch::new(LgK::new(lg_k).unwrap());
        values.for_each(|value| sketch.insert(Coupon::of_u64(value)));
        sketch.to_bytes()
    }

    fn common(lg_k: [i64; 2], a: Range<u64>, b: Range<u64>) -> Bounds {
        let (a, b) = (image_of(lg_k[0], a), image_of(lg_k[1], b));
        let (a, b) = (HllImage::parse(&a).unwrap(), HllImage::parse(&b).unwrap());
        let found = intersection(&a, &b, true).unwrap();
        let turned = intersection(&b, &a, true).unwrap();
        assert!((found.estimate - turned.estimate).abs() <= 1e-3 * (1.0 + found.estimate), "{found:?} {turned:?}");
        found
    }

    #[test]
    fn few_are_counted_all_but_exactly() {
        for (a, b, expected) in
            [(0..5, 3..9, 2.0), (0..300, 100..400, 200.0), (0..300, 300..310, 0.0), (0..0, 0..9, 0.0)]
        {
            let found = common([12, 12], a, b);
            assert!((found.estimate - expected).abs() < 0.01 && found.lower <= expected && expected <= found.upper);
        }
    }

    #[test]
    fn the_interval_holds_the_number() {
        for (lg_k, a, b, x) in [
            (12, 1000u64, 1000u64, 500u64),
            (12, 50_000, 50_000, 25_000),
            (12, 50_000, 3_000, 2_000),
            (12, 100_000, 200, 150),
            (12, 1_000_000, 1_000_000, 0),
            (12, 200_000, 200_000, 200_000),
            (12, 500_000, 20_000, 20_000),
            (4, 10_000, 10_000, 3_000),
            (16, 100_000, 100_000, 5_000),
        ] {
            let found = common([lg_k, lg_k], 0..a, a - x..a - x + b);
            let x = x as f64;
            let is_ordered = 0.0 <= found.lower && found.lower <= found.estimate && found.estimate <= found.upper;
            // Three standard deviations rather than two.
            let (below, above) = (found.estimate - found.lower, found.upper - found.estimate);
            let holds = found.estimate - 1.5 * below - 1.0 <= x && x <= found.estimate + 1.5 * above + 1.0;
            assert!(is_ordered && holds, "{x} of {a} and {b}: {found:?}");
            assert!(found.upper <= 1.2 * a.min(b) as f64 + 20.0 || lg_k == 4, "{found:?}");
        }
    }

    #[test]
    fn precisions_that_differ_meet_in_the_lower_one() {
        let found = common([12, 10], 0..50_000, 25_000..75_000);
        assert!(found.lower <= 25_000.0 && 25_000.0 <= found.upper, "{found:?}");
        let (a, b) = (image_of(12, 0..5000), image_of(10, 0..5000));
        let refused = intersection(&HllImage::parse(&a).unwrap(), &HllImage::parse(&b).unwrap(), false);
        assert!(refused.unwrap_err().to_string().contains("lg_k 10 and 12"));
    }
}
