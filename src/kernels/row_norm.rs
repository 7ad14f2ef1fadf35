//! Normalisation of each row of a matrix to mean 0 and variance 1, and its input gradient.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::Kernel;
use super::column_sums::{CHAIN, DEPTH, add_to, from_wide, wide};
use super::{Element, Parallelism, Simd, Split, split_work};

/// The running sums of a row side by side. Each adds up `DEPTH` numbers in their own precision, as the sums of columns do.
const LANES: usize = 32;

/// An element is bound by memory: it takes about as long as eight multiply-adds.
const WORK: usize = 8;

/// y = (x − mean) / √(variance + ε) · weight + bias, row by row.
pub(crate) struct RowNorm<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) bias: &'a [T],
    pub(crate) epsilon: f64,
    pub(crate) parallelism: Parallelism,
}

impl<T: Element> RowNorm<'_, T> {
    /// Leaves, where there is room for it, the mean of each row and 1/√(variance + ε), one behind the other.
    pub(crate) fn run(&self, y: &mut [T], measures: &mut [T]) {
        assert_eq!(self.x.len(), y.len(), "buffers of another size");
        assert!([0, 2 * y.len()].contains(&(measures.len() * self.weight.len())), "measures of another size");
        let pieces = self.parallelism.pieces(WORK * y.len());
        let columns = self.weight.len();
        split_work(Rows { columns, start: 0, to: y, measures }, 1, pieces, &|rows| {
            super::run(Forward { norm: self, rows });
        });
    }
}

/// dx of a [`RowNorm`].
pub(crate) struct RowNormInputGradient<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) dy: &'a [T],
    pub(crate) weight: &'a [T],
    /// What the way forth left.
    pub(crate) measures: &'a [T],
    pub(crate) parallelism: Parallelism,
}

impl<T: Element> RowNormInputGradient<'_, T> {
    pub(crate) fn run(&self, dx: &mut [T]) {
        assert_eq!([self.x.len(), self.dy.len()], [dx.len(); 2], "buffers of another size");
        let pieces = self.parallelism.pieces(WORK * dx.len());
        let columns = self.weight.len();
        split_work(Rows { columns, start: 0, to: dx, measures: &mut [] }, 1, pieces, &|rows| {
            super::run(InputGradient { gradient: self, rows });
        });
    }
}

/// Some rows of what is computed.
struct Rows<'a, T> {
    columns: usize,
    start: usize,
    to: &'a mut [T],
    measures: &'a mut [T],
}

impl<T: Send> Split for Rows<'_, T> {
    fn len(&self) -> usize {
        self.to.len() / self.columns
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let (to, to_right) = self.to.split_at_mut(middle * self.columns);
        let (measures, measures_right) = self.measures.split_at_mut(self.measures.len().min(2 * middle));
        let (columns, start) = (self.columns, self.start + middle);
        (Self { to, measures, ..self }, Self { columns, start, to: to_right, measures: measures_right })
    }
}

struct Forward<'a, T> {
    norm: &'a RowNorm<'a, T>,
    rows: Rows<'a, T>,
}

impl<T: Element> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) {
        let &RowNorm { x, weight, bias, epsilon, .. } = self.norm;
        let Rows { columns, start, to, measures } = self.rows;
        let mut measures = measures.as_chunks_mut::<2>().0.iter_mut();
        for (x, y) in x[start * columns..].chunks_exact(columns).zip(to.chunks_exact_mut(columns)) {
            let count = columns as f64;
            let [sum] = sums(x, x, x, |x, _, _| [x]);
            let center = from_wide::<T>(sum / count);
            // What the rounding of that mean and of its sum left comes out beside the squares.
            let [off, square] = sums(x, x, x, |x, _, _| [x - center, (x - center) * (x - center)]);
            let off = off / count;
            let square = square / count - off * off;
            // A NaN stays one, which the larger of the two numbers would not.
            let variance = if square < 0.0 { 0.0 } else { square };
            let (mean, inverse) =
                (from_wide::<T>(wide(center) + off), from_wide::<T>((variance + epsilon).sqrt().recip()));
            for ((y, &x), (&weight, &bias)) in y.iter_mut().zip(x).zip(weight.iter().zip(bias)) {
                *y = (x - mean) * inverse * weight + bias;
            }
            if let Some(measures) = measures.next() {
                *measures = [mean, inverse];
            }
        }
    }
}

struct InputGradient<'a, T> {
    gradient: &'a RowNormInputGradient<'a, T>,
    rows: Rows<'a, T>,
}

impl<T: Element> Kernel<T> for InputGradient<'_, T> {
    type Output = ();

    /// With g = dy·weight: dx = (g − mean(g) − x̂·mean(g·x̂)) / √(variance + ε).
    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) {
        let &RowNormInputGradient { x, dy, weight, measures, .. } = self.gradient;
        let Rows { columns, start, to, .. } = self.rows;
        let rows =
            x[start * columns..].chunks_exact(columns).zip(dy[start * columns..].chunks_exact(columns));
        let measures = &measures.as_chunks::<2>().0[start..];
        for ((dx, (x, dy)), &[mean, inverse]) in to.chunks_exact_mut(columns).zip(rows).zip(measures) {
            let [sum, product] = sums(x, dy, weight, |x, dy, weight| {
                let g = dy * weight;
                [g, g * ((x - mean) * inverse)]
            });
            let count = columns as f64;
            let (shift, slope) = (from_wide::<T>(sum / count), from_wide::<T>(product / count));
            for ((dx, &x), (&dy, &weight)) in dx.iter_mut().zip(x).zip(dy.iter().zip(weight)) {
                *dx = (dy * weight - shift - (x - mean) * inverse * slope) * inverse;
            }
        }
    }
}

/// The sums of N terms over a row: several side by side in the numbers' own precision, and stretches of them in double.
#[inline(always)]
fn sums<T: Element, const N: usize>(
    first: &[T],
    second: &[T],
    third: &[T],
    term: impl Fn(T, T, T) -> [T; N],
) -> [f64; N] {
    let mut totals = [0.0; N];
    let stretches =
        first.chunks(LANES * DEPTH).zip(second.chunks(LANES * DEPTH)).zip(third.chunks(LANES * DEPTH));
    for ((first, second), third) in stretches {
        let mut sums = [[T::zero(); LANES]; N];
        let chains =
            first.chunks(LANES * CHAIN).zip(second.chunks(LANES * CHAIN)).zip(third.chunks(LANES * CHAIN));
        for ((first, second), third) in chains {
            let chain = chain(first, second, third, &term);
            sums.iter_mut().zip(&chain).for_each(|(sums, chain)| add_to(sums, chain));
        }
        for (total, sums) in totals.iter_mut().zip(sums) {
            *total += sums.into_iter().map(wide).sum::<f64>();
        }
    }
    totals
}

/// The running sums of N terms over the beginning of a stretch.
#[inline(always)]
fn chain<T: Element, const N: usize>(
    first: &[T],
    second: &[T],
    third: &[T],
    term: &impl Fn(T, T, T) -> [T; N],
) -> [[T; LANES]; N] {
    let mut lanes = [[T::zero(); LANES]; N];
    let (first, first_left) = first.as_chunks::<LANES>();
    let (second, second_left) = second.as_chunks::<LANES>();
    let (third, third_left) = third.as_chunks::<LANES>();
    for ((first, second), third) in first.iter().zip(second).zip(third) {
        for lane in 0..LANES {
            let terms = term(first[lane], second[lane], third[lane]);
            for (lanes, term) in lanes.iter_mut().zip(terms) {
                lanes[lane] += term;
            }
        }
    }
    for (lane, ((&first, &second), &third)) in first_left.iter().zip(second_left).zip(third_left).enumerate()
    {
        let terms = term(first, second, third);
        for (lanes, term) in lanes.iter_mut().zip(terms) {
            lanes[lane] += term;
        }
    }
    lanes
}
