//! How far off an estimate may be.

use super::error::Error;

/// An estimate and the interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The lower bound.
    pub lower: f64,
    /// The estimate.
    pub estimate: f64,
    /// The upper bound.
    pub upper: f64,
}

/// How many standard deviations an interval has to either side: 1 covers 68 %, 2 covers 95.4 %, 3 covers 99.7 %.
pub(super) fn checked_deviations(num_std_dev: i64) -> Result<usize, Error> {
    match num_std_dev {
        1..=3 => Ok(num_std_dev as usize),
        _ => Err(Error::bad_parameter(format!("num_std_dev is {num_std_dev}, and must be 1, 2 or 3"))),
    }
}
