//! A convolution with images and weight in bytes.
//!
//! First the images become bytes, each as a whole; then what the window sees is gathered, as bytes, a block of positions at a time
//! that stays in the cache, and multiplied as the samples of a dense layer are. Threads share out images, then positions.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::{ByteBackend, ByteKernel};
use super::panels::BytePanels;
use super::product::{BLOCK_ROWS, Part, Product, sums_of};
use super::quantize::ByteInput;
use super::rows::{LINE_BYTES, Line, Room, RowLayout, Sample, bytes, bytes_mut};
use super::samples::Samples;
use super::simd::ByteSimd;
use super::weight::ByteWeight;
use crate::kernels::convolution_size::{MOST_PIECES, Rows};
use crate::kernels::grid::Grid;
use crate::kernels::patches::{Runs, Visit};
use crate::kernels::runs::split_with_scratch;
use crate::kernels::{ConvolutionSize, Finish, Parallelism};

/// The bytes of a block of patches: they stay in the cache (L1) unless a patch is large.
const BLOCK_BYTES: usize = 32 * 1024;

/// y (positions × outputs) from x. An image becomes bytes once, as a whole; what lies around it is 0, exactly.
///
/// The weight is a matrix in panels for each group, one after another. At most [`MOST_BYTE_INPUTS`](super::MOST_BYTE_INPUTS)
/// elements of a patch; not for convolutions of each channel by itself.
pub(crate) struct ByteConvolutionForward<'a> {
    pub(crate) size: ConvolutionSize,
    pub(crate) x: &'a [f32],
    pub(crate) weight: ByteWeight<'a>,
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) finish: Finish<'a, f32>,
    pub(crate) input: ByteInput,
    pub(crate) parallelism: Parallelism,
}

/// How the work is cut up.
#[derive(Clone, Copy)]
struct Plan {
    /// Of the images, as they lie in memory.
    images: RowLayout,
    /// Of the patches of a group.
    patches: RowLayout,
    panels: BytePanels,
    /// The positions of a block.
    block: usize,
    /// The most threads.
    pieces: usize,
}

impl Plan {
    fn new(backend: ByteBackend, size: ConvolutionSize) -> Self {
        let (images, patches) =
            (RowLayout::of_bytes(size.geometry.image_len()), backend.row_layout(size.patch()));
        let panels = BytePanels { rows: size.patch(), columns: size.group_outputs() };
        // Whole blocks of rows of the product.
        let block = BLOCK_BYTES / (patches.lines() * LINE_BYTES) / BLOCK_ROWS * BLOCK_ROWS;
        let block = block.max(BLOCK_ROWS).min(size.positions());
        let pieces = size.positions().div_ceil(block.max(1)).min(MOST_PIECES);
        Self { images, patches, panels, block, pieces }
    }

    /// Elements of scratch for the images, and for the block of a thread.
    fn scratch(&self, size: ConvolutionSize) -> (usize, usize) {
        let no_product = BytePanels { rows: 0, columns: 0 };
        (self.images.scratch(size.batch, no_product), self.patches.scratch(self.block, self.panels))
    }
}

impl ByteConvolutionForward<'_> {
    /// Elements of scratch that [`ByteConvolutionForward::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize) -> usize {
        Self::scratch_on(ByteBackend::current(), size)
    }

    pub(super) fn scratch_on(backend: ByteBackend, size: ConvolutionSize) -> usize {
        let plan = Plan::new(backend, size);
        let (images, block) = plan.scratch(size);
        images + plan.pieces * block
    }

    /// Every output is written, and nothing else that lies in `scratch` is read.
    pub(crate) fn run(self, y: &mut [f32], scratch: &mut [f32]) {
        self.run_on(ByteBackend::current(), y, scratch);
    }

    pub(super) fn run_on(self, backend: ByteBackend, y: &mut [f32], scratch: &mut [f32]) {
        let Self { size, x, weight, bias, .. } = self;
        let plan = Plan::new(backend, size);
        assert!(!size.is_depthwise(), "each channel by itself has no product of matrices");
        assert!(size.patch() <= super::MOST_BYTE_INPUTS, "sums of so many products do not fit");
        let image_len = size.geometry.image_len();
        assert_eq!(
            (x.len(), y.len()),
            (size.batch * image_len, size.positions() * size.outputs),
            "other images"
        );
        assert_eq!(weight.panels.len(), size.groups * plan.panels.len(), "a weight of another size");
        assert_eq!([weight.sums.len(), weight.scales.len()], [size.outputs; 2], "a weight of other outputs");
        assert!(bias.is_none_or(|bias| bias.len() == size.outputs), "a bias of another size");
        if size.positions() == 0 {
            return;
        }
        let (of_images, of_block) = plan.scratch(size);
        let (of_images, blocks) = scratch.split_at_mut(of_images);
        let no_product = BytePanels { rows: 0, columns: 0 };
        let Room { samples, lines, .. } = plan.images.split(size.batch, no_product, of_images);
        let of_batch = Samples { x, len: image_len, input: self.input, layout: plan.images };
        of_batch.quantize(backend, self.parallelism, samples, lines);
        let (samples, lines) = (&*samples, &*lines);
        let blocks = &mut blocks[..plan.pieces * of_block];
        let pieces = self.parallelism.pieces(size.multiply_adds() / 4).min(plan.pieces);
        let whole = Rows { first: 0, len: size.outputs, values: y };
        split_with_scratch(whole, 4, pieces, blocks, &|rows: Rows<'_, f32>, scratch| {
            let scratch = &mut scratch[..of_block];
            self.positions(backend, plan, (samples, lines), (rows.first, rows.values), scratch);
        });
    }
}

impl ByteConvolutionForward<'_> {
    /// The outputs of the positions from one on.
    fn positions(
        &self,
        backend: ByteBackend,
        plan: Plan,
        images: (&[Sample], &[Line]),
        (mut first, y): (usize, &mut [f32]),
        scratch: &mut [f32],
    ) {
        let Self { size, weight, bias, finish, .. } = *self;
        let (panels, outputs) = (plan.panels, size.group_outputs());
        for y in y.chunks_mut(plan.block * size.outputs) {
            let positions = first..first + y.len() / size.outputs;
            first = positions.end;
            let rows = 0..positions.len();
            let y = Grid::new(y, rows.len(), size.outputs);
            for group in 0..size.groups {
                let Room { samples, lines, sums } = plan.patches.split(rows.len(), panels, scratch);
                let rows_of_patches = (&mut *samples, &mut *lines);
                let positions = positions.clone();
                backend.run(Gather { size, group, plan, images, positions, rows: rows_of_patches });
                let columns = group * outputs..(group + 1) * outputs;
                let weight = ByteWeight {
                    panels: &weight.panels[group * panels.len()..][..panels.len()],
                    sums: &weight.sums[columns.clone()],
                    scales: &weight.scales[columns.clone()],
                };
                let bias = bias.map(|bias| &bias[columns.clone()]);
                let product = Product { layout: plan.patches, samples, lines, panels, weight, bias, finish };
                let sums = sums_of(sums, rows.len(), panels);
                let place = (0, columns.start);
                backend.run(Part { product, y, place, sums, rows: rows.clone(), columns: 0..panels.count() });
            }
        }
    }
}

/// Patches of a group, of some positions, that become rows.
struct Gather<'a> {
    size: ConvolutionSize,
    group: usize,
    plan: Plan,
    images: (&'a [Sample], &'a [Line]),
    positions: Range<usize>,
    rows: (&'a mut [Sample], &'a mut [Line]),
}

impl ByteKernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: ByteSimd>(self, _simd: S) {
        let Self { size, group, plan, images: (samples, images), positions, rows: (of_rows, rows) } = self;
        let of_image = size.geometry.positions();
        let patches = size.patches(group, 0..size.taps());
        let (lines, image_lines) = (plan.patches.lines(), plan.images.lines());
        let mut first = positions.start;
        while first < positions.end {
            // Those of one image, as each has a byte of its own for 0.
            let image = first / of_image;
            let end = positions.end.min((image + 1) * of_image);
            let places = first - positions.start..end - positions.start;
            of_rows[places.clone()].fill(samples[image]);
            let rows = &mut rows[places.start * lines..places.end * lines];
            let gathering = &mut Gathering {
                images: bytes(&images[image * image_lines..][..image_lines]),
                to: &mut bytes_mut(rows)[plan.patches.first_byte()..],
                zero: samples[image].zero as u8,
            };
            let within = first - image * of_image..end - image * of_image;
            patches.visit(within, lines * LINE_BYTES, gathering);
            for row in rows.chunks_exact_mut(lines) {
                plan.patches.spread::<S>(row);
            }
            first = end;
        }
    }
}

struct Gathering<'a> {
    images: &'a [u8],
    to: &'a mut [u8],
    /// What lies around an image.
    zero: u8,
}

impl Visit for Gathering<'_> {
    #[inline(always)]
    fn padding(&mut self, runs: Runs) {
        for to in self.to[runs.place..].chunks_mut(runs.stride).take(runs.count) {
            to[..runs.len].fill(self.zero);
        }
    }

    #[inline(always)]
    fn image(&mut self, runs: Runs, start: usize, step: usize) {
        let (from, to) = (&self.images[start..], &mut self.to[runs.place..]);
        // Of a length that is known, a copy is a few instructions instead of a loop: those of windows of 1, 3, 5 and 7 and
        // pictures of 1 or 3 colours.
        match runs.len {
            3 => copies_of::<3>(runs, from, step, to),
            5 => copies_of::<5>(runs, from, step, to),
            7 => copies_of::<7>(runs, from, step, to),
            9 => copies_of::<9>(runs, from, step, to),
            15 => copies_of::<15>(runs, from, step, to),
            21 => copies_of::<21>(runs, from, step, to),
            64.. => copies::<64>(runs, from, step, to),
            16.. => copies::<16>(runs, from, step, to),
            4.. => copies::<4>(runs, from, step, to),
            _ => copies::<1>(runs, from, step, to),
        }
    }
}

/// Copies runs of at least `PIECE` bytes, so many at a time; the last of them may go over some again.
#[inline(always)]
fn copies<const PIECE: usize>(runs: Runs, from: &[u8], step: usize, to: &mut [u8]) {
    for run in 0..runs.count {
        let (from, to) = (&from[run * step..][..runs.len], &mut to[run * runs.stride..][..runs.len]);
        let (pieces, _) = from.as_chunks::<PIECE>();
        let (to_pieces, _) = to.as_chunks_mut::<PIECE>();
        to_pieces.iter_mut().zip(pieces).for_each(|(to, piece)| *to = *piece);
        *to.last_chunk_mut().expect("a whole piece") = *from.last_chunk::<PIECE>().expect("a whole piece");
    }
}

/// Copies runs of `LEN` bytes.
#[inline(always)]
fn copies_of<const LEN: usize>(runs: Runs, from: &[u8], step: usize, to: &mut [u8]) {
    for run in 0..runs.count {
        let from = from[run * step..].first_chunk::<LEN>().expect("a run lies inside of the image");
        *to[run * runs.stride..].first_chunk_mut::<LEN>().expect("a run lies inside of its patch") = *from;
    }
}
