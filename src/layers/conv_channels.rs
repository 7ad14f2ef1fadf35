//! The channels of a convolution.

use super::Settings;
use super::stored::{Entry, Restored};
use super::weight_and_bias::check_width;
use crate::getters::getters;
use crate::prelude::*;
use crate::{Error, Result, Shape};

/// The channels that a convolution takes and gives, and in how many groups.
///
/// ```
/// use taper::layers::{Channels, Conv2d};
///
/// let all_to_all = Channels::new(32, 64);
/// let each_by_itself = Channels::new(32, 32).with_groups(32); // a depthwise convolution
/// let conv = Conv2d::<f32>::new(each_by_itself, 3, &mut taper::seeded(0))?;
/// assert_eq!(conv.weight().shape().axes(), [3, 3, 1, 32]);
/// assert_eq!((all_to_all.inputs(), all_to_all.outputs(), all_to_all.groups()), (32, 64, 1));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) groups: usize,
}

impl Channels {
    /// Every output sees every input.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, groups: 1 }
    }

    /// Inputs and outputs in this many groups, one after another: an output sees the inputs of its group alone. 1 unless set; it has to
    /// divide both numbers of channels, which the convolution looks at.
    #[must_use]
    pub fn with_groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    pub(super) fn check(self) -> Result<()> {
        check_width("input channels", self.inputs)?;
        check_width("output channels", self.outputs)?;
        let divides = |channels: usize| self.groups > 0 && channels.is_multiple_of(self.groups);
        if divides(self.inputs) && divides(self.outputs) {
            return Ok(());
        }
        let got = format!("{} for {} -> {} channels", self.groups, self.inputs, self.outputs);
        Err(Error::setting("groups", "a number that divides both numbers of channels", got))
    }

    /// `3 -> 8`
    pub(super) fn arrow(self) -> String {
        format!("{} -> {}", self.inputs, self.outputs)
    }

    /// ` groups 2`, where there are several.
    pub(super) fn in_groups(self) -> String {
        if self.groups > 1 { format!(" groups {}", self.groups) } else { String::new() }
    }

    /// The error of an image that has other channels.
    pub(super) fn other(self, input: &Shape) -> Error {
        let is_first = input.axes().first() == Some(&self.inputs);
        let hint = if is_first { "channels are the last axis; put a channels_last before it" } else { "" };
        let expected = format!("[batch, height, width, {}]", self.inputs);
        Error::Shape { what: "input", expected, got: input.batch_pattern(), hint }
    }

    pub(super) fn settings(self) -> Settings {
        let Self { inputs, outputs, groups } = self;
        Settings::new().with("inputs", inputs).with("outputs", outputs).with("groups", groups)
    }

    /// What [`Channels::settings`] wrote. The layer has to check it.
    pub(super) fn of_entry(entry: &dyn Entry) -> Restored<Self> {
        let (inputs, outputs) = (entry.count("inputs")?, entry.count("outputs")?);
        Ok(Self { inputs, outputs, groups: entry.count("groups")? })
    }

    getters! {
        /// Those of the input.
        inputs: usize;
        /// Those of the output.
        outputs: usize;
        /// The number of groups.
        groups: usize;
    }
}
