//! The ε of a normalisation.

use crate::{Error, Result, Scalar};

/// An ε that is above 0 in the numbers of the layer.
pub(super) fn check_epsilon<T: Scalar>(epsilon: f64) -> Result<f64> {
    if epsilon.is_finite() && T::of(epsilon) > T::zero() {
        return Ok(epsilon);
    }
    Err(Error::setting("epsilon", "a finite number above 0", epsilon))
}
