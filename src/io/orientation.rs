//! PyTorch's or Keras's layout of weights and images in a file.

/// Which axis of a weight comes first in a file, and how images and what lies along their features lie there. In memory a
/// weight is neither: the kernels want panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// Outputs first, channels first. A dense weight is `[outputs, inputs]`, y = x·Wᵀ + b, as `torch.nn.Linear` keeps it;
    /// that of a convolution `[outputs, channels, height, width]`, as `torch.nn.Conv2d` does. Whatever has a number for
    /// each feature of an image that is flattened has them in the order channels, height, width.
    #[default]
    PyTorch,
    /// Outputs last, channels last, as in this crate. A dense weight is `[inputs, outputs]`, y = x·W + b, as
    /// `keras.layers.Dense` keeps it; that of a convolution `[height, width, channels, outputs]`, as `keras.layers.Conv2D`
    /// does. Features are in the order height, width, channels.
    Keras,
}

#[cfg_attr(not(feature = "safetensors"), expect(dead_code, reason = "for files alone"))]
impl Orientation {
    /// Its name in a file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PyTorch => "pytorch",
            Self::Keras => "keras",
        }
    }

    /// The orientation of this name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        [Self::PyTorch, Self::Keras].into_iter().find(|orientation| orientation.name() == name)
    }
}
