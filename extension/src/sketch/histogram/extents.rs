//! The extents of a bin in one byte for each side.

/// The byte that says: not known, or too far away.
const UNBOUNDED: u8 = 255;
/// So many steps, and fewer, are written as they are at the finest step; twice as many need the next one.
const STEPS: u8 = 16;
/// In terms of the gap to the next center the finest step is two to the power of minus this.
const FINEST: i32 = 5;
const LEAST_EXPONENT: i32 = -1074;
const GREATEST_EXPONENT: i32 = 1023;

/// The steps in which the extents of one bin are written: multiples of powers of two, the same for all histograms, so
/// that what was rounded once stays where it is when it is rounded again.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    center: f64,
    finest: i32,
}

impl Steps {
    /// Of a bin at `center`, whose nearer neighbour (or end) is at the distance `gap`.
    pub fn new(center: f64, gap: f64) -> Self {
        // Not so fine that a center is more than 2^52 steps from 0, and steps are lost.
        let finest = (exponent(gap) - FINEST).max(exponent(center) - 51).max(LEAST_EXPONENT);
        Steps { center, finest }
    }

    /// The byte of the lower extent; `low` is not above the center.
    pub fn encode_low(self, low: f64) -> u8 {
        (0..UNBOUNDED).step_by(usize::from(STEPS)).find_map(|first| self.try_low(low, first)).unwrap_or(UNBOUNDED)
    }

    fn try_low(self, low: f64, first: u8) -> Option<u8> {
        let step = power_of_two(self.exponent_of(first))?;
        let steps = (self.center / step).floor() - (low / step).floor();
        let byte = byte_of(first, steps)?;
        (self.decode_low(byte) <= low).then_some(byte)
    }

    /// What a byte says of the lower extent; -infinity if it is not known.
    pub fn decode_low(self, byte: u8) -> f64 {
        match (byte, power_of_two(self.exponent_of(byte))) {
            (UNBOUNDED, _) | (_, None) => f64::NEG_INFINITY,
            (_, Some(step)) => ((self.center / step).floor() - steps_of(byte)) * step,
        }
    }

    /// The byte of the upper extent: that of the lower one seen in a mirror.
    pub fn encode_high(self, high: f64) -> u8 {
        self.mirrored().encode_low(-high)
    }

    /// What a byte says of the upper extent; infinity if it is not known.
    pub fn decode_high(self, byte: u8) -> f64 {
        -self.mirrored().decode_low(byte)
    }

    fn mirrored(self) -> Self {
        Steps { center: -self.center, ..self }
    }

    fn exponent_of(self, byte: u8) -> i32 {
        self.finest + i32::from((byte / STEPS).saturating_sub(1))
    }
}

/// The byte of so many steps among those from `first` on; none if it is among others.
fn byte_of(first: u8, steps: f64) -> Option<u8> {
    let within = if first == 0 { steps } else { steps - f64::from(STEPS) };
    let byte = if (0.0..f64::from(STEPS)).contains(&within) { first + within as u8 } else { return None };
    (byte < UNBOUNDED).then_some(byte)
}

fn steps_of(byte: u8) -> f64 {
    f64::from(if byte < STEPS { byte } else { STEPS + byte % STEPS })
}

/// The exponent of a number; that of the least normal one for less.
fn exponent(number: f64) -> i32 {
    let biased = (number.to_bits() >> 52 & 0x7ff) as i32;
    biased.max(1) - 1023
}

fn power_of_two(exponent: i32) -> Option<f64> {
    match exponent {
        LEAST_EXPONENT..-1022 => Some(f64::from_bits(1 << (exponent - LEAST_EXPONENT))),
        -1022..=GREATEST_EXPONENT => Some(f64::from_bits(((exponent + 1023) as u64) << 52)),
        _ => None,
    }
}
