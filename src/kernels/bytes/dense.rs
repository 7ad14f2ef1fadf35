//! y = act(x·W + b) with W and x in bytes.
//!
//! First the samples become bytes, in rows of scratch; then rows × panels are multiplied. Threads share out the samples for the
//! one, and for the other the panels, or the samples where there are too few panels.

use super::backend::ByteBackend;
use super::panels::BytePanels;
use super::product::{Part, Product, sums_of};
use super::quantize::ByteInput;
use super::rows::Room;
use super::samples::Samples;
use super::weight::ByteWeight;
use crate::kernels::grid::Grid;
use crate::kernels::{DenseSize, Finish, Parallelism, split_runs};

/// Granule in which samples are shared out: two tiles of the largest kind.
const ROWS_GRANULE: usize = 24;

/// y (batch × outputs) from x (batch × inputs), which becomes bytes on the way. At most
/// [`MOST_BYTE_INPUTS`](super::MOST_BYTE_INPUTS) inputs.
pub(crate) struct ByteDenseForward<'a> {
    pub(crate) size: DenseSize,
    pub(crate) x: &'a [f32],
    pub(crate) weight: ByteWeight<'a>,
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) finish: Finish<'a, f32>,
    pub(crate) input: ByteInput,
    pub(crate) parallelism: Parallelism,
}

impl ByteDenseForward<'_> {
    /// Elements of scratch that [`ByteDenseForward::run`] needs.
    pub(crate) fn scratch(size: DenseSize) -> usize {
        Self::scratch_on(ByteBackend::current(), size)
    }

    pub(super) fn scratch_on(backend: ByteBackend, size: DenseSize) -> usize {
        backend.row_layout(size.inputs).scratch(size.batch, panels(size))
    }

    /// Every output is written, and nothing else that lies in `scratch` is read.
    pub(crate) fn run(self, y: &mut [f32], scratch: &mut [f32]) {
        self.run_on(ByteBackend::current(), y, scratch);
    }

    pub(super) fn run_on(self, backend: ByteBackend, y: &mut [f32], scratch: &mut [f32]) {
        let DenseSize { batch, inputs, outputs } = self.size;
        let panels = panels(self.size);
        assert!(inputs <= super::MOST_BYTE_INPUTS, "sums of so many products do not fit");
        assert_eq!(self.x.len(), batch * inputs, "a buffer of another size");
        let Self { weight, bias, finish, parallelism, .. } = self;
        assert_eq!(weight.panels.len(), panels.len(), "a weight of another size");
        assert_eq!([weight.sums.len(), weight.scales.len()], [outputs; 2], "a weight of other outputs");
        assert!(bias.is_none_or(|bias| bias.len() == outputs), "a bias of another size");
        let y = Grid::new(y, batch, outputs);
        if batch == 0 {
            return;
        }
        let layout = backend.row_layout(inputs);
        let scratch = &mut scratch[..Self::scratch_on(backend, self.size)];
        let Room { samples, lines, sums } = layout.split(batch, panels, scratch);
        let sums = sums_of(sums, batch, panels);
        let of_batch = Samples { x: self.x, len: inputs, input: self.input, layout };
        of_batch.quantize(backend, parallelism, samples, lines);
        let product = Product { layout, samples, lines, panels, weight, bias, finish };
        let part = |rows, columns| backend.run(Part { product, y, place: (0, 0), sums, rows, columns });
        let pieces = parallelism.small_pieces(work(self.size));
        let longest = |len: usize, granule: usize| len.div_ceil(granule).div_ceil(pieces) * granule;
        if longest(panels.count(), 1) * batch <= longest(batch, ROWS_GRANULE).min(batch) * panels.count() {
            split_runs(panels.count(), 1, pieces, &|panels| part(0..batch, panels));
        } else {
            split_runs(batch, ROWS_GRANULE, pieces, &|rows| part(rows, 0..panels.count()));
        }
    }
}

/// How long a product takes, in multiply-adds of f32. A weight takes as long to read as three samples to compute.
fn work(DenseSize { batch, inputs, outputs }: DenseSize) -> u64 {
    batch.max(3) as u64 * inputs as u64 * outputs as u64 / 4
}

fn panels(size: DenseSize) -> BytePanels {
    BytePanels { rows: size.inputs, columns: size.outputs }
}
