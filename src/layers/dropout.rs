//! Dropout: sets random elements to 0 in training.

use super::stored::{Entry, Restored, Stored};
use super::{
    Backward, Forward, GradientSink, Layer, Mode, OnnxGraph, OnnxValue, OutputKind, RandomKey, Settings,
    Units,
};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Dropout: while training, each element is 0 with probability `rate` and else multiplied by 1/(1 − rate), so that its
/// mean stays; in inference nothing happens (Srivastava et al., 2014; the inverted form).
///
/// The mask is never stored: it is computed from the seed, the step, the layer and the element's index, in the
/// backward pass again. So it costs no memory and does not depend on threads.
///
/// # Shapes
/// `[batch, …]` → the same.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([2]).dropout(0.5).build(&mut taper::seeded(0))?;
/// assert_eq!(model.predict(&Tensor::from([[1.0_f32, 2.0]]))?, Tensor::from([[1.0, 2.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dropout {
    rate: f64,
}

impl Dropout {
    /// A layer that drops this share of the elements, as both libraries' rate.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ rate < 1.
    pub fn new(rate: f64) -> Result<Self> {
        if (0.0..1.0).contains(&rate) {
            return Ok(Self { rate });
        }
        Err(Error::setting("dropout rate", "a number of at least 0 and below 1", rate))
    }

    /// The share of the elements that is dropped.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// values ← values·mask/(1 − rate).
    fn mask<T: Scalar>(&self, values: &mut [T], random: RandomKey) {
        let (keep, random) = (T::of(1.0 / (1.0 - self.rate)), random.of_part(values.len()));
        for (index, value) in values.iter_mut().enumerate() {
            *value = if random.uniform(index) < self.rate { T::zero() } else { *value * keep };
        }
    }
}

impl<T: Scalar> Layer<T> for Dropout {
    fn kind(&self) -> &'static str {
        "dropout"
    }

    fn describe(&self) -> String {
        format!("dropout {}", self.rate)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn units_through(&self, _: &Shape, units: Units) -> Option<Units> {
        Some(units)
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        input
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        y.as_mut_slice().copy_from_slice(x.as_slice());
        if context.mode == Mode::Train {
            self.mask(y.as_mut_slice(), context.random);
        }
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
            self.mask(dx.as_mut_slice(), pass.random);
        }
        Ok(())
    }

    fn settings(&self) -> Settings {
        Settings::new().with("rate", self.rate)
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let _ = graph;
        Ok(x)
    }
}

impl<T: Scalar> Stored<T> for Dropout {
    const KINDS: &'static [&'static str] = &["dropout"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        Ok(Self::new(entry.number("rate")?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_its_share_and_keeps_the_mean() {
        let dropout = Dropout::new(0.25).unwrap();
        let mut values = vec![1.0_f64; 100_000];
        dropout.mask(&mut values, RandomKey::new(7, 0));
        let dropped = values.iter().filter(|&&value| value == 0.0).count() as f64 / 1e5;
        // Four standard deviations: 4·sqrt(0.25·0.75/100000) = 0.0055.
        assert!((dropped - 0.25).abs() < 0.0055, "{dropped}");
        assert!(values.iter().all(|&value| value == 0.0 || value == 1.0 / 0.75));
    }

    #[test]
    fn a_rate_outside_of_its_range_is_an_error() {
        for rate in [-0.1, 1.0, f64::NAN] {
            let error = Dropout::new(rate).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("dropout rate: expected a number of at least 0 and below 1, got {rate}")
            );
        }
    }
}
