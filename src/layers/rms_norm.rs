//! Normalisation by the root mean square: each sample over its last axes, without a mean.

use super::epsilon::check_epsilon;
use super::onnx::over_last_axes;
use super::param_form::check_shapes;
use super::row_gradient::RowGradient;
use super::stored::{Entry, Restored, Stored};
use super::{
    Along, Backward, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Param, Settings,
};
use crate::getters::getters;
use crate::kernels::{RowAffine, RowNorm, RowNormInputGradient, RowSums};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Normalisation by the root mean square, y = x / √(mean(x²) + ε) · weight, with the mean over the last axes of each sample (Zhang and
/// Sennrich, 2019).
///
/// What is normalised together is a row; a sample has one row, or several where it has more axes. Training and inference are the
/// same, and nothing depends on other samples. With x̂ = x / √(mean(x²) + ε), means over a row, and sums over all rows,
///
/// ```text
/// d weight = Σ dy·x̂
/// dx = (g − x̂·mean(g·x̂)) / √(mean(x²) + ε),  g = dy·weight
/// ```
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, …, normalised axes]` |
/// | y | that of x |
/// | `weight` | the normalised axes, at first 1; none [without it](Self::without_affine) |
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([2]).rms_norm().build(&mut taper::seeded(0))?;
/// let y = model.predict(&Tensor::from([[1.0_f64, 7.0], [0.0, 0.0]]))?;
/// assert!((y.as_slice()[1] - 1.4).abs() < 1e-15);
/// assert_eq!(y.as_slice()[2..], [0.0, 0.0]);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RmsNorm<T> {
    normalised: Shape,
    weight: Option<Param<T>>,
    epsilon: f64,
}

impl<T: Scalar> RmsNorm<T> {
    /// A layer that normalises over last axes of these lengths. ε is what 1 and the next number lie apart, as PyTorch's unless
    /// set: 1.2e-7 in `f32`, 2.2e-16 in `f64`.
    ///
    /// # Errors
    /// [`Error::Setting`] where there is no axis or one of length 0; [`Error::TooLarge`] where the parameters do not fit into memory.
    pub fn new(normalised: impl Into<Shape>) -> Result<Self> {
        let norm = Self::bare(normalised.into())?;
        let ones = Tensor::full(norm.normalised, T::one())?;
        Ok(Self { weight: Some(Param::new("weight", &ones).with_along(Along::LastAxes)), ..norm })
    }

    /// Without a weight.
    fn bare(normalised: Shape) -> Result<Self> {
        if normalised.rank() == 0 || normalised.is_empty() {
            return Err(Error::setting("normalised axes", "at least one, none of length 0", normalised));
        }
        Ok(Self { normalised, weight: None, epsilon: T::epsilon().as_f64() })
    }

    /// Without a weight: y = x̂.
    #[must_use]
    pub fn without_affine(self) -> Self {
        Self { weight: None, ..self }
    }

    /// What is added to the mean of the squares, inside of the root, so that a row of zeros is not divided by 0. Keras's is 1e-6
    /// unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and above 0, in the numbers of the layer too.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        self.epsilon = check_epsilon::<T>(epsilon)?;
        Ok(self)
    }

    /// What normalised values are multiplied by, if anything.
    #[must_use]
    pub fn weight(&self) -> Option<&Param<T>> {
        self.weight.as_ref()
    }

    /// The weight, to be set or frozen.
    pub fn weight_mut(&mut self) -> Option<&mut Param<T>> {
        self.weight.as_mut()
    }

    getters! {
        /// The axes that are normalised over: PyTorch's `normalized_shape`.
        normalized_shape: Shape = |norm| norm.normalised;
        /// What is added to the mean of the squares.
        epsilon: f64;
    }
}

impl<T: Scalar> Layer<T> for RmsNorm<T> {
    fn kind(&self) -> &'static str {
        "rms_norm"
    }

    fn describe(&self) -> String {
        format!("rms_norm {}", self.normalised)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        check_shapes(self.weight.iter().map(|weight| (weight, self.normalised)))?;
        if input.axes().ends_with(self.normalised.axes()) {
            return Ok(*input);
        }
        let axes: Vec<String> = self.normalised.axes().iter().map(usize::to_string).collect();
        Err(Error::shape("input", format!("[batch, …, {}]", axes.join(", ")), input.batch_pattern()))
    }

    /// A row has a mean, which is 0 here, and what it is multiplied by, as the sums of the gradient take it.
    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let rows = batch * input.len() / self.normalised.len();
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
            columns: self.normalised.len(),
            is_centered: false,
            affine: self.weight.as_ref().map_or(RowAffine::None, |weight| RowAffine::Weight(weight.buffer())),
            epsilon: self.epsilon,
            parallelism: context.parallelism,
        };
        norm.run(y.as_mut_slice(), context.cache);
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (x, dy, measures) = (pass.x.as_slice(), pass.dy.as_slice(), pass.cache);
        let columns = self.normalised.len();
        if let Some(mut dx) = pass.dx {
            let (weight, parallelism) = (self.weight.as_ref().map(Param::buffer), pass.parallelism);
            RowNormInputGradient { x, dy, columns, is_centered: false, weight, measures, parallelism }
                .run(dx.as_mut_slice());
        }
        match self.weight.as_mut().filter(|weight| !weight.is_frozen()) {
            Some(weight) => {
                let sums = RowSums { columns, dy, normalised: Some((x, measures)) };
                sink.take(weight, &RowGradient(sums))
            }
            None => Ok(()),
        }
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.weight.iter().for_each(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.weight.iter_mut().for_each(visit);
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        2 * input.len() as u64
    }

    fn settings(&self) -> Settings {
        let settings = Settings::new().with("normalised", self.normalised).with("epsilon", self.epsilon);
        settings.with("affine", self.weight.is_some())
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let params = [self.weight.as_ref(), None];
        Ok(over_last_axes(graph, x, self.normalised.rank(), false, params, self.epsilon))
    }
}

impl<T: Scalar> Stored<T> for RmsNorm<T> {
    const KINDS: &'static [&'static str] = &["rms_norm"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let normalised = entry.shape("normalised")?;
        let norm = if entry.flag("affine")? {
            entry.expect("weight", normalised)?;
            Self::new(normalised)?
        } else {
            Self::bare(normalised)?
        };
        Ok(norm.with_epsilon(entry.number("epsilon")?)?)
    }
}
