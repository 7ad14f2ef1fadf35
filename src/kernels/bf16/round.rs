//! Numbers rounded to bf16 in one pass, for a product that is made of them.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::Bf16Backend;
use super::number::{Pair, as_pairs, rounded};
use crate::kernels::backend::{Kernel, Runs};
use crate::kernels::{Parallelism, Run, Simd, split_work};

/// A number takes as long to round as some four multiply-adds.
const WORK: usize = 4;

/// What a backend takes for factors of these rows, whose pairs are of successive numbers: pairs, or where it widens numbers, each
/// as an `f32`. The last of an odd number of them gets a zero beside it.
pub(super) fn factors(
    backend: Bf16Backend,
    values: &[f32],
    columns: usize,
    parallelism: Parallelism,
    scratch: &mut [f32],
) {
    let pieces = parallelism.pieces(WORK * values.len());
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
        for (values, to) in rows.zip(self.to.chunks_exact_mut(self.columns.next_multiple_of(2).max(1))) {
            let (used, padding) = to.split_at_mut(values.len());
            used.iter_mut().zip(values).for_each(|(to, &value)| *to = rounded(value));
            padding.fill(0.0);
        }
    }
}
