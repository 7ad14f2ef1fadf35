//! Gradients against finite differences.
//!
//! A gradient that is almost right trains almost as well, and nobody notices. So every layer and loss of this
//! crate, and each of yours, should go through [`layer()`] or [`loss()`] in a test:
//!
//! ```
//! use taper::{Dense, Tensor, gradcheck, losses::CrossEntropy};
//!
//! let mut dense = Dense::<f64>::new(3, 2, &mut taper::seeded(7))?;
//! gradcheck::layer(&mut dense, &Tensor::from([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]]))?;
//!
//! let logits = Tensor::from([[0.1, -0.2], [0.3, 0.4]]);
//! gradcheck::loss(&CrossEntropy::new(), &logits, &[0, 1])?;
//! # Ok::<(), taper::Error>(())
//! ```
//!
//! Each element is moved by ±1e-6 and the difference quotient compared with the gradient: they may differ by
//! 1e-7 + 1e-5·|quotient|. Choose inputs away from kinks, where there is no derivative to compare with.

use crate::kernels::Parallelism;
use crate::layers::{
    Backward, Forward, GradientSink, GradientSource, GradientStore, Layer, Memory, Mode, Param, RandomKey,
};
use crate::losses::{Loss, Target};
use crate::{Error, Result, Tensor, TensorView};

const STEP: f64 = 1e-6;
const ABSOLUTE: f64 = 1e-7;
const RELATIVE: f64 = 1e-5;

/// Compares a layer's gradients with respect to its input and to each parameter that is not frozen with central
/// differences of c·y, where c are fixed numbers between 0.5 and 1.5. A [`crate::Sequential`] is a layer too.
///
/// Also checked: that each gradient is handed to the sink, that it can be written in runs and added to what is
/// there, and that nothing is read that was not written.
///
/// # Errors
/// [`Error::Gradient`] telling which element of which tensor is off by how much, [`Error::MissingGradient`],
/// [`Error::Empty`] where there is nothing to compare; the layer's own errors.
pub fn layer(layer: &mut dyn Layer<f64>, x: &Tensor<f64>) -> Result<()> {
    let mut check = LayerCheck::new(layer, x)?;
    let (mut dx, gradients) = check.gradients(layer)?;

    let mut moved = x.clone();
    compare("input", &mut dx, |index, by| {
        moved.as_mut_slice()[index] = x.as_slice()[index] + by;
        let value = check.value(layer, moved.view());
        moved.as_mut_slice()[index] = x.as_slice()[index];
        value
    })?;

    let mut names = Vec::new();
    layer.params(&mut |param| names.push((param.name().to_owned(), param.is_frozen())));
    for (slot, (name, frozen)) in names.iter().enumerate() {
        if *frozen {
            continue;
        }
        let mut gradient = None;
        layer.params(&mut |param| {
            if param.slot() == slot {
                gradient = gradients.get(param);
            }
        });
        let Some(mut gradient) = gradient else {
            return Err(Error::MissingGradient { parameter: format!("`{name}`") });
        };
        let original = value_of(layer, slot);
        compare(name, &mut gradient, |index, by| {
            let mut moved = original.clone();
            moved.as_mut_slice()[index] += by;
            set_value(layer, slot, &moved);
            let value = check.value(layer, x.view());
            set_value(layer, slot, &original);
            value
        })?;
    }
    Ok(())
}

/// Compares a loss's gradient with respect to the outputs with central differences.
///
/// Also checked: that [`Loss::part`] of a whole that is twice as large is half of both.
///
/// # Errors
/// [`Error::Gradient`] telling which element is off by how much; the loss's own errors.
pub fn loss<'a>(
    loss: &dyn Loss<f64>,
    outputs: &Tensor<f64>,
    target: impl Into<Target<'a, f64>>,
) -> Result<()> {
    let target = target.into();
    if outputs.is_empty() {
        return Err(Error::Empty { what: "elements of the outputs" });
    }
    let mut gradient = Tensor::full(outputs.shape(), f64::NAN)?;
    loss.backward(outputs.view(), target, gradient.view_mut())?;
    let mut moved = outputs.clone();
    compare("outputs", &mut gradient, |index, by| {
        moved.as_mut_slice()[index] = outputs.as_slice()[index] + by;
        let value = loss.forward(moved.view(), target);
        moved.as_mut_slice()[index] = outputs.as_slice()[index];
        value
    })?;
    let divisor = 2.0 * loss.divisor(target).unwrap_or(1.0);
    if divisor == 0.0 {
        return Ok(());
    }
    let mut half = Tensor::full(outputs.shape(), f64::NAN)?;
    let value = loss.part(outputs.view(), target, divisor, Some(half.view_mut()))?;
    let values = [(loss.forward(outputs.view(), target)?, value)];
    let gradients = gradient.as_slice().iter().copied().zip(half.as_slice().iter().copied());
    for (whole, part) in values.into_iter().chain(gradients) {
        let (expected, off) = (whole / 2.0, (part - whole / 2.0).abs());
        if off.is_nan() || off > 1e-9 * (1.0 + expected.abs()) {
            return Err(Error::Gradient {
                mismatch: format!(
                    "`part` of a loss whose divisor is {divisor}: expected {expected:e}, half of the whole, got {part:e}"
                ),
            });
        }
    }
    Ok(())
}

/// Compares each element of a gradient with the central difference of `value(index, by)`.
fn compare(
    what: &str,
    gradient: &mut Tensor<f64>,
    mut value: impl FnMut(usize, f64) -> Result<f64>,
) -> Result<()> {
    let shape = gradient.shape();
    for (index, &got) in gradient.as_slice().iter().enumerate() {
        let expected = (value(index, STEP)? - value(index, -STEP)?) / (2.0 * STEP);
        let off = (got - expected).abs();
        if off.is_nan() || off > ABSOLUTE + RELATIVE * expected.abs() {
            return Err(Error::Gradient {
                mismatch: format!(
                    "`{what}` {shape}, element {:?}: expected {expected:e} by finite differences, got {got:e}, off by {off:e}",
                    shape.place(index)
                ),
            });
        }
    }
    Ok(())
}

fn value_of(layer: &dyn Layer<f64>, slot: usize) -> Tensor<f64> {
    let mut value = None;
    layer.params(&mut |param| {
        if param.slot() == slot {
            value = Some(param.to_tensor());
        }
    });
    value.expect("the slot was counted from the same parameters")
}

fn set_value(layer: &mut dyn Layer<f64>, slot: usize, value: &Tensor<f64>) {
    layer.params_mut(&mut |param| {
        if param.slot() == slot {
            param.set(value).expect("a tensor that came from the parameter");
        }
    });
}

/// The memory for passes through one layer.
struct LayerCheck<'a> {
    x: &'a Tensor<f64>,
    y: Tensor<f64>,
    memory: Memory,
    cache: Vec<f64>,
}

impl<'a> LayerCheck<'a> {
    fn new(layer: &dyn Layer<f64>, x: &'a Tensor<f64>) -> Result<Self> {
        let (batch, sample) = x.shape().split_batch().ok_or(Error::Empty { what: "axes of the input" })?;
        if x.is_empty() {
            return Err(Error::Empty { what: "elements of the input" });
        }
        let output = layer.output_shape(&sample)?;
        let memory = layer.memory(&sample, batch, Mode::Train);
        Ok(Self { x, y: Tensor::zeros(output.with_batch(batch)?)?, memory, cache: vec![0.0; memory.cache] })
    }

    /// A forward pass; what it does not write is NaN.
    fn forward(&mut self, layer: &dyn Layer<f64>, x: TensorView<'_, f64>) -> Result<()> {
        self.y.as_mut_slice().fill(f64::NAN);
        self.cache.fill(f64::NAN);
        let mut scratch = vec![f64::NAN; self.memory.scratch];
        let mut context = Forward::new(Mode::Train, &mut self.cache, &mut scratch);
        context.random = RandomKey::new(1, 1);
        context.parallelism = Parallelism::Threads(1);
        layer.forward(x, self.y.view_mut(), &mut context)
    }

    /// c·y for an input.
    fn value(&mut self, layer: &dyn Layer<f64>, x: TensorView<'_, f64>) -> Result<f64> {
        self.forward(layer, x)?;
        Ok(self.y.as_slice().iter().enumerate().map(|(index, y)| weight(index) * y).sum())
    }

    /// The gradients of c·y with respect to the input and the parameters.
    fn gradients(&mut self, layer: &mut dyn Layer<f64>) -> Result<(Tensor<f64>, GradientStore<f64>)> {
        self.forward(layer, self.x.view())?;
        let mut dy = Tensor::from_fn(self.y.shape(), weight)?;
        let mut dx = Tensor::full(self.x.shape(), f64::NAN)?;
        let mut scratch = vec![f64::NAN; self.memory.scratch];
        let mut sink = CheckedSink { store: GradientStore::new(layer) };
        let (x, y) = (self.x.view(), self.y.view());
        let mut pass = Backward::new(x, y, dy.view_mut(), &self.cache, &mut scratch);
        pass.dx = Some(dx.view_mut());
        pass.random = RandomKey::new(1, 1);
        pass.parallelism = Parallelism::Threads(1);
        layer.backward(pass, &mut sink)?;
        Ok((dx, sink.store))
    }
}

/// The number by which output `index` counts: all different, none small.
fn weight(index: usize) -> f64 {
    0.5 + RandomKey::new(2, 2).uniform(index)
}

/// Stores gradients, and checks that a source can be written as sinks may ask.
struct CheckedSink {
    store: GradientStore<f64>,
}

impl GradientSink<f64> for CheckedSink {
    fn take(&mut self, param: &mut Param<f64>, gradient: &dyn GradientSource<f64>) -> Result<()> {
        let len = param.buffer().len();
        let mut whole = vec![f64::NAN; len];
        gradient.write(0..len, 1.0, 0.0, &mut whole);
        let mut runs = vec![1.0; len];
        for (index, run) in runs.chunks_mut(param.granule()).enumerate() {
            let start = index * param.granule();
            gradient.write(start..start + run.len(), -2.0, 3.0, run);
        }
        for (index, (&whole, &run)) in whole.iter().zip(&runs).enumerate() {
            let expected = 3.0 - 2.0 * whole;
            let off = (run - expected).abs();
            if off.is_nan() || off > 1e-9 * (1.0 + expected.abs()) {
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
