//! The workspace: all memory of a pass, made once.

use core::fmt;
use core::hash::{Hash, Hasher};

use super::Sequential;
use super::fnv::Fnv;
use crate::kernels::{self, Buffer, Parallelism};
use crate::layers::{Backward, Forward, Layer, Mode, RandomKey};
use crate::losses::{Divisors, Loss, Target};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// What passes through a model need besides its parameters: outputs of all layers, gradients, scratch.
///
/// Made by [`Sequential::workspace`] for a mode and a largest batch. After that neither inference nor a training
/// step allocates; smaller batches use a part of it.
///
/// It serves every model of the same layers, also one that is opened from a file or trained further: [`Sequential::infer`] takes
/// it with any of them. A backward pass wants the model of its forward pass.
///
/// One workspace serves one thread at a time. Threads that share a model have one each, or take turns at those of a
/// [`WorkspacePool`](super::WorkspacePool). A `Mutex` around one is safe as well: no pass runs tasks of its caller's while it waits
/// for its own share of work, so a thread that holds the lock gives it back.
///
/// ```
/// use taper::{Mode, Sequential};
///
/// let model = Sequential::<f32>::builder([784]).dense(128).relu().dense(10).build(&mut taper::seeded(0))?;
/// let infer = model.workspace(Mode::Infer, 32)?;
/// let train = model.workspace(Mode::Train, 32)?;
/// assert!(infer.bytes() < train.bytes());
/// # Ok::<(), taper::Error>(())
/// ```
pub struct Workspace<T> {
    /// The model of the last pass, and what all have in common that can have been it.
    model: usize,
    layers: u64,
    mode: Mode,
    capacity: usize,
    output_sample: Shape,
    cache: Buffer<T>,
    scratch: Buffer<T>,
    output: Buffer<T>,
    gradient: Buffer<T>,
    progress: Progress,
    batch: usize,
    seed: u64,
    step: u64,
    /// How many samples of a batch come before those of the next pass.
    before: usize,
    random: RandomKey,
    parallelism: Parallelism,
}

/// How far a training pass has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Nothing,
    /// Outputs of an inference pass.
    Inferred,
    /// Outputs of a training pass.
    Forward,
    /// And the gradient with respect to them.
    Loss,
}

impl<T: Scalar> Workspace<T> {
    pub(super) fn new(model: &Sequential<T>, mode: Mode, capacity: usize) -> Result<Self> {
        if capacity == 0 {
            return Err(Error::Empty { what: "samples of the workspace's batch" });
        }
        model.check_mode(mode)?;
        check_size(model, capacity)?;
        // An inference pass has to find room in a training workspace too, since a trainer evaluates.
        let infer = model.memory(&model.input(), capacity, Mode::Infer);
        let memory = model.memory(&model.input(), capacity, mode);
        // A weight takes as long to read as four samples take to compute.
        let products = if mode == Mode::Train { 2 } else { 1 };
        kernels::prepare(
            products,
            model.multiply_adds(&model.input()).saturating_mul(capacity.max(4) as u64),
        );
        let outputs = capacity * model.output().len();
        let (scratch, gradient) =
            (memory.scratch.max(infer.scratch), if mode == Mode::Train { outputs } else { 0 });
        // All of it at once, asked for and given back: what is made below would abort where it cannot be had.
        let whole = memory.cache.saturating_add(scratch).saturating_add(outputs).saturating_add(gradient);
        Vec::<T>::new().try_reserve_exact(whole).map_err(|_| too_large(model, capacity))?;
        Ok(Self {
            model: model.id(),
            layers: layers(model, capacity, mode),
            mode,
            capacity,
            output_sample: model.output(),
            cache: Buffer::zeroed(memory.cache),
            scratch: Buffer::zeroed(scratch),
            output: Buffer::zeroed(outputs),
            gradient: Buffer::zeroed(gradient),
            progress: Progress::Nothing,
            batch: 0,
            seed: 0,
            step: 0,
            before: 0,
            random: RandomKey::new(0, 0),
            parallelism: Parallelism::default(),
        })
    }

    /// The same, with another number of threads.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: Parallelism) -> Self {
        self.parallelism = parallelism;
        self
    }

    pub(super) fn parallelism(&self) -> Parallelism {
        self.parallelism
    }

    /// The same for workspaces that serve the same models.
    pub(super) fn layers(&self) -> u64 {
        self.layers
    }

    /// The largest batch that fits.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The bytes that the workspace holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let elements = self.cache.len() + self.scratch.len() + self.output.len() + self.gradient.len();
        elements * size_of::<T>()
    }

    /// Where random masks come from: the next training pass is step `step` of this seed, the one after it the
    /// next step. Seed 0 and step 0 unless set.
    pub fn set_random(&mut self, seed: u64, step: u64) {
        (self.seed, self.step, self.before) = (seed, step, 0);
    }

    /// The same where the samples of the next pass come behind so many others of a batch.
    pub(crate) fn set_random_behind(&mut self, seed: u64, step: u64, before: usize) {
        (self.seed, self.step, self.before) = (seed, step, before);
    }

    /// The outputs of the last pass; an empty batch before the first.
    #[must_use]
    pub fn outputs(&self) -> TensorView<'_, T> {
        let shape = self.output_shape();
        TensorView::trusted(shape, &self.output[..shape.len()])
    }

    /// The loss of the last training pass's outputs. Its gradient stays in the workspace for
    /// [`Sequential::backward_pass`].
    ///
    /// # Errors
    /// Those of the loss; [`Error::Workspace`] where no training pass came before.
    pub fn loss<'a>(&mut self, loss: &dyn Loss<T>, target: impl Into<Target<'a, T>>) -> Result<T> {
        let target = target.into();
        self.loss_by(|outputs, gradient| loss.value_and_gradient(outputs, target, gradient))
    }

    /// The same of a part of a larger batch, whose divisors are given ([`Loss::part_of`]).
    pub(crate) fn loss_of_part(
        &mut self,
        loss: &dyn Loss<T>,
        target: Target<'_, T>,
        whole: &Divisors,
    ) -> Result<T> {
        self.loss_by(|outputs, gradient| loss.part_of(outputs, target, whole, Some(gradient)))
    }

    fn loss_by(
        &mut self,
        value_and_gradient: impl FnOnce(TensorView<'_, T>, TensorViewMut<'_, T>) -> Result<T>,
    ) -> Result<T> {
        let (outputs, gradient) = self.outputs_and_gradient()?;
        let value = value_and_gradient(outputs, gradient);
        if value.is_err() {
            // There is no gradient yet: another target can be tried, but not a backward pass.
            self.progress = Progress::Forward;
        }
        value
    }

    /// The outputs of the last training pass, and the place for the gradient with respect to them: for a loss
    /// that is computed by hand, or a part of that of a larger batch ([`Loss::part`]). The gradient has to be filled.
    ///
    /// # Errors
    /// [`Error::Workspace`] where no training pass came before.
    pub fn outputs_and_gradient(&mut self) -> Result<(TensorView<'_, T>, TensorViewMut<'_, T>)> {
        if !matches!(self.progress, Progress::Forward | Progress::Loss) {
            return Err(problem(
                "expected a training pass before the loss, got none; call `forward_pass` first",
            ));
        }
        self.progress = Progress::Loss;
        let shape = self.output_shape();
        let outputs = TensorView::trusted(shape, &self.output[..shape.len()]);
        Ok((outputs, TensorViewMut::trusted(shape, &mut self.gradient[..shape.len()])))
    }

    pub(super) fn begin_infer(
        &mut self,
        model: &Sequential<T>,
        batch: usize,
    ) -> Result<(TensorViewMut<'_, T>, Forward<'_, T>)> {
        self.check(model, batch)?;
        (self.model, self.progress) = (model.id(), Progress::Inferred);
        Ok(self.begin(Mode::Infer, batch))
    }

    pub(super) fn begin_forward(
        &mut self,
        model: &Sequential<T>,
        batch: usize,
    ) -> Result<(TensorViewMut<'_, T>, Forward<'_, T>)> {
        self.check(model, batch)?;
        if self.mode == Mode::Infer {
            return Err(problem("expected one made for `Mode::Train`, got one for `Mode::Infer`"));
        }
        (self.model, self.progress) = (model.id(), Progress::Forward);
        self.random = RandomKey::new(self.seed, self.step).behind(self.before, batch);
        self.step = self.step.wrapping_add(1);
        Ok(self.begin(Mode::Train, batch))
    }

    /// After a pass that failed half-way: what it left is neither outputs nor anything to learn from.
    pub(super) fn forget_pass(&mut self) {
        self.progress = Progress::Nothing;
        self.batch = 0;
    }

    fn begin(&mut self, mode: Mode, batch: usize) -> (TensorViewMut<'_, T>, Forward<'_, T>) {
        self.batch = batch;
        let shape = self.output_shape();
        let context = Forward {
            mode,
            cache: &mut self.cache,
            scratch: &mut self.scratch,
            random: self.random,
            parallelism: self.parallelism,
            activation: None,
            pool: None,
            others: None,
            parts: 0,
        };
        (TensorViewMut::trusted(shape, &mut self.output[..shape.len()]), context)
    }

    pub(super) fn begin_backward<'a>(
        &'a mut self,
        model: &Sequential<T>,
        batch: usize,
        x: TensorView<'a, T>,
    ) -> Result<Backward<'a, T>> {
        self.check(model, batch)?;
        if self.model != model.id() {
            return Err(problem(
                "expected the model of the forward pass, got another one of the same layers",
            ));
        }
        if self.progress != Progress::Loss {
            return Err(problem(
                "expected a training pass and its loss before backward; call `forward_pass` and `loss` first",
            ));
        }
        if self.batch != batch {
            let text = format!("expected the input of the forward pass, {} samples, got {batch}", self.batch);
            return Err(Error::Workspace { problem: text });
        }
        // The gradient may be overwritten: another backward pass needs another loss.
        self.progress = Progress::Nothing;
        let shape = self.output_shape();
        let y = TensorView::trusted(shape, &self.output[..shape.len()]);
        let dy = TensorViewMut::trusted(shape, &mut self.gradient[..shape.len()]);
        let pass = Backward::new(x, y, dy, &self.cache, &mut self.scratch);
        Ok(Backward { random: self.random, parallelism: self.parallelism, ..pass })
    }

    /// Makes another loss and backward pass on the same outputs possible, for the weights are still the same.
    pub(crate) fn reopen(&mut self) {
        self.progress = Progress::Forward;
    }

    fn check(&self, model: &Sequential<T>, batch: usize) -> Result<()> {
        if self.model != model.id() && self.layers != layers(model, self.capacity, self.mode) {
            return Err(another_model());
        }
        if batch > self.capacity {
            let text = format!("expected a batch of at most {} samples, got {batch}", self.capacity);
            return Err(Error::Workspace { problem: text });
        }
        Ok(())
    }

    fn output_shape(&self) -> Shape {
        self.output_sample.with_batch(self.batch).expect("a model's shapes leave room for the batch axis")
    }
}

/// Models for which this is the same need the same memory in every layer.
fn layers<T: Scalar>(model: &Sequential<T>, capacity: usize, mode: Mode) -> u64 {
    let mut hasher = Fnv::new();
    for step in model.steps() {
        (step.layer.kind(), step.input.axes(), step.output.axes()).hash(&mut hasher);
        (step.reshapes, step.fused.is_some(), step.is_along).hash(&mut hasher);
        for mode in [mode, Mode::Infer] {
            let memory = step.memory(capacity, mode);
            (memory.cache, memory.scratch).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Whether the sizes of all buffers can be counted in a `usize` with room to spare.
pub(super) fn check_size<T: Scalar>(model: &Sequential<T>, capacity: usize) -> Result<()> {
    // A layer may keep and use a few times as much as goes through it.
    match model.elements().checked_mul(capacity).and_then(|len| len.checked_mul(16 * size_of::<T>())) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(too_large(model, capacity)),
    }
}

fn too_large<T: Scalar>(model: &Sequential<T>, capacity: usize) -> Error {
    let shape = format!("of a workspace for {capacity} samples {}", model.input());
    Error::TooLarge { shape, limit: "no more elements than fit into memory" }
}

pub(super) fn another_model() -> Error {
    problem("expected one made for this model, got another model's")
}

fn problem(text: &str) -> Error {
    Error::Workspace { problem: text.to_owned() }
}

impl<T: Scalar> fmt::Debug for Workspace<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace")
            .field("mode", &self.mode)
            .field("capacity", &self.capacity)
            .field("bytes", &self.bytes())
            .field("parallelism", &self.parallelism)
            .finish_non_exhaustive()
    }
}
