//! Dates and times as DuckDB writes them.

use std::fmt::{self, Write};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const MICROS_PER_DAY: i64 = SECONDS_PER_DAY * MICROS_PER_SECOND;

/// A date, as days since 1970-01-01.
pub fn write_date(out: &mut impl Write, days: i32) -> fmt::Result {
    match days {
        i32::MAX => out.write_str("infinity"),
        days if days == -i32::MAX => out.write_str("-infinity"),
        days => write_day(out, i64::from(days)),
    }
}

/// A timestamp, as microseconds since 1970-01-01.
pub fn write_timestamp(out: &mut impl Write, micros: i64) -> fmt::Result {
    match micros {
        i64::MAX => out.write_str("infinity"),
        micros if micros == -i64::MAX => out.write_str("-infinity"),
        micros => {
            write_day(out, micros.div_euclid(MICROS_PER_DAY))?;
            out.write_char(' ')?;
            write_time(out, micros.rem_euclid(MICROS_PER_DAY))
        }
    }
}

/// Whether a timestamp is one of the infinities.
pub fn is_infinite(micros: i64) -> bool {
    micros == i64::MAX || micros == -i64::MAX
}

/// A time of day, as microseconds.
pub fn write_time(out: &mut impl Write, micros: i64) -> fmt::Result {
    let (seconds, fraction) = (micros.div_euclid(MICROS_PER_SECOND), micros.rem_euclid(MICROS_PER_SECOND));
    write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    if fraction == 0 {
        return Ok(());
    }
    let digits = format!("{fraction:06}");
    write!(out, ".{}", digits.trim_end_matches('0'))
}

fn write_day(out: &mut impl Write, days: i64) -> fmt::Result {
    let (year, month, day) = civil(days);
    if year > 0 {
        write!(out, "{year:04}-{month:02}-{day:02}")
    } else {
        write!(out, "{:04}-{month:02}-{day:02} (BC)", 1 - year)
    }
}

/// Year, month and day of the proleptic Gregorian calendar, in years that begin in March, so that the leap day is last.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_TO_EPOCH: i64 = 719_468; // since 0000-03-01
    const DAYS_PER_ERA: i64 = 146_097; // 400 years
    let days = days + DAYS_TO_EPOCH;
    let (era, day_of_era) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(days: i32) -> String {
        let mut text = String::new();
        write_date(&mut text, days).unwrap();
        text
    }

    fn timestamp(micros: i64) -> String {
        let mut text = String::new();
        write_timestamp(&mut text, micros).unwrap();
        text
    }

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(19_783), "2024-03-01");
        assert_eq!(date(-719_528), "0001-01-01 (BC)");
        assert_eq!(date(-719_162), "0001-01-01");
        assert_eq!(date(i32::MAX), "infinity");
        assert_eq!(date(-i32::MAX), "-infinity");
        assert_eq!(date(2_932_897), "10000-01-01");
    }

    #[test]
    fn timestamps() {
        assert_eq!(timestamp(0), "1970-01-01 00:00:00");
        assert_eq!(timestamp(-1), "1969-12-31 23:59:59.999999");
        assert_eq!(timestamp(1_500_000), "1970-01-01 00:00:01.5");
        assert_eq!(timestamp(86_399_000_100), "1970-01-01 23:59:59.0001");
        assert_eq!(timestamp(i64::MAX), "infinity");
    }
}
