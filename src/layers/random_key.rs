//! Random numbers that follow from a place.

/// From which a random mask is computed, element by element, and can be computed again.
///
/// The bits depend on the seed, the step, the layer and the element's index and on nothing else: neither on the
/// number of threads nor on what was drawn before.
///
/// Where several ranks share a batch, each counts its elements from 0: [`RandomKey::of_part`] makes the key for these. A layer gets it
/// with a pass ([`Forward::random`](super::Forward::random), and for the same numbers once more
/// [`Backward::random`](super::Backward::random)).
///
/// ```
/// use taper::layers::RandomKey;
///
/// // Which of 1000 elements a dropout of 0.3 lets through in step 10, in layer 2.
/// let key = RandomKey::new(7, 10).layer(2).of_part(1000);
/// let kept = (0..1000).filter(|&element| key.uniform(element) >= 0.3).count();
/// assert!((650..750).contains(&kept));
/// assert_eq!(key.uniform(3), RandomKey::new(7, 10).layer(2).uniform(3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomKey {
    key: u64,
    /// How many samples of the batch come before those of this pass, and how many it has.
    before: usize,
    samples: usize,
}

impl RandomKey {
    /// The key of a training step.
    #[must_use]
    pub fn new(seed: u64, step: u64) -> Self {
        Self { key: mix(mix(seed) ^ step), before: 0, samples: 1 }
    }

    /// The key of one layer in the step.
    #[must_use]
    pub fn layer(self, position: usize) -> Self {
        Self { key: mix(self.key ^ mix(position as u64)), ..self }
    }

    /// The key of a pass with so many samples of a batch, behind so many others.
    pub(crate) fn behind(self, before: usize, samples: usize) -> Self {
        Self { before, samples: samples.max(1), ..self }
    }

    /// The key for so many elements, all of this pass. Where ranks share a batch, an element gets the number that it would get on a
    /// single one; else it is the key itself.
    #[must_use]
    pub fn of_part(self, elements: usize) -> Self {
        let before = (elements / self.samples).wrapping_mul(self.before);
        Self { key: self.key.wrapping_add(before as u64), before: 0, ..self }
    }

    /// A number in [0, 1) for element `index`: the upper 53 of 64 mixed bits.
    #[must_use]
    pub fn uniform(self, index: usize) -> f64 {
        (mix(self.key.wrapping_add(index as u64)) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
}

/// The output function of `SplitMix64` (Steele, Lea and Flood, 2014): a bijection of 64 bits in which each bit of
/// the input changes half of those of the output.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mix_is_splitmix64() {
        // The first outputs of the reference implementation for seed 1234567.
        let state = |i: u64| 1_234_567_u64.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        assert_eq!(
            [mix(state(0)), mix(state(1)), mix(state(2))],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn uniform_fills_the_unit_interval_evenly() {
        let key = RandomKey::new(1, 2).layer(3);
        let mut counts = [0; 10];
        for index in 0..100_000 {
            counts[(key.uniform(index) * 10.0) as usize] += 1;
        }
        // Four standard deviations of a binomial count: 4·sqrt(100000·0.1·0.9) = 380.
        assert!(counts.iter().all(|&count: &i32| (count - 10_000).abs() < 380), "{counts:?}");
    }

    #[test]
    fn keys_differ_by_each_part() {
        let bits = |key: RandomKey| key.uniform(0);
        let key = RandomKey::new(1, 2).layer(3);
        for other in
            [RandomKey::new(2, 2).layer(3), RandomKey::new(1, 3).layer(3), RandomKey::new(1, 2).layer(4)]
        {
            assert!((bits(key) - bits(other)).abs() > 0.0);
        }
    }
}
