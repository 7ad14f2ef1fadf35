//! Layer normalisation: each sample over its last axes.

use super::epsilon::check_epsilon;
use super::onnx::over_last_axes;
use super::param_form::check_shapes;
use super::row_gradient::RowGradient;
use super::stored::{Entry, Restored, Stored};
use super::{
    Along, Backward, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Param, Settings,
};
use crate::kernels::{RowAffine, RowNorm, RowNormInputGradient, RowSums};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Layer normalisation, y = (x − mean) / √(variance + ε) · weight + bias, with mean and (biased) variance over the last axes of each sample
/// (Ba, Kiros and Hinton, 2016).
///
/// What is normalised together is a row of n numbers; a sample has one row, or several where it has more axes. Training
/// and inference are the same, and nothing depends on other samples. With x̂ = (x − mean) / √(variance + ε), means over a
/// row, and sums over all rows,
///
/// ```text
/// d weight = Σ dy·x̂      d bias = Σ dy
/// dx = (g − mean(g) − x̂·mean(g·x̂)) / √(variance + ε),  g = dy·weight
/// ```
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, …, normalised axes]` |
/// | y | that of x |
/// | `weight`, `bias` | the normalised axes, at first 1 and 0 |
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([2]).layer_norm().build(&mut taper::seeded(0))?;
/// let y = model.predict(&Tensor::from([[10.0_f64, 30.0], [5.0, 5.0]]))?;
/// assert!((y.as_slice()[1] - 1.0).abs() < 1e-6);
/// assert_eq!(y.as_slice()[2..], [0.0, 0.0]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LayerNorm<T> {
    weight: Param<T>,
    bias: Param<T>,
    epsilon: f64,
}

impl<T: Scalar> LayerNorm<T> {
    /// A layer that normalises over last axes of these lengths, with ε = 1e-5 as PyTorch's.
    ///
    /// # Errors
    /// [`Error::Setting`] where there is no axis or one of length 0; [`Error::TooLarge`] where the parameters do not fit into memory.
    pub fn new(normalised: impl Into<Shape>) -> Result<Self> {
        let shape = normalised.into();
        if shape.rank() == 0 || shape.is_empty() {
            return Err(Error::setting("normalised axes", "at least one, none of length 0", shape));
        }
        Ok(Self {
            weight: Param::new("weight", &Tensor::full(shape, T::one())?).with_along(Along::LastAxes),
            bias: Param::new("bias", &Tensor::zeros(shape)?).with_along(Along::LastAxes),
            epsilon: 1e-5,
        })
    }

    /// What is added to the variance, so that a row that is the same everywhere is not divided by 0. Keras's is 1e-3
    /// unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and above 0, in the numbers of the layer too.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        self.epsilon = check_epsilon::<T>(epsilon)?;
        Ok(self)
    }

    /// The axes that are normalised over: PyTorch's `normalized_shape`.
    #[must_use]
    pub fn normalized_shape(&self) -> Shape {
        self.weight.shape()
    }

    /// What is added to the variance.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// What normalised values are multiplied by.
    #[must_use]
    pub fn weight(&self) -> &Param<T> {
        &self.weight
    }

    /// The weight, to be set or frozen.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        &mut self.weight
    }

    /// What is added to them then.
    #[must_use]
    pub fn bias(&self) -> &Param<T> {
        &self.bias
    }

    /// The bias, to be set or frozen.
    pub fn bias_mut(&mut self) -> &mut Param<T> {
        &mut self.bias
    }
}

impl<T: Scalar> Layer<T> for LayerNorm<T> {
    fn kind(&self) -> &'static str {
        "layer_norm"
    }

    fn describe(&self) -> String {
        format!("layer_norm {}", self.normalized_shape())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        check_shapes([(&self.bias, self.normalized_shape())])?;
        if input.axes().ends_with(self.normalized_shape().axes()) {
            return Ok(*input);
        }
        let axes: Vec<String> = self.normalized_shape().axes().iter().map(usize::to_string).collect();
        Err(Error::shape("input", format!("[batch, …, {}]", axes.join(", ")), input.batch_pattern()))
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let rows = batch * input.len() / self.weight.count();
        Memory { cache: if mode == Mode::Train { 2 * rows } else { 0 }, scratch: 0 }
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let norm = RowNorm {
            x: x.as_slice(),
            columns: self.weight.count(),
            is_centered: true,
            affine: RowAffine::WeightAndBias(self.weight.buffer(), self.bias.buffer()),
            epsilon: self.epsilon,
            parallelism: context.parallelism,
        };
        norm.run(y.as_mut_slice(), context.cache);
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (x, dy, measures) = (pass.x.as_slice(), pass.dy.as_slice(), pass.cache);
        let columns = self.weight.count();
        if let Some(mut dx) = pass.dx {
            let (weight, parallelism) = (Some(self.weight.buffer()), pass.parallelism);
            RowNormInputGradient { x, dy, columns, is_centered: true, weight, measures, parallelism }
                .run(dx.as_mut_slice());
        }
        for (param, normalised) in [(&mut self.bias, None), (&mut self.weight, Some((x, measures)))] {
            if !param.is_frozen() {
                sink.take(param, &RowGradient(RowSums { columns, dy, normalised }))?;
            }
        }
        Ok(())
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        visit(&self.weight);
        visit(&self.bias);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        visit(&mut self.weight);
        visit(&mut self.bias);
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        2 * input.len() as u64
    }

    fn settings(&self) -> Settings {
        Settings::new().with("normalised", self.normalized_shape()).with("epsilon", self.epsilon)
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let params = [Some(&self.weight), Some(&self.bias)];
        Ok(over_last_axes(graph, x, self.weight.shape().rank(), true, params, self.epsilon))
    }
}

impl<T: Scalar> Stored<T> for LayerNorm<T> {
    const KINDS: &'static [&'static str] = &["layer_norm"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let normalised = entry.shape("normalised")?;
        entry.expect("weight", normalised)?;
        entry.expect("bias", normalised)?;
        Ok(Self::new(normalised)?.with_epsilon(entry.number("epsilon")?)?)
    }
}
