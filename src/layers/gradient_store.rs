//! Gradients in memory.

use core::fmt;

use super::{GradientSink, GradientSource, Layer, Param};
use crate::kernels::{Buffer, Parallelism, Run, split_work};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Tensor};

/// Gradients in memory, for the step of an optimizer.
pub(crate) trait KeptGradients<T> {
    /// Calls `visit` with each run of the gradient of the parameter of this slot and length, and where the run begins; tells whether
    /// there is a gradient.
    fn runs(&self, slot: usize, len: usize, visit: &mut dyn FnMut(usize, &[T])) -> bool;
}

/// Gradients that are kept: for loops written by hand, accumulation and checks.
///
/// Backward passes add up until [`GradientStore::clear`], which an optimizer's step calls. To accumulate over
/// several batches is to call backward several times.
///
/// ```
/// use taper::losses::MeanSquaredError;
/// use taper::optimizers::Sgd;
/// use taper::{GradientStore, Mode, Optimizer, Sequential, Tensor};
///
/// let mut model = Sequential::<f64>::builder([2]).dense(1).build(&mut taper::seeded(7))?;
/// let (mut gradients, mut workspace) = (GradientStore::new(&mut model), model.workspace(Mode::Train, 1)?);
/// let (x, target) = (Tensor::from([[1.0, -1.0]]), Tensor::from([[2.0]]));
///
/// model.forward_pass(&x, &mut workspace)?;
/// let before = workspace.loss(&MeanSquaredError::new(), &target)?;
/// model.backward_pass(&x, &mut workspace, &mut gradients)?;
/// assert_eq!(gradients.get(model.param("0.bias")?).expect("backward brought one").len(), 1);
///
/// Optimizer::new(Sgd::new(0.1)?).step(&mut model, &mut gradients)?; // and clears the gradients
/// model.forward_pass(&x, &mut workspace)?;
/// assert!(workspace.loss(&MeanSquaredError::new(), &target)? < before);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone)]
pub struct GradientStore<T> {
    slots: Vec<Slot<T>>,
    parallelism: Parallelism,
}

#[derive(Clone)]
struct Slot<T> {
    name: String,
    values: Buffer<T>,
    filled: bool,
}

impl<T: Scalar> GradientStore<T> {
    /// A place for the gradient of each parameter of a model (or of a layer alone, whose parameters it numbers).
    pub fn new(model: &mut dyn Layer<T>) -> Self {
        number_params(model);
        let mut slots = Vec::new();
        model.params(&mut |param| {
            let values = Buffer::zeroed(param.buffer().len());
            slots.push(Slot { name: param.name().to_owned(), values, filled: false });
        });
        Self { slots, parallelism: Parallelism::default() }
    }

    /// The same, with another number of threads; [`Parallelism::Pool`] unless set.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: Parallelism) -> Self {
        self.parallelism = parallelism;
        self
    }

    /// Forgets all gradients. Costs nothing: the next ones are written over them.
    pub fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.filled = false);
    }

    /// Multiplies all gradients, as for the mean over accumulated batches.
    pub fn scale(&mut self, factor: T) {
        for slot in self.slots.iter_mut().filter(|slot| slot.filled) {
            slot.values.iter_mut().for_each(|g| *g *= factor);
        }
    }

    /// A row-major copy of a parameter's gradient; `None` where backward brought none since the last clear, as of a frozen parameter or
    /// one of another model.
    #[must_use]
    pub fn get(&self, param: &Param<T>) -> Option<Tensor<T>> {
        self.buffer(param.slot(), param.buffer().len()).map(|buffer| param.unpack(buffer))
    }

    /// The gradient in the order of the parameter's buffer.
    fn buffer(&self, slot: usize, len: usize) -> Option<&[T]> {
        let slot = self.slots.get(slot).filter(|slot| slot.filled && slot.values.len() == len);
        slot.map(|slot| &slot.values[..])
    }

    pub(crate) fn parallelism(&self) -> Parallelism {
        self.parallelism
    }
}

impl<T: Scalar> KeptGradients<T> for GradientStore<T> {
    fn runs(&self, slot: usize, len: usize, visit: &mut dyn FnMut(usize, &[T])) -> bool {
        let gradient = self.buffer(slot, len);
        gradient.into_iter().for_each(|gradient| visit(0, gradient));
        gradient.is_some()
    }
}

impl<T: Scalar> GradientSink<T> for GradientStore<T> {
    fn take(&mut self, param: &mut Param<T>, gradient: &dyn GradientSource<T>) -> Result<()> {
        let len = param.buffer().len();
        let Some(slot) = self.slots.get_mut(param.slot()).filter(|slot| slot.values.len() == len) else {
            return Err(Error::UnknownParameter {
                parameter: format!("`{}`", param.name()),
                by: "gradient store",
            });
        };
        let beta = if slot.filled { T::one() } else { T::zero() };
        slot.filled = true;
        let pieces = self.parallelism.small_pieces(gradient.multiply_adds());
        split_work(Run { start: 0, values: &mut slot.values[..] }, param.granule(), pieces, &|run: Run<
            '_,
            T,
        >| {
            gradient.write(run.start..run.start + run.values.len(), T::one(), beta, run.values);
        });
        Ok(())
    }
}

impl<T> fmt::Debug for GradientStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filled = self.slots.iter().map(|slot| (&slot.name, slot.filled));
        f.debug_map().entries(filled).finish()
    }
}

/// Gives each parameter its place in the order of [`Layer::params`].
pub(crate) fn number_params<T: Scalar>(model: &mut dyn Layer<T>) {
    let mut slot = 0;
    model.params_mut(&mut |param| {
        param.set_slot(slot);
        slot += 1;
    });
}
