//! The number types of the kernels.

use num_traits::{Float, NumAssign};

use super::exponential::Exponential;
use super::multiply_add::MultiplyAdd;

/// A number that the kernels are written for: `f32` and `f64`.
pub trait Number: Float + NumAssign + Exponential + MultiplyAdd + Send + Sync + 'static {
    /// The number of columns of a weight panel: 128 bytes, two vectors of AVX-512.
    const PANEL_COLUMNS: usize;

    /// This whole number; exact.
    fn from_byte(byte: u8) -> Self;
}

impl Number for f32 {
    const PANEL_COLUMNS: usize = 32;

    #[inline]
    fn from_byte(byte: u8) -> Self {
        Self::from(byte)
    }
}

impl Number for f64 {
    const PANEL_COLUMNS: usize = 16;

    #[inline]
    fn from_byte(byte: u8) -> Self {
        Self::from(byte)
    }
}
