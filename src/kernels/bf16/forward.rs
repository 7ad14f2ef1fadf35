//! y = act(x·W + b), x and W in bf16.

use super::backend::Bf16Backend;
use super::number::{Pair, as_elements};
use super::{in_pairs, round};
use crate::kernels::backend::Runs;
use crate::kernels::{DenseForward, DenseSize, Finish, Parallelism};

/// A forward product: y (batch × outputs) from x (batch × inputs), which is rounded to bf16, and a weight in bf16.
pub(crate) struct Bf16DenseForward<'a, T> {
    pub(crate) size: DenseSize,
    pub(crate) x: &'a [T],
    /// In [`Bf16Panels`](super::Bf16Panels).
    pub(crate) weight: &'a [Pair],
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) finish: Finish<'a, T>,
    pub(crate) parallelism: Parallelism,
}

impl<T> Bf16DenseForward<'_, T> {
    /// Elements of scratch that [`Bf16DenseForward::run`] needs: x in bf16.
    pub(crate) fn scratch(size: DenseSize) -> usize {
        size.batch * size.inputs.div_ceil(2) * Bf16Backend::current().factor()
    }
}

impl Bf16DenseForward<'_, f32> {
    pub(super) fn run_on(self, backend: Bf16Backend, y: &mut [f32], scratch: &mut [f32]) {
        let Self { size, x, weight, bias, finish, parallelism } = self;
        assert_eq!(x.len(), size.batch * size.inputs, "buffers of another size");
        let pairs = DenseSize { inputs: in_pairs(size.inputs), ..size };
        let rounded = &mut scratch[..pairs.batch * pairs.inputs * backend.factor()];
        round::factors(backend, x, size.inputs, parallelism, rounded);
        DenseForward { size: pairs, x: rounded, weight: as_elements(weight), bias, finish, parallelism }
            .run_on(backend, y);
    }
}
