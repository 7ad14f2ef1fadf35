//! What of a layer's input a parameter belongs to.

/// What the axes of a parameter lie along; for [`Param::with_along`](super::Param::with_along).
///
/// Files in PyTorch's orientation need it, where images have their channels first: what lies along the flattened features of an image has
/// another order there.
///
/// ```
/// use taper::layers::Along;
/// use taper::{Param, Tensor};
///
/// let scales = Param::new("scale", &Tensor::full([7 * 7 * 64], 1.0_f32)?).with_along(Along::LastAxes);
/// assert_eq!(scales.along(), Along::LastAxes);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Along {
    /// Nobody said. Where it might be the features of an image, a file in another order is refused.
    Unknown,
    /// Nothing of the input: a bias of the outputs, the rows of an embedding.
    Nothing,
    /// Its axes are the last of the input, as many as it has: a scale for each feature, or for each channel.
    LastAxes,
    /// Its first axis is the last of the input: the weight of a dense layer.
    Inputs,
    /// Height, width, channels and outputs, or length, channels and outputs: the weight of a convolution.
    Window,
}
