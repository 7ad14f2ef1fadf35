//! Numbers that follow from a seed, and files of them.

use std::fs;
use std::path::Path;

/// Irregular numbers from -1 to 1 ([SplitMix64](https://prng.di.unimi.it/splitmix64.c)).
pub(crate) fn numbers(seed: u64) -> impl Iterator<Item = f64> {
    (1_u64..).map(move |index| {
        let mut z = seed.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as f64 / (1_u64 << 63) as f64 - 1.0
    })
}

/// Writes numbers down to the bit.
pub(crate) fn write(path: &Path, values: &[f64]) -> std::io::Result<()> {
    fs::write(path, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
}

/// Numbers from a file.
pub(crate) fn read(path: &Path) -> Vec<f64> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes"))).collect()
}
