//! The classes that a model tells apart have names.

use core::any::Any;

use super::class_names::{ClassNames, class_names};
use super::{Builder, Sequential};
use crate::layers::OutputKind;
use crate::prelude::*;
use crate::{Result, Scalar};

impl<T: Scalar> Builder<T> {
    /// Names the classes, in their order along the last axis of the output. [`Sequential::classify`] and tables of an
    /// [evaluation](crate::train::Evaluation) tell them, and files keep them.
    ///
    /// ```
    /// # use taper::Sequential;
    /// let model = Sequential::<f32>::builder([4])
    ///     .dense(3)
    ///     .classes(["dog", "cat", "bird"])
    ///     .build(&mut taper::seeded(7))?;
    /// assert_eq!(model.classes().unwrap(), ["dog", "cat", "bird"]);
    /// # Ok::<(), taper::Error>(())
    /// ```
    #[must_use]
    pub fn classes<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.classes = Some(names.into_iter().map(Into::into).collect());
        self
    }
}

impl<T: Scalar> Sequential<T> {
    /// The names of the classes, where they are told: of this model, or of a model that it ends in, whose outputs may become
    /// probabilities behind it.
    #[must_use]
    pub fn classes(&self) -> Option<&[String]> {
        self.class_names().map(|names| &**names)
    }

    /// Names the classes, in their order along the last axis of the output.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) for another number of names than the last axis has; [`Error::Setting`](crate::Error::Setting) for a name that is empty,
    /// longer than 1024 bytes or there twice. The model is unchanged then.
    pub fn set_classes<S: Into<String>>(&mut self, names: impl IntoIterator<Item = S>) -> Result<()> {
        let classes = self.output().axes().last().copied().unwrap_or(0);
        self.classes = Some(class_names(names, classes)?);
        Ok(())
    }

    pub(crate) fn class_names(&self) -> Option<&ClassNames> {
        if self.classes.is_some() {
            return self.classes.as_ref();
        }
        for step in self.steps().iter().rev() {
            let layer: &dyn Any = &*step.layer;
            if let Some(model) = layer.downcast_ref::<Self>() {
                return model.class_names();
            }
            // What makes probabilities of the outputs, or passes them on, leaves each class in its place.
            let is_last = step.output.axes().last() == step.input.axes().last();
            let makes = step.layer.output_kind(OutputKind::Values);
            let passes = step.layer.output_kind(OutputKind::Probabilities) == OutputKind::Probabilities;
            if !is_last || makes == OutputKind::Values && !passes {
                return None;
            }
        }
        None
    }

    pub(super) fn with_class_names(mut self, names: Option<ClassNames>) -> Self {
        self.classes = names;
        self
    }
}
