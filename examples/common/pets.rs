//! The silhouettes of dogs, cats and birds that are in the repository.

use std::path::Path;

use super::idx::IdxError;
use super::samples::Samples;

/// The names of the labels 0, 1 and 2.
pub(crate) const CLASSES: [&str; 3] = ["dog", "cat", "bird"];

/// The images to train with and those to test with.
pub(crate) fn read() -> Result<[Samples; 2], IdxError> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pets/data"));
    Ok([Samples::read(folder, "train", CLASSES.len())?, Samples::read(folder, "test", CLASSES.len())?])
}
