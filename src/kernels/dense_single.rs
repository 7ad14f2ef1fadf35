//! The products of a single sample.
//!
//! They read a weight once and compute next to nothing with it. In a narrow layer that takes tens of nanoseconds, no more
//! than to pack operands, to cut blocks and to keep sums in memory between them, as larger products have to. So a single
//! sample has loops of its own, which do nothing of it: operands are read where they lie, sums stay in registers.
//!
//! | | loop | where |
//! |---|---|---|
//! | forward | a tile of one row, which goes right to y | inputs that fit into the cache |
//! | input gradient | dy by rows of W, eight sums side by side | weights that fit into the last cache |
//! | weight gradient | x by dy, row by row | everywhere |
//!
//! The sums are the same, in the same order, as in the products of many samples and of wide layers; so the bits are.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::Kernel;
use super::dense_update::{ADD, BLEND, STORE, Scales};
use super::portable::MANY_REGISTERS;
use super::tile::{Broadcast, NothingInRow, Target, Tile, Vectors, tile_vectors};
use super::{DenseForward, DenseInputGradient, DenseSize, Element, Finish, Run, Simd};

/// The most inputs of a forward product: 32 KiB of f32.
const FORWARD_INPUTS: usize = 8192;

/// The most elements of the weight of an input gradient. A larger one comes from memory, which wants to be read panel by
/// panel: 4096→1024 takes the same time either way, 2048→1024 a tenth less in this one, 12544→1024 four fifths more.
const INPUT_GRADIENT_ELEMENTS: usize = 4 << 20;

/// The most vectors of dy in an input gradient, where a panel's row has more than two. With AVX2, 784→32 takes a tenth less
/// than by panels and 784→128 two fifths more; with four lanes, 784→10 takes the same time and 784→32 twice as much.
const INPUT_GRADIENT_VECTORS: usize = 4;

/// The inputs whose sums are added up side by side: as many as hide the latency of processors that start two multiply-adds a
/// cycle, and where there are registers for them, four.
const INPUTS: usize = 8;
const MANY_INPUTS: usize = 16;

/// The rows of a weight that are fetched ahead, 4 KiB, where there are many.
const AHEAD: usize = 32;

/// From so many elements on they do not lie in the cache (L1) anyway.
const FAR: usize = 8192;

/// Some columns of y, from a panel's first column on.
pub(super) struct Forward<'a, T> {
    pub(super) product: &'a DenseForward<'a, T>,
    pub(super) y: Run<'a, T>,
}

impl<T: Element> Forward<'_, T> {
    /// Whether it does, for so many numbers to each input.
    pub(super) fn serves(size: DenseSize, factor: usize) -> bool {
        size.batch == 1 && size.inputs * factor <= FORWARD_INPUTS
    }
}

impl<T: Element> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let DenseForward { size, x, weight, bias, finish, .. } = *self.product;
        let Run { start: mut column, values: y } = self.y;
        let weight = S::split(weight).0;
        let bias = bias.map(|bias| &bias[column..column + y.len()]);
        let mut done = 0;
        while done < y.len() {
            let vectors = tile_vectors::<T, S>(y.len() - done, 1);
            let columns = done..y.len().min(done + vectors * S::LANES);
            let (panel, within) = (column / T::PANEL_COLUMNS, column % T::PANEL_COLUMNS);
            let start = panel * size.inputs * S::PER_PANEL + within / S::LANES;
            let tile = Tile {
                depth: size.inputs,
                a: Broadcast { values: x, row_stride: 0, stride: S::FACTOR, runs: 1, run_stride: 0 },
                b: Vectors {
                    chunks: weight.get(start..).unwrap_or(&[]),
                    panel_stride: size.inputs * S::PER_PANEL,
                },
                fetch: NothingInRow,
            };
            let outputs = Outputs {
                y: &mut y[columns.clone()],
                bias: bias.map(|bias| &bias[columns.clone()]),
                relu: matches!(finish, Finish::Relu),
            };
            tile.add(simd, 1, vectors, outputs);
            column += columns.len();
            done = columns.end;
        }
        if let Finish::Function(function) = finish {
            function(y);
        }
    }
}

/// Where finished sums go.
struct Outputs<'a, T> {
    y: &'a mut [T],
    bias: Option<&'a [T]>,
    relu: bool,
}

impl<T: Element, S: Simd<T>> Target<T, S> for Outputs<'_, T> {
    #[inline(always)]
    fn start<const VECTORS: usize>(&self, simd: S, _row: usize, _vector: usize) -> S::Vector {
        simd.splat(T::zero())
    }

    #[inline(always)]
    fn end<const VECTORS: usize>(&mut self, simd: S, _row: usize, vector: usize, mut sum: S::Vector) {
        let lanes = (vector * S::LANES).min(self.y.len())..((vector + 1) * S::LANES).min(self.y.len());
        if let Some(bias) = self.bias {
            sum = simd.add(sum, simd.load_part(&bias[lanes.clone()]));
        }
        if self.relu {
            sum = simd.relu(sum);
        }
        simd.store_part(sum, &mut self.y[lanes]);
    }
}

/// dx for some inputs.
pub(super) struct InputGradient<'a, T> {
    pub(super) product: &'a DenseInputGradient<'a, T>,
    pub(super) dx: Run<'a, T>,
}

/// Whether [`InputGradient`] is the faster way, with the instruction set at hand.
pub(super) struct ServesInputGradient(pub(super) DenseSize);

impl<T: Element> Kernel<T> for ServesInputGradient {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) -> bool {
        let Self(size) = self;
        // Vectors of half a panel, or few vectors: otherwise each row is visited too often.
        let is_fast = S::PER_PANEL <= 2 || size.outputs <= INPUT_GRADIENT_VECTORS * S::LANES;
        size.batch == 1 && is_fast && size.panels::<T>().len() <= INPUT_GRADIENT_ELEMENTS
    }
}

impl<T: Element> Kernel<T> for InputGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let mut dx = self.dx;
        if const { MANY_REGISTERS && S::REGISTERS == 1 } {
            dx = whole_sums::<T, S, MANY_INPUTS>(simd, self.product, dx);
        }
        dx = whole_sums::<T, S, INPUTS>(simd, self.product, dx);
        whole_sums::<T, S, 1>(simd, self.product, dx);
    }
}

/// dx of whole groups of inputs, and where the rest lies.
#[inline(always)]
fn whole_sums<'a, T: Element, S: Simd<T>, const INPUTS: usize>(
    simd: S,
    product: &DenseInputGradient<'_, T>,
    Run { start, values }: Run<'a, T>,
) -> Run<'a, T> {
    let (whole, rest) = values.as_chunks_mut::<INPUTS>();
    let end = start + whole.len() * INPUTS;
    for (input, dx) in (start..).step_by(INPUTS).zip(whole) {
        input_sums(simd, product, input, dx);
    }
    Run { start: end, values: rest }
}

/// dx of some inputs from `first` on, each sum a vector whose lanes are added up at the end.
#[inline(always)]
fn input_sums<T: Element, S: Simd<T>, const INPUTS: usize>(
    simd: S,
    product: &DenseInputGradient<'_, T>,
    first: usize,
    dx: &mut [T; INPUTS],
) {
    let panel_len = product.size.inputs * S::PER_PANEL;
    let weight = S::split(product.weight).0;
    let mut sums = [simd.splat(T::zero()); INPUTS];
    for (panel, dy) in product.dy.chunks(T::PANEL_COLUMNS).enumerate() {
        let rows = &weight[panel * panel_len + first * S::PER_PANEL..][..INPUTS * S::PER_PANEL];
        for vector in 0..S::PER_PANEL {
            let dy = &dy[(vector * S::LANES).min(dy.len())..((vector + 1) * S::LANES).min(dy.len())];
            if dy.is_empty() {
                break;
            }
            let dy = simd.load_part(dy);
            for (input, sum) in sums.iter_mut().enumerate() {
                *sum = simd.mul_add(dy, simd.load(&rows[input * S::PER_PANEL + vector]), *sum);
            }
        }
    }
    for (dx, sum) in dx.iter_mut().zip(sums) {
        *dx = simd.sum(sum);
    }
}

/// A run of the weight's panels: out ← β·out + α·x·dy.
pub(super) struct WeightGradient<'a, T> {
    pub(super) size: DenseSize,
    pub(super) x: &'a [T],
    pub(super) dy: &'a [T],
    pub(super) first_row: usize,
    pub(super) scales: Scales<T>,
    pub(super) out: &'a mut [T],
}

impl<T: Element> Kernel<T> for WeightGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let Self { size: DenseSize { inputs, outputs, .. }, x, dy, scales, .. } = self;
        let (mut out, mut row) = (self.out, self.first_row);
        while !out.is_empty() {
            let (panel, input) = (row / inputs, row % inputs);
            let rows = (inputs - input).min(out.len() / T::PANEL_COLUMNS);
            let (panel_out, rest) = out.split_at_mut(rows * T::PANEL_COLUMNS);
            (out, row) = (rest, row + rows);
            let first = panel * T::PANEL_COLUMNS;
            let rows = Rows {
                x: &x[input..input + rows],
                dy: &dy[first..outputs.min(first + T::PANEL_COLUMNS)],
                scales,
                out: S::split_mut(panel_out).0,
            };
            match rows.dy.len().div_ceil(S::LANES) {
                1 => rows.update_vectors::<S, 1>(simd),
                2 => rows.update_vectors::<S, 2>(simd),
                3 | 4 if const { S::PER_PANEL >= 4 } => rows.update_vectors::<S, 4>(simd),
                5..=8 if const { S::PER_PANEL >= 8 } => rows.update_vectors::<S, 8>(simd),
                vectors => unreachable!("no panel of {vectors} vectors"),
            }
        }
    }
}

/// Some rows of one panel.
struct Rows<'a, T, C> {
    x: &'a [T],
    /// Without padding.
    dy: &'a [T],
    scales: Scales<T>,
    out: &'a mut [C],
}

impl<T: Element, C> Rows<'_, T, C> {
    /// The first vectors of each row, all that are not padding; the others have the gradient 0.
    #[inline(always)]
    fn update_vectors<S: Simd<T, Chunk = C>, const VECTORS: usize>(self, simd: S) {
        match self.scales.mode() {
            STORE => self.update::<S, VECTORS, STORE>(simd),
            ADD => self.update::<S, VECTORS, ADD>(simd),
            _ => self.update::<S, VECTORS, BLEND>(simd),
        }
    }

    #[inline(always)]
    fn update<S: Simd<T, Chunk = C>, const VECTORS: usize, const MODE: u8>(self, simd: S) {
        let Self { x, dy, scales, out } = self;
        let zero = simd.splat(T::zero());
        let lanes = |vector: usize| dy.len().saturating_sub(vector * S::LANES).min(S::LANES);
        let mut factors = [zero; VECTORS];
        for (vector, factor) in factors.iter_mut().enumerate().take_while(|(vector, _)| lanes(*vector) > 0) {
            *factor = simd.load_part(&dy[vector * S::LANES..][..lanes(vector)]);
        }
        let has_padding = dy.len() < VECTORS * S::LANES;
        let is_far = out.len() * S::LANES >= FAR;
        for (&x, row) in x.iter().zip(out.chunks_exact_mut(S::PER_PANEL)) {
            if is_far {
                let ahead = row.as_ptr().wrapping_add(AHEAD * S::PER_PANEL).cast::<T>();
                simd.prefetch(ahead);
                simd.prefetch(ahead.wrapping_add(T::PANEL_COLUMNS / 2));
            }
            let (used, unused) = row.split_at_mut(VECTORS);
            let x = simd.splat(x);
            for (vector, out) in used.iter_mut().enumerate() {
                // A sum of one term that starts with 0, so that it has that sum's sign.
                let mut sum = simd.mul_add(x, factors[vector], zero);
                if has_padding {
                    sum = simd.first(sum, lanes(vector));
                }
                scales.update::<S, MODE>(simd, sum, out);
            }
            if MODE != ADD {
                unused.iter_mut().for_each(|out| scales.update::<S, MODE>(simd, zero, out));
            }
        }
    }
}
