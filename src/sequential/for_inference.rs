//! A model for inference: normalisations are folded into other layers, dropout is left out.

use core::any::Any;

use super::Sequential;
use super::branches::Branches;
use super::step::Step;
use crate::layers::{
    BatchNorm, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dense, Dropout, Dropout2d, Layer, Reshape,
};
use crate::prelude::*;
use crate::{Result, Scalar};

impl<T: Scalar> Sequential<T> {
    /// A model with the same outputs for [`Sequential::infer`], but for rounding, that takes less time for them.
    ///
    /// Each [`BatchNorm`] right behind a layer that is linear, [`Dense`], [`Conv2d`], [`ConvTranspose2d`] or one of their
    /// like on sequences, goes into that layer's weight and bias; where there was no bias, there is one then. Dropout is left out. What else there is stays, under its name, and so does a
    /// normalisation behind another layer. Models inside are treated alike, those of [`Branches`] too.
    ///
    /// Such a model is to be used, not to be trained: it has no statistics of batches any more.
    ///
    /// ```
    /// use taper::{Sequential, Tensor};
    ///
    /// let model = Sequential::<f32>::builder([4])
    ///     .dense(3).without_bias().named("fc1").batch_norm().relu().dropout(0.5)
    ///     .dense(2).named("fc2")
    ///     .build(&mut taper::seeded(7))?;
    /// let lean = model.for_inference()?;
    /// assert_eq!((model.len(), lean.len()), (5, 3));
    /// assert_eq!(lean.param("fc1.bias")?.shape().axes(), [3]);
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) where a running variance is below 0.
    pub fn for_inference(&self) -> Result<Self> {
        self.check_params()?;
        let mut steps: Vec<Step<T>> = Vec::with_capacity(self.len());
        for (index, step) in self.steps().iter().enumerate() {
            let layer: &dyn Any = &*step.layer;
            if does_nothing(layer) {
                continue;
            }
            if let Some(norm) = layer.downcast_ref::<BatchNorm<T>>() {
                let folded = norm.scale_and_shift().and_then(|(scales, shifts)| {
                    steps.last().map_or(Ok(None), |before| folded(&*before.layer, &scales, &shifts))
                });
                if let Some(folded) = folded.map_err(|error| self.error_in(index, error))? {
                    steps.last_mut().expect("it was folded into one").layer = folded;
                    continue;
                }
            }
            let mut step = step.clone();
            let told = |error| self.error_in(index, error);
            if let Some(model) = layer.downcast_ref::<Self>() {
                step.layer = Box::new(model.for_inference().map_err(told)?);
            } else if let Some(branches) = layer.downcast_ref::<Branches<T>>() {
                step.layer = Box::new(branches.with_models(|_, model| model.for_inference()).map_err(told)?);
            }
            steps.push(step);
        }
        Ok(self.with_lean_steps(steps))
    }

    /// The model with what is left of its steps.
    pub(super) fn with_lean_steps(&self, mut steps: Vec<Step<T>>) -> Self {
        if steps.is_empty() {
            // A model needs a layer, if it is one that does nothing.
            let (name, shape) = (self.steps()[0].name.clone(), self.input());
            steps.push(Step::new(Box::new(Reshape::new(shape)), name, shape, shape));
        }
        let model = Self::of_named(self.input(), self.output(), steps);
        model.with_known_order(self.known_order()).with_class_names(self.classes.clone())
    }
}

/// Whether the layer's output is its input in inference.
pub(super) fn does_nothing(layer: &dyn Any) -> bool {
    layer.is::<Dropout>() || layer.is::<Dropout2d>()
}

/// The layer whose outputs are scale·y + shift, with numbers for each index of the last axis, where the layer is linear.
pub(super) fn folded<T: Scalar>(
    layer: &dyn Layer<T>,
    scales: &[f64],
    shifts: &[f64],
) -> Result<Option<Box<dyn Layer<T>>>> {
    let any: &dyn Any = layer;
    if let Some(dense) = any.downcast_ref::<Dense<T>>() {
        return Ok(Some(Box::new(dense.scaled(scales, shifts)?)));
    }
    if let Some(conv) = any.downcast_ref::<Conv2d<T>>() {
        return Ok(Some(Box::new(conv.scaled(scales, shifts)?)));
    }
    if let Some(conv) = any.downcast_ref::<Conv1d<T>>() {
        return Ok(Some(Box::new(conv.scaled(scales, shifts)?)));
    }
    if let Some(conv) = any.downcast_ref::<ConvTranspose2d<T>>() {
        return Ok(Some(Box::new(conv.scaled(scales, shifts)?)));
    }
    if let Some(conv) = any.downcast_ref::<ConvTranspose1d<T>>() {
        return Ok(Some(Box::new(conv.scaled(scales, shifts)?)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded;

    #[test]
    fn a_model_of_layers_that_do_nothing_stays() {
        let model = Sequential::<f32>::builder([3]).dropout(0.5).build(&mut seeded(0)).unwrap();
        let lean = Sequential::builder([3]).layer(model).dense(2).build(&mut seeded(0)).unwrap();
        let lean = lean.for_inference().unwrap();
        assert_eq!(format!("{lean:?}").matches("sequential of 1 layers").count(), 1);
    }
}
