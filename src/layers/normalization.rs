//! Normalisation by fixed statistics: a scaler as a part of the model.

use super::param_form::check_shapes;
use super::running_moments::RunningMoments;
use super::stored::{Entry, Restored, Stored};
use super::{
    Along, Backward, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Param, Settings, Units,
};
use crate::kernels::ColumnMap;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Normalisation by fixed statistics, y = (x − mean) / max(√variance, 10⁻⁷), for each feature, or each channel of an image: Keras's `Normalization` of the last axis,
/// scikit-learn's `StandardScaler`.
///
/// Mean and variance are those of data that the layer was fitted to, over the samples and all axes but the last; nothing
/// changes them later. They are in the model and its file, so that whoever uses it cannot forget or confuse them. Fit it to
/// the training data alone ([`Dataset::normalization`](crate::train::Dataset::normalization)): what is measured on others must not
/// know them.
///
/// A feature that was the same everywhere has variance 0 and becomes 0. Like Keras, the layer divides any other value of
/// it by 10⁻⁷, which then is a very large number: leave such features out, where they may change.
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, features]`, `[batch, height, width, channels]`, … |
/// | y | that of x |
/// | `mean`, `variance` | `[features]`, `[channels]` |
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let x = Tensor::from([[1.0, 200.0, 7.0], [3.0, 600.0, 7.0]]);
/// let model = Sequential::<f64>::builder([3]).normalization(&x).build(&mut taper::seeded(0))?;
/// assert_eq!(model.predict(&x)?, Tensor::from([[-1.0, -1.0, 0.0], [1.0, 1.0, 0.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Normalization<T> {
    mean: Param<T>,
    variance: Param<T>,
}

/// What is divided by at least: Keras's.
const LEAST_DEVIATION: f64 = 1e-7;

impl<T: Scalar> Normalization<T> {
    /// A layer of these statistics, one of each for every index of the last axis.
    ///
    /// # Errors
    /// [`Error::Empty`] without any, [`Error::Length`] where there are not as many of one as of the other, [`Error::Setting`] for what
    /// is not finite in the numbers of the model, and for a variance below 0.
    pub fn new(mean: &[f64], variance: &[f64]) -> Result<Self> {
        if mean.is_empty() {
            return Err(Error::Empty { what: "features to normalise" });
        }
        if mean.len() != variance.len() {
            let what = "variance of a normalization".into();
            return Err(Error::Length { what, expected: mean.len(), got: variance.len() });
        }
        let param = |name, statistics: &[f64]| {
            let tensor =
                Tensor::from_vec([statistics.len()], statistics.iter().map(|&s| T::of(s)).collect())?;
            Ok(Param::statistic(name, &tensor).with_along(Along::LastAxes))
        };
        let layer = Self { mean: param("mean", mean)?, variance: param("variance", variance)? };
        layer.check()?;
        Ok(layer)
    }

    /// A layer of the statistics of these samples; of a data set's, [`Dataset::normalization`](crate::train::Dataset::normalization).
    /// The variance is that of the data (divided by n), and both are computed in double precision.
    ///
    /// # Errors
    /// [`Error::Shape`] where a sample has no axis, [`Error::Empty`] without samples or features, [`Error::Setting`] where the data has a
    /// NaN or an infinite number.
    pub fn fit<'a>(samples: impl Into<TensorView<'a, T>>) -> Result<Self> {
        let samples = samples.into();
        let mut moments = Self::moments(samples.shape())?;
        samples.samples().for_each(|sample| moments.add(sample, 1.0));
        Self::of_moments(moments)
    }

    /// Room for the statistics of samples of this shape, their number in front.
    pub(crate) fn moments(samples: Shape) -> Result<RunningMoments> {
        let moments = samples.split_batch().and_then(|(_, sample)| RunningMoments::new(sample));
        moments.ok_or_else(|| Error::shape("samples to normalise by", "[samples, …, features]", samples))
    }

    pub(crate) fn of_moments(moments: RunningMoments) -> Result<Self> {
        let (mean, variance) = moments.finish().ok_or(Error::Empty { what: "samples to normalise by" })?;
        Self::new(&mean, &variance)
    }

    /// What is subtracted.
    #[must_use]
    pub fn mean(&self) -> &Param<T> {
        &self.mean
    }

    /// By whose root is divided.
    #[must_use]
    pub fn variance(&self) -> &Param<T> {
        &self.variance
    }

    fn features(&self) -> usize {
        self.mean.count()
    }

    /// Statistics can be set to anything.
    fn check(&self) -> Result<()> {
        if let Some(mean) = self.mean.buffer().iter().find(|mean| !mean.is_finite()) {
            return Err(Error::setting("mean", "finite numbers", mean));
        }
        let is_right = |variance: T| variance >= T::zero() && variance.is_finite();
        match self.variance.buffer().iter().find(|&&variance| !is_right(variance)) {
            Some(variance) => Err(Error::setting("variance", "finite numbers of at least 0", variance)),
            None => Ok(()),
        }
    }

    /// Leaves what is divided by.
    fn deviations<'s>(&self, scratch: &'s mut [T]) -> &'s [T] {
        let deviations = &mut scratch[..self.features()];
        for (deviation, variance) in deviations.iter_mut().zip(self.variance.buffer()) {
            *deviation = T::of(variance.as_f64().sqrt().max(LEAST_DEVIATION));
        }
        deviations
    }
}

impl<T: Scalar> Layer<T> for Normalization<T> {
    fn kind(&self) -> &'static str {
        "normalization"
    }

    fn describe(&self) -> String {
        format!("normalization {}", self.features())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        check_shapes([&self.mean, &self.variance].map(|param| (param, [self.features()].into())))?;
        if input.axes().last() == Some(&self.features()) {
            return Ok(*input);
        }
        let expected = format!("[batch, …, {}]", self.features());
        Err(Error::shape("input", expected, input.batch_pattern()))
    }

    fn units_through(&self, _: &Shape, units: Units) -> Option<Units> {
        units.repeat_in(self.features()).then_some(units)
    }

    fn with_units(&self, _: &Shape, units: Units, kept: &[usize]) -> Result<Box<dyn Layer<T>>> {
        let kept = units.places(self.features(), kept);
        let (mean, variance) = (self.mean.with_columns(&kept), self.variance.with_columns(&kept));
        Ok(Box::new(Self { mean, variance }))
    }

    fn memory(&self, _: &Shape, _: usize, _: Mode) -> Memory {
        Memory { cache: 0, scratch: self.features() }
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        self.check()?;
        let map = ColumnMap {
            first: x.as_slice(),
            second: x.as_slice(),
            columns: [self.mean.buffer(), self.deviations(context.scratch)],
            map: |x, _, [mean, deviation]: [T; 2]| (x - mean) / deviation,
            parallelism: context.parallelism,
        };
        map.run(y.as_mut_slice());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            let map = ColumnMap {
                first: pass.dy.as_slice(),
                second: pass.dy.as_slice(),
                columns: [self.deviations(pass.scratch)],
                map: |dy, _, [deviation]: [T; 1]| dy / deviation,
                parallelism: pass.parallelism,
            };
            map.run(dx.as_mut_slice());
        }
        Ok(())
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        [&self.mean, &self.variance].into_iter().for_each(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        [&mut self.mean, &mut self.variance].into_iter().for_each(visit);
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        input.len() as u64
    }

    fn settings(&self) -> Settings {
        Settings::new().with("features", self.features())
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        self.check()?;
        let mut deviations = Tensor::zeros([self.features()])?;
        self.deviations(deviations.as_mut_slice());
        let mean = graph.along_last(&self.mean, x);
        let deviations = graph.numbers_along_last("deviation", deviations, x);
        let centered = graph.with("Sub", x, &[mean]);
        Ok(graph.with("Div", centered, &[deviations]))
    }
}

impl<T: Scalar> Stored<T> for Normalization<T> {
    const KINDS: &'static [&'static str] = &["normalization"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let features = entry.count("features")?;
        for parameter in ["mean", "variance"] {
            entry.expect(parameter, [features].into())?;
        }
        Ok(Self::new(&vec![0.0; features], &vec![1.0; features])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_that_are_none_are_refused() {
        let error = |mean: &[f64], variance: &[f64]| {
            Normalization::<f32>::new(mean, variance).unwrap_err().to_string()
        };
        assert_eq!(error(&[], &[]), "features to normalise: expected at least one, got none");
        assert_eq!(error(&[1.0, 2.0], &[1.0]), "variance of a normalization: expected 2 values, got 1");
        assert_eq!(error(&[f64::NAN], &[1.0]), "mean: expected finite numbers, got NaN");
        assert_eq!(error(&[0.0], &[-1.0]), "variance: expected finite numbers of at least 0, got -1");
        assert_eq!(error(&[0.0], &[1e300]), "variance: expected finite numbers of at least 0, got inf");
        let scalars = Normalization::fit(&Tensor::from([1.0_f32, 2.0])).unwrap_err().to_string();
        assert_eq!(scalars, "expected samples to normalise by [samples, …, features], got [2]");
        let none = Normalization::fit(&Tensor::<f32>::zeros([0, 2]).unwrap()).unwrap_err().to_string();
        assert_eq!(none, "samples to normalise by: expected at least one, got none");
        let not_finite = Normalization::fit(&Tensor::from([[1.0_f32, f32::NAN]])).unwrap_err().to_string();
        assert_eq!(not_finite, "mean: expected finite numbers, got NaN");
    }

    #[test]
    fn statistics_that_were_set_to_what_is_none_are_told() {
        let norm = Normalization::new(&[0.0], &[1.0]).unwrap();
        let mut model = crate::Sequential::builder([1]).layer(norm).build(&mut crate::seeded(0)).unwrap();
        model.param_mut("0.variance").unwrap().set(&Tensor::from([-2.0_f64])).unwrap();
        let error = model.predict(&Tensor::from([[1.0]])).unwrap_err().to_string();
        assert!(error.ends_with("variance: expected finite numbers of at least 0, got -2"), "{error}");
    }
}
