//! What is fuzzed: a new decoder is a line here and a file beside it.

use crate::field::Field;
use crate::random::Random;
use crate::{druid_histogram, histogram, hll, hyper_unique, proofs, theta, top_k};

/// A decoder, and all that is asked of what it has read.
pub struct Decoder {
    /// Its name, which the files of past failures start with.
    pub name: &'static str,
    /// A sound image, of any kind.
    pub sound: fn(&mut Random) -> Vec<u8>,
    /// An image of the right layout whose numbers are at the ends of their ranges, or beyond.
    pub wild: fn(&mut Random) -> Vec<u8>,
    /// The fields that an image has by its layout, the header's first.
    pub fields: fn(&[u8]) -> Vec<Field>,
    /// Reads an image, and if it is accepted asks it everything and merges it with another, sound one.
    pub check: fn(&[u8], &[u8]) -> Checked,
}

/// Whether an image was accepted, or which law was broken.
pub type Checked = Result<bool, String>;

/// All decoders.
pub const DECODERS: &[Decoder] = &[
    hll::DECODER,
    histogram::DECODER,
    hyper_unique::DECODER,
    druid_histogram::DECODER,
    theta::DECODER,
    top_k::DECODER,
    proofs::DECODER,
];

/// A law that was broken unless it holds.
macro_rules! law {
    ($holds:expr, $($what:tt)+) => {
        let holds: bool = $holds;
        if !holds {
            return Err(format!($($what)+));
        }
    };
}
pub(crate) use law;
