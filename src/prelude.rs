//! What every file has where there is `std`, for those that do without: names of `alloc`, and the functions of floating-point
//! numbers.

pub(crate) use alloc::borrow::ToOwned;
pub(crate) use alloc::boxed::Box;
pub(crate) use alloc::string::{String, ToString};
pub(crate) use alloc::vec::Vec;

#[cfg(not(feature = "std"))]
pub(crate) use num_traits::Float as _;

/// What `num_traits` lacks.
#[cfg(any(test, not(feature = "std")))]
pub(crate) trait RoundTiesEven {
    /// The nearest whole number, the even one of two.
    fn round_ties_even(self) -> Self;
}

#[cfg(any(test, not(feature = "std")))]
impl RoundTiesEven for f32 {
    fn round_ties_even(self) -> Self {
        /// From here on, every number is a whole one.
        const WHOLE: f32 = 8_388_608.0;
        if self.is_nan() || self.abs() >= WHOLE {
            return self;
        }
        // The sum has no room for a fraction.
        let shift = WHOLE.copysign(self);
        ((self + shift) - shift).copysign(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        let patterns = (0..=u32::MAX).step_by(9973);
        let halves = (-600..600).map(|n| (n as f32 / 4.0).to_bits());
        let edges = [4_194_303.5_f32, 4_194_304.5, 8_388_607.5, 8_388_608.0, f32::INFINITY].map(f32::to_bits);
        for bits in patterns.chain(halves).chain(edges) {
            let x = f32::from_bits(bits);
            let (ours, theirs) = (RoundTiesEven::round_ties_even(x), x.round_ties_even());
            assert!(
                ours.to_bits() == theirs.to_bits() || x.is_nan() && ours.is_nan(),
                "{x}: {ours}, {theirs}"
            );
        }
    }
}
