//! Dropout of whole channels.

use super::stored::{Entry, Restored, Stored};
use super::{
    Backward, Dropout, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, OutputKind,
    RandomKey, Settings, Units,
};
use crate::getters::getters;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Dropout of whole channels, Keras's `SpatialDropout2D`: while training, each channel of each sample is 0 with probability `rate` and else multiplied by 1/(1 − rate); in
/// inference nothing happens (Tompson et al., 2014).
///
/// Neighbouring pixels of a channel tell much the same, so dropping single ones as [`Dropout`] does takes away little.
///
/// The mask is never stored: it is computed from the seed, the step, the layer, the sample and the channel, in the
/// backward pass again.
///
/// # Shapes
/// `[batch, …, channels]` → the same.
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([1, 2, 1]).dropout2d(0.5).build(&mut taper::seeded(0))?;
/// let x = Tensor::from_vec([1, 1, 2, 1], vec![1.0_f32, 2.0])?;
/// assert_eq!(model.predict(&x)?, x);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dropout2d {
    rate: f64,
}

impl Dropout2d {
    /// A layer that drops this share of the channels.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ rate < 1.
    pub fn new(rate: f64) -> Result<Self> {
        Ok(Self { rate: Dropout::new(rate)?.rate() })
    }

    /// to ← from·mask/(1 − rate), for a batch of this shape. `factors` has room for one number a channel.
    fn mask<T: Scalar>(&self, random: RandomKey, batch: &Shape, from: &[T], to: &mut [T], factors: &mut [T]) {
        let (_, sample) = batch.split_batch().expect("a batch");
        let channels = *sample.axes().last().expect("`output_shape` agreed");
        let keep = T::of(1.0 / (1.0 - self.rate));
        let random = random.of_part(from.len() / sample.len() * channels);
        let samples = from.chunks_exact(sample.len()).zip(to.chunks_exact_mut(sample.len()));
        for (number, (from, to)) in samples.enumerate() {
            for (channel, factor) in factors[..channels].iter_mut().enumerate() {
                let dropped = random.uniform(number * channels + channel) < self.rate;
                *factor = if dropped { T::zero() } else { keep };
            }
            for (from, to) in from.chunks_exact(channels).zip(to.chunks_exact_mut(channels)) {
                for ((to, &from), &factor) in to.iter_mut().zip(from).zip(&*factors) {
                    // ∞·0 would be NaN.
                    *to = if factor == T::zero() { factor } else { from * factor };
                }
            }
        }
    }

    getters! {
        /// The share of the channels that is dropped.
        rate: f64;
    }
}

impl<T: Scalar> Layer<T> for Dropout2d {
    fn kind(&self) -> &'static str {
        "dropout2d"
    }

    fn describe(&self) -> String {
        format!("dropout2d {}", self.rate)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        match input.axes() {
            [] => Err(Error::shape("input", "[batch, …, channels]", input.batch_pattern())),
            _ => Ok(*input),
        }
    }

    fn memory(&self, input: &Shape, _: usize, mode: Mode) -> Memory {
        let channels = input.axes().last().copied().unwrap_or(0);
        Memory { cache: 0, scratch: if mode == Mode::Train { channels } else { 0 } }
    }

    fn units_through(&self, _: &Shape, units: Units) -> Option<Units> {
        Some(units)
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        input
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        match context.mode {
            Mode::Infer => y.as_mut_slice().copy_from_slice(x.as_slice()),
            Mode::Train => {
                self.mask(context.random, &x.shape(), x.as_slice(), y.as_mut_slice(), context.scratch);
            }
        }
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            let dy = pass.dy.as_slice();
            self.mask(pass.random, &pass.x.shape(), dy, dx.as_mut_slice(), pass.scratch);
        }
        Ok(())
    }

    fn settings(&self) -> Settings {
        Settings::new().with("rate", self.rate)
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let _ = graph;
        Ok(x)
    }
}

impl<T: Scalar> Stored<T> for Dropout2d {
    const KINDS: &'static [&'static str] = &["dropout2d"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        Ok(Self::new(entry.number("rate")?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_channels_are_dropped_their_share_of_times() {
        let dropout = Dropout2d::new(0.25).unwrap();
        let batch = Shape::from([100, 3, 2, 100]);
        let (from, mut to) = (vec![f64::INFINITY; batch.len()], vec![f64::NAN; batch.len()]);
        dropout.mask(RandomKey::new(7, 0), &batch, &from, &mut to, &mut [0.0; 100]);
        let mut dropped = 0;
        for sample in to.chunks_exact(600) {
            let first = &sample[..100];
            assert!(sample.chunks_exact(100).all(|pixel| pixel == first), "channels are whole");
            dropped += first.iter().filter(|&&value| value == 0.0).count();
            assert!(first.iter().all(|&value| value == 0.0 || value == f64::INFINITY), "{first:?}");
        }
        // Four standard deviations of 10,000 draws: 4·sqrt(10000·0.25·0.75) = 173.
        assert!(dropped.abs_diff(2500) < 173, "{dropped}");
        assert!(to[..100] != to[600..700], "each sample has a mask of its own");
    }
}
