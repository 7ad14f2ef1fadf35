//! Clipping and weight decay of one element.

use crate::Scalar;

/// What is done to weight and gradient before every rule: clipping and weight decay. With a scale of 1, an infinite limit, a decay of 0 and a shrinking of 1
/// nothing is changed, to the bit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adjust<T> {
    pub(super) scale: T,
    pub(super) limit: T,
    pub(super) decay: T,
    pub(super) shrink: T,
}

impl<T: Scalar> Adjust<T> {
    #[inline]
    pub(super) fn apply(&self, weight: T, gradient: T) -> (T, T) {
        let gradient = gradient * self.scale;
        // Comparisons, so that NaN stays NaN.
        let gradient = if gradient > self.limit { self.limit } else { gradient };
        let gradient = if gradient < -self.limit { -self.limit } else { gradient };
        (weight * self.shrink, gradient + self.decay * weight)
    }

    /// Whether weight and gradient stay as they are.
    pub(super) fn is_nothing(&self) -> bool {
        self.only_shrinks() && self.shrink == T::one()
    }

    /// Whether all that it does is `shrink·w` and g as it is.
    pub(super) fn only_shrinks(&self) -> bool {
        self.scale == T::one() && self.limit == T::infinity() && self.decay == T::zero()
    }
}
