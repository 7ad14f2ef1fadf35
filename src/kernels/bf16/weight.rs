//! dW = xᵀ·dy, x and dy in bf16.

use super::backend::{Bf16Backend, Task};
use super::{in_pairs, round};
use crate::kernels::backend::Runs;
use crate::kernels::{DenseSize, DenseWeightGradient, Parallelism, Run};

/// The gradient of a dense weight from numbers in bf16, ready to be written run by run.
pub(crate) type Bf16WeightGradient<'a, T> = DenseWeightGradient<'a, T, Bf16Backend>;

/// The size of what is multiplied: pairs of samples, or samples.
fn multiplied(size: DenseSize, backend: Bf16Backend) -> DenseSize {
    let batch = if backend.multiplies_pairs() { in_pairs(size.batch) } else { size.batch };
    DenseSize { batch, ..size }
}

impl<'a> Bf16WeightGradient<'a, f32> {
    /// Rounds and packs x and dy into scratch.
    pub(super) fn rounded(
        backend: Bf16Backend,
        size: DenseSize,
        x: &[f32],
        dy: &[f32],
        scratch: &'a mut [f32],
        parallelism: Parallelism,
    ) -> Self {
        let DenseSize { batch, inputs, outputs } = multiplied(size, backend);
        let (rounded_x, scratch) = scratch.split_at_mut(batch * inputs);
        let (rounded_dy, scratch) = scratch.split_at_mut(batch * outputs);
        round::samples(backend, x, inputs, parallelism, rounded_x);
        round::samples(backend, dy, outputs, parallelism, rounded_dy);
        let size = DenseSize { batch, inputs, outputs };
        backend.with(Pack { backend, size, x: rounded_x, dy: rounded_dy, scratch, parallelism })
    }

    /// out ← beta·out + alpha·dW for a run of the panels.
    pub(super) fn write_rounded(&self, run: core::ops::Range<usize>, alpha: f32, beta: f32, out: &mut [f32]) {
        self.backend().with(Write {
            gradient: self,
            run: Run { start: run.start, values: out },
            alpha,
            beta,
        });
    }
}

/// Elements of scratch that [`Bf16WeightGradient::rounded`] needs.
pub(super) fn scratch(size: DenseSize) -> usize {
    let size = multiplied(size, Bf16Backend::current());
    size.batch * (size.inputs + size.outputs) + DenseWeightGradient::<f32>::scratch(size)
}

struct Pack<'a> {
    backend: Bf16Backend,
    size: DenseSize,
    x: &'a [f32],
    dy: &'a [f32],
    scratch: &'a mut [f32],
    parallelism: Parallelism,
}

impl<'a> Task for Pack<'a> {
    type Output = Bf16WeightGradient<'a, f32>;

    fn run(self, vectors: impl Runs<f32>) -> Self::Output {
        let Self { backend, size, x, dy, scratch, parallelism } = self;
        DenseWeightGradient::new_on(vectors, size, x, dy, scratch, parallelism).with_backend(backend)
    }
}

struct Write<'a, 'b> {
    gradient: &'a Bf16WeightGradient<'a, f32>,
    run: Run<'b, f32>,
    alpha: f32,
    beta: f32,
}

impl Task for Write<'_, '_> {
    type Output = ();

    fn run(self, vectors: impl Runs<f32>) {
        let Self { gradient, run: Run { start, values }, alpha, beta } = self;
        gradient.with_backend(vectors).write_run(start..start + values.len(), alpha, beta, values);
    }
}
