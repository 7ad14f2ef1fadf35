//! Random orders of samples.

use rand::Rng;

use crate::seeded;

/// The order of the samples in an epoch: a function of seed and epoch alone, so that an epoch can be gone on with
/// without those before it.
pub(super) fn shuffle(order: &mut Vec<usize>, samples: usize, seed: u64, epoch: u64) {
    order.clear();
    order.extend(0..samples);
    // An odd multiplier keeps different epochs of one seed apart.
    shuffle_by(order, &mut seeded(seed ^ epoch.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
}

/// Every order of these is as likely (Fisher and Yates).
pub(super) fn shuffle_by(order: &mut [usize], rng: &mut impl Rng) {
    for place in (1..order.len()).rev() {
        // A product of 64 bits by the length: its upper half is uniform up to 2⁻⁶⁴·length.
        let other = (u128::from(rng.next_u64()) * (place as u128 + 1)) >> 64;
        order.swap(place, other as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(samples: usize, seed: u64, epoch: u64) -> Vec<usize> {
        let mut order = Vec::new();
        shuffle(&mut order, samples, seed, epoch);
        order
    }

    #[test]
    fn an_order_is_a_permutation_that_depends_on_seed_and_epoch() {
        let first = order(100, 7, 0);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(first, order(100, 7, 0));
        assert_ne!(first, order(100, 7, 1));
        assert_ne!(first, order(100, 8, 0));
    }

    #[test]
    fn every_order_is_about_as_frequent() {
        let mut counts = std::collections::HashMap::new();
        for epoch in 0..6000 {
            *counts.entry(order(3, 1, epoch)).or_insert(0_i32) += 1;
        }
        // Six orders; four standard deviations of a count are 4·sqrt(6000·1/6·5/6) = 115.
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|&count| (count - 1000).abs() < 115), "{counts:?}");
    }
}
