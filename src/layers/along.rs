//! What of a layer's input a parameter belongs to.

/// What the axes of a parameter lie along; for [`Param::with_along`](super::Param::with_along).
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
