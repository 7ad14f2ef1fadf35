//! A model that another one learns from.

use std::fmt;

use crate::losses::Target;
use crate::sequential::WorkspacePool;
use crate::{Error, Parallelism, Result, Scalar, Sequential, Shape, Tensor, TensorView, TensorViewMut};

/// A model whose outputs are the targets of another one (knowledge distillation: Hinton et al., 2015). Labels are not needed.
///
/// It is asked for each batch as it goes by, after the samples were [changed at random](super::Dataset::with_augmentation), where they are.
/// [`Dataset::of_teacher`](super::Dataset::of_teacher) has inputs alone; [`Dataset::with_teacher`](super::Dataset::with_teacher) keeps the
/// labels of a data set beside what the teacher says. The loss is [`Distillation`](crate::losses::Distillation), or any other that takes the teacher's
/// outputs as targets.
///
/// ```
/// use taper::losses::Distillation;
/// use taper::narrow::Narrowing;
/// use taper::optimizers::Adam;
/// use taper::train::{Dataset, Fit, Teacher};
/// use taper::{Optimizer, Sequential, Tensor, Trainer};
///
/// let wide = Sequential::<f32>::builder([8]).dense(64).named("fc").relu().dense(3).build(&mut taper::seeded(7))?;
/// let inputs = Tensor::from_fn([200, 8], |i| ((i * 37) % 101) as f32 / 50.0 - 1.0)?;
///
/// let mut model = Narrowing::new().to_widths(&wide, &inputs, [("fc", 8)])?.model;
/// let teacher = Teacher::new(&wide)?;
/// let data = Dataset::of_teacher(&inputs, &teacher)?;
/// let optimizer = Optimizer::new(Adam::new(0.001)?);
/// let mut trainer = Trainer::new(&mut model, Distillation::new(), optimizer);
/// let before = trainer.evaluate(data)?.loss;
/// trainer.fit(data, Fit::epochs(5))?;
/// assert!(trainer.evaluate(data)?.loss < before);
/// # Ok::<(), taper::Error>(())
/// ```
pub struct Teacher<'m, T: Scalar> {
    model: &'m Sequential<T>,
    pool: WorkspacePool<T>,
    /// A target of one sample with nothing in it, by which losses tell whether they take such, and by what they are divided.
    blank: Tensor<T>,
    /// The same with labels behind it.
    blank_with_labels: Tensor<T>,
}

/// What a blank target has: no share, no sign and no count, but a number as outputs are.
const BLANK: f64 = -0.5;

/// So many samples at once, where a batch has so many: memory for more would only be more memory.
const BATCH: usize = 64;

impl<'m, T: Scalar> Teacher<'m, T> {
    /// A teacher that is this model, as it is in use: without dropout, with running statistics.
    ///
    /// # Errors
    /// Those of [`Sequential::workspace`](crate::Sequential::workspace).
    pub fn new(model: &'m Sequential<T>) -> Result<Self> {
        let threads = Parallelism::default().makers() + 1;
        let pool = WorkspacePool::new(model, model.batch_of_copies(BATCH), threads)?;
        let output = model.output();
        let blank = Tensor::full(output.with_batch(1)?, T::of(BLANK))?;
        let mut blank_with_labels = Tensor::full(with_labels(output).with_batch(1)?, T::of(BLANK))?;
        let columns = output.axes().last().copied().unwrap_or(1).max(1);
        for row in blank_with_labels.as_mut_slice().chunks_mut(2 * columns) {
            row[columns..].fill(T::zero());
        }
        Ok(Self { model, pool, blank, blank_with_labels })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &'m Sequential<T> {
        self.model
    }

    /// The target of one sample with nothing in it.
    pub(super) fn blank(&self, has_labels: bool) -> Target<'_, T> {
        Target::Values(if has_labels { self.blank_with_labels.view() } else { self.blank.view() })
    }

    /// The shape of the target of one sample.
    pub(super) fn target(&self, has_labels: bool) -> Shape {
        let output = self.model.output();
        if has_labels { with_labels(output) } else { output }
    }

    /// Whether it can say something to samples of this shape.
    pub(super) fn check_input(&self, samples: Shape) -> Result<()> {
        match samples.split_batch() {
            Some((_, sample)) if sample == self.model.input() => Ok(()),
            _ => Err(Error::shape("inputs of a teacher", self.model.input().batch_pattern(), samples)),
        }
    }

    /// Whether these labels are shares of the classes of its outputs, or indices of them.
    pub(super) fn check_labels(&self, labels: Target<'_, T>) -> Result<()> {
        let output = self.model.output();
        let &[classes] = output.axes() else {
            return Err(Error::shape(
                "outputs of a teacher beside labels",
                "[batch, classes]",
                output.batch_pattern(),
            ));
        };
        match labels {
            Target::Classes(labels) => match labels.iter().position(|&label| label >= classes) {
                Some(sample) => Err(Error::Class { sample, classes, got: labels[sample] }),
                None => Ok(()),
            },
            Target::Values(values) => {
                let expected = output.with_batch(values.batch())?;
                labels_of_shape(values, expected)
            }
        }
    }

    /// Writes what it says to a batch.
    pub(super) fn write(&self, x: TensorView<'_, T>, to: &mut [T]) -> Result<()> {
        let shape = self.model.output().with_batch(x.batch())?;
        self.pool.infer(self.model, x, TensorViewMut::new(shape, to)?)
    }

    /// The same, with labels behind it: the classes of the samples, or their shares one after another.
    pub(super) fn write_with_labels(
        &self,
        x: TensorView<'_, T>,
        labels: Target<'_, T>,
        to: &mut [T],
    ) -> Result<()> {
        let (batch, classes) = (x.batch(), self.model.output().len());
        self.write(x, &mut to[..batch * classes])?;
        // From the last to the first, so that none is written over before it is moved.
        for row in (0..batch).rev() {
            to.copy_within(row * classes..(row + 1) * classes, 2 * row * classes);
            let shares = &mut to[(2 * row + 1) * classes..][..classes];
            match labels {
                Target::Classes(labels) => {
                    shares.fill(T::zero());
                    shares[labels[row]] = T::one();
                }
                Target::Values(values) => shares.copy_from_slice(values.sample(row)),
            }
        }
        Ok(())
    }
}

/// The shape of a teacher's output with labels behind it.
fn with_labels(output: Shape) -> Shape {
    output.with_last(2 * output.axes().last().copied().unwrap_or(1))
}

fn labels_of_shape<T: Scalar>(labels: TensorView<'_, T>, expected: Shape) -> Result<()> {
    if labels.shape() == expected {
        return Ok(());
    }
    Err(Error::shape("labels beside a teacher", expected, labels.shape()))
}

impl<T: Scalar> fmt::Debug for Teacher<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teacher").field("model", &self.model).finish_non_exhaustive()
    }
}
