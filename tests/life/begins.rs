//! What can be known before the first step is said before it, with the sample of the data set.

use std::sync::atomic::{AtomicUsize, Ordering};

use taper::layers::{Backward, BatchNorm, Embedding, Forward, GradientSink, Layer, Momentum};
use taper::losses::{
    BinaryCrossEntropy, CrossEntropy, Huber, KlDivergence, Loss, MeanAbsoluteError, MeanSquaredError, Target,
};
use taper::optimizers::Sgd;
use taper::train::{Callback, Control, Dataset, Fit, Inputs, Pixels, StepReport, Training};
use taper::{Error, Optimizer, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, Trainer};

use super::{error, weights};

fn sgd() -> Optimizer<f32> {
    Optimizer::new(Sgd::new(0.1).unwrap())
}

fn numbers(samples: usize, width: usize) -> Tensor<f32> {
    Tensor::from_fn([samples, width], |i| (i % 7) as f32 / 7.0 - 0.4).unwrap()
}

struct Counts<'a>(&'a AtomicUsize);

impl Callback<f32> for Counts<'_> {
    fn after_step(&mut self, _: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Control::Continue)
    }
}

type Settings = fn(Trainer<'_, f32>) -> Result<Trainer<'_, f32>>;

/// Fits a model of its own to so many samples of 4 numbers: what is said, and how many steps were made.
fn fit_batches(mut model: Sequential<f32>, samples: usize, settings: Settings) -> (String, usize) {
    let shape = model.input().with_batch(samples).unwrap();
    let inputs = Tensor::from_fn(shape, |i| (i % 7) as f32 / 7.0 - 0.4).unwrap();
    let labels: Vec<usize> = (0..samples).map(|sample| sample % 2).collect();
    let (data, steps) = (Dataset::new(&inputs, &labels).unwrap(), AtomicUsize::new(0));
    let before = weights(&model);
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd()).with_batch(4).unwrap();
    let result = settings(trainer).unwrap().fit(data, Fit::epochs(1).with_callback(Counts(&steps)));
    let text = error(result);
    assert_eq!(text == "no error", weights(&model) != before, "{text}");
    (text, steps.into_inner())
}

fn normalising() -> Sequential<f32> {
    Sequential::builder([4])
        .dense(3)
        .batch_norm()
        .named("norm")
        .relu()
        .dense(2)
        .build(&mut taper::seeded(1))
        .unwrap()
}

const ONE_VALUE: &str = "layer 1 `norm` (batch_norm 3): batch: expected at least 2 values a channel in training, where the running variance is unbiased, got 1";

#[test]
fn a_last_batch_of_one_sample_is_told_before_the_first_step() {
    let text = |samples: usize| {
        format!(
            "last batch of an epoch, 1 of {samples} samples (`with_drop_last` leaves it out): {ONE_VALUE}"
        )
    };
    let plain: Settings = |trainer| Ok(trainer);
    assert_eq!(fit_batches(normalising(), 9, plain), (text(9), 0));
    assert_eq!(fit_batches(normalising(), 9, |trainer| trainer.with_accumulation(2)), (text(9), 0));
    assert_eq!(fit_batches(normalising(), 8, plain), ("no error".into(), 2));
    assert_eq!(fit_batches(normalising(), 10, plain), ("no error".into(), 3));
    assert_eq!(fit_batches(normalising(), 9, |trainer| Ok(trainer.with_drop_last())), ("no error".into(), 2));
    // Every batch is one sample, by setting or for want of more.
    assert_eq!(fit_batches(normalising(), 4, |trainer| trainer.with_batch(1)), (ONE_VALUE.into(), 0));
    assert_eq!(fit_batches(normalising(), 1, plain), (ONE_VALUE.into(), 0));

    let inner = Sequential::builder([4]).batch_norm().named("norm").build(&mut taper::seeded(1)).unwrap();
    let nested =
        Sequential::builder([4]).dense(4).layer(inner).dense(2).build(&mut taper::seeded(1)).unwrap();
    let (text, steps) = fit_batches(nested, 9, plain);
    assert!(text.contains("layer 1 `1` (sequential of 1 layers): layer 0 `norm` (batch_norm 4)"), "{text}");
    assert_eq!(steps, 0);
}

#[test]
fn what_a_single_sample_can_teach_is_allowed() {
    let plain: Settings = |trainer| Ok(trainer);
    let mut frozen = normalising();
    frozen.freeze("norm").unwrap();
    assert_eq!(fit_batches(frozen, 9, plain), ("no error".into(), 3));
    let keras = BatchNorm::new(4).unwrap().with_momentum(Momentum::Keras(0.9)).unwrap();
    let keras = Sequential::builder([4]).layer(keras).dense(2).build(&mut taper::seeded(1)).unwrap();
    assert_eq!(fit_batches(keras, 9, plain), ("no error".into(), 3));
    let places = Sequential::builder([2, 1, 3]).batch_norm().flatten().dense(2).build(&mut taper::seeded(1));
    assert_eq!(fit_batches(places.unwrap(), 9, plain), ("no error".into(), 3));
    let place = Sequential::builder([1, 1, 3]).batch_norm().flatten().dense(2).build(&mut taper::seeded(1));
    assert_eq!(fit_batches(place.unwrap(), 9, plain).1, 0);
}

#[test]
fn batches_that_are_all_dropped_are_an_error() {
    let text = "batch: expected no more than the samples of the data set where the last batch is dropped, got 4 of 3";
    assert_eq!(fit_batches(normalising(), 3, |trainer| Ok(trainer.with_drop_last())), (text.into(), 0));
}

/// What `fit` says of these data, as training and as validation data, and what `evaluate` says: the same, and no step is
/// made. The error has to be there in batches of 2, shuffled.
fn refused(
    loss: impl Loss<f32> + Clone + 'static,
    data: Dataset<'_, f32>,
    good: Dataset<'_, f32>,
    expected: &str,
) {
    let mut model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(2)).unwrap();
    let before = weights(&model);
    let steps = AtomicUsize::new(0);
    let fit = || Fit::epochs(2).with_callback(Counts(&steps));
    let mut trainer = Trainer::new(&mut model, loss, sgd()).with_batch(2).unwrap().with_seed(5);
    assert_eq!(error(trainer.fit(data, fit())), expected);
    let text = error(trainer.fit(good, fit().with_validation(data)));
    assert_eq!(text, format!("validation data: {expected}"));
    assert_eq!(error(trainer.evaluate(data)), expected);
    assert_eq!(weights(trainer.model()), before);
    assert_eq!(steps.load(Ordering::Relaxed), 0, "{expected}");
    trainer.fit(good, fit().with_validation(good)).unwrap();
    trainer.evaluate(good).unwrap();
}

#[test]
fn a_label_that_is_no_class_is_told_with_its_sample() {
    let inputs = numbers(9, 4);
    let mut labels = vec![0, 1, 2, 0, 1, 2, 0, 1, 2];
    let good = labels.clone();
    labels[6] = 3;
    let [data, good] = [&labels, &good].map(|labels| Dataset::new(&inputs, labels).unwrap());
    refused(CrossEntropy::new(), data, good, "target of sample 6: expected a class below 3, got 3");
    refused(
        CrossEntropy::new().with_ignored(7),
        data,
        good,
        "target of sample 6: expected a class below 3, got 3",
    );
    // What is ignored need not be a class.
    let mut model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(2)).unwrap();
    let mut trainer =
        Trainer::new(&mut model, CrossEntropy::new().with_ignored(3), sgd()).with_batch(2).unwrap();
    trainer.fit(data, Fit::epochs(1).with_validation(data)).unwrap();
}

#[test]
fn values_that_are_none_for_a_loss_are_told_with_their_sample() {
    let inputs = numbers(9, 4);
    let good = Tensor::from_fn([9, 3], |i| if i % 3 == 0 { 1.0 } else { 0.0 }).unwrap();
    let with = |value: f32| {
        let mut values = good.clone();
        values.as_mut_slice()[7 * 3 + 1] = value;
        values
    };
    // A share that was rounded up is one.
    let good = with(1.0 + f32::EPSILON);
    let good = Dataset::new(&inputs, &good).unwrap();
    for (value, text) in [(1.5, "1.5"), (-0.25, "-0.25"), (f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let expected = format!("target of sample 7: expected a number from 0 to 1, got {text}");
        let values = with(value);
        let data = Dataset::new(&inputs, &values).unwrap();
        refused(CrossEntropy::new(), data, good, &expected);
        refused(BinaryCrossEntropy::new(), data, good, &expected);
        refused(KlDivergence::new(), data, good, &expected);
    }
    for (value, text) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let expected = format!("target of sample 7: expected a finite number, got {text}");
        let values = with(value);
        let data = Dataset::new(&inputs, &values).unwrap();
        refused(MeanSquaredError::new(), data, good, &expected);
        refused(MeanAbsoluteError::new(), data, good, &expected);
        refused(Huber::new(1.0).unwrap(), data, good, &expected);
    }
    let wide = numbers(9, 2);
    let data = Dataset::new(&inputs, &wide).unwrap();
    refused(MeanSquaredError::new(), data, good, "expected target [9, 3], got [9, 2]");
    refused(CrossEntropy::new(), data, good, "expected target [9, 3], got [9, 2]");
    let data = Dataset::new(&inputs, &[0; 9]).unwrap();
    let text = "target of mean_squared_error: expected values, got class indices";
    refused(MeanSquaredError::new(), data, good, text);
}

#[test]
fn a_step_by_hand_looks_at_its_targets_too() {
    let mut model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(2)).unwrap();
    let before = weights(&model);
    let mut trainer = Trainer::new(&mut model, BinaryCrossEntropy::new(), sgd());
    let target = Tensor::from([[0.0, 1.0, 0.5], [0.0, 2.0, 0.5]]);
    let text = error(trainer.step(&numbers(2, 4), &target));
    assert_eq!(text, "target of sample 1: expected a number from 0 to 1, got 2");
    assert_eq!(weights(&model), before);
}

#[test]
fn inputs_that_are_not_finite_are_told_with_their_sample() {
    let labels = [0, 1, 2, 0, 1, 2, 0, 1, 2];
    let good = numbers(9, 4);
    for (value, text) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let mut inputs = numbers(9, 4);
        inputs.as_mut_slice()[5 * 4 + 2] = value;
        let [data, good] = [&inputs, &good].map(|inputs| Dataset::new(inputs, &labels).unwrap());
        let expected = format!("input of sample 5 at [2]: expected a finite value, got {text}");
        refused(CrossEntropy::new(), data, good, &expected);
        // Somebody may know what to do with them.
        let mut model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(2)).unwrap();
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd()).allow_not_finite();
        assert!(trainer.evaluate(data).unwrap().loss.is_nan());
        trainer.fit(data, Fit::epochs(1)).unwrap();
    }
    // Far behind the beginning of a large set.
    let mut inputs = numbers(5000, 4);
    inputs.as_mut_slice()[4321 * 4 + 1] = f32::NAN;
    let labels = vec![1; 5000];
    let mut model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(2)).unwrap();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd());
    let text = error(trainer.fit(Dataset::new(&inputs, &labels).unwrap(), Fit::epochs(1)));
    assert_eq!(text, "input of sample 4321 at [1]: expected a finite value, got NaN");
    let bytes = [7; 8];
    let pixels = Pixels::new([2, 4], &bytes).unwrap().with_rescaling(1e300, 0.0).unwrap();
    let text = error(trainer.fit(Dataset::new(pixels, &[0, 1]).unwrap(), Fit::epochs(1)));
    assert_eq!(text, "input of sample 0 at [0]: expected a finite value, got inf");
}

#[test]
fn words_beyond_the_vocabulary_are_told_with_their_sample() {
    let labels = [0, 1, 2, 0, 1, 2, 0];
    let words = |i: usize| (i * 3 % 10) as f32;
    let good = Tensor::from_fn([7, 5], words).unwrap();
    for (word, text) in [(10.0, "10"), (-1.0, "-1"), (2.5, "2.5"), (f32::NAN, "NaN")] {
        let inputs = Tensor::from_fn([7, 5], |i| if i == 4 * 5 + 3 { word } else { words(i) }).unwrap();
        let [data, good] = [&inputs, &good].map(|inputs| Dataset::new(inputs, &labels).unwrap());
        let expected = format!("input at [4, 3]: expected a whole number from 0 to 9, got {text}");
        refused_words(data, good, &expected);
    }
    // Words may be kept as bytes.
    let mut bytes: Vec<u8> = (0..35).map(|i| i * 3 % 10).collect();
    let good = bytes.clone();
    bytes[23] = 12;
    let [data, good] = [&bytes, &good].map(|bytes| {
        let pixels = Pixels::new([7, 5], bytes).unwrap().with_rescaling(1.0, 0.0).unwrap();
        Dataset::new(Inputs::from(pixels), &labels).unwrap()
    });
    refused_words(data, good, "input at [4, 3]: expected a whole number from 0 to 9, got 12");
}

/// As [`refused`]; in evaluation the layer tells it.
fn refused_words(data: Dataset<'_, f32>, good: Dataset<'_, f32>, expected: &str) {
    let embedding = Embedding::from_rows(&numbers(10, 2)).unwrap();
    let builder = Sequential::builder([5]).layer(embedding).flatten();
    let mut model = builder.dense(3).build(&mut taper::seeded(2)).unwrap();
    let before = weights(&model);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd()).with_batch(2).unwrap();
    assert_eq!(error(trainer.fit(data, Fit::epochs(1))), expected);
    let text = error(trainer.fit(good, Fit::epochs(1).with_validation(data)));
    assert_eq!(text, format!("validation data: {expected}"));
    let text = error(trainer.evaluate(data));
    assert_eq!(text, format!("layer 0 `0` (embedding 10 -> 2): {expected}"));
    assert_eq!(weights(trainer.model()), before);
    trainer.fit(good, Fit::epochs(1).with_validation(good)).unwrap();
}

/// A loss of one's own that says nothing before, and finds a class that is none on the way.
#[derive(Debug, Clone)]
struct Own;

impl Loss<f32> for Own {
    fn kind(&self) -> &'static str {
        "own"
    }

    fn each(&self, outputs: TensorView<'_, f32>, target: Target<'_, f32>) -> Result<Tensor<f32>> {
        CrossEntropy::new().each(outputs, target)
    }

    fn forward(&self, outputs: TensorView<'_, f32>, target: Target<'_, f32>) -> Result<f32> {
        CrossEntropy::new().forward(outputs, target)
    }

    fn backward(
        &self,
        outputs: TensorView<'_, f32>,
        target: Target<'_, f32>,
        gradient: TensorViewMut<'_, f32>,
    ) -> Result<()> {
        CrossEntropy::new().backward(outputs, target, gradient)
    }
}

/// A layer of one's own that takes no negative numbers.
#[derive(Debug, Clone)]
struct Positive;

impl Layer<f32> for Positive {
    fn kind(&self) -> &'static str {
        "positive"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        x: TensorView<'_, f32>,
        mut y: TensorViewMut<'_, f32>,
        _: &mut Forward<'_, f32>,
    ) -> Result<()> {
        if let Some(place) = x.as_slice().iter().position(|&x| x < 0.0) {
            let got = f64::from(x.as_slice()[place]);
            let place = vec![place / x.sample_len(), place % x.sample_len()];
            return Err(Error::Index { what: "input", place, below: 9, got });
        }
        y.as_mut_slice().copy_from_slice(x.as_slice());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
        }
        Ok(())
    }
}

#[test]
fn what_is_found_on_the_way_is_told_with_the_sample_of_the_data_set() {
    let inputs = numbers(9, 4);
    let mut labels = vec![0, 1, 2, 0, 1, 2, 0, 1, 2];
    labels[6] = 3;
    for accumulation in [1, 2] {
        let mut model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(2)).unwrap();
        let trainer = Trainer::new(&mut model, Own, sgd()).with_batch(2).unwrap();
        let mut trainer = trainer.with_accumulation(accumulation).unwrap();
        let data = Dataset::new(&inputs, &labels).unwrap();
        let text = "target of sample 6: expected a class below 3, got 3";
        assert_eq!(error(trainer.fit(data, Fit::epochs(1))), text);
        assert_eq!(error(trainer.evaluate(data)), text);
    }
    let inputs = Tensor::from_fn([9, 4], |i| if i == 7 * 4 + 1 { -2.0 } else { 1.0 }).unwrap();
    let mut model = Sequential::builder([4]).layer(Positive).dense(3).build(&mut taper::seeded(2)).unwrap();
    let mut trainer = Trainer::new(&mut model, Own, sgd()).with_batch(2).unwrap();
    let data = Dataset::new(&inputs, &[0; 9]).unwrap();
    let text = "layer 0 `0` (positive): input at [7, 1]: expected a whole number from 0 to 8, got -2";
    assert_eq!(error(trainer.fit(data, Fit::epochs(1))), text);
    assert_eq!(error(trainer.evaluate(data)), text);
}
