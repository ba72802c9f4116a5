//! The grid that all values lie on, if they do: whole numbers, or decimals of so many places.

/// How many decimal places the values have; the more, the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Grid(u8);

/// The most places that are looked for.
const MOST_PLACES: u8 = 15;
const POWERS: [f64; MOST_PLACES as usize + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// Below it doubles are finer than halves.
const HALVES: f64 = (1u64 << 51) as f64;
/// Below it every whole number is a double.
const WHOLE: f64 = (1u64 << 53) as f64;
/// Added to a number below 2^51 and taken off again, it leaves the nearest whole one.
const ROUNDING: f64 = 1.5 * (1u64 << 52) as f64;

impl Grid {
    /// Whole numbers: that of no value at all.
    pub const WHOLE: Grid = Grid(0);
    /// No grid.
    pub const NONE: Grid = Grid(MOST_PLACES + 1);

    /// The grid of this many places; none if there are too many.
    pub fn of_places(places: u8) -> Option<Self> {
        (places <= MOST_PLACES).then_some(Grid(places))
    }

    /// How many places, if there is a grid.
    pub fn places(self) -> Option<u8> {
        (self != Grid::NONE).then_some(self.0)
    }

    /// The grid of these values and of all before.
    #[inline(always)]
    pub fn with(self, values: &[f64]) -> Self {
        let Some(power) = self.power() else { return self };
        let all = values.iter().fold(true, |all, &value| all & lies_on(value, power));
        if all { self } else { values.iter().fold(self, |grid, &value| grid.max(Grid::of(value))) }
    }

    /// The coarsest grid that a value lies on: `value` is the double nearest to a whole number of its steps. So the grid
    /// of a column does not depend on its order.
    #[cold]
    pub fn of(value: f64) -> Self {
        if value.round() == value {
            return Grid::WHOLE;
        }
        let on = |&places: &u8| {
            let steps = (value * POWERS[usize::from(places)]).round_ties_even();
            steps.abs() < WHOLE && steps / POWERS[usize::from(places)] == value
        };
        (1..=MOST_PLACES).find(on).map_or(Grid::NONE, Grid)
    }

    /// How many steps there are in 1.
    fn power(self) -> Option<f64> {
        POWERS.get(usize::from(self.0)).copied()
    }

    /// Half a step; 0 if there is no grid.
    pub fn half_step(self) -> f64 {
        self.power().map_or(0.0, |power| 0.5 / power)
    }

    /// The steps up to `x`, if they can be counted.
    pub fn steps_up_to(self, x: f64) -> Option<f64> {
        let power = self.power()?;
        if (x * power).abs() >= HALVES || x.is_nan() {
            return None;
        }
        let steps = (x * power).round_ties_even();
        Some(if steps / power <= x { steps } else { steps - 1.0 })
    }

    /// The value of so many steps.
    pub fn value_of(self, steps: f64) -> f64 {
        steps / self.power().unwrap_or(1.0) + 0.0
    }

    /// The middle between a value and the next.
    pub fn middle_behind(self, steps: f64) -> f64 {
        (steps + 0.5) / self.power().unwrap_or(1.0)
    }
}

#[inline(always)]
fn lies_on(value: f64, power: f64) -> bool {
    let steps = value * power;
    let nearest = (steps + ROUNDING) - ROUNDING;
    (steps.abs() < HALVES) & (nearest / power == value)
}
