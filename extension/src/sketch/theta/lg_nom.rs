//! The precision of a sketch.

use std::fmt;

use crate::sketch::Error;

/// The precision: log2 of the nominal number of entries, 4 to 26.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LgNom(u8);

impl LgNom {
    /// 4,096 entries: a relative standard error of 1.6 %.
    pub const DEFAULT: LgNom = LgNom(12);

    /// Checks the range.
    pub fn new(lg_nom: i64) -> Result<Self, Error> {
        match lg_nom {
            4..=26 => Ok(LgNom(lg_nom as u8)),
            _ => Err(Error::bad_parameter(format!("lg_nom_entries is {lg_nom}, and must be from 4 to 26"))),
        }
    }

    /// The number itself.
    pub fn get(self) -> u8 {
        self.0
    }

    /// The nominal number of entries: the most that an image has.
    pub fn entries(self) -> usize {
        1 << self.0
    }

    /// What an image says of it. Those of other libraries say nothing, and are taken for the default, as in Spark's
    /// unions; so the images of the default say nothing as well, and have the bytes that the libraries write.
    pub(super) fn of_byte(byte: u8) -> Self {
        LgNom::new(i64::from(byte)).unwrap_or(LgNom::DEFAULT)
    }

    /// The reverse.
    pub(super) fn byte(self) -> u8 {
        if self == LgNom::DEFAULT { 0 } else { self.0 }
    }
}

impl fmt::Display for LgNom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::LgNom;

    #[test]
    fn every_precision_comes_back_from_its_byte() {
        for lg_nom in 4..=26 {
            let lg_nom = LgNom::new(lg_nom).unwrap();
            assert_eq!(LgNom::of_byte(lg_nom.byte()), lg_nom);
        }
        assert_eq!(LgNom::DEFAULT.byte(), 0);
        assert!(LgNom::new(3).is_err() && LgNom::new(27).is_err());
    }
}
