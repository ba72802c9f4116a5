//! How likely the registers of two sketches are, by what only the one, only the other and both have counted (Ertl, "New
//! cardinality estimation algorithms for HyperLogLog sketches", 2017, section 6).
//!
//! Values are taken to arrive as a Poisson process, so that registers do not depend on each other. A register of m is at
//! most k with probability `exp(-n z)`, `z = 2^-k / m`, where n values are expected; of both sketches at once, with a, b
//! and x values expected of one alone, the other alone and both, the registers are at most i and j with probability
//! `exp(-a z_i - b z_j - x z_min(i, j))`. Differences of these are the probabilities of each pair of registers, and of
//! these pairs it matters only which register is the greater, and what each is.

use super::registers::Registers;

/// The greatest register: it stands for all that are greater.
const GREATEST: usize = 63;
const VALUES: usize = GREATEST + 1;

/// What is expected: of the first sketch alone, of the second alone, of both.
pub type Rates = [f64; 3];

/// Registers side by side: how many pairs there are of each kind, by the value of a register.
pub struct Joint {
    registers: f64,
    /// Of the lesser register of a pair, in the first sketch and in the second.
    lesser: [[f64; VALUES]; 2],
    /// Of the greater one.
    greater: [[f64; VALUES]; 2],
    /// Of both, where they are equal.
    equal: [f64; VALUES],
}

/// The logarithm of a likelihood, with its first and second derivatives by the rates.
#[derive(Default)]
pub struct Likelihood {
    pub log: f64,
    pub slope: [f64; 3],
    pub curve: [[f64; 3]; 3],
}

impl Joint {
    /// Of registers of one precision.
    pub fn of(first: &Registers, second: &Registers) -> Self {
        let mut joint = Joint {
            registers: first.values().len() as f64,
            lesser: [[0.0; VALUES]; 2],
            greater: [[0.0; VALUES]; 2],
            equal: [0.0; VALUES],
        };
        for (&first, &second) in first.values().iter().zip(second.values()) {
            let (i, j) = (usize::from(first).min(GREATEST), usize::from(second).min(GREATEST));
            match i.cmp(&j) {
                std::cmp::Ordering::Equal => joint.equal[i] += 1.0,
                std::cmp::Ordering::Less => {
                    joint.lesser[0][i] += 1.0;
                    joint.greater[1][j] += 1.0;
                }
                std::cmp::Ordering::Greater => {
                    joint.greater[0][i] += 1.0;
                    joint.lesser[1][j] += 1.0;
                }
            }
        }
        joint
    }

    /// How many registers a sketch has.
    pub fn registers(&self) -> f64 {
        self.registers
    }

    /// How likely the registers are if so much is expected. Rates are above 0.
    pub fn likelihood(&self, rates: &Rates) -> Likelihood {
        let mut found = Likelihood::default();
        for value in 0..VALUES {
            // A hash gives this value with probability z m, or a greater one: z is that of the values above.
            let z = 0.5f64.powi(value.min(GREATEST - 1) as i32) / self.registers;
            for (sketch, alone) in [0, 1].into_iter().enumerate() {
                // Of the lesser register all that the sketch has counted says what it is; of the greater only what the
                // other has not.
                found.add_register(self.lesser[sketch][value], value, z, &[alone, 2], rates);
                found.add_register(self.greater[sketch][value], value, z, &[alone], rates);
            }
            found.add_equal(self.equal[value], value, z, rates);
        }
        found
    }
}

impl Likelihood {
    /// `count` registers of one value, by the sum of these rates.
    fn add_register(&mut self, count: f64, value: usize, z: f64, of: &[usize], rates: &Rates) {
        if count == 0.0 {
            return;
        }
        let rate: f64 = of.iter().map(|&i| rates[i]).sum();
        let (mut log, mut slope, mut curve) = (0.0, 0.0, 0.0);
        if value < GREATEST {
            log -= rate * z;
            slope -= z;
        }
        if value > 0 {
            let missed = -(-rate * z).exp_m1(); // that there is any of this value
            let odds = (-rate * z).exp() / missed;
            log += missed.ln();
            slope += z * odds;
            curve -= z * z * odds * (1.0 + odds);
        }
        self.log += count * log;
        for &i in of {
            self.slope[i] += count * slope;
            of.iter().for_each(|&j| self.curve[i][j] += count * curve);
        }
    }

    /// `count` pairs of one value.
    fn add_equal(&mut self, count: f64, value: usize, z: f64, rates: &Rates) {
        if count == 0.0 {
            return;
        }
        let [a, b, x] = rates.map(|rate| rate * z);
        if value < GREATEST {
            self.log -= count * (a + b + x);
            self.slope.iter_mut().for_each(|slope| *slope -= count * z);
        }
        if value == 0 {
            return;
        }
        // The probability is 1 - e^-(a+x) - e^-(b+x) + e^-(a+b+x), written so that nothing cancels.
        let (first, second, none) = ((-a - x).exp(), (-b - x).exp(), (-a - b - x).exp());
        let both = (-a - x).exp_m1() * (-b - x).exp_m1() - none * (-x).exp_m1();
        let (only_first, only_second) = (-first * (-b).exp_m1(), -second * (-a).exp_m1());
        let slopes = [only_first, only_second, first + only_second].map(|slope| z * slope / both);
        let curves = [
            [-only_first, none, -only_first],
            [none, -only_second, -only_second],
            [-only_first, -only_second, -first - only_second],
        ];
        self.log += count * both.ln();
        for i in 0..3 {
            self.slope[i] += count * slopes[i];
            for j in 0..3 {
                self.curve[i][j] += count * (z * z * curves[i][j] / both - slopes[i] * slopes[j]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::coupon::Coupon;
    use super::*;
    use crate::sketch::FromHash;

    fn registers_of(values: std::ops::Range<u64>) -> Registers {
        let mut registers = Registers::new(6);
        values.for_each(|value| registers.insert(Coupon::of_u64(value)));
        registers
    }

    #[test]
    fn derivatives_are_those_of_the_logarithm() {
        let joint = Joint::of(&registers_of(0..300), &registers_of(200..700));
        for rates in [[200.0, 400.0, 100.0], [1e-3, 500.0, 250.0], [300.0, 1.0, 1e-3], [1e5, 1e5, 1e5]] {
            let here = joint.likelihood(&rates);
            for i in 0..3 {
                let step = rates[i] * 1e-5;
                let [before, after] = [-step, step].map(|step| {
                    let mut moved = rates;
                    moved[i] += step;
                    joint.likelihood(&moved)
                });
                let slope = (after.log - before.log) / (2.0 * step);
                assert!(
                    (slope - here.slope[i]).abs() <= 1e-4 * (1e-3 + here.slope[i].abs()),
                    "{slope} {:?}",
                    here.slope
                );
                for j in 0..3 {
                    let curve = (after.slope[j] - before.slope[j]) / (2.0 * step);
                    let found = here.curve[i][j];
                    assert!((curve - found).abs() <= 1e-3 * (1e-6 + found.abs()), "{i} {j}: {curve} {found}");
                }
            }
        }
    }

    #[test]
    fn probabilities_of_all_pairs_add_up_to_one() {
        let rates = [3.0, 40.0, 7.0];
        let mut sum = 0.0;
        for first in 0..VALUES {
            for second in 0..VALUES {
                let mut joint = Joint {
                    registers: 4.0,
                    lesser: [[0.0; VALUES]; 2],
                    greater: [[0.0; VALUES]; 2],
                    equal: [0.0; VALUES],
                };
                match first.cmp(&second) {
                    std::cmp::Ordering::Equal => joint.equal[first] = 1.0,
                    std::cmp::Ordering::Less => (joint.lesser[0][first], joint.greater[1][second]) = (1.0, 1.0),
                    std::cmp::Ordering::Greater => (joint.greater[0][first], joint.lesser[1][second]) = (1.0, 1.0),
                }
                sum += joint.likelihood(&rates).log.exp();
            }
        }
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}
