//! The number types of tensors: `f32` and `f64`.

use core::fmt::{Debug, Display, LowerExp};
use core::iter::Sum;

use num_traits::{Float, NumAssign};

use crate::kernels::Products;

/// A floating-point number that layers compute with: `f32` or `f64`, and no other. No other type can implement it.
///
/// Everything in the crate is generic over it, but for layers of eight bits, which take `f32`. Its functions are those of
/// `num_traits::Float`. Settings (learning rates, slopes, probabilities) are `f64`
/// everywhere and are rounded once, by [`Scalar::of`].
///
/// ```
/// use taper::Scalar;
///
/// fn half<T: Scalar>(x: T) -> T {
///     x * T::of(0.5)
/// }
/// assert_eq!(half(3.0_f32), 1.5);
/// assert_eq!(half(3.0_f64), 1.5);
/// ```
pub trait Scalar:
    Products + Float + NumAssign + Sum + Debug + Display + LowerExp + Default + Send + Sync + 'static
{
    /// The type's name: `f32` or `f64`.
    const NAME: &'static str;

    /// The nearest number of this type; infinite where it is beyond the largest.
    fn of(value: f64) -> Self;

    /// This number in double precision; exact.
    fn as_f64(self) -> f64;
}

/// A sum in double precision, in the order of the terms: hundreds of millions of them cost an `f32` no digit.
pub(crate) fn sum<T: Scalar>(terms: impl Iterator<Item = T>) -> f64 {
    terms.map(T::as_f64).sum()
}

impl Scalar for f32 {
    const NAME: &'static str = "f32";

    fn of(value: f64) -> Self {
        value as Self
    }

    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Scalar for f64 {
    const NAME: &'static str = "f64";

    fn of(value: f64) -> Self {
        value
    }

    fn as_f64(self) -> f64 {
        self
    }
}
