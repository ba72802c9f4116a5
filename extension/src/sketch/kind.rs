//! What bytes look like that are not what a function reads, for its error.

use super::histogram::Histogram;
use super::hyper_unique::HyperUniqueImage;

/// What the bytes are instead, and who reads them, as the end of a sentence; nothing if they are nothing that is known.
#[cold]
pub fn hint(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(b"AH") {
        "; this is an approximate histogram"
    } else if bytes.get(1..3) == Some(&[1, 7]) {
        "; this is an HLL sketch"
    } else if bytes.first() == Some(&1) && HyperUniqueImage::parse(bytes).is_ok() {
        "; this is a hyperUnique of Druid, of another hash: it goes with the hyper_unique functions alone"
    } else if Histogram::is_of_druid(bytes) {
        "; this is a histogram of Druid: approx_histogram_from_druid makes one of it"
    } else {
        ""
    }
}

/// The first bytes, as an error shows them.
#[cold]
pub fn start(bytes: &[u8], most: usize) -> String {
    let start: Vec<String> = bytes.iter().take(most).map(|byte| format!("{byte:02x}")).collect();
    if start.is_empty() { "nothing".into() } else { start.join(" ") }
}
