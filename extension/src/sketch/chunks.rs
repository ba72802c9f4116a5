//! Slices cut into arrays, so that the loop over an array has a length that the compiler knows. The standard library's
//! `as_chunks` is newer than the Rust that this crate builds with.

/// The arrays of `N` that a slice is made of, and the rest.
#[inline(always)]
pub fn chunks<const N: usize, T>(slice: &[T]) -> (impl ExactSizeIterator<Item = &[T; N]> + Clone, &[T]) {
    let chunks = slice.chunks_exact(N);
    let rest = chunks.remainder();
    let arrays = chunks.map(
        #[inline(always)]
        |chunk| chunk.try_into().expect("a chunk has N elements"),
    );
    (arrays, rest)
}

/// The same, to be written.
#[inline(always)]
pub fn chunks_mut<const N: usize, T>(slice: &mut [T]) -> (impl ExactSizeIterator<Item = &mut [T; N]>, &mut [T]) {
    let (whole, rest) = slice.split_at_mut(slice.len() - slice.len() % N);
    let arrays = whole.chunks_exact_mut(N).map(
        #[inline(always)]
        |chunk| chunk.try_into().expect("a chunk has N elements"),
    );
    (arrays, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_in_a_chunk_or_in_the_rest() {
        let mut numbers = [1, 2, 3, 4, 5, 6, 7, 8];
        let (arrays, rest) = chunks::<3, _>(&numbers);
        assert_eq!((arrays.copied().collect::<Vec<_>>(), rest), (vec![[1, 2, 3], [4, 5, 6]], &[7, 8][..]));
        let (arrays, rest) = chunks_mut::<3, _>(&mut numbers);
        arrays.for_each(|array| array[0] = 0);
        rest[1] = 9;
        assert_eq!(numbers, [0, 2, 3, 0, 5, 6, 7, 9]);
        assert!(chunks::<3, _>(&numbers[..2]).0.next().is_none());
    }
}
