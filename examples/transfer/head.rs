//! A head of one dense layer, trained on few samples of a class, on many, or on all.

use rand::seq::SliceRandom;
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Dataset, Fit};
use taper::{Optimizer, Result, Sequential, Shape, Tensor, TensorView, Trainer};

use super::pets::CLASSES;

/// Inputs of one kind, to train with and to test with.
pub(crate) struct Task<'a> {
    pub(crate) train: TensorView<'a, f32>,
    /// The classes of those to train with.
    pub(crate) labels: &'a [usize],
    pub(crate) test: Dataset<'a, f32>,
}

/// One dense layer. The normalisation makes inputs of any size alike, so that one learning rate suits them all.
pub(crate) fn head(input: impl Into<Shape>, seed: u64) -> Result<Sequential<f32>> {
    let builder = Sequential::builder(input).flatten().layer_norm().named("norm");
    builder.dense(CLASSES.len()).named("fc").build(&mut taper::seeded(seed))
}

/// Adam on batches of 32.
pub(crate) fn trainer(model: &mut Sequential<f32>, seed: u64) -> Result<Trainer<'_, f32>> {
    let optimizer = Optimizer::new(Adam::new(1e-3)?);
    Ok(Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(32)?.with_seed(seed))
}

impl Task<'_> {
    /// The accuracy on all that is there to test with, after training on so many samples of each class, or on all. The
    /// seed says which samples these are. The last epoch counts, not the best one.
    pub(crate) fn accuracy(&self, samples: Option<usize>, epochs: usize, seed: u64) -> Result<f64> {
        let chosen = choose(self.labels, samples, seed);
        let all = self.train;
        let rows: Vec<&[f32]> = all.samples().collect();
        let inputs = chosen.iter().flat_map(|&index| rows[index]).copied().collect();
        let labels: Vec<usize> = chosen.iter().map(|&index| self.labels[index]).collect();
        let sample = Shape::new(&all.shape().axes()[1..])?;
        let inputs = Tensor::from_vec(sample.with_batch(labels.len())?, inputs)?;

        let mut model = head(sample, seed)?;
        let mut trainer = trainer(&mut model, seed)?;
        trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(epochs))?;
        let result = trainer.evaluate(self.test)?;
        Ok(result.accuracy.unwrap_or(f64::NAN))
    }
}

/// The indices of so many samples of each class, drawn at random.
fn choose(labels: &[usize], samples: Option<usize>, seed: u64) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..labels.len()).collect();
    indices.shuffle(&mut taper::seeded(seed));
    let mut left = [samples.unwrap_or(usize::MAX); CLASSES.len()];
    indices.retain(|&index| {
        let left = &mut left[labels[index]];
        let is_chosen = *left > 0;
        *left -= usize::from(is_chosen);
        is_chosen
    });
    indices
}
