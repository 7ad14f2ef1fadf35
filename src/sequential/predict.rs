//! Outputs for any number of samples, in batches.

use super::workspace::check_size;
use super::{Sequential, Workspace};
use crate::layers::{Layer, Mode};
use crate::{Result, Scalar, Tensor, TensorView};

/// The most bytes of a workspace where samples can go in several batches. More would only be more memory: at this size batches are
/// large enough for every product, and what one layer writes is read by the next from no cache anyway.
const MOST_BYTES: usize = 64 << 20;

/// A batch is not made smaller than this: a large weight is read once for each.
const LEAST_BATCH: usize = 32;

impl<T: Scalar> Sequential<T> {
    /// The outputs for any number of samples. Allocates a workspace and the result: for single calls.
    ///
    /// Many samples go through the model in several batches, in a workspace of some 64 MB, or that of 32 samples where this is more;
    /// so memory grows with the result only. The outputs are those of one batch, to the bit, for no layer of this crate looks at other
    /// samples in inference.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) where the input is no batch of this model's samples;
    /// [`Error::Empty`](crate::Error::Empty) for a batch of none; those of a layer, as of numbers that an embedding does not know;
    /// [`Error::TooLarge`](crate::Error::TooLarge) where the result does not fit into memory.
    pub fn predict<'a>(&self, x: impl Into<TensorView<'a, T>>) -> Result<Tensor<T>> {
        let x = x.into();
        let samples = self.check_input(x)?;
        let mut workspace = self.workspace(Mode::Infer, self.batch_for(samples))?;
        let mut outputs = Tensor::zeros(self.output().with_batch(samples)?)?;
        self.infer_all(x, &mut workspace, outputs.as_mut_slice())?;
        Ok(outputs)
    }

    /// The outputs for any number of samples: [`Sequential::predict`], for models whose outputs are features.
    ///
    /// # Errors
    /// As [`Sequential::predict`].
    pub fn features<'a>(&self, inputs: impl Into<TensorView<'a, T>>) -> Result<Tensor<T>> {
        self.predict(inputs)
    }

    /// As [`Sequential::infer`] for any number of samples, as many at a time as the workspace holds. The input and the length of the
    /// outputs have been checked.
    pub(super) fn infer_all(
        &self,
        x: TensorView<'_, T>,
        workspace: &mut Workspace<T>,
        outputs: &mut [T],
    ) -> Result<()> {
        let (input, batch) = (self.input(), workspace.capacity());
        let (from, to) = (batch * input.len(), batch * self.output().len());
        for (x, outputs) in x.as_slice().chunks(from).zip(outputs.chunks_mut(to)) {
            let x = TensorView::new(input.with_batch(x.len() / input.len())?, x)?;
            outputs.copy_from_slice(self.infer(x, workspace)?.as_slice());
        }
        Ok(())
    }

    /// How many of these samples go through the model at once where a batch of inputs is a copy.
    pub(crate) fn batch_of_copies(&self, samples: usize) -> usize {
        let inputs = MOST_BYTES / (self.input().len() * size_of::<T>()).max(1);
        self.batch_for(samples.min(inputs.max(LEAST_BATCH)))
    }

    /// How many of these samples go through the model at once.
    fn batch_for(&self, samples: usize) -> usize {
        let bytes = |batch: usize| {
            let scratch = self.memory(&self.input(), batch, Mode::Infer).scratch;
            scratch.saturating_add(batch * self.output().len()).saturating_mul(size_of::<T>())
        };
        // With few addresses a deep model's workspace may be too large to be counted long before it takes so many bytes.
        let fits = |batch| check_size(self, batch).is_ok() && bytes(batch) <= MOST_BYTES;
        // A sample takes an element at least.
        let mut batch = samples.min(MOST_BYTES / size_of::<T>());
        while batch > LEAST_BATCH && !fits(batch) {
            batch = batch.div_ceil(2).max(LEAST_BATCH);
        }
        batch
    }
}
