//! Normalisations of single samples in a builder.

use super::builder::Builder;
use crate::layers::{GroupNorm, InstanceNorm, RmsNorm};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape};

impl<T: Scalar> Builder<T> {
    /// Normalises the channels of the last axis in so many groups, each sample for itself: [`GroupNorm`] with PyTorch's settings.
    #[must_use]
    pub fn group_norm(self, groups: usize) -> Self {
        self.made_later("group_norm", move |input, _| {
            Ok(Box::new(GroupNorm::new(groups, last_axis(input)?)?))
        })
    }

    /// Normalises each channel of the last axis over the other axes, each sample for itself: [`InstanceNorm`] with PyTorch's
    /// settings, which has no parameters.
    #[must_use]
    pub fn instance_norm(self) -> Self {
        self.made_later("instance_norm", |input, _| Ok(Box::new(InstanceNorm::new(last_axis(input)?)?)))
    }

    /// Divides the last axis by its root mean square, each row of it for itself: [`RmsNorm`] with PyTorch's settings.
    #[must_use]
    pub fn rms_norm(self) -> Self {
        self.made_later("rms_norm", |input, _| Ok(Box::new(RmsNorm::new([last_axis(input)?])?)))
    }
}

fn last_axis(input: &Shape) -> Result<usize> {
    let expected = "[batch, …, channels]";
    input.axes().last().copied().ok_or_else(|| Error::shape("input", expected, input.batch_pattern()))
}
