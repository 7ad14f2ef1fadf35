//! The builder's convolutions and pools.

use super::builder::Builder;
use super::plan::{Conv, Conv1dPlan, Conv2dPlan, ConvTranspose1dPlan, ConvTranspose2dPlan, WeightedPlan};
use crate::Scalar;
use crate::layers::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d, AvgPool2d,
    GlobalAvgPool2d, MaxPool1d, MaxPool2d, OutputSize, Sides, Window,
};

impl<T: Scalar> Builder<T> {
    /// A convolution with this many output channels, with a bias, initialised as PyTorch does. A number is the side of
    /// a window that moves by 1, without padding.
    #[must_use]
    pub fn conv2d(self, outputs: usize, window: impl Into<Window>) -> Self {
        self.weighted(Conv2dPlan(Conv::new(outputs, window.into())))
    }

    /// A transposed convolution with this many output channels, with a bias, initialised as PyTorch does. A number is the side of
    /// a window that moves by 1, without padding.
    #[must_use]
    pub fn conv_transpose2d(self, outputs: usize, window: impl Into<Window>) -> Self {
        self.weighted(ConvTranspose2dPlan(Conv::new(outputs, window.into()), OutputSize::default()))
    }

    /// A convolution of sequences with this many output channels, as [`Builder::conv2d`] of images.
    #[must_use]
    pub fn conv1d(self, outputs: usize, window: impl Into<Window>) -> Self {
        self.weighted(Conv1dPlan(Conv::new(outputs, window.into())))
    }

    /// A transposed convolution of sequences with this many output channels, as [`Builder::conv_transpose2d`] of images.
    #[must_use]
    pub fn conv_transpose1d(self, outputs: usize, window: impl Into<Window>) -> Self {
        self.weighted(ConvTranspose1dPlan(Conv::new(outputs, window.into()), OutputSize::default()))
    }

    /// Adds so many rows and columns to the output of the transposed convolution added last, below and on the right: PyTorch's
    /// `output_padding`.
    #[must_use]
    pub fn output_padding(self, output_padding: impl Into<Sides>) -> Self {
        let output_padding = output_padding.into();
        let change = set_output_size(output_padding, OutputSize::Padding(output_padding));
        self.change_weighted("output_padding", "a transposed convolution before it", change)
    }

    /// Says how many rows and columns the output of the transposed convolution added last has: PyTorch's `output_size`.
    #[must_use]
    pub fn output_size(self, output_size: impl Into<Sides>) -> Self {
        let output_size = output_size.into();
        let change = set_output_size(output_size, OutputSize::Sides(output_size));
        self.change_weighted("output_size", "a transposed convolution before it", change)
    }

    /// Parts the channels of the convolution added last into groups; as many as channels is a depthwise convolution.
    #[must_use]
    pub fn groups(self, groups: usize) -> Self {
        let change = |plan: &mut WeightedPlan<T>| set(plan.layer.groups(), groups);
        self.change_weighted("groups", "a convolution added by the builder before it", change)
    }

    /// The largest of each window, which moves by its own size unless it has a stride: `.max_pool2d(2)`.
    #[must_use]
    pub fn max_pool2d(self, window: impl Into<Window>) -> Self {
        self.made("max_pool2d", MaxPool2d::new(window))
    }

    /// The mean of each window, which moves by its own size unless it has a stride: `.avg_pool2d(2)`.
    #[must_use]
    pub fn avg_pool2d(self, window: impl Into<Window>) -> Self {
        self.made("avg_pool2d", AvgPool2d::new(window))
    }

    /// The largest of each of so many parts of an image: rows and columns, or one number for both.
    #[must_use]
    pub fn adaptive_max_pool2d(self, output: impl Into<Sides>) -> Self {
        self.made("adaptive_max_pool2d", AdaptiveMaxPool2d::new(output))
    }

    /// The mean of each of so many parts of an image: rows and columns, or one number for both.
    #[must_use]
    pub fn adaptive_avg_pool2d(self, output: impl Into<Sides>) -> Self {
        self.made("adaptive_avg_pool2d", AdaptiveAvgPool2d::new(output))
    }

    /// The largest of each window of a sequence, which moves by its own size unless it has a stride.
    #[must_use]
    pub fn max_pool1d(self, window: impl Into<Window>) -> Self {
        self.made("max_pool1d", MaxPool1d::new(window))
    }

    /// The mean of each window of a sequence, which moves by its own size unless it has a stride.
    #[must_use]
    pub fn avg_pool1d(self, window: impl Into<Window>) -> Self {
        self.made("avg_pool1d", AvgPool1d::new(window))
    }

    /// The largest of each of so many parts of a sequence.
    #[must_use]
    pub fn adaptive_max_pool1d(self, output: usize) -> Self {
        self.made("adaptive_max_pool1d", AdaptiveMaxPool1d::new(output))
    }

    /// The mean of each of so many parts of a sequence.
    #[must_use]
    pub fn adaptive_avg_pool1d(self, output: usize) -> Self {
        self.made("adaptive_avg_pool1d", AdaptiveAvgPool1d::new(output))
    }

    /// The mean of each channel of an image.
    #[must_use]
    pub fn global_avg_pool2d(self) -> Self {
        self.layer(GlobalAvgPool2d)
    }
}

/// Sets what there is; whether there is something.
fn set<V>(place: Option<&mut V>, value: V) -> bool {
    place.map(|place| *place = value).is_some()
}

fn set_output_size<T: Scalar>(sides: Sides, size: OutputSize) -> impl FnOnce(&mut WeightedPlan<T>) -> bool {
    move |plan| set(plan.layer.output_size(sides), size)
}
