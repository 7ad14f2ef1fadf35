//! Fashion-MNIST: ten kinds of clothes, 60,000 images to train with and 10,000 to test with.

use std::path::Path;

use super::idx::{Idx, IdxError};

/// Where the Debian package puts the four files.
pub(crate) const FOLDER: &str = "/usr/share/datasets/fashion-mnist";

/// The names of the labels 0 to 9.
pub(crate) const CLASSES: [&str; 10] =
    ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"];

/// Reads a part, `train` or `t10k`.
pub(crate) fn read(folder: &Path, part: &str) -> Result<Idx, String> {
    Idx::read(folder, part, CLASSES.len()).map_err(|error| match error {
        IdxError::Missing { .. } => {
            format!(
                "{error}; run `sudo apt-get install dataset-fashion-mnist`, or name its folder (see --help)"
            )
        }
        IdxError::Malformed { .. } => error.to_string(),
    })
}
