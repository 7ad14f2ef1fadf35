//! A model in parts: one that makes features, and one that classifies them.

use super::Sequential;
use crate::layers::Mode;
use crate::{Error, Result, Scalar, Tensor, TensorView};

impl<T: Scalar> Sequential<T> {
    /// Two models: the layers before the one of this name, and the rest from it on. Names stay, so that what is learned in
    /// a part can be read into the whole. This model stays as it is.
    ///
    /// A head of one's own on features that others have learned: features are computed once, and the head trains on them
    /// as fast as a dense net does.
    ///
    /// ```
    /// use taper::{Sequential, Tensor};
    ///
    /// let model = Sequential::<f32>::builder([8, 8, 3])
    ///     .conv2d(4, 3).relu()
    ///     .flatten().named("flatten")
    ///     .dense(10).named("fc")
    ///     .build(&mut taper::seeded(7))?;
    /// let (body, head) = model.split_at("flatten")?;
    /// assert_eq!((body.output().axes(), head.output().axes()), (&[6, 6, 4][..], &[10][..]));
    ///
    /// let pictures = Tensor::zeros([100, 8, 8, 3])?;
    /// let features = body.features(&pictures)?;
    /// assert_eq!(head.predict(&features)?, model.predict(&pictures)?);
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownName`] where no layer has this name; [`Error::Setting`] for the first layer, before which there is
    /// none.
    pub fn split_at(&self, layer: &str) -> Result<(Self, Self)> {
        let steps = self.steps();
        let Some(index) = steps.iter().position(|step| step.name == layer) else {
            let names = steps.iter().map(|step| step.name.as_str());
            return Err(Error::unknown_name("layer name", names, layer));
        };
        if index == 0 {
            return Err(Error::setting("split_at", "a layer that has one before it", format!("`{layer}`")));
        }
        let middle = steps[index].input;
        let body = Self::of_named(self.input(), middle, steps[..index].to_vec());
        let body = body.with_known_order(Some(self.order_of_input()));
        let order = body.walk(self.order_of_input(), &mut Vec::new());
        let head = Self::of_named(middle, self.output(), steps[index..].to_vec());
        Ok((body, head.with_known_order(Some(order))))
    }

    /// The outputs for any number of samples, a few at a time: as [`Sequential::predict`], in the memory that 32 samples
    /// take between layers.
    ///
    /// # Errors
    /// [`Error::Shape`] where the inputs are no samples of this model; [`Error::TooLarge`] where the result does not fit
    /// into memory.
    pub fn features<'a>(&self, inputs: impl Into<TensorView<'a, T>>) -> Result<Tensor<T>> {
        let inputs = inputs.into();
        let samples = self.check_input(inputs)?;
        let batch = samples.min(BATCH);
        let mut workspace = self.workspace(Mode::Infer, batch)?;
        let mut features = Tensor::zeros(self.output().with_batch(samples)?)?;
        let (from, to) = (batch * self.input().len(), batch * self.output().len());
        for (x, y) in inputs.as_slice().chunks(from).zip(features.as_mut_slice().chunks_mut(to)) {
            let x = TensorView::new(self.input().with_batch(x.len() / self.input().len())?, x)?;
            y.copy_from_slice(self.infer(x, &mut workspace)?.as_slice());
        }
        Ok(features)
    }
}

/// The samples that go through the model at once.
const BATCH: usize = 32;
