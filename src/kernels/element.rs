//! The number types of the kernels.

use num_traits::{Float, NumAssign};

use super::backend::Dispatch;
use super::matrix::Gemm;
use super::products::Products;

/// A number that the kernels are written for: `f32` and `f64`. It cannot be implemented elsewhere.
pub trait Element: Float + NumAssign + Send + Sync + Gemm + Dispatch + Products + 'static {
    /// The number of columns of a weight panel: 128 bytes, two vectors of AVX-512.
    const PANEL_COLUMNS: usize;

    /// This whole number; exact.
    fn from_byte(byte: u8) -> Self;
}

impl Element for f32 {
    const PANEL_COLUMNS: usize = 32;

    #[inline]
    fn from_byte(byte: u8) -> Self {
        Self::from(byte)
    }
}

impl Element for f64 {
    const PANEL_COLUMNS: usize = 16;

    #[inline]
    fn from_byte(byte: u8) -> Self {
        Self::from(byte)
    }
}
