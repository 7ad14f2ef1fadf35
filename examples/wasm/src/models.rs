//! The models, and the checksums of what comes out of them.

use std::fmt::Write;

use taper::io::Save;
use taper::layers::{GroupNorm, RmsNorm, Window};
use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::{Adam, Sgd};
use taper::sequential::Quantization;
use taper::train::{Dataset, Fit};
use taper::{Loss, Optimizer, Result, Scalar, Sequential, Shape, Target, Tensor, Trainer};

/// So many samples are trained on.
const SAMPLES: usize = 40;

/// A line for each model: its name, and a checksum of its outputs for several batches, or of its parameters after training.
///
/// # Errors
/// None is expected.
pub fn lines() -> Result<String> {
    let mut lines = String::new();
    of_type::<f32>(&mut lines)?;
    of_type::<f64>(&mut lines)?;
    let [dense, images] = [dense()?, images()?];
    for (name, quantization) in [("int8", Quantization::int8()), ("bf16", Quantization::bf16())] {
        line(&mut lines, &format!("dense {name}"), outputs(&dense.quantized(&quantization)?)?);
        line(&mut lines, &format!("images {name}"), outputs(&images.quantized(&quantization)?)?);
    }
    Ok(lines)
}

fn of_type<T: Scalar>(lines: &mut String) -> Result<()> {
    let models =
        [("dense", dense::<T>()?), ("images", images()?), ("norms", norms()?), ("sequences", sequences()?)];
    for (name, model) in &models {
        line(lines, &format!("{name} {}", T::NAME), outputs(model)?);
        let again = Sequential::<T>::open_bytes(&model.to_bytes(&Save::new())?)?;
        line(lines, &format!("{name} {} from a file", T::NAME), outputs(&again)?);
    }
    let [mut dense, mut images] = [dense::<T>()?, images()?];
    let values = numbers([SAMPLES, 5].into())?;
    let classes: Vec<usize> = (0..SAMPLES).map(|sample| sample * sample % 5).collect();
    let sgd = Optimizer::new(Sgd::new(0.01)?.with_momentum(0.9)?);
    train(&mut dense, MeanSquaredError::new(), sgd, Target::Values(values.view()))?;
    line(lines, &format!("dense {} trained", T::NAME), parameters(&dense));
    train(&mut images, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?), Target::Classes(&classes))?;
    line(lines, &format!("images {} trained", T::NAME), parameters(&images));
    Ok(())
}

fn dense<T: Scalar>() -> Result<Sequential<T>> {
    let model = Sequential::builder([100]).dense(70).relu().dense(40).gelu().dense(33).sigmoid();
    model.dense(17).tanh().dense(12).silu().dense(5).build(&mut taper::seeded(1))
}

fn images<T: Scalar>() -> Result<Sequential<T>> {
    let window = Window::new(3).with_padding(1);
    let model = Sequential::builder([12, 10, 3]).conv2d(8, window).batch_norm().relu().max_pool2d(2);
    let model = model.residual(|block| block.conv2d(8, window).relu().conv2d(8, window)).avg_pool2d(2);
    model.conv_transpose2d(6, Window::new(2)).global_avg_pool2d().dense(5).build(&mut taper::seeded(2))
}

fn norms<T: Scalar>() -> Result<Sequential<T>> {
    let model = Sequential::builder([8, 16]).layer_norm().dense(24).layer(RmsNorm::new([24])?).relu();
    let model = model.layer(GroupNorm::new(4, 24)?).flatten().dense(9).softmax().dense(7).softmax();
    model.build(&mut taper::seeded(3))
}

fn sequences<T: Scalar>() -> Result<Sequential<T>> {
    let model = Sequential::builder([20, 4]).conv1d(8, Window::new(5)).relu().max_pool1d(2).flatten();
    model.dense(6).build(&mut taper::seeded(4))
}

/// Numbers from −1 to 1 that repeat only after long.
fn numbers<T: Scalar>(shape: Shape) -> Result<Tensor<T>> {
    Tensor::from_fn(shape, |place| T::of((place as f64 * 0.618_033_988_749_895).fract() * 2.0 - 1.0))
}

fn outputs<T: Scalar>(model: &Sequential<T>) -> Result<u64> {
    let mut sum = Checksum::new();
    for batch in [1, 2, 5, 33] {
        sum.add(model.predict(&numbers(model.input().with_batch(batch)?)?)?.as_slice());
    }
    Ok(sum.0)
}

fn train<T: Scalar>(
    model: &mut Sequential<T>,
    loss: impl Loss<T> + 'static,
    optimizer: Optimizer<T>,
    target: Target<'_, T>,
) -> Result<()> {
    let inputs = numbers(model.input().with_batch(SAMPLES)?)?;
    let data = Dataset::new(&inputs, target)?;
    Trainer::new(model, loss, optimizer).with_batch(16)?.fit(data, Fit::epochs(3))?;
    Ok(())
}

fn parameters<T: Scalar>(model: &Sequential<T>) -> u64 {
    let mut sum = Checksum::new();
    for (_, tensor) in model.state().iter() {
        sum.add(tensor.as_slice());
    }
    sum.0
}

fn line(lines: &mut String, name: &str, sum: u64) {
    writeln!(lines, "{sum:016x} {name}").expect("a text grows");
}

/// FNV-1a of the bits of numbers.
struct Checksum(u64);

impl Checksum {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add<T: Scalar>(&mut self, values: &[T]) {
        // An f32 is the same number in f64.
        for byte in values.iter().flat_map(|value| value.as_f64().to_bits().to_le_bytes()) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
