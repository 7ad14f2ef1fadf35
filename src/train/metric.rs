//! A metric of a user's own.

use std::fmt;

use super::outputs::Outputs;
use crate::losses::Target;
use crate::{Error, Result, Scalar, TensorView};

/// Names and numbers.
pub(super) type Metrics = Vec<(String, f64)>;

type Function<'a, T> = Box<dyn FnMut(TensorView<'_, T>, Target<'_, T>) -> Result<f64> + Send + 'a>;

/// A number with a name that follows from the outputs and the targets of a validation.
pub(super) struct Metric<'a, T> {
    pub(super) name: &'static str,
    function: Function<'a, T>,
}

impl<'a, T: Scalar> Metric<'a, T> {
    pub(super) fn new(
        name: &'static str,
        function: impl FnMut(TensorView<'_, T>, Target<'_, T>) -> Result<f64> + Send + 'a,
    ) -> Self {
        Self { name, function: Box::new(function) }
    }

    /// Its name and its value.
    ///
    /// # Errors
    /// That of the function, told with the name.
    pub(super) fn measure(&mut self, outputs: &Outputs<T>) -> Result<(String, f64)> {
        let value = (self.function)(outputs.outputs(), outputs.target());
        let value = value.map_err(|error| error.in_data(format!("metric `{}`", self.name)))?;
        Ok((self.name.to_owned(), value))
    }
}

/// Whether each metric has something to be taken of, and a name of its own.
pub(super) fn check<T>(metrics: &[Metric<'_, T>], has_validation: bool) -> Result<()> {
    for (index, Metric { name, .. }) in metrics.iter().enumerate() {
        if !has_validation {
            return Err(Error::setting(
                "metric",
                "validation data to take it of",
                format!("none for `{name}`"),
            ));
        }
        if metrics[..index].iter().any(|other| other.name == *name) {
            return Err(Error::setting("metric", "a name of its own", format!("`{name}` twice")));
        }
    }
    Ok(())
}

impl<T> fmt::Debug for Metric<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
