//! Along a row: functions of each place, and sums.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::column_sums::{CHAIN, DEPTH};
use super::{Element, Simd};

/// The vectors of running sums side by side. Each adds up `DEPTH` numbers in their own precision, as the sums of columns do.
const SIDE_BY_SIDE: usize = 2;

/// The most lanes of a vector.
const MOST_LANES: usize = 16;

/// The most numbers of a stretch, with those behind it that fill no vector.
pub(super) const MOST_OF_STRETCH: usize = (SIDE_BY_SIDE * DEPTH + 1) * MOST_LANES;

/// How many numbers at the beginning of a row of this length are added up before there is a sum in double precision: the sums of a
/// row cut so are those of the whole.
#[inline(always)]
pub(super) fn first_stretch<T: Element, S: Simd<T>>(len: usize) -> usize {
    let stretch = SIDE_BY_SIDE * DEPTH * S::LANES;
    if len < stretch + S::LANES { len } else { stretch }
}

/// to ← f of the numbers at the same places of some rows.
#[inline(always)]
pub(super) fn map<T: Element, S: Simd<T>, const M: usize>(
    simd: S,
    rows: [&[T]; M],
    to: &mut [T],
    f: impl Fn([S::Vector; M]) -> S::Vector,
) {
    let (to, to_rest) = S::split_mut(to);
    let rows = rows.map(S::split);
    let whole = rows.map(|(whole, _)| &whole[..to.len()]);
    for (place, to) in to.iter_mut().enumerate() {
        simd.store(f(whole.map(|whole| simd.load(&whole[place]))), to);
    }
    if !to_rest.is_empty() {
        simd.store_part(f(rows.map(|(_, rest)| simd.load_part(rest))), to_rest);
    }
}

/// The sums of N terms over the places of some rows: two vectors side by side in the numbers' own precision, and stretches of them
/// in double.
#[inline(always)]
pub(super) fn sums<T: Element, S: Simd<T>, const M: usize, const N: usize>(
    simd: S,
    rows: [&[T]; M],
    terms: impl Fn([S::Vector; M]) -> [S::Vector; N],
) -> [f64; N] {
    let rows = rows.map(S::split);
    let (whole, rest) = (rows.map(|(whole, _)| whole), rows.map(|(_, rest)| rest));
    let (mut start, count) = (0, whole[0].len());
    let mut totals = [0.0; N];
    loop {
        let end = count.min(start + SIDE_BY_SIDE * DEPTH);
        let mut sums = [simd.splat(T::zero()); N];
        while start < end {
            let stop = end.min(start + SIDE_BY_SIDE * CHAIN);
            let chain = chain(simd, whole.map(|whole| &whole[start..stop]), &terms);
            sums = core::array::from_fn(|which| simd.add(sums[which], chain[which]));
            start = stop;
        }
        if start == count && !rest[0].is_empty() {
            let last = terms(rest.map(|rest| simd.load_part(rest)));
            let last = last.map(|last| simd.first(last, rest[0].len()));
            sums = core::array::from_fn(|which| simd.add(sums[which], last[which]));
        }
        totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += simd.wide_sum(sum));
        if start == count {
            return totals;
        }
    }
}

/// The sums over the beginning of a stretch.
#[inline(always)]
fn chain<T: Element, S: Simd<T>, const M: usize, const N: usize>(
    simd: S,
    rows: [&[S::Chunk]; M],
    terms: &impl Fn([S::Vector; M]) -> [S::Vector; N],
) -> [S::Vector; N] {
    let mut sums = [[simd.splat(T::zero()); N]; SIDE_BY_SIDE];
    let count = rows[0].len();
    let rows = rows.map(|row| &row[..count]);
    let add = |sums: &mut [S::Vector; N], place: usize| {
        let terms = terms(rows.map(|row| simd.load(&row[place])));
        *sums = core::array::from_fn(|which| simd.add(sums[which], terms[which]));
    };
    let pairs = count / SIDE_BY_SIDE * SIDE_BY_SIDE;
    for place in (0..pairs).step_by(SIDE_BY_SIDE) {
        add(&mut sums[0], place);
        add(&mut sums[1], place + 1);
    }
    if pairs < count {
        add(&mut sums[0], pairs);
    }
    core::array::from_fn(|which| simd.add(sums[0][which], sums[1][which]))
}
