//! A calmer copy of a model's weights.

use std::fmt;

use super::rule::check_share;
use crate::kernels::Buffer;
use crate::layers::Layer;
use crate::{Error, Result, Scalar};

/// An exponential moving average of a model's parameters: a ← decay·a + (1 − decay)·w after each step (Polyak and
/// Juditsky, 1992, in its exponential form). It is often the better model.
///
/// ```
/// use taper::{Dense, Sequential, Tensor, optimizers::MovingAverage};
///
/// let dense = Dense::from_parts(&Tensor::from([[1.0]]), None)?;
/// let mut model = Sequential::builder([1]).layer(dense).build(&mut taper::seeded(0))?;
/// let mut average = MovingAverage::new(&model, 0.75)?;
/// model.param_mut("0.weight")?.set(&Tensor::from([[2.0]]))?;
/// average.update(&model)?;
/// average.swap(&mut model)?; // the model has the average, the average what the model had
/// assert_eq!(model.param("0.weight")?.to_tensor(), Tensor::from([[1.25]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone)]
pub struct MovingAverage<T> {
    decay: f64,
    values: Vec<Buffer<T>>,
}

impl<T: Scalar> MovingAverage<T> {
    /// An average that starts from the model as it is. 0.99 to 0.9999 is usual.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ decay < 1.
    pub fn new(model: &dyn Layer<T>, decay: f64) -> Result<Self> {
        check_share("decay", decay)?;
        let mut values = Vec::new();
        model.params(&mut |param| {
            let mut buffer = Buffer::zeroed(param.buffer().len());
            buffer.copy_from_slice(param.buffer());
            values.push(buffer);
        });
        Ok(Self { decay, values })
    }

    /// Takes the model's parameters in.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`] where it is another model; nothing is changed then.
    pub fn update(&mut self, model: &dyn Layer<T>) -> Result<()> {
        self.check(model)?;
        let (keep, take) = (T::of(self.decay), T::of(1.0 - self.decay));
        let mut values = self.values.iter_mut();
        model.params(&mut |param| {
            let average = values.next().expect("checked above");
            for (average, &weight) in average.iter_mut().zip(param.buffer()) {
                *average = keep * *average + take * weight;
            }
        });
        Ok(())
    }

    /// Exchanges the average and the model's parameters; doing it again undoes it.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`] where it is another model; nothing is changed then.
    pub fn swap(&mut self, model: &mut dyn Layer<T>) -> Result<()> {
        self.check(model)?;
        let mut values = self.values.iter_mut();
        model.params_mut(&mut |param| {
            param.buffer_mut().swap_with_slice(values.next().expect("checked above"));
        });
        Ok(())
    }

    fn check(&self, model: &dyn Layer<T>) -> Result<()> {
        let (mut unknown, mut count) = (None, 0);
        model.params(&mut |param| {
            if self.values.get(count).is_none_or(|values| values.len() != param.buffer().len()) {
                unknown.get_or_insert(format!("`{}`", param.name()));
            }
            count += 1;
        });
        if let Some(parameter) = unknown {
            return Err(Error::UnknownParameter { parameter, by: "moving average" });
        }
        if count == self.values.len() {
            return Ok(());
        }
        let what = "parameters of the moving average".into();
        Err(Error::Length { what, expected: self.values.len(), got: count })
    }
}

impl<T> fmt::Debug for MovingAverage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MovingAverage").field("decay", &self.decay).finish_non_exhaustive()
    }
}
