//! Numbers that follow from a seed.

/// Irregular numbers from -1 to 1 ([SplitMix64](https://prng.di.unimi.it/splitmix64.c)).
pub(crate) fn numbers(seed: u64) -> impl Iterator<Item = f64> {
    (1_u64..).map(move |index| {
        let mut z = seed.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as f64 / (1_u64 << 63) as f64 - 1.0
    })
}
