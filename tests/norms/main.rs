//! Running statistics, models folded for inference, embeddings that learn.

mod embeddings;
mod groups;

use taper::layers::{BatchNorm, Momentum, Window};
use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::{Adam, Clip, MovingAverage, Sgd};
use taper::sequential::Builder;
use taper::{
    GradientStore, Layer, Mode, Optimizer, Scalar, Sequential, Shape, Tensor, Trainer, gradcheck, seeded,
};

/// Numbers around `mean`, between `mean − size` and `mean + size`.
fn numbers<T: Scalar>(shape: impl Into<Shape>, seed: usize, mean: f64, size: f64) -> Tensor<T> {
    let number = |i: usize| ((i as u64 * 7919 + seed as u64 * 131) % 1009) as f64 / 504.0 - 1.0;
    Tensor::from_fn(shape, |i| T::of(mean + size * number(i))).unwrap()
}

/// Biased variance and mean of a channel, in double precision.
fn moments<T: Scalar>(x: &Tensor<T>, channel: usize, channels: usize) -> (f64, f64) {
    let values: Vec<f64> = x.as_slice().iter().skip(channel).step_by(channels).map(|x| x.as_f64()).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64)
}

fn values<T: Scalar>(model: &Sequential<T>, name: &str) -> Vec<T> {
    model.param(name).unwrap().to_tensor().into_vec()
}

fn bits<T: Scalar>(model: &Sequential<T>, name: &str) -> Vec<u64> {
    values(model, name).iter().map(|value| value.as_f64().to_bits()).collect()
}

fn sgd<T: Scalar>() -> Optimizer<T> {
    Optimizer::new(Sgd::new(0.05).unwrap())
}

/// Sixty thousand values a channel far from 0: in single precision, plain sums would lose the variance.
#[test]
fn statistics_are_accurate_in_single_precision() {
    for (channels, mean) in [(1, 0.3), (3, 300.0), (32, -20.0), (100, 300.0)] {
        let sample = Shape::from([20, 30, channels]);
        let norm = BatchNorm::new(channels).unwrap().with_momentum(Momentum::Keras(0.0)).unwrap();
        let mut model = Sequential::<f32>::builder(sample).layer(norm).build(&mut seeded(0)).unwrap();
        let x = numbers::<f32>(sample.with_batch(100).unwrap(), 1, mean, 1.0);
        let mut workspace = model.workspace(Mode::Train, 100).unwrap();
        let y = model.forward_pass(&x, &mut workspace).unwrap().to_tensor();
        workspace.loss(&MeanSquaredError::new(), &y).unwrap();
        let mut store = GradientStore::new(&mut model);
        model.backward_pass(&x, &mut workspace, &mut store).unwrap();
        let (means, variances) = (values(&model, "0.running_mean"), values(&model, "0.running_var"));
        for channel in 0..channels {
            let (mean, variance) = moments(&x, channel, channels);
            // Half of the last bit of the mean, and a millionth.
            let limit = mean.abs() * f64::from(f32::EPSILON) + 1e-7;
            assert!((f64::from(means[channel]) - mean).abs() < limit, "{} {mean}", means[channel]);
            let off = (f64::from(variances[channel]) / variance - 1.0).abs();
            assert!(off < 1e-6, "{channels} channels: off by {off:e}");
            let (_, of_outputs) = moments(&y, channel, channels);
            assert!((of_outputs * (variance + 1e-5) / variance - 1.0).abs() < 1e-5, "{of_outputs}");
        }
    }
}

/// A limit for all gradients together goes backward twice, and so does the first step of any trainer.
#[test]
fn statistics_move_once_a_step() {
    for clip in [None, Some(Clip::GlobalNorm(0.1)), Some(Clip::Norm(0.1))] {
        let builder = Sequential::<f64>::builder([4]).batch_norm().named("norm").dense(3).without_bias();
        let mut model = builder.build(&mut seeded(1)).unwrap();
        let optimizer = clip.map_or_else(sgd, |clip| sgd().with_clip(clip).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer);
        let mut expected = [[0.0; 4], [1.0; 4]];
        for step in 0..3 {
            let x = numbers([6, 4], step, 0.5, 2.0);
            trainer.step(&x, &[0, 1, 2, 0, 1, 2]).unwrap();
            let [means, variances] = &mut expected;
            for (channel, (running_mean, running_var)) in means.iter_mut().zip(variances).enumerate() {
                let (mean, variance) = moments(&x, channel, 4);
                *running_mean = 0.9 * *running_mean + 0.1 * mean;
                *running_var = 0.9 * *running_var + 0.1 * variance * 6.0 / 5.0;
            }
            for (name, expected) in ["norm.running_mean", "norm.running_var"].into_iter().zip(expected) {
                let got = values(trainer.model(), name);
                let is_near = got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-14);
                assert!(is_near, "{clip:?}, step {step}, {name}: {got:?}, expected {expected:?}");
            }
        }
    }
}

#[test]
fn keras_keeps_the_other_share_and_the_biased_variance() {
    let norm = BatchNorm::new(2).unwrap().with_momentum(Momentum::Keras(0.75)).unwrap();
    let builder = Sequential::<f64>::builder([2]).layer(norm).named("norm");
    let mut model = builder.dense(2).build(&mut seeded(1)).unwrap();
    let x = Tensor::from([[1.0, 10.0], [3.0, 30.0]]);
    Trainer::new(&mut model, CrossEntropy::new(), sgd()).step(&x, &[0, 1]).unwrap();
    assert_eq!(values(&model, "norm.running_mean"), [0.5, 5.0]);
    assert_eq!(values(&model, "norm.running_var"), [1.0, 25.75]);
}

/// Without parameters it follows the batches where nothing below it learns, in models inside too; and what inference does with
/// its statistics goes into the layer before it.
#[test]
fn a_normalisation_without_parameters_follows_its_batches() {
    let plain = || BatchNorm::<f64>::new(4).unwrap().without_affine();
    let builders = [
        ("0", Sequential::builder([4]).layer(plain()).dense(3)),
        (
            "0.0",
            Sequential::builder([4])
                .layer(Sequential::builder([4]).layer(plain()).build(&mut seeded(0)).unwrap())
                .dense(3),
        ),
        ("0.0", Sequential::builder([4]).residual(|block| block.layer(plain())).dense(3)),
    ];
    for (name, builder) in builders {
        let mut model = builder.build(&mut seeded(1)).unwrap();
        let mean = format!("{name}.running_mean");
        let x = numbers([6, 4], 3, 0.5, 2.0);
        Trainer::new(&mut model, CrossEntropy::new(), sgd()).step(&x, &[0, 1, 2, 0, 1, 2]).unwrap();
        for (channel, running) in values(&model, &mean).into_iter().enumerate() {
            assert!((running - 0.1 * moments(&x, channel, 4).0).abs() < 1e-15, "{name}: {running}");
        }
    }
    let builder = Sequential::<f64>::builder([3]).dense(4).named("fc").layer(plain()).named("norm");
    let mut model = builder.build(&mut seeded(1)).unwrap();
    model.param_mut("norm.running_mean").unwrap().set(&Tensor::from([1.0, -2.0, 0.5, 3.0])).unwrap();
    model.param_mut("norm.running_var").unwrap().set(&Tensor::from([4.0, 0.5, 1.0, 2.0])).unwrap();
    let (lean, x) = (model.for_inference().unwrap(), numbers([6, 3], 3, 0.5, 2.0));
    assert_eq!(lean.len(), 1);
    for (got, expected) in
        lean.predict(&x).unwrap().as_slice().iter().zip(model.predict(&x).unwrap().as_slice())
    {
        assert!((got - expected).abs() < 1e-13, "{got}, expected {expected}");
    }
}

#[test]
fn a_cumulative_mean_is_that_of_all_batches() {
    let norm = BatchNorm::new(2).unwrap().with_momentum(Momentum::Cumulative).unwrap();
    let mut model =
        Sequential::<f64>::builder([2]).layer(norm).named("norm").dense(2).build(&mut seeded(1)).unwrap();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd());
    let mut expected = [[0.0; 2]; 2];
    for step in 0..4 {
        let x = numbers([5, 2], step, 0.5, 2.0);
        trainer.step(&x, &[0, 1, 0, 1, 1]).unwrap();
        let [means, variances] = &mut expected;
        for (channel, (of_means, of_variances)) in means.iter_mut().zip(variances).enumerate() {
            let (mean, variance) = moments(&x, channel, 2);
            *of_means += mean / 4.0;
            *of_variances += variance * 5.0 / 4.0 / 4.0;
        }
    }
    assert_eq!(values(&model, "norm.num_batches_tracked"), [4.0]);
    for (name, expected) in ["norm.running_mean", "norm.running_var"].into_iter().zip(expected) {
        for (got, expected) in values(&model, name).into_iter().zip(expected) {
            assert!((got - expected).abs() < 1e-14, "{name}: {got}, expected {expected}");
        }
    }
}

const STATE: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// Frozen, it stays the same to the byte, above and below of what learns, and takes its running statistics.
#[test]
fn a_frozen_normalisation_stays_the_same_function() {
    for learns_below in [true, false] {
        let builder = Sequential::<f32>::builder([5]).dense(4).named("below").batch_norm().named("norm");
        let mut model = builder.relu().dense(3).named("above").build(&mut seeded(2)).unwrap();
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd());
        let (x, labels) = (numbers([6, 5], 1, 0.0, 1.0), [0, 1, 2, 0, 1, 2]);
        trainer.step(&x, &labels).unwrap();
        model.freeze("norm").unwrap();
        if !learns_below {
            model.freeze("below").unwrap();
        }
        let state = |model: &Sequential<f32>| STATE.map(|name| bits(model, &format!("norm.{name}")));
        let (before, below) = (state(&model), bits(&model, "below.weight"));
        // What training gives is what inference gives.
        let mut workspace = model.workspace(Mode::Train, 6).unwrap();
        assert_eq!(model.forward_pass(&x, &mut workspace).unwrap().to_tensor(), model.predict(&x).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd());
        for _ in 0..3 {
            trainer.step(&x, &labels).unwrap();
        }
        assert_eq!(state(&model), before);
        assert_eq!(bits(&model, "below.weight") != below, learns_below);
        // It learns again, and statistics are not what is unfrozen.
        model.unfreeze("norm").unwrap();
        assert!(model.param("norm.running_mean").unwrap().is_frozen());
        Trainer::new(&mut model, CrossEntropy::new(), sgd()).step(&x, &labels).unwrap();
        assert!(state(&model).iter().zip(&before).all(|(now, before)| now != before));
    }
}

/// With one of the two frozen the layer still learns, and follows its batches.
#[test]
fn a_normalisation_half_frozen_follows_its_batches() {
    let builder = Sequential::<f64>::builder([4]).batch_norm().named("norm").dense(3);
    let mut model = builder.build(&mut seeded(1)).unwrap();
    model.param_mut("norm.weight").unwrap().freeze();
    let before = STATE.map(|name| bits(&model, &format!("norm.{name}")));
    let x = numbers([6, 4], 3, 0.5, 2.0);
    Trainer::new(&mut model, CrossEntropy::new(), sgd()).step(&x, &[0, 1, 2, 0, 1, 2]).unwrap();
    let moved = STATE.map(|name| bits(&model, &format!("norm.{name}")));
    let moves: Vec<bool> = moved.iter().zip(&before).map(|(now, before)| now != before).collect();
    assert_eq!(moves, [false, true, true, true]);
}

/// Freezing between the two passes changes which gradients come, and not what they are gradients of.
#[test]
fn backward_goes_with_its_forward_pass() {
    let x = numbers::<f64>([6, 4], 3, 0.5, 2.0);
    let gradient = |late: fn(&mut Sequential<f64>)| {
        let inner = Sequential::builder([4]).dense(4).named("first").batch_norm().named("norm");
        let mut model = inner.build(&mut seeded(1)).unwrap();
        let mut workspace = model.workspace(Mode::Train, 6).unwrap();
        model.forward_pass(&x, &mut workspace).unwrap();
        workspace.loss(&MeanSquaredError::new(), &numbers([6, 4], 4, 0.0, 1.0)).unwrap();
        late(&mut model);
        let mut store = GradientStore::new(&mut model);
        model.backward_pass(&x, &mut workspace, &mut store).unwrap();
        store.get(model.param("first.weight").unwrap()).unwrap()
    };
    assert_eq!(gradient(|_| ()), gradient(|model| model.freeze("norm").unwrap()));
}

#[test]
fn a_moving_average_takes_statistics_as_they_are() {
    let builder = Sequential::<f64>::builder([4]).batch_norm().named("norm").dense(3).named("fc");
    let mut model = builder.build(&mut seeded(1)).unwrap();
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd());
    let mut trainer = trainer.with_moving_average(0.5).unwrap();
    trainer.step(&numbers([6, 4], 0, 0.5, 2.0), &[0, 1, 2, 0, 1, 2]).unwrap();
    let (statistics, weight) =
        (values(trainer.model(), "norm.running_var"), values(trainer.model(), "fc.weight"));
    let mut other = trainer.model().clone();
    let mut average = MovingAverage::new(&other, 0.5).unwrap();
    other.param_mut("norm.running_var").unwrap().set(&Tensor::from([1.0, 2.0, 3.0, 4.0])).unwrap();
    average.update(&other).unwrap();
    average.swap(&mut other).unwrap();
    assert_eq!(values(&other, "norm.running_var"), [1.0, 2.0, 3.0, 4.0]);
    trainer.swap_average().unwrap();
    assert_eq!(values(trainer.model(), "norm.running_var"), statistics);
    assert_ne!(values(trainer.model(), "fc.weight"), weight);
}

#[test]
fn statistics_are_no_parameters_that_count() {
    let builder = Sequential::<f32>::builder([4]).dense(3).named("fc").batch_norm().named("norm");
    let mut model = builder.build(&mut seeded(1)).unwrap();
    assert_eq!((model.parameters(), model.summary().parameters()), (15 + 6, 15 + 6));
    assert_eq!((model.summary().statistics(), model.summary().rows[1].bytes), (6, 48));
    assert_eq!(model.summary().rows[1].frozen, 0);
    model.freeze("norm").unwrap();
    assert_eq!(model.summary().rows[1].frozen, 6);
    let text = model.summary().to_string();
    assert!(text.lines().last().unwrap().trim_start().starts_with("statistics, not learned"), "{text}");
}

#[test]
fn a_check_of_gradients_leaves_statistics_alone() {
    let mut norm = BatchNorm::<f64>::new(3).unwrap();
    gradcheck::layer(&mut norm, &numbers([5, 3], 1, 0.0, 1.0)).unwrap();
    assert_eq!(norm.running_mean().to_tensor(), Tensor::from([0.0; 3]));
}

/// Trained, with normalisations in all places, one model inside of another.
fn trained<T: Scalar>() -> (Sequential<T>, Tensor<T>) {
    let rng = &mut seeded(5);
    let inner = Sequential::builder([6])
        .batch_norm()
        .named("first")
        .dense(7)
        .without_bias()
        .named("fc")
        .batch_norm()
        .named("norm")
        .gelu()
        .dropout(0.2)
        .build(rng);
    let mut model = Sequential::builder([5])
        .dense(8)
        .named("fc1")
        .dropout(0.1)
        .batch_norm()
        .batch_norm()
        .relu()
        .dense(6)
        .named("fc2")
        .layer(inner.unwrap())
        .named("inner")
        .batch_norm()
        .named("behind")
        .dense(3)
        .named("last")
        .build(rng)
        .unwrap();
    let x = numbers([30, 5], 2, 0.3, 2.0);
    let labels: Vec<usize> = (0..30).map(|sample| sample % 3).collect();
    let adam = Optimizer::new(Adam::new(0.02).unwrap());
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), adam);
    for _ in 0..20 {
        trainer.step(&x, &labels).unwrap();
    }
    (model, x)
}

fn folds<T: Scalar>(tolerance: f64) {
    let (model, x) = trained::<T>();
    let lean = model.for_inference().unwrap();
    let (expected, got) = (model.predict(&x).unwrap(), lean.predict(&x).unwrap());
    let largest = expected.as_slice().iter().fold(0.0, |most: f64, y| most.max(y.as_f64().abs()));
    for (got, expected) in got.as_slice().iter().zip(expected.as_slice()) {
        let off = (got.as_f64() - expected.as_f64()).abs() / largest;
        assert!(off < tolerance, "{}: {got}, expected {expected}", T::NAME);
    }
    let names: Vec<&str> = lean.layers().map(|(name, _)| name).collect();
    assert_eq!(names, ["fc1", "4", "fc2", "inner", "behind", "last"]);
    let mut params = Vec::new();
    lean.params(&mut |param| params.push(param.name().to_owned()));
    assert_eq!(params[4..8], STATE.map(|name| format!("inner.first.{name}")));
    assert_eq!(params[8..10], ["inner.fc.weight", "inner.fc.bias"]);
    // It is a model like any other.
    #[cfg(feature = "safetensors")]
    let again = Sequential::<T>::open_bytes(&lean.to_bytes(&taper::io::Save::new()).unwrap()).unwrap();
    #[cfg(feature = "safetensors")]
    assert_eq!(again.predict(&x).unwrap(), got);
}

#[test]
fn a_model_for_inference_has_the_same_outputs() {
    folds::<f32>(1e-5);
    folds::<f64>(1e-13);
}

#[test]
fn other_convolutions_take_a_norm_too() {
    let folded = |name: &str, builder: Builder<f64>, lean_layers: usize| {
        let mut model = builder.build(&mut seeded(5)).unwrap();
        let batch = |shape: Shape| shape.with_batch(6).unwrap();
        let x = numbers(batch(model.input()), 2, 0.3, 2.0);
        let targets = numbers(batch(model.output()), 3, 0.0, 1.0);
        let adam = Optimizer::new(Adam::new(0.02).unwrap());
        let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), adam);
        for _ in 0..5 {
            trainer.step(&x, &targets).unwrap();
        }
        let lean = model.for_inference().unwrap();
        assert_eq!(lean.len(), lean_layers, "{name}");
        let (expected, got) = (model.predict(&x).unwrap(), lean.predict(&x).unwrap());
        for (got, expected) in got.as_slice().iter().zip(expected.as_slice()) {
            assert!((got - expected).abs() < 1e-12, "{name}: {got}, expected {expected}");
        }
    };
    let builder = || Sequential::builder([7, 4]);
    let sequences = builder().conv1d(4, 3).without_bias().batch_norm().relu().conv1d(2, 2).batch_norm();
    folded("conv1d", sequences, 3);
    let window = Window::new(3).with_stride(2);
    let sequences = builder().conv_transpose1d(6, window).groups(2).without_bias().batch_norm().relu();
    folded("conv_transpose1d", sequences.conv_transpose1d(2, 2).batch_norm(), 3);
    let images = Sequential::builder([3, 2, 4]).conv_transpose2d(6, window).groups(2).batch_norm().gelu();
    folded("conv_transpose2d", images.conv_transpose2d(3, [1, 2]).without_bias().batch_norm(), 3);
    let images = Sequential::builder([3, 2, 4]).conv_transpose2d(4, window).groups(4).batch_norm();
    folded("conv_transpose2d of each channel", images, 1);
}
