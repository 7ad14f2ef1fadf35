//! Numbers rounded to bf16 in one pass, for a product that is made of them.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::Bf16Backend;
use super::number::{Pair, as_pairs, rounded};
use crate::kernels::backend::{Kernel, Runs};
use crate::kernels::{Panels, Parallelism, Run, Simd, run, split_work};

/// A number takes as long to round as some four multiply-adds.
const WORK: u64 = 4;

/// What a backend takes for factors of these rows, whose pairs are of successive numbers: pairs, or where it widens numbers, each
/// as an `f32`. The last of an odd number of them gets a zero beside it.
pub(super) fn factors(
    backend: Bf16Backend,
    values: &[f32],
    columns: usize,
    parallelism: Parallelism,
    scratch: &mut [f32],
) {
    let pieces = parallelism.pieces(WORK * values.len() as u64);
    let granule = (columns.div_ceil(2) * backend.factor()).max(1);
    split_work(Run { start: 0, values: scratch }, granule, pieces, &|run: Run<'_, f32>| {
        let rows = run.start / granule..(run.start + run.values.len()) / granule;
        let values = &values[rows.start * columns..rows.end * columns];
        if backend.multiplies_pairs() {
            backend.in_f32().run(Pairs { values, columns, to: as_pairs(run.values) });
        } else {
            backend.in_f32().run(Numbers { values, columns, to: run.values });
        }
    });
}

/// What a backend takes for samples that are summed over: pairs of samples, the last of an odd number with zeros, or where it widens
/// numbers, each sample by itself.
pub(super) fn samples(
    backend: Bf16Backend,
    values: &[f32],
    columns: usize,
    parallelism: Parallelism,
    scratch: &mut [f32],
) {
    let pieces = parallelism.pieces(WORK * values.len() as u64);
    let rows_of_pair = if backend.multiplies_pairs() { 2 } else { 1 };
    let whole = Run { start: 0, values: scratch };
    split_work(whole, columns.max(1), pieces, &|run: Run<'_, f32>| {
        let (first, end) = (run.start * rows_of_pair, (run.start + run.values.len()) * rows_of_pair);
        let values = &values[first..end.min(values.len())];
        if backend.multiplies_pairs() {
            backend.in_f32().run(Below { values, columns, to: as_pairs(run.values) });
        } else {
            let columns = values.len();
            backend.in_f32().run(Numbers { values, columns, to: run.values });
        }
    });
}

/// A weight in panels of so many rows, in pairs of rows.
pub(crate) fn round_panels(values: &[f32], rows: usize, parallelism: Parallelism, to: &mut [Pair]) {
    let columns = Panels::new::<f32>(0, 0).panel_columns;
    let (panel, panel_to) = (rows * columns, rows.div_ceil(2) * columns);
    let pieces = parallelism.pieces(WORK * values.len() as u64);
    let round = |values: &[f32], to: &mut [Pair]| run(Below { values, columns, to });
    if rows.is_multiple_of(2) {
        // No pair is at the end of a panel.
        split_work(Run { start: 0, values: to }, columns, pieces, &|run: Run<'_, Pair>| {
            round(&values[2 * run.start..][..2 * run.values.len()], run.values);
        });
        return;
    }
    split_work(Run { start: 0, values: to }, panel_to, pieces, &|run: Run<'_, Pair>| {
        let values = values[run.start / panel_to * panel..].chunks_exact(panel);
        run.values.chunks_exact_mut(panel_to).zip(values).for_each(|(to, values)| round(values, to));
    });
}

/// Pairs of numbers below one another, the last row of an odd number of them with zeros.
struct Below<'a> {
    values: &'a [f32],
    columns: usize,
    to: &'a mut [Pair],
}

impl Kernel<f32> for Below<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<f32>>(self, _simd: S) {
        let columns = self.columns.max(1);
        for (rows, pairs) in self.values.chunks(2 * columns).zip(self.to.chunks_exact_mut(columns)) {
            let (first, second) = rows.split_at(columns);
            if second.is_empty() {
                pairs.iter_mut().zip(first).for_each(|(pair, &first)| *pair = Pair::round(first, 0.0));
            } else {
                for ((pair, &first), &second) in pairs.iter_mut().zip(first).zip(second) {
                    *pair = Pair::round(first, second);
                }
            }
        }
    }
}

struct Pairs<'a> {
    values: &'a [f32],
    columns: usize,
    to: &'a mut [Pair],
}

impl Kernel<f32> for Pairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<f32>>(self, _simd: S) {
        let rows = self.values.chunks_exact(self.columns.max(1));
        for (values, pairs) in rows.zip(self.to.chunks_exact_mut(self.columns.div_ceil(2).max(1))) {
            let (twos, rest) = values.as_chunks::<2>();
            for (&[first, second], pair) in twos.iter().zip(&mut *pairs) {
                *pair = Pair::round(first, second);
            }
            if let (&[last], Some(pair)) = (rest, pairs.last_mut()) {
                *pair = Pair::round(last, 0.0);
            }
        }
    }
}

struct Numbers<'a> {
    values: &'a [f32],
    columns: usize,
    to: &'a mut [f32],
}

impl Kernel<f32> for Numbers<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<f32>>(self, _simd: S) {
        let rows = self.values.chunks_exact(self.columns.max(1));
        for (values, to) in rows.zip(self.to.chunks_mut(self.columns.next_multiple_of(2).max(1))) {
            let (used, padding) = to.split_at_mut(values.len());
            used.iter_mut().zip(values).for_each(|(to, &value)| *to = rounded(value));
            padding.fill(0.0);
        }
    }
}
