//! Values whose hash is that of a text, or that are counted as one, and instants in one unit.

/// How many microseconds a second has.
pub const MICROS_PER_SECOND: i64 = 1_000_000;
/// How many microseconds a millisecond has.
pub const MICROS_PER_MILLI: i64 = 1_000;

/// Room for 39 digits, a point, a zero before it and a sign.
pub const LONGEST_DECIMAL: usize = 48;

/// An instant in other units than microseconds; the infinities are the greatest integers in each.
#[inline(always)]
pub fn microseconds(value: i64, micros: i64) -> i64 {
    match value {
        i64::MAX => i64::MAX,
        value if value == -i64::MAX => -i64::MAX,
        value => value.wrapping_mul(micros),
    }
}

/// The text of a UUID, which DuckDB keeps as an integer whose highest bit is flipped, so that it sorts.
pub fn uuid_text(value: i128) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bits = (value as u128) ^ (1 << 127);
    let mut text = [b'-'; 36];
    let places = (0..36).filter(|place| ![8, 13, 18, 23].contains(place));
    for (digit, place) in places.enumerate() {
        text[place] = DIGITS[(bits >> (124 - 4 * digit)) as usize & 15];
    }
    text
}

/// `unscaled / 10^scale` without zeros at the end, as such a pair again.
pub fn shortest_decimal(mut unscaled: i128, mut scale: u32) -> (i128, u32) {
    while scale > 0 && unscaled % 10 == 0 {
        unscaled /= 10;
        scale -= 1;
    }
    (unscaled, scale)
}

/// The text of `unscaled / 10^scale`.
pub fn decimal_text(unscaled: i128, scale: u32, text: &mut [u8; LONGEST_DECIMAL]) -> &[u8] {
    // Digits from the last to the first.
    let mut start = text.len();
    let mut rest = unscaled.unsigned_abs();
    let mut written = 0;
    while rest > 0 || written <= scale {
        if written == scale && scale > 0 {
            start -= 1;
            text[start] = b'.';
        }
        start -= 1;
        text[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        written += 1;
    }
    if unscaled < 0 {
        start -= 1;
        text[start] = b'-';
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_as_short_as_they_can_be() {
        let text = |unscaled, scale| {
            let (unscaled, scale) = shortest_decimal(unscaled, scale);
            String::from_utf8(decimal_text(unscaled, scale, &mut [0; LONGEST_DECIMAL]).to_vec()).unwrap()
        };
        assert_eq!(text(150, 2), "1.5");
        assert_eq!(text(-5, 3), "-0.005");
        assert_eq!(text(-300, 2), "-3");
        assert_eq!(text(0, 2), "0");
    }
}
