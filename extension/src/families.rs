//! The families of sketches, one a line.

/// Hands the families to the macro of this name: what is done for each of them is written once, where it is done.
///
/// A family is a folder under `sketch/`, whose `FORMATS` say what its bytes look like, and a folder of the same name
/// under `functions/`, whose `register` registers its SQL functions.
macro_rules! families {
    ($each:ident) => {
        $each! {
            hll
            histogram
            theta
            top_k
            hyper_unique
        }
    };
}
