//! The errors. Each says what was expected and what came.

mod words;

use core::fmt;

use crate::brief::{brief, first_and_last};
use crate::other_error::OtherError;
use crate::prelude::*;

/// What is wrong with a file takes no more, so that there is room for the path.
const MOST_PROBLEM_BYTES: usize = 700;

/// The result of everything in this crate that can fail.
pub type Result<T> = core::result::Result<T, Error>;

/// A mistake in what was passed in: where, what was expected, what came. What a call changes is unchanged after one, unless it says
/// otherwise.
///
/// Every text is lower case and stands alone, so that it can follow a colon:
///
/// ```
/// use taper::{Error, Tensor};
///
/// let error = Tensor::from_vec([2, 3], vec![1.0_f32; 5]).unwrap_err();
/// assert_eq!(error.to_string(), "tensor [2, 3]: expected 6 values, got 5");
/// ```
///
/// Mistakes of the crate itself are panics, never an `Error`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Something has another shape than it must have.
    Shape {
        /// What has the wrong shape: `input`, `output`, `target`, `weight`, …
        what: &'static str,
        /// The shape that fits, with words for axes that are free: `[batch, 1024]`.
        expected: String,
        /// The shape that came.
        got: String,
        /// What would help, where that is clear; else empty.
        hint: &'static str,
    },
    /// A number of values does not fit a shape or another number of values.
    Length {
        /// What has the wrong length.
        what: String,
        /// How many values fit.
        expected: usize,
        /// How many came.
        got: usize,
    },
    /// A shape has too many axes, or needs more memory than there is.
    TooLarge {
        /// The shape, as it was given.
        shape: String,
        /// Which limit it breaks.
        limit: &'static str,
    },
    /// A setting is outside of its range.
    Setting {
        /// The setting's name: `learning_rate`, `momentum`, …
        name: &'static str,
        /// The range: `a finite number above 0`.
        expected: &'static str,
        /// The value that came.
        got: String,
    },
    /// A target names a class that does not exist.
    Class {
        /// Which sample of the batch or of the data set.
        sample: usize,
        /// How many classes there are; valid are 0 to `classes - 1`.
        classes: usize,
        /// The class that came.
        got: usize,
    },
    /// A number of a target is none that the loss can use.
    TargetValue {
        /// Which sample of the batch or of the data set.
        sample: usize,
        /// The range: `a number from 0 to 1`.
        expected: &'static str,
        /// The number that came.
        got: f64,
    },
    /// A target is of a kind that the loss or metric cannot use.
    Target {
        /// The loss or metric.
        by: &'static str,
        /// What it takes: `class indices`, `values`.
        expected: &'static str,
        /// What came.
        got: &'static str,
    },
    /// A number that has to be the index of something is none.
    Index {
        /// What holds the number: `input`.
        what: &'static str,
        /// Its place along each axis, the batch first.
        place: Vec<usize>,
        /// The first whole number that is too large.
        below: usize,
        /// The number that came.
        got: f64,
    },
    /// A value is NaN or infinite.
    NotFinite {
        /// What is not finite, and where: `loss in epoch 3, step 17`.
        what: String,
        /// The value.
        got: f64,
    },
    /// A batch, a data set or a model has nothing in it.
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// A trainable parameter got no gradient since the last step.
    MissingGradient {
        /// The parameter's name, with its layer.
        parameter: String,
    },
    /// A layer handed out the gradient of a parameter twice in a pass whose gradients are applied at once.
    RepeatedGradient {
        /// The parameter's name, with its layer.
        parameter: String,
    },
    /// A parameter that a gradient store or an optimizer was not made for.
    UnknownParameter {
        /// The parameter's name.
        parameter: String,
        /// What does not know it: `gradient store`, `optimizer`.
        by: &'static str,
    },
    /// A name that nothing in the model has.
    UnknownName {
        /// What has such names: `parameter name`.
        what: &'static str,
        /// The first of the names that there are.
        known: String,
        /// The name that came.
        got: String,
    },
    /// A workspace does not fit the call.
    Workspace {
        /// What is wrong and what to do about it.
        problem: String,
    },
    /// A gradient does not agree with finite differences.
    Gradient {
        /// Which gradient, of which element, and by how much it is off.
        mismatch: String,
    },
    /// A file cannot be read or written.
    #[cfg(feature = "std")]
    Io {
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// The file.
        path: String,
        /// What kind of mistake it is.
        kind: std::io::ErrorKind,
        /// The system's words for it.
        problem: String,
    },
    /// What a file holds is not what it must hold.
    File {
        /// The file.
        path: String,
        /// What was expected, and what is in it.
        problem: String,
    },
    /// The tensors of a file are not those of the model.
    Tensors {
        /// The file.
        path: String,
        /// Every tensor that is missing, left over or of another shape or type, each in words. Of more than twelve, the
        /// first and the last six, and between them how many are left out.
        problems: Vec<String>,
    },
    /// The operations of a file are not all such as a layer does.
    Operations {
        /// The file.
        path: String,
        /// Every operation that is not read, its name and what about it, each in words. The text has twelve at most, this all.
        problems: Vec<String>,
    },
    /// A model cannot be written in another program's format.
    NotWritten {
        /// The file.
        path: String,
        /// Every layer that cannot, and what about it, each in words. The text has twelve at most, this all.
        problems: Vec<String>,
    },
    /// Two layers have the same name.
    DuplicateName {
        /// The name.
        name: String,
    },
    /// Something is wrong with one part of the data.
    Data {
        /// Which part: `validation data`, `last batch of an epoch`, …
        part: String,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// An error inside of a layer.
    Layer {
        /// Position, name and kind: ``layer 3 `fc2` (dense 1024 -> 512)``.
        layer: String,
        /// What went wrong in it.
        source: Box<Error>,
    },
    /// One of the ranks of a training has failed, and so ended it on all of them.
    Rank {
        /// Which.
        rank: usize,
        /// What went wrong on it: the error on that rank itself, on the others its text ([`Error::Other`]).
        source: Box<Error>,
    },
    /// What a part of a user's own returned, as a layer, a loss or a callback: [`Error::other`] makes it, and
    /// [`source`](std::error::Error::source) gives it back. It equals its copies and nothing else.
    Other(OtherError),
}

impl Error {
    /// An error of one's own, or a text, for what has to return this type: a [`Layer`](crate::Layer), a
    /// [`Loss`](crate::Loss), a [`Callback`](crate::train::Callback).
    ///
    /// ```
    /// use std::error::Error as _;
    ///
    /// let read = |text: &str| text.parse::<f32>().map_err(taper::Error::other);
    /// let error = read("1.5 cm").unwrap_err();
    /// assert_eq!(error.to_string(), "invalid float literal");
    /// assert!(error.source().unwrap().is::<std::num::ParseFloatError>());
    /// ```
    #[must_use]
    pub fn other(error: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self::Other(OtherError::new(error.into()))
    }

    /// The same error, told with the layer in which it happened.
    pub(crate) fn in_layer(self, layer: impl fmt::Display) -> Self {
        Self::Layer { layer: brief(&layer.to_string(), MOST_PROBLEM_BYTES), source: Box::new(self) }
    }

    /// The same error, told with the part of the data that it is about.
    pub(crate) fn in_data(self, part: impl Into<String>) -> Self {
        Self::Data { part: part.into(), source: Box::new(self) }
    }

    /// An error of a batch of these samples as one of the data set that they are from.
    pub(crate) fn of_samples(mut self, samples: &[usize]) -> Self {
        match &mut self {
            Self::Class { sample, .. } | Self::TargetValue { sample, .. } => {
                *sample = samples.get(*sample).copied().unwrap_or(*sample);
            }
            Self::Index { place, .. } => {
                let sample = place.first_mut();
                sample
                    .into_iter()
                    .for_each(|sample| *sample = samples.get(*sample).copied().unwrap_or(*sample));
            }
            Self::Layer { source, .. } | Self::Data { source, .. } => {
                **source = (**source).clone().of_samples(samples);
            }
            _ => {}
        }
        self
    }

    /// A shape that does not fit.
    pub(crate) fn shape(what: &'static str, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::Shape { what, expected: expected.to_string(), got: got.to_string(), hint: "" }
    }

    /// A name that is none of those that there are.
    pub(crate) fn unknown_name<'a>(
        what: &'static str,
        names: impl IntoIterator<Item = &'a str>,
        got: &str,
    ) -> Self {
        const MOST: usize = 8;
        let mut known: Vec<String> =
            names.into_iter().take(MOST + 1).map(|name| format!("`{name}`")).collect();
        if known.len() > MOST {
            known.truncate(MOST);
            known.push("…".to_owned());
        }
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Self::UnknownName { what, known, got: got.to_owned() }
    }

    /// A file that does not hold what it must.
    pub(crate) fn file(path: &str, problem: &str) -> Self {
        Self::File { path: path.to_owned(), problem: brief(problem, MOST_PROBLEM_BYTES) }
    }

    /// Tensors that are not those of the model. Of many, the first and the last are told.
    pub(crate) fn tensors(path: &str, problems: &[String]) -> Self {
        Self::Tensors { path: path.to_owned(), problems: first_and_last(problems, MOST_PROBLEM_BYTES / 2) }
    }

    /// Operations that no layer does.
    #[cfg(feature = "onnx")]
    pub(crate) fn operations(path: &str, problems: &[String]) -> Self {
        let problems = problems.iter().map(|problem| brief(problem, MOST_PROBLEM_BYTES / 2)).collect();
        Self::Operations { path: path.to_owned(), problems }
    }

    /// A setting that is outside of its range.
    pub(crate) fn setting(name: &'static str, expected: &'static str, got: impl fmt::Display) -> Self {
        Self::Setting { name, expected, got: got.to_string() }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Data { source, .. } | Self::Layer { source, .. } | Self::Rank { source, .. } => {
                Some(source)
            }
            Self::Other(error) => Some(error.get()),
            _ => None,
        }
    }
}
