//! The items that came most often.

use super::item::Item;

/// An item, and how often it came. Of NULL that is known exactly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ranked<'a> {
    /// The item; None is NULL.
    pub item: Option<Item<'a>>,
    /// It came at least so often.
    pub lower: u64,
    /// It came at most so often: the estimate.
    pub upper: u64,
}

/// The first `k` of ranked items and of NULL, which came so often and is the last of those that came as often.
pub fn first<'a>(k: usize, mut items: impl Iterator<Item = Ranked<'a>>, nulls: u64) -> Vec<Ranked<'a>> {
    let mut ranked = Vec::new();
    let mut null = (nulls > 0).then_some(Ranked { item: None, lower: nulls, upper: nulls });
    let mut next = items.next();
    while ranked.len() < k {
        let null_is_next = null.is_some_and(|null| next.is_none_or(|item| null.upper > item.upper));
        if null_is_next {
            ranked.extend(null.take());
            continue;
        }
        let Some(item) = next else { break };
        ranked.push(item);
        next = items.next();
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::top_k::ItemType;

    #[test]
    fn null_is_the_last_of_those_that_came_as_often() {
        let items = [9, 5, 5, 2].map(|upper| Ranked { item: Some(ItemType::BigInt.item(upper)), lower: 1, upper });
        let places = |nulls, k| -> Vec<Option<u64>> {
            let ranked = first(k, items.into_iter(), nulls);
            ranked.iter().map(|ranked| ranked.item.map(|_| ranked.upper)).collect()
        };
        assert_eq!(places(0, 9), [Some(9), Some(5), Some(5), Some(2)]);
        assert_eq!(places(10, 2), [None, Some(9)]);
        assert_eq!(places(5, 4), [Some(9), Some(5), Some(5), None]);
        assert_eq!(places(1, 9), [Some(9), Some(5), Some(5), Some(2), None]);
        assert_eq!(places(1, 4), [Some(9), Some(5), Some(5), Some(2)]);
        assert_eq!(first(3, std::iter::empty(), 7).len(), 1);
    }
}
