//! Passes through one layer, in memory of their own.

use super::differences::{is_same, rounding_of};
use crate::kernels::Parallelism;
use crate::layers::{
    Backward, Forward, GradientSink, GradientSource, GradientStore, Layer, Memory, Mode, Param, RandomKey,
};
use crate::{Error, Result, Scalar, Tensor, TensorView};

/// The memory for passes through one layer.
pub(super) struct LayerCheck<'a, T> {
    x: &'a Tensor<T>,
    y: Tensor<T>,
    /// c, the number by which each output counts.
    weights: Tensor<T>,
    memory: Memory,
    cache: Vec<T>,
}

impl<'a, T: Scalar> LayerCheck<'a, T> {
    pub(super) fn new(layer: &dyn Layer<T>, x: &'a Tensor<T>) -> Result<Self> {
        let (batch, sample) = x.shape().split_batch().ok_or(Error::Empty { what: "axes of the input" })?;
        if x.is_empty() {
            return Err(Error::Empty { what: "elements of the input" });
        }
        let output = layer.output_shape(&sample)?;
        let (output, memory) = (output.with_batch(batch)?, layer.memory(&sample, batch, Mode::Train));
        Ok(Self {
            x,
            y: Tensor::zeros(output)?,
            weights: Tensor::from_fn(output, weight)?,
            memory,
            cache: vec![T::zero(); memory.cache],
        })
    }

    /// A forward pass; what it does not write is NaN.
    fn forward(&mut self, layer: &dyn Layer<T>, x: TensorView<'_, T>) -> Result<()> {
        self.y.as_mut_slice().fill(T::nan());
        self.cache.fill(T::nan());
        let mut scratch = vec![T::nan(); self.memory.scratch];
        let mut context = Forward::new(Mode::Train, &mut self.cache, &mut scratch);
        context.random = RandomKey::new(1, 1);
        context.parallelism = Parallelism::Threads(1);
        layer.forward(x, self.y.view_mut(), &mut context)
    }

    /// c·y for an input.
    pub(super) fn value(&mut self, layer: &dyn Layer<T>, x: TensorView<'_, T>) -> Result<f64> {
        self.forward(layer, x)?;
        Ok(self.parts().sum())
    }

    /// The terms of c·y.
    fn parts(&self) -> impl Iterator<Item = f64> {
        self.y.as_slice().iter().zip(self.weights.as_slice()).map(|(y, weight)| weight.as_f64() * y.as_f64())
    }

    /// How far rounding moves c·y of the last pass.
    pub(super) fn rounding(&self) -> f64 {
        rounding_of::<T>(self.parts())
    }

    /// The gradients of c·y with respect to the parameters and, where there is a place for it, to the input.
    pub(super) fn gradients(
        &mut self,
        layer: &mut dyn Layer<T>,
        dx: Option<&mut Tensor<T>>,
    ) -> Result<GradientStore<T>> {
        self.forward(layer, self.x.view())?;
        let mut dy = self.weights.clone();
        let mut scratch = vec![T::nan(); self.memory.scratch];
        let mut sink = CheckedSink { store: GradientStore::new(layer) };
        let (x, y) = (self.x.view(), self.y.view());
        let mut pass = Backward::new(x, y, dy.view_mut(), &self.cache, &mut scratch);
        pass.dx = dx.map(Tensor::view_mut);
        pass.random = RandomKey::new(1, 1);
        pass.parallelism = Parallelism::Threads(1);
        layer.backward(pass, &mut sink)?;
        Ok(sink.store)
    }
}

/// The number by which output `index` counts: all different, none small.
fn weight<T: Scalar>(index: usize) -> T {
    T::of(0.5 + RandomKey::new(2, 2).uniform(index))
}

/// Stores gradients, and checks that a source can be written as sinks may ask.
pub(super) struct CheckedSink<T> {
    pub(super) store: GradientStore<T>,
}

impl<T: Scalar> GradientSink<T> for CheckedSink<T> {
    fn take(&mut self, param: &mut Param<T>, gradient: &dyn GradientSource<T>) -> Result<()> {
        let len = param.buffer().len();
        let mut whole = vec![T::nan(); len];
        gradient.write(0..len, T::one(), T::zero(), &mut whole);
        let mut runs = vec![T::one(); len];
        for (index, run) in runs.chunks_mut(param.granule()).enumerate() {
            let start = index * param.granule();
            gradient.write(start..start + run.len(), T::of(-2.0), T::of(3.0), run);
        }
        for (index, (&whole, &run)) in whole.iter().zip(&runs).enumerate() {
            let (whole, run) = (whole.as_f64(), run.as_f64());
            if !is_same::<T>(run, 3.0 - 2.0 * whole) {
                return Err(Error::Gradient {
                    mismatch: format!(
                        "`{}`, place {index} of its buffer: expected 3·1 − 2·{whole:e} when added in runs, got {run:e}",
                        param.name()
                    ),
                });
            }
        }
        self.store.take(param, gradient)
    }

    /// A check leaves the layer as it was.
    fn only_looks(&self) -> bool {
        true
    }
}
