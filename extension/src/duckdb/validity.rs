//! Which rows of a vector are not NULL.

/// A validity mask: one bit a row, set where the row holds a value; no mask where every row does.
#[derive(Clone, Copy)]
pub struct Validity<'a>(Option<&'a [u64]>);

impl<'a> Validity<'a> {
    pub(super) fn new(mask: Option<&'a [u64]>) -> Self {
        Validity(mask)
    }

    /// Whether none of the first `rows` rows is NULL: asked once a chunk, so that the common case has no branch a row.
    #[inline(always)]
    pub fn all_valid(&self, rows: usize) -> bool {
        self.0.is_none_or(|mask| {
            let (whole, rest) = (rows / 64, rows % 64);
            mask[..whole].iter().all(|&word| word == u64::MAX)
                && (rest == 0 || mask[whole].trailing_ones() >= rest as u32)
        })
    }

    /// Whether this row holds a value.
    #[inline(always)]
    pub fn is_valid(&self, row: usize) -> bool {
        self.0.is_none_or(|mask| mask[row / 64] >> (row % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Validity;

    #[test]
    fn reads_each_bit() {
        let mask = [u64::MAX, 0b101];
        let validity = Validity::new(Some(&mask));
        assert!(!validity.all_valid(66) && validity.all_valid(65) && validity.all_valid(64));
        assert!(validity.is_valid(63) && validity.is_valid(64) && !validity.is_valid(65) && validity.is_valid(66));
        assert!(Validity::new(None).all_valid(5000) && Validity::new(None).is_valid(5000));
    }
}
