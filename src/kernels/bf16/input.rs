//! dx = dy·Wᵀ, dy and W in bf16.
//!
//! The panels of W have pairs of rows, and the sum goes over columns. So each thread brings a few rows at a time into panels of their
//! own, of pairs of columns, or in `f32` where that is what is multiplied; they stay in its cache (L2) while all samples go through them.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::{Bf16Backend, Task};
use super::number::{Pair, as_pairs};
use super::{in_pairs, round};
use crate::kernels::backend::{Kernel, Runs};
use crate::kernels::dense_input::{Part, Rows};
use crate::kernels::dense_input_pack::Pack;
use crate::kernels::grid::Grid;
use crate::kernels::runs::{Indices, split_with_scratch};
use crate::kernels::{DenseInputGradient, DenseSize, Panels, Parallelism, Simd};

/// The granule in which inputs are shared out.
const GRANULE: usize = 32;

/// The elements of a block of rows, 256 KiB, where so many rows have no more.
const BLOCK: usize = 64 * 1024;

/// The most rows of a block.
const MOST_ROWS: usize = 256;

/// The most threads: each has a block of its own.
const MOST_PIECES: usize = 16;

/// The gradient of a dense layer's input: dx (batch × inputs) from dy (batch × outputs), which is rounded to bf16.
pub(crate) struct Bf16InputGradient<'a, T> {
    pub(crate) size: DenseSize,
    pub(crate) dy: &'a [T],
    /// In [`Bf16Panels`](super::Bf16Panels).
    pub(crate) weight: &'a [Pair],
    pub(crate) parallelism: Parallelism,
}

/// The size of what is multiplied.
fn multiplied(size: DenseSize, backend: Bf16Backend) -> DenseSize {
    DenseSize { outputs: in_pairs(size.outputs) * backend.factor(), ..size }
}

/// The rows of a block, no more than there are.
fn block_rows(multiplied: DenseSize) -> usize {
    let row = multiplied.panels::<f32>().count() * multiplied.panels::<f32>().panel_columns;
    let most = multiplied.inputs.next_multiple_of(GRANULE).clamp(GRANULE, MOST_ROWS);
    (BLOCK / row.max(1) / GRANULE * GRANULE).clamp(GRANULE, most)
}

/// The elements of a block.
fn block_len(multiplied: DenseSize) -> usize {
    Panels::new::<f32>(block_rows(multiplied), multiplied.outputs).len()
}

impl<T> Bf16InputGradient<'_, T> {
    /// Elements of scratch that [`Bf16InputGradient::run`] needs.
    pub(crate) fn scratch(size: DenseSize) -> usize {
        let size = multiplied(size, Bf16Backend::current());
        let rounded = size.batch * size.outputs;
        rounded + DenseInputGradient::<f32>::scratch(size) + MOST_PIECES * block_len(size)
    }
}

impl Bf16InputGradient<'_, f32> {
    pub(super) fn run_on(self, backend: Bf16Backend, dx: &mut [f32], scratch: &mut [f32]) {
        let Self { size, dy, weight, parallelism } = self;
        let inner = multiplied(size, backend);
        let panels = Panels::new::<f32>(in_pairs(size.inputs), size.outputs).len();
        assert_eq!((weight.len(), dy.len()), (panels, size.batch * size.outputs), "buffers of another size");
        let (rounded, scratch) = scratch.split_at_mut(inner.batch * inner.outputs);
        round::factors(backend, dy, size.outputs, parallelism, rounded);
        let pieces = parallelism.small_pieces(inner.multiply_adds()).min(MOST_PIECES);
        backend.with(Product { backend, size, inner, dy: rounded, weight, pieces, dx, scratch });
    }
}

struct Product<'a> {
    backend: Bf16Backend,
    size: DenseSize,
    inner: DenseSize,
    dy: &'a [f32],
    weight: &'a [Pair],
    pieces: usize,
    dx: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Task for Product<'_> {
    type Output = ();

    fn run(self, vectors: impl Runs<f32>) {
        let Self { backend, size, inner, dy, weight, pieces, dx, scratch } = self;
        let (packed, blocks) = scratch.split_at_mut(DenseInputGradient::<f32>::scratch(inner));
        let parallelism = Parallelism::Threads(1);
        let product = DenseInputGradient { size: inner, dy, weight: &[], parallelism };
        let (across, along) = vectors.run(Pack { product: &product, scratch: packed });
        let (block, len) = (block_rows(inner), block_len(inner));
        let dx = Grid::new(dx, size.batch, size.inputs);
        let blocks = &mut blocks[..pieces * len];
        split_with_scratch(Indices(0..size.inputs), GRANULE, pieces, blocks, &|inputs: Indices, scratch| {
            let inputs = inputs.0;
            for first in inputs.clone().step_by(block) {
                let count = block.min(inputs.end - first);
                let panels = &mut scratch[..Panels::new::<f32>(count, inner.outputs).len()];
                backend.in_f32().run(Turn { backend, size, weight, first, count, to: &mut *panels });
                let weight = Rows { panels, first, count };
                vectors.run(Part { size: inner, weight, dx, across, along, inputs: 0..count });
            }
        });
    }
}

/// Brings some rows of W, an even one first, into panels of what is multiplied.
struct Turn<'a> {
    backend: Bf16Backend,
    size: DenseSize,
    weight: &'a [Pair],
    first: usize,
    count: usize,
    to: &'a mut [f32],
}

impl Kernel<f32> for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<f32>>(self, _simd: S) {
        let Self { backend, size, weight, first, count, to } = self;
        let columns = Panels::new::<f32>(0, 0).panel_columns;
        let steps = in_pairs(size.inputs);
        let from = |panel: usize, row: usize| {
            weight
                .get((panel * steps + first / 2 + row / 2) * columns..)
                .and_then(|row| row.first_chunk::<32>())
        };
        if backend.multiplies_pairs() {
            // A panel of pairs of columns holds two panels of columns.
            for (panel, rows) in as_pairs(to).chunks_exact_mut(count * columns).enumerate() {
                for (row, two) in (0..).step_by(2).zip(rows.chunks_mut(2 * columns)) {
                    let (even, odd) = two.split_at_mut(columns);
                    for half in 0..2 {
                        let places = half * columns / 2..(half + 1) * columns / 2;
                        let is_there = 2 * panel + half < size.outputs.div_ceil(columns);
                        let from = from(2 * panel + half, row).filter(|_| is_there);
                        let from = from.copied().unwrap_or_default();
                        for (twos, place) in from.as_chunks::<2>().0.iter().zip(places) {
                            let [first, second] = twos[0].exchange(twos[1]);
                            even[place] = first;
                            if let Some(odd) = odd.get_mut(place) {
                                *odd = second;
                            }
                        }
                    }
                }
            }
            return;
        }
        for (panel, rows) in to.chunks_exact_mut(count * columns).enumerate() {
            for (row, two) in (0..).step_by(2).zip(rows.chunks_mut(2 * columns)) {
                let (even, odd) = two.split_at_mut(columns);
                let from = from(panel, row).expect("a panel of each");
                for (even, pair) in even.iter_mut().zip(from) {
                    *even = pair.widen()[0];
                }
                for (odd, pair) in odd.iter_mut().zip(from) {
                    *odd = pair.widen()[1];
                }
            }
        }
    }
}
