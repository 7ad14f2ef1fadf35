//! dx = dy·Wᵀ, W in panels and not transposed.
//!
//! With j over the outputs:
//!
//! ```text
//! dx[s, i] = Σ_j dy[s, j] · W[i, j]
//! ```
//!
//! Two ways, for a row of a panel holds successive j, which is the sum's own index:
//!
//! * *Samples side by side* (`across`): dy is transposed into panels of samples, a vector holds one j of
//!   several samples, and W gives the numbers that are broadcast. Each sum is a chain over j in order.
//! * *Outputs side by side* (`along`): for samples that do not fill a vector. Vectors of W are multiplied with
//!   vectors of dy, and each sum's lanes are added up at the end, in a fixed order.
//!
//! The whole vectors of a batch go the first way; what is left goes the second way if that takes less time. So a
//! sample's dx depends in its last bits on how many samples the batch has and on the sample's place in it, but never
//! on the other samples' values nor on threads, which share out the inputs.
//!
//! Both go through W in blocks of inputs, for each block through all panels, some 32 KiB of each, and keep the
//! block's sums in memory between panels: panels lie far apart, often at distances that share the cache's sets, so
//! a tile that went through all panels at once would evict the lines that it has just fetched.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::ops::Range;

use super::backend::{Kernel, Runs};
use super::block_sums::BlockSums;
use super::dense_input_pack::{Pack, samples_across, tiles_along};
use super::grid::Grid;
use super::simd::most_vectors;
use super::tile::{Broadcast, Nothing, Tile, Vectors};
use super::{DenseInputGradient, DenseSize, Element, Run, Simd, dense_single, split_runs, split_work};

/// The least inputs of a block, and the granule in which inputs are shared out.
const BLOCK_INPUTS: usize = 32;

/// The most vectors of sums of a block.
const BLOCK_SUMS: usize = 512;

/// The bytes of W in a block that several tiles of samples go through, one after another: half of the cache (L2).
const BLOCK_BYTES: usize = 512 * 1024;

/// The panels that a tile of outputs side by side goes through at once: enough to pay for its sums' way to
/// memory and back.
const PANELS_ALONG: usize = 4;

impl<T: Element> DenseInputGradient<'_, T> {
    /// The error of a sum of n outputs is at most `ERROR · n · ε · Σ|dy·W|`; see
    /// [`DenseForward::ERROR`](super::DenseForward). Adding up lanes makes the chains shorter, so it holds for both ways.
    #[cfg(test)]
    pub(crate) const ERROR: f64 = 3.0;

    /// Elements of scratch that [`DenseInputGradient::run`] needs: dy once, with padding.
    pub(crate) fn scratch(size: DenseSize) -> usize {
        // The samples side by side fill up a panel.
        (size.batch + T::PANEL_COLUMNS) * size.outputs.next_multiple_of(T::PANEL_COLUMNS)
    }

    pub(super) fn run_on(self, backend: impl Runs<T>, dx: &mut [T], scratch: &mut [T]) {
        let DenseSize { batch, inputs, outputs } = self.size;
        let panels = self.size.panels::<T>();
        assert_eq!(
            (self.weight.len(), self.dy.len()),
            (panels.len(), batch * outputs),
            "buffers of another size"
        );
        let pieces = self.parallelism.small_pieces(self.size.multiply_adds());
        if backend.run(dense_single::ServesInputGradient(self.size)) {
            assert_eq!(dx.len(), inputs, "a result of another size");
            let whole = Run { start: 0, values: dx };
            split_work(whole, BLOCK_INPUTS, pieces, &|dx: Run<'_, T>| {
                backend.run(dense_single::InputGradient { product: &self, dx });
            });
            return;
        }
        let (across, along) = backend.run(Pack { product: &self, scratch });
        let dx = Grid::new(dx, batch, inputs);
        split_runs(inputs, BLOCK_INPUTS, pieces, &|inputs| {
            let weight = Rows { panels: self.weight, first: 0, count: self.size.inputs };
            backend.run(Part { size: self.size, weight, dx, across, along, inputs });
        });
    }
}

/// Rows of W, of so many inputs from the first on, in panels of their own.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, T> {
    pub(super) panels: &'a [T],
    pub(super) first: usize,
    pub(super) count: usize,
}

/// What one thread does: all samples, some inputs. No other part has an element of dx in common with it.
pub(super) struct Part<'a, T> {
    pub(super) size: DenseSize,
    pub(super) weight: Rows<'a, T>,
    pub(super) dx: Grid<'a, T>,
    /// What [`Pack`] has made of dy.
    pub(super) across: &'a [T],
    pub(super) along: &'a [T],
    /// Among the rows of `weight`.
    pub(super) inputs: Range<usize>,
}

/// The rows of a panel that are fetched ahead.
const AHEAD: usize = 16;

impl<T: Element> Kernel<T> for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(mut self, simd: S) {
        let across = samples_across::<T, S>(self.size);
        let vectors = most_vectors::<T, S>(S::ROWS).min(S::PER_PANEL);
        let block = self.block_inputs::<S>(across, vectors);
        let mut input = self.inputs.start;
        while input < self.inputs.end {
            let inputs = input..self.inputs.end.min(input + block);
            input = inputs.end;
            let mut sample = 0;
            while sample < across {
                let vectors = (across - sample).div_ceil(S::LANES).next_power_of_two().min(vectors);
                let samples = sample..across.min(sample + vectors * S::LANES);
                sample = samples.end;
                self.across(simd, &inputs, samples, vectors);
            }
            for samples in tiles_along::<T, S>(self.size) {
                self.along(simd, &inputs, samples);
            }
        }
    }
}

impl<T: Element> Part<'_, T> {
    #[expect(unsafe_code, reason = "parts share the rows of dx")]
    #[inline(always)]
    fn piece(&mut self, sample: usize, inputs: Range<usize>) -> &mut [T] {
        let inputs = self.weight.first + inputs.start..self.weight.first + inputs.end;
        // SAFETY: each part is given inputs of its own, and a part, borrowed mutably, has one piece at a time.
        unsafe { self.dx.piece(sample, inputs) }
    }

    /// The inputs of a block: as many as there is room for sums, and, where the block's part of W is used more than
    /// once, as stay in the cache.
    #[inline(always)]
    fn block_inputs<S: Simd<T>>(&self, across: usize, vectors: usize) -> usize {
        let (mut passes, mut sums) =
            (across.div_ceil(vectors * S::LANES), if across > 0 { vectors } else { 1 });
        for samples in tiles_along::<T, S>(self.size) {
            passes += 1;
            sums = sums.max(samples.len());
        }
        let panel_rows = BLOCK_BYTES / size_of::<T>() / T::PANEL_COLUMNS;
        let cached = panel_rows / self.size.panels::<T>().count().max(1);
        let block = BLOCK_SUMS / sums;
        if passes > 1 { block.min(cached.max(BLOCK_INPUTS)) } else { block }
    }

    /// Samples side by side: tiles of several inputs × a few vectors of samples.
    #[inline(always)]
    fn across<S: Simd<T>>(&mut self, simd: S, inputs: &Range<usize>, samples: Range<usize>, vectors: usize) {
        let outputs = self.size.outputs;
        let Rows { panels: weight, count: rows, .. } = self.weight;
        let (panel, within) = (samples.start / T::PANEL_COLUMNS, samples.start % T::PANEL_COLUMNS);
        let dy = S::split(&self.across[panel * outputs * T::PANEL_COLUMNS..]).0;
        let mut sums = BlockSums::<_, BLOCK_SUMS>::new();
        let sums = sums.filled(inputs.len() * vectors, S::zeros());
        let mut output = 0;
        while output < outputs {
            let depth = T::PANEL_COLUMNS.min(outputs - output);
            let start = output * rows + inputs.start * T::PANEL_COLUMNS;
            let next = output + T::PANEL_COLUMNS;
            // After the last panel comes the first panel's next block.
            let next =
                if next < outputs { start + rows * T::PANEL_COLUMNS } else { inputs.end * T::PANEL_COLUMNS };
            let mut tile = 0;
            while tile < inputs.len() {
                let tile_rows = S::ROWS.min(inputs.len() - tile);
                if samples.start == 0 {
                    let ahead = match (tile + AHEAD).checked_sub(inputs.len()) {
                        None => start + (tile + AHEAD) * T::PANEL_COLUMNS,
                        Some(row) => next + row * T::PANEL_COLUMNS,
                    };
                    let ahead = weight.as_ptr().wrapping_add(ahead);
                    for line in 0..tile_rows * 2 {
                        simd.prefetch(ahead.wrapping_add(line * T::PANEL_COLUMNS / 2));
                    }
                }
                let values = &weight[start + tile * T::PANEL_COLUMNS..];
                let a = Broadcast { values, row_stride: T::PANEL_COLUMNS, stride: 1, runs: 1, run_stride: 0 };
                let b = Vectors { chunks: &dy[output * S::PER_PANEL + within / S::LANES..], panel_stride: 0 };
                let sums = &mut sums[tile * vectors..][..tile_rows * vectors];
                Tile { depth, a, b, fetch: Nothing }.add(simd, tile_rows, vectors, sums);
                tile += tile_rows;
            }
            output += depth;
        }
        for (lane, sample) in samples.enumerate() {
            let (vector, lane) = (lane / S::LANES, lane % S::LANES);
            let dx = self.piece(sample, inputs.clone());
            for (dx, sums) in dx.iter_mut().zip(sums.chunks_exact(vectors)) {
                *dx = sums[vector].as_ref()[lane];
            }
        }
    }

    /// Outputs side by side: tiles of a few samples × several inputs, each sum a vector.
    #[inline(always)]
    fn along<S: Simd<T>>(&mut self, simd: S, inputs: &Range<usize>, samples: Range<usize>) {
        match samples.len() {
            1 => self.along_sized::<S, 1, 8>(simd, inputs, samples),
            2 if const { S::ROWS >= 2 } => self.along_sized::<S, 2, 4>(simd, inputs, samples),
            // Of vectors of two registers each, twelve and what they are made of are too many.
            3 if const { S::ROWS >= 3 && S::REGISTERS > 1 } => {
                self.along_sized::<S, 3, 2>(simd, inputs, samples);
            }
            3 if const { S::ROWS >= 3 } => self.along_sized::<S, 3, 4>(simd, inputs, samples),
            4 if const { S::ROWS >= 4 } => self.along_sized::<S, 4, 2>(simd, inputs, samples),
            5 if const { S::ROWS >= 5 } => self.along_sized::<S, 5, 2>(simd, inputs, samples),
            6 if const { S::ROWS >= 6 } => self.along_sized::<S, 6, 2>(simd, inputs, samples),
            7 if const { S::ROWS >= 7 } => self.along_sized::<S, 7, 2>(simd, inputs, samples),
            8 if const { S::ROWS >= 8 } => self.along_sized::<S, 8, 2>(simd, inputs, samples),
            samples => unreachable!("no tile of {samples} samples"),
        }
    }

    #[inline(always)]
    fn along_sized<S: Simd<T>, const SAMPLES: usize, const INPUTS: usize>(
        &mut self,
        simd: S,
        inputs: &Range<usize>,
        samples: Range<usize>,
    ) {
        let panels = self.size.panels::<T>();
        let first = samples.start - samples_across::<T, S>(self.size);
        let row = panels.count() * T::PANEL_COLUMNS;
        let dy = S::split(&self.along[first * row..][..SAMPLES * row]).0;
        let mut sums = BlockSums::<_, BLOCK_SUMS>::new();
        let sums = sums.filled(inputs.len() * SAMPLES, S::zeros());
        let mut panel = 0;
        while panel < panels.count() {
            let group = panel..panels.count().min(panel + PANELS_ALONG);
            panel = group.end;
            let mut input = 0;
            while input < inputs.len() {
                if input + INPUTS <= inputs.len() {
                    let sums = &mut sums[input * SAMPLES..][..INPUTS * SAMPLES];
                    self.dot::<S, SAMPLES, INPUTS>(simd, &group, inputs.start + input, dy, sums);
                    input += INPUTS;
                } else {
                    let sums = &mut sums[input * SAMPLES..][..SAMPLES];
                    self.dot::<S, SAMPLES, 1>(simd, &group, inputs.start + input, dy, sums);
                    input += 1;
                }
            }
        }
        for (i, sample) in samples.enumerate() {
            let dx = self.piece(sample, inputs.clone());
            for (dx, sums) in dx.iter_mut().zip(sums.chunks_exact(SAMPLES)) {
                *dx = simd.sum(simd.load(&sums[i]));
            }
        }
    }

    /// Adds the products of some panels' columns onto the vectors of `sums`, those of an input together.
    #[expect(unsafe_code, reason = "indices are checked once a tile, not once a vector")]
    #[inline(always)]
    fn dot<S: Simd<T>, const SAMPLES: usize, const INPUTS: usize>(
        &self,
        simd: S,
        panels: &Range<usize>,
        input: usize,
        dy: &[S::Chunk],
        sums: &mut [S::Chunk],
    ) {
        let weight = S::split(self.weight.panels).0;
        let panel_len = self.weight.count * S::PER_PANEL;
        let weight_end = (panels.end - 1) * panel_len + (input + INPUTS) * S::PER_PANEL;
        assert!(
            weight_end <= weight.len() && panels.end * S::PER_PANEL * SAMPLES <= dy.len(),
            "a tile outside"
        );
        let mut sum = [[simd.splat(T::zero()); SAMPLES]; INPUTS];
        for i in 0..INPUTS {
            for sample in 0..SAMPLES {
                sum[i][sample] = simd.load(&sums[i * SAMPLES + sample]);
            }
        }
        for panel in panels.clone() {
            let start = panel * panel_len + input * S::PER_PANEL;
            let ahead =
                weight.as_ptr().wrapping_add(start).cast::<T>().wrapping_add(AHEAD * T::PANEL_COLUMNS);
            for line in 0..INPUTS * 2 {
                simd.prefetch(ahead.wrapping_add(line * T::PANEL_COLUMNS / 2));
            }
            for vector in 0..S::PER_PANEL {
                let mut factor = [simd.splat(T::zero()); SAMPLES];
                for (sample, factor) in factor.iter_mut().enumerate() {
                    let at = (panel * S::PER_PANEL + vector) * SAMPLES + sample;
                    // SAFETY: the assertion has shown that the vectors of `panels.end - 1` are inside.
                    *factor = simd.load(unsafe { dy.get_unchecked(at) });
                }
                for (i, sum) in sum.iter_mut().enumerate() {
                    let at = start + i * S::PER_PANEL + vector;
                    // SAFETY: the assertion has shown that the last row of the last panel is inside.
                    let weight = simd.load(unsafe { weight.get_unchecked(at) });
                    for sample in 0..SAMPLES {
                        sum[sample] = simd.mul_add(factor[sample], weight, sum[sample]);
                    }
                }
            }
        }
        for i in 0..INPUTS {
            for sample in 0..SAMPLES {
                simd.store(sum[i][sample], &mut sums[i * SAMPLES + sample]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Parallelism;
    use super::super::backend::{Backend, available};
    use super::super::oracle::{self, Case, Numbers, same_bits};
    use super::*;

    fn gradient<T: Numbers>(backend: Backend, case: &Case<T>, parallelism: Parallelism) -> Vec<T> {
        let Case { size, dy, panels, .. } = case;
        let mut dx = vec![T::nan(); size.batch * size.inputs];
        let mut scratch = vec![T::nan(); DenseInputGradient::<T>::scratch(*size)];
        DenseInputGradient { size: *size, dy, weight: panels, parallelism }.run_on(
            backend,
            &mut dx,
            &mut scratch,
        );
        dx
    }

    fn every_size_is_within_the_bound<T: Numbers>() {
        let (terms, error) = (|size: DenseSize| size.outputs, DenseInputGradient::<T>::ERROR);
        oracle::check_every_size(Case::<T>::input_gradient, terms, error, |backend, case| {
            gradient(backend, case, Parallelism::Threads(1))
        });
    }
    oracle::in_both_precisions!(every_size_is_within_the_bound);

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        for (name, backend) in available() {
            for (batch, inputs, outputs) in [(1, 4003, 260), (9, 4003, 130), (33, 1003, 130), (50, 1003, 130)]
            {
                let case = Case::<f32>::random(DenseSize { batch, inputs, outputs });
                let expected = gradient(backend, &case, Parallelism::Threads(1));
                for threads in [2, 3] {
                    let dx = gradient(backend, &case, Parallelism::Threads(threads));
                    assert!(same_bits(&dx, &expected), "{name} batch {batch}, {threads} threads");
                }
            }
        }
    }

    #[test]
    fn other_samples_do_not_matter() {
        for (name, backend) in available() {
            for batch in [3, 9, 16, 50] {
                let mut case = Case::<f32>::random(DenseSize { batch, inputs: 20, outputs: 40 });
                let expected = gradient(backend, &case, Parallelism::Threads(1));
                case.dy[40..80].fill(f32::NAN);
                let dx = gradient(backend, &case, Parallelism::Threads(1));
                for (sample, (dx, expected)) in dx.chunks(20).zip(expected.chunks(20)).enumerate() {
                    let fine =
                        if sample == 1 { dx.iter().all(|dx| dx.is_nan()) } else { same_bits(dx, expected) };
                    assert!(fine, "{name} batch {batch} sample {sample}");
                }
            }
        }
    }
}
