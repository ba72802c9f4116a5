//! What stored bytes are, for the error of a function that reads something else.

/// A format of stored sketches.
pub struct Format {
    /// Where the magic bytes are.
    pub offset: usize,
    /// The magic bytes; none if the format has none.
    pub magic: &'static [u8],
    /// The parser, where the magic bytes may be anything else's, too: whether it accepts an image that holds something.
    pub parses: Option<fn(&[u8]) -> bool>,
    /// What it is, and who reads it.
    pub description: &'static str,
}

macro_rules! formats {
    ($($family:ident)*) => { &[$(super::$family::FORMATS),*] };
}
/// Of each family its formats.
const FAMILIES: &[&[Format]] = families!(formats);

impl Format {
    fn matches(&self, bytes: &[u8]) -> bool {
        bytes.get(self.offset..).is_some_and(|rest| rest.starts_with(self.magic))
            && self.parses.is_none_or(|parses| parses(bytes))
    }
}

/// What the bytes are instead, and who reads them, as the end of a sentence; nothing if they are nothing that is known.
#[cold]
pub fn hint(bytes: &[u8]) -> String {
    let format = FAMILIES.iter().copied().flatten().find(|format| format.matches(bytes));
    format.map(|format| format!("; this is {}", format.description)).unwrap_or_default()
}

/// The first bytes, as an error shows them.
#[cold]
pub fn start(bytes: &[u8], most: usize) -> String {
    let start: Vec<String> = bytes.iter().take(most).map(|byte| format!("{byte:02x}")).collect();
    if start.is_empty() { "nothing".into() } else { start.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::FromHash;
    use crate::sketch::histogram::{DruidForm, HistogramBuilder, MaxBins};
    use crate::sketch::hll::{Coupon, HllSketch, LgK};
    use crate::sketch::hyper_unique::HyperUnique;
    use crate::sketch::theta::{Entry, LgNom, ThetaSketch};
    use crate::sketch::top_k::{ItemType, MapSize, TopKSketch};

    /// The names of the formats that match, each cut at its first comma or colon.
    fn matching(bytes: &[u8]) -> Vec<&'static str> {
        let formats = FAMILIES.iter().copied().flatten().filter(|format| format.matches(bytes));
        formats.map(|format| format.description.split([',', ':']).next().unwrap_or_default()).collect()
    }

    #[test]
    fn each_image_has_one_format() {
        for values in [1, 5, 100, 100_000u32] {
            let mut hll = HllSketch::new(LgK::DEFAULT);
            let mut hyper_unique = HyperUnique::default();
            let mut theta = ThetaSketch::new(LgNom::DEFAULT);
            let mut histogram = HistogramBuilder::new(MaxBins::DEFAULT);
            for value in 0..values {
                hll.insert(Coupon::of_u64(u64::from(value)));
                theta.insert(Entry::of_u64(u64::from(value)));
                hyper_unique.insert(&value.to_le_bytes());
                histogram.insert(f64::from(value)).unwrap();
            }
            let histogram = histogram.finish();
            let mut top_k = TopKSketch::new(MapSize::DEFAULT);
            top_k.extend_words(ItemType::BigInt, (0..values).map(|value| (u64::from(value), 1))).unwrap();
            assert_eq!(matching(&top_k.to_bytes()), ["a sketch of frequent items"]);
            assert_eq!(matching(&hll.to_bytes()), ["an HLL sketch"]);
            assert_eq!(matching(&theta.to_bytes()), ["a theta sketch"]);
            assert_eq!(matching(&hyper_unique.to_bytes()), ["a hyperUnique of Druid"]);
            assert_eq!(matching(&histogram.to_bytes()), ["an approximate histogram"]);
            for form in [None, Some(DruidForm::Dense), Some(DruidForm::Sparse)] {
                assert_eq!(matching(&histogram.to_druid(form).unwrap()), ["a histogram of Druid"]);
            }
        }
    }

    #[test]
    fn other_bytes_have_none() {
        for bytes in [&b""[..], b"A", b"no sketch", &[0; 3], &[1, 0, 0], &[0xff; 40]] {
            assert_eq!(hint(bytes), "", "{bytes:?}");
        }
    }
}
