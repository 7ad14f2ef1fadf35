//! Sums of millions of numbers in `f32`, beside sums in `f64`: off by at most a millionth.

use taper::layers::{BatchNorm, LayerNorm, Momentum, Window};
use taper::losses::{
    BinaryCrossEntropy, BinaryCrossEntropyOfProbabilities, BinaryFocal, CategoricalFocal, CosineSimilarity,
    CrossEntropy, Huber, KlDivergence, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredError, MeanSquaredLogarithmicError, MultiMargin, NegativeLogLikelihood, Poisson, Reduction,
    SmoothL1,
};
use taper::optimizers::{Clip, Sgd};
use taper::{
    GradientStore, Layer, Loss, Mode, Optimizer, Parallelism, Result, Sequential, Target, Tensor, Trainer,
};

const MOST: f64 = 1e-6;

fn close(what: &str, got: f64, expected: f64) {
    let off = (got / expected - 1.0).abs();
    assert!(off <= MOST, "{what}: expected {expected}, got {got}, off by {off:e}");
}

/// Numbers from 0 to 1, spread evenly.
fn uniform(count: usize) -> Vec<f32> {
    (0..count as u64).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 8 & 0xff_ffff) as f32 / 16_777_216.0).collect()
}

fn column(values: Vec<f32>) -> Tensor<f32> {
    Tensor::from_vec([values.len(), 1], values).unwrap()
}

/// Forward alone and with the gradient.
fn values(loss: &dyn Loss<f32>, outputs: &Tensor<f32>, target: Target<'_, f32>) -> [f64; 2] {
    let mut gradient = Tensor::full(outputs.shape(), f32::NAN).unwrap();
    let value = loss.forward(outputs.view(), target).unwrap();
    let same = loss.value_and_gradient(outputs.view(), target, gradient.view_mut()).unwrap();
    assert_eq!(value.to_bits(), same.to_bits(), "{loss:?}");
    let sum: f64 = gradient.as_slice().iter().map(|&gradient| f64::from(gradient)).sum();
    [value.into(), sum]
}

/// PyTorch's 1.0 and 2.0: the loss of one element is the mean of any number of the same.
#[test]
fn the_mean_of_25_million_ones_is_one() {
    let (ones, zeros) = (column(vec![1.0; 25_165_824]), column(vec![0.0; 25_165_824]));
    let target = (&zeros).into();
    for loss in [&MeanSquaredError::new() as &dyn Loss<f32>, &MeanAbsoluteError::new()] {
        close(loss.kind(), loss.forward(ones.view(), target).unwrap().into(), 1.0);
    }
    let sum = MeanSquaredError::new().with_reduction(Reduction::Sum);
    close("sum", sum.forward(ones.view(), target).unwrap().into(), 25_165_824.0);
    close("gradient", values(&MeanSquaredError::new(), &ones, target)[1], 2.0);
}

#[test]
fn the_mean_cross_entropy_of_12_million_even_rows_is_the_logarithm_of_2() {
    let rows = 12_600_000;
    let (logits, labels) = (Tensor::zeros([rows, 2]).unwrap(), vec![1; rows]);
    let value: f32 = CrossEntropy::new().forward(logits.view(), (&labels).into()).unwrap();
    close("cross-entropy", value.into(), std::f64::consts::LN_2);
}

#[test]
fn losses_of_a_million_uniform_numbers() {
    let outputs = column(uniform(1_000_000));
    let target = column(uniform(1_300_000)[300_000..].to_vec());
    let mean = |each: fn(f64, f64) -> f64| {
        let pairs = outputs.as_slice().iter().zip(target.as_slice());
        pairs.map(|(&x, &t)| each(x.into(), t.into())).sum::<f64>() / 1e6
    };
    let binary = mean(|x, t| (1.0 + x.exp()).ln() - t * x);
    // What is below 1e-7 is taken for that.
    let logarithmic = |x: f64, t: f64| (x.max(1e-7).ln_1p() - t.max(1e-7).ln_1p()).powi(2);
    let of_probabilities = |x: f64, t: f64| -t * x.ln().max(-100.0) - (1.0 - t) * (-x).ln_1p().max(-100.0);
    // Below 1 it is square alone.
    let cases: [(&dyn Loss<f32>, f64); 10] = [
        (&MeanSquaredError::new(), mean(|x, t| (x - t).powi(2))),
        (&MeanAbsoluteError::new(), mean(|x, t| (x - t).abs())),
        (&Huber::new(1.0).unwrap(), mean(|x, t| (x - t).powi(2) / 2.0)),
        (&BinaryCrossEntropy::new(), binary),
        (&SmoothL1::new(2.0).unwrap(), mean(|x, t| (x - t).powi(2) / 4.0)),
        (&LogCosh::new(), mean(|x, t| (x - t).cosh().ln())),
        (&Poisson::new(), mean(|x, t| x.exp() - t * x)),
        (&MeanSquaredLogarithmicError::new(), mean(logarithmic)),
        (&BinaryCrossEntropyOfProbabilities::new(), mean(of_probabilities)),
        (&BinaryFocal::new().without_alpha().with_gamma(0.0).unwrap(), binary),
    ];
    for (loss, expected) in cases {
        close(loss.kind(), values(loss, &outputs, (&target).into())[0], expected);
    }
}

#[test]
fn losses_of_rows_that_are_all_alike() {
    let rows = 500_000;
    let logits = Tensor::from_fn([rows, 2], |i| [0.3_f32, -0.4][i % 2]).unwrap();
    let target = Tensor::from_fn([rows, 2], |i| [0.8_f32, 0.2][i % 2]).unwrap();
    let labels: Vec<usize> = (0..rows).map(|row| row % 2).collect();
    let first = |tensor: &Tensor<f32>| Tensor::from_fn([2, 2], |i| f64::from(tensor.as_slice()[i])).unwrap();
    let (two, two_targets) = (first(&logits), first(&target));
    let weighted =
        CrossEntropy::new().with_class_weights(&[0.1, 0.7]).unwrap().with_label_smoothing(0.1).unwrap();
    let of_two = |loss: &dyn Loss<f64>, target: Target<'_, f64>| loss.forward(two.view(), target).unwrap();
    for (loss, expected) in [
        (&CrossEntropy::new() as &dyn Loss<f32>, of_two(&CrossEntropy::new(), (&[0, 1]).into())),
        (&weighted, of_two(&weighted, (&[0, 1]).into())),
    ] {
        close(loss.kind(), values(loss, &logits, (&labels).into())[0], expected);
    }
    let (kl, expected) = (KlDivergence::new(), of_two(&KlDivergence::new(), (&two_targets).into()));
    // Targets that are rounded to `f32` do not add up to 1, and what is left of the difference of logarithms is small.
    let got = values(&kl, &logits, (&target).into())[0];
    assert!((got - expected).abs() <= MOST * 0.5, "{got}, expected {expected}");
}

#[test]
fn other_losses_of_rows_that_are_all_alike() {
    fn losses<T: taper::Scalar>() -> Vec<Box<dyn Loss<T>>> {
        let weights = [0.1, -0.7, 1.0];
        vec![
            Box::new(NegativeLogLikelihood::new().with_class_weights(&weights).unwrap()),
            Box::new(MultiMargin::new().squared().with_class_weights(&weights).unwrap()),
            Box::new(CategoricalFocal::new()),
        ]
    }

    let rows = 500_000;
    let outputs = Tensor::from_fn([rows, 3], |i| [0.3_f32, -0.4, 0.9][i % 3]).unwrap();
    let labels: Vec<usize> = (0..rows).map(|row| row % 2).collect();
    let two = Tensor::from_fn([2, 3], |i| f64::from(outputs.as_slice()[i])).unwrap();
    for (loss, double) in losses::<f32>().iter().zip(losses::<f64>()) {
        let expected = double.forward(two.view(), (&[0, 1]).into()).unwrap();
        close(loss.kind(), values(&**loss, &outputs, (&labels).into())[0], expected);
    }
    let percentage = MeanAbsolutePercentageError::new();
    let (ones, twos) = (column(vec![1.0; 3_000_000]), column(vec![2.0; 3_000_000]));
    close("percentage", percentage.forward(ones.view(), (&twos).into()).unwrap().into(), 50.0);
}

/// The cosine of a long row, and its gradient, which is at right angles to the row.
#[test]
fn the_cosine_of_a_million_features() {
    let (outputs, target) = (uniform(1_000_000), uniform(1_300_000)[300_000..].to_vec());
    let product =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    let square = product(&outputs, &outputs) * product(&target, &target);
    let expected = -product(&outputs, &target) / square.sqrt();
    let [outputs, target] = [outputs, target].map(|row| Tensor::from_vec([1, 1_000_000], row).unwrap());
    close("cosine", values(&CosineSimilarity::new(), &outputs, (&target).into())[0], expected);
    let mut gradient = Tensor::zeros([1, 1_000_000]).unwrap();
    CosineSimilarity::new().backward(outputs.view(), (&target).into(), gradient.view_mut()).unwrap();
    let along = product(gradient.as_slice(), outputs.as_slice());
    let length = product(gradient.as_slice(), gradient.as_slice()).sqrt();
    assert!(along.abs() < 1e-5 * length * product(outputs.as_slice(), outputs.as_slice()).sqrt());
}

/// −ln(1/n) for n even classes, and the same with n targets in the row.
#[test]
fn a_row_of_a_million_classes() -> Result<()> {
    let (classes, ln) = (1_000_000, 1e6_f64.ln());
    let logits = Tensor::<f32>::full([1, classes], 0.1)?;
    let even = Tensor::full([1, classes], 1e-6_f32)?;
    close("one", values(&CrossEntropy::new(), &logits, (&[7]).into())[0], ln);
    close("even", values(&CrossEntropy::new(), &logits, (&even).into())[0], ln);
    let smooth = CrossEntropy::new().with_label_smoothing(0.9)?;
    close("smooth", values(&smooth, &logits, (&[7]).into())[0], ln);

    let model = Sequential::builder([classes]).softmax().build(&mut taper::seeded(0))?;
    let probabilities = model.predict(&logits)?;
    close("softmax", probabilities.as_slice().iter().map(|&p| f64::from(p)).sum(), 1.0);
    Ok(())
}

#[test]
fn pools_of_large_images() -> Result<()> {
    let (height, width) = (1000, 1201);
    let values = uniform(2 * height * width);
    let images = Tensor::from_vec([2, height, width, 1], values.clone())?;
    let tenths = Tensor::full([1, height, width, 17], 0.1_f32)?;
    let mean = |values: &[f32]| values.iter().map(|&x| f64::from(x)).sum::<f64>() / values.len() as f64;
    let model = Sequential::builder([height, width, 1]).global_avg_pool2d().build(&mut taper::seeded(0))?;
    for (got, image) in model.predict(&images)?.as_slice().iter().zip(values.chunks_exact(height * width)) {
        close("global", (*got).into(), mean(image));
    }
    let model = Sequential::builder([height, width, 17]).global_avg_pool2d().build(&mut taper::seeded(0))?;
    for &got in model.predict(&tenths)?.as_slice() {
        close("tenths", got.into(), 0.1_f32.into());
    }
    let window = Window::new([1, width]);
    let model = Sequential::builder([height, width, 1]).avg_pool2d(window).build(&mut taper::seeded(0))?;
    for (got, row) in model.predict(&images)?.as_slice().iter().zip(values.chunks_exact(width)) {
        close("row", (*got).into(), mean(row));
    }
    Ok(())
}

/// A mean of 1000 beside a deviation of 0.29, and one of 0.
#[test]
fn statistics_of_a_million_rows() -> Result<()> {
    for channels in [1, 3, 40] {
        let rows = 1_000_000 / channels;
        for shift in [-0.5, 1000.0_f32] {
            let x = Tensor::from_vec([rows, channels], uniform(rows * channels))?.map(|x| x + shift);
            let norm = BatchNorm::new(channels)?.with_momentum(Momentum::Keras(0.0))?;
            let mut model = Sequential::builder([channels]).layer(norm).build(&mut taper::seeded(0))?;
            let mut workspace = model.workspace(Mode::Train, rows)?;
            model.forward_pass(&x, &mut workspace)?;
            let (_, mut gradient) = workspace.outputs_and_gradient()?;
            gradient.as_mut_slice().fill(0.1);
            let mut gradients = GradientStore::new(&mut model);
            model.backward_pass(&x, &mut workspace, &mut gradients)?;
            let of = |name: &str| model.param(name).unwrap().to_tensor().into_vec();
            let (means, variances) = (of("0.running_mean"), of("0.running_var"));
            let bias = gradients.get(model.param("0.bias").unwrap()).expect("learned").into_vec();
            for channel in 0..channels {
                let values = || x.as_slice().iter().skip(channel).step_by(channels).map(|&x| f64::from(x));
                let mean = values().sum::<f64>() / rows as f64;
                let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / rows as f64;
                let what = format!("channel {channel} of {channels}, shift {shift}");
                if shift > 0.0 {
                    close(&what, means[channel].into(), mean);
                } else {
                    // Numbers of either sign: beside the sum of their sizes.
                    assert!((f64::from(means[channel]) - mean).abs() <= MOST * 0.25, "{what}");
                }
                close(&what, variances[channel].into(), variance);
                close(&what, bias[channel].into(), f64::from(0.1_f32) * rows as f64);
            }
        }
    }
    Ok(())
}

#[test]
fn a_row_of_a_million_numbers_is_normalised() -> Result<()> {
    let len = 1_000_000;
    let x = Tensor::from_vec([1, len], uniform(len))?.map(|x| x + 7.0);
    let model = Sequential::builder([len]).layer(LayerNorm::new([len])?).build(&mut taper::seeded(0))?;
    let y = model.predict(&x)?;
    let values = || x.as_slice().iter().map(|&x| f64::from(x));
    let mean = values().sum::<f64>() / len as f64;
    let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / len as f64;
    for (x, &y) in values().zip(y.as_slice()) {
        let expected = (x - mean) / (variance + 1e-5).sqrt();
        // The mean of 7.5 is rounded to 2⁻²², and so beside a deviation of 0.29 is y.
        assert!((f64::from(y) - expected).abs() < 2e-6, "{y}, expected {expected}");
    }
    Ok(())
}

/// Of a dense layer and of one that normalises each row.
#[test]
fn gradients_of_biases_over_many_rows() -> Result<()> {
    for (rows, columns) in [(1_000_000, 1), (100_000, 35)] {
        let model = |layer_norm: bool| {
            let builder = Sequential::<f32>::builder([columns]);
            let builder = if layer_norm { builder.layer_norm() } else { builder.dense(columns) };
            builder.build(&mut taper::seeded(0))
        };
        for mut model in [model(false)?, model(true)?] {
            let x = Tensor::from_vec([rows, columns], uniform(rows * columns))?;
            let mut workspace = model.workspace(Mode::Train, rows)?;
            model.forward_pass(&x, &mut workspace)?;
            workspace.outputs_and_gradient()?.1.as_mut_slice().copy_from_slice(x.as_slice());
            let mut gradients = GradientStore::new(&mut model);
            model.backward_pass(&x, &mut workspace, &mut gradients)?;
            let bias = gradients.get(model.param("0.bias").unwrap()).expect("learned");
            for (column, &got) in bias.as_slice().iter().enumerate() {
                let values = x.as_slice().iter().skip(column).step_by(columns);
                close("bias", got.into(), values.map(|&x| f64::from(x)).sum());
            }
        }
    }
    Ok(())
}

/// A step of plain descent from 0 is as long as the limit: with gradients in memory, and with norms that are measured
/// without them.
#[test]
fn a_gradient_of_a_million_numbers_is_clipped_to_its_limit() -> Result<()> {
    let (inputs, outputs) = (250_000, 8);
    let x = Tensor::from_vec([2, inputs], uniform(2 * inputs))?;
    for clip in [Clip::GlobalNorm(0.5), Clip::Norm(0.5)] {
        let mut model = Sequential::<f32>::builder([inputs]).dense(outputs).build(&mut taper::seeded(0))?;
        let mut slots = Vec::new();
        model.params(&mut |param| slots.push(param.shape()));
        for (name, shape) in ["0.weight", "0.bias"].into_iter().zip(slots) {
            model.param_mut(name).unwrap().set(&Tensor::zeros(shape)?)?;
        }
        model.param_mut("0.bias").unwrap().freeze();
        let optimizer = Optimizer::new(Sgd::new(1.0)?).with_clip(clip)?;
        Trainer::new(&mut model, CrossEntropy::new(), optimizer).step(&x, &[1, 2])?;
        let weight = model.param("0.weight").unwrap().to_tensor();
        let square: f64 = weight.as_slice().iter().map(|&w| f64::from(w).powi(2)).sum();
        close("norm", square.sqrt(), 0.5);
    }
    Ok(())
}

#[test]
fn threads_do_not_change_a_bit() -> Result<()> {
    let (rows, columns) = (100_000, 5);
    let x = Tensor::from_vec([rows, columns], uniform(rows * columns))?;
    let labels: Vec<usize> = (0..rows).map(|row| row % 3).collect();
    let run = |parallelism| -> Result<_> {
        let builder = Sequential::<f32>::builder([columns]).batch_norm().dense(3).layer_norm();
        let mut model = builder.build(&mut taper::seeded(0))?;
        let optimizer = Optimizer::new(Sgd::new(0.1)?);
        let trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer);
        let loss = trainer.with_parallelism(parallelism).step(&x, &labels)?.to_bits();
        let mut bits = vec![loss];
        model.params(&mut |param| bits.extend(param.to_tensor().as_slice().iter().map(|x| x.to_bits())));
        Ok(bits)
    };
    let alone = run(Parallelism::Threads(1))?;
    for threads in [2, 3, 8] {
        assert_eq!(run(Parallelism::Threads(threads))?, alone, "{threads} threads");
    }
    Ok(())
}
