//! How a file is to be read, and what came of it.

use super::orientation::Orientation;
use super::rename::Rename;
use crate::Shape;
use crate::prelude::*;

/// How a file is read into a model; for [`Sequential::load_with`](crate::Sequential::load_with) and
/// [`Sequential::load_bytes`](crate::Sequential::load_bytes).
///
/// A file of PyTorch whose layers have other names, with a head that is not wanted:
///
/// ```
/// use taper::io::Load;
///
/// let load = Load::new()
///     .with_rename("classifier.0.", "fc1.")
///     .with_rename("classifier.3.", "fc2.")
///     .allow_left_over();
/// # let _ = load;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Load {
    pub(super) orientation: Option<Orientation>,
    pub(super) renames: Vec<Rename>,
    pub(super) features: Option<Features>,
    pub(super) in_model_order: Vec<String>,
    allowed: Vec<Unusual>,
}

/// What may be unusual about a file, where it is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusual {
    Missing,
    LeftOver,
    NotFinite,
    OtherClasses,
    UnusedRename,
}

/// The order of the features in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Features {
    /// `[channels, height, width]`.
    ChannelsFirst([usize; 3]),
    /// `[height, width, channels]`.
    ChannelsLast([usize; 3]),
}

impl Features {
    pub(super) fn is_first(self) -> bool {
        matches!(self, Self::ChannelsFirst(_))
    }

    /// As they are in the file.
    pub(super) fn axes(self) -> Shape {
        let (Self::ChannelsFirst(axes) | Self::ChannelsLast(axes)) = self;
        axes.into()
    }

    /// As they are here.
    pub(super) fn channels_last(self) -> Shape {
        match self {
            Self::ChannelsFirst([channels, height, width]) => [height, width, channels].into(),
            Self::ChannelsLast(axes) => axes.into(),
        }
    }
}

/// What was unusual about a file that was loaded. Without a call of `allow_…` of a [`Load`], its lists are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// Parameters that the file lacks; they are as they were.
    pub missing: Vec<String>,
    /// Tensors of the file that the model lacks.
    pub left_over: Vec<String>,
    /// Parameters with a NaN or an infinity.
    pub not_finite: Vec<String>,
    /// Rules of [`Load::with_rename`] that fit no name, each as `` `from` to `to` ``.
    pub unused_renames: Vec<String>,
    /// What became of the [check](super::Save::with_check) in the file.
    pub check: Check,
}

/// What became of the check that a file may carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// The file has none.
    #[default]
    Absent,
    /// The outputs are those that the file says.
    Passed,
    /// It could not be made, for this reason.
    LeftOut(String),
}

impl Load {
    /// The file must have just the model's tensors, all finite; weights lie as the file says, or as in PyTorch where it
    /// does not say.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Which way dense weights lie in the file, whatever it says itself.
    #[must_use]
    pub fn with_orientation(mut self, orientation: Orientation) -> Self {
        self.orientation = Some(orientation);
        self
    }

    /// A name in the file that begins with `from` begins with `to` instead; a whole name may be given too. The first
    /// rule that fits a name is used, and only that. A rule that fits none is an error, unless that is
    /// [allowed](Load::allow_unused_renames).
    ///
    /// With a `*`, `from` is a pattern of the whole name. A `*` is any text, dots and none too; from left to right as little as
    /// fits. `to` has as many, and each of them is the text of its place. Another number of them is an error when the file is read.
    ///
    /// ```
    /// # use taper::io::Load;
    /// let keras = Load::new()
    ///     .with_rename("conv2d*.kernel", "conv*.weight")    // conv2d_1.kernel: conv_1.weight
    ///     .with_rename("*.gamma", "*.weight")               // stem.norm.gamma: stem.norm.weight
    ///     .with_rename("head.", "classifier.");             // without a `*`, the beginning of a name
    /// # let _ = keras;
    /// ```
    #[must_use]
    pub fn with_rename(mut self, from: &str, to: &str) -> Self {
        self.renames.push(Rename::new(from, to));
        self
    }

    /// The file's features are `[channels, height, width]`, as PyTorch flattens them: whatever lies along them is put into
    /// the model's order, `[height, width, channels]`. A model that takes a row of features knows from then on what they are.
    ///
    /// The sizes are those of the features that some layer of the model flattens; one call is for the whole file.
    ///
    /// ```
    /// # let load = taper::io::Load::new();
    /// load.from_channels_first([256, 7, 7]); // for a model that flattens 7×7×256
    /// ```
    #[must_use]
    pub fn from_channels_first(mut self, features: [usize; 3]) -> Self {
        self.features = Some(Features::ChannelsFirst(features));
        self
    }

    /// The file's features are `[height, width, channels]`, as Keras flattens them, and so are those of a model of this
    /// crate: they stay as they are. Of a model whose input is `[channels, height, width]` and that flattens it so, they
    /// are put into that order.
    #[must_use]
    pub fn from_channels_last(mut self, features: [usize; 3]) -> Self {
        self.features = Some(Features::ChannelsLast(features));
        self
    }

    /// The parameter of this name lies in the file as it does in the model, whatever it lies along: for one of a layer of one's own,
    /// which nobody else can put in order. A name that the model does not have is an error when the file is read.
    #[must_use]
    pub fn in_model_order(mut self, parameter: &str) -> Self {
        self.in_model_order.push(parameter.to_owned());
        self
    }

    /// Parameters that the file lacks stay as they are, and are told in [`Loaded::missing`]: with
    /// [`allow_left_over`](Self::allow_left_over), PyTorch's `strict=False`.
    #[must_use]
    pub fn allow_missing(self) -> Self {
        self.allow(Unusual::Missing)
    }

    /// Tensors that the model lacks are left alone, and told in [`Loaded::left_over`].
    #[must_use]
    pub fn allow_left_over(self) -> Self {
        self.allow(Unusual::LeftOver)
    }

    /// The model keeps the [names of its classes](crate::Sequential::classes), whatever the file calls them.
    #[must_use]
    pub fn allow_other_classes(self) -> Self {
        self.allow(Unusual::OtherClasses)
    }

    /// Rules of [`Load::with_rename`] that fit no name are told in [`Loaded::unused_renames`]: for one list of rules for
    /// several models.
    #[must_use]
    pub fn allow_unused_renames(self) -> Self {
        self.allow(Unusual::UnusedRename)
    }

    /// NaN and infinity are read as they are, and told in [`Loaded::not_finite`].
    #[must_use]
    pub fn allow_not_finite(self) -> Self {
        self.allow(Unusual::NotFinite)
    }

    fn allow(mut self, unusual: Unusual) -> Self {
        self.allowed.push(unusual);
        self
    }

    pub(super) fn allows(&self, unusual: Unusual) -> bool {
        self.allowed.contains(&unusual)
    }
}
