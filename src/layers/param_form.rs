//! What a model relies on of a parameter, beside its values.

use super::layout::Layout;
use super::param::Param;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape};

/// What stays the same of a parameter while it learns, is set or gets a longer name.
#[derive(Debug, Clone)]
pub(crate) struct ParamForm {
    name: String,
    shape: Shape,
    layout: Layout,
    is_statistic: bool,
}

impl ParamForm {
    /// That of this parameter.
    pub(crate) fn of<T: Scalar>(param: &Param<T>) -> Self {
        Self {
            name: param.name().to_owned(),
            shape: param.shape(),
            layout: param.layout(),
            is_statistic: param.is_statistic(),
        }
    }

    /// Whether this parameter has it; a model around it may have put names before its own.
    ///
    /// # Errors
    /// [`Error::Shape`] where it is another one.
    pub(crate) fn check<T: Scalar>(&self, param: &Param<T>) -> Result<()> {
        if param.shape() == self.shape
            && param.layout() == self.layout
            && param.is_statistic() == self.is_statistic
            && param.name().ends_with(&self.name)
        {
            return Ok(());
        }
        Err(Error::Shape {
            what: "parameter",
            expected: format!("`{}` {}", self.name, self.shape),
            got: format!("another in its place, `{}` {}", param.name(), param.shape()),
            hint: SET,
        })
    }
}

/// Whether parameters of a layer have the shapes that they were made with: whoever gets hold of one can put another in its place.
///
/// # Errors
/// [`Error::Shape`] for the first that has not.
pub(super) fn check_shapes<'a, T: Scalar>(
    params: impl IntoIterator<Item = (&'a Param<T>, Shape)>,
) -> Result<()> {
    params.into_iter().try_for_each(|(param, shape)| {
        if param.shape() == shape {
            return Ok(());
        }
        let expected = format!("`{}` {shape}", param.name());
        Err(Error::Shape { what: "parameter", expected, got: param.shape().to_string(), hint: SET })
    })
}

/// What to do instead of putting another parameter in the place of one.
pub(super) const SET: &str = "`Param::set` gives the one that is there other values";
