//! Normalisation of each row of a matrix to mean 0 and variance 1, and its input gradient.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::Kernel;
use super::column_sums::{from_wide, wide};
use super::rows::{map, sums};
use super::{Element, Parallelism, Simd, Split, split_work};
#[cfg(not(feature = "std"))]
use crate::prelude::*;

/// An element is bound by memory: it takes about as long as eight multiply-adds.
const WORK: u64 = 8;

/// y = (x − mean) / √(variance + ε) · weight + bias, row by row. Where rows are not centered, the mean counts as 0 and the
/// variance is that of the squares.
pub(crate) struct RowNorm<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) columns: usize,
    pub(crate) is_centered: bool,
    pub(crate) affine: RowAffine<'a, T>,
    pub(crate) epsilon: f64,
    pub(crate) parallelism: Parallelism,
}

/// What normalised numbers are multiplied by, and what is added to them then.
#[derive(Clone, Copy)]
pub(crate) enum RowAffine<'a, T> {
    None,
    Weight(&'a [T]),
    WeightAndBias(&'a [T], &'a [T]),
}

impl<T: Element> RowNorm<'_, T> {
    /// Leaves, where there is room for it, the mean of each row and 1/√(variance + ε), one behind the other.
    pub(crate) fn run(&self, y: &mut [T], measures: &mut [T]) {
        assert_eq!(self.x.len(), y.len(), "buffers of another size");
        assert!([0, 2 * y.len()].contains(&(measures.len() * self.columns)), "measures of another size");
        let pieces = self.parallelism.pieces(WORK * y.len() as u64);
        let columns = self.columns;
        split_work(Rows { columns, start: 0, to: y, measures }, 1, pieces, &|rows| {
            super::run(Forward { norm: self, rows });
        });
    }
}

/// dx of a [`RowNorm`].
pub(crate) struct RowNormInputGradient<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) dy: &'a [T],
    pub(crate) columns: usize,
    pub(crate) is_centered: bool,
    pub(crate) weight: Option<&'a [T]>,
    /// What the way forth left.
    pub(crate) measures: &'a [T],
    pub(crate) parallelism: Parallelism,
}

impl<T: Element> RowNormInputGradient<'_, T> {
    pub(crate) fn run(&self, dx: &mut [T]) {
        assert_eq!([self.x.len(), self.dy.len()], [dx.len(); 2], "buffers of another size");
        let pieces = self.parallelism.pieces(WORK * dx.len() as u64);
        let columns = self.columns;
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
    fn run<S: Simd<T>>(self, simd: S) {
        let &RowNorm { x, affine, epsilon, is_centered, .. } = self.norm;
        let Rows { columns, start, to, measures } = self.rows;
        let mut measures = measures.as_chunks_mut::<2>().0.iter_mut();
        for (x, y) in x[start * columns..].chunks_exact(columns).zip(to.chunks_exact_mut(columns)) {
            let [mean, inverse] =
                if is_centered { moments(simd, x, epsilon) } else { root(simd, x, epsilon) };
            let (less, times) = (simd.splat(-mean), simd.splat(inverse));
            let normalised = |x| simd.mul(simd.add(x, less), times);
            match affine {
                RowAffine::None => map(simd, [x], y, |[x]| normalised(x)),
                RowAffine::Weight(weight) => {
                    map(simd, [x, weight], y, |[x, weight]| simd.mul(normalised(x), weight));
                }
                RowAffine::WeightAndBias(weight, bias) => {
                    map(simd, [x, weight, bias], y, |[x, weight, bias]| {
                        simd.mul_add(normalised(x), weight, bias)
                    });
                }
            }
            if let Some(measures) = measures.next() {
                *measures = [mean, inverse];
            }
        }
    }
}

/// The mean of a row and 1/√(variance + ε).
#[inline(always)]
fn moments<T: Element, S: Simd<T>>(simd: S, x: &[T], epsilon: f64) -> [T; 2] {
    let share = (x.len() as f64).recip();
    let [sum] = sums(simd, [x], |[x]| [x]);
    let center = from_wide::<T>(sum * share);
    let less = simd.splat(-center);
    // What the rounding of that mean and of its sum left comes out beside the squares.
    let [off, square] = sums(simd, [x], |[x]| {
        let off = simd.add(x, less);
        [off, simd.mul(off, off)]
    });
    let off = off * share;
    let square = square * share - off * off;
    // A NaN stays one, which the larger of the two numbers would not.
    let variance = if square < 0.0 { 0.0 } else { square };
    [from_wide(wide(center) + off), from_wide((variance + epsilon).sqrt().recip())]
}

/// 0 and 1/√(mean of the squares + ε).
#[inline(always)]
fn root<T: Element, S: Simd<T>>(simd: S, x: &[T], epsilon: f64) -> [T; 2] {
    let [square] = sums(simd, [x], |[x]| [simd.mul(x, x)]);
    [T::zero(), from_wide((square / x.len() as f64 + epsilon).sqrt().recip())]
}

struct InputGradient<'a, T> {
    gradient: &'a RowNormInputGradient<'a, T>,
    rows: Rows<'a, T>,
}

impl<T: Element> Kernel<T> for InputGradient<'_, T> {
    type Output = ();

    /// With g = dy·weight: dx = (g − mean(g) − x̂·mean(g·x̂)) / √(variance + ε); without mean(g) where rows are not centered.
    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let &RowNormInputGradient { x, dy, columns, is_centered, weight, measures, .. } = self.gradient;
        let Rows { start, to, .. } = self.rows;
        let rows =
            x[start * columns..].chunks_exact(columns).zip(dy[start * columns..].chunks_exact(columns));
        let measures = &measures.as_chunks::<2>().0[start..];
        for ((dx, (x, dy)), &[mean, inverse]) in to.chunks_exact_mut(columns).zip(rows).zip(measures) {
            let (less, times) = (simd.splat(-mean), simd.splat(inverse));
            let normalised = |x| simd.mul(simd.add(x, less), times);
            let terms = |x, g| [g, simd.mul(g, normalised(x))];
            let [sum, product] = match weight {
                Some(weight) => sums(simd, [x, dy, weight], |[x, dy, weight]| terms(x, simd.mul(dy, weight))),
                None => sums(simd, [x, dy], |[x, dy]| terms(x, dy)),
            };
            let share = (columns as f64).recip();
            let shift = simd.splat(if is_centered { from_wide(-sum * share) } else { T::zero() });
            let slope = simd.splat(from_wide(-product * share));
            let gradient = |x, g| simd.mul(simd.mul_add(normalised(x), slope, simd.add(g, shift)), times);
            match weight {
                Some(weight) => {
                    map(simd, [x, dy, weight], dx, |[x, dy, weight]| gradient(x, simd.mul(dy, weight)));
                }
                None => map(simd, [x, dy], dx, |[x, dy]| gradient(x, dy)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::backend::available;

    /// x̂ and 1/√(variance + ε), in double precision.
    fn normalised(x: &[f32], is_centered: bool, epsilon: f64) -> (Vec<f64>, f64) {
        let count = x.len() as f64;
        let wide = || x.iter().map(|&x| f64::from(x));
        let mean = if is_centered { wide().sum::<f64>() / count } else { 0.0 };
        let variance = wide().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
        let inverse = (variance + epsilon).sqrt().recip();
        (wide().map(|x| (x - mean) * inverse).collect(), inverse)
    }

    #[test]
    fn rows_of_any_length_agree_with_double_precision() {
        for columns in [1, 2, 7, 16, 17, 31, 64, 100, 255, 2048, 2049, 5003] {
            for (is_centered, is_affine) in [(true, true), (true, false), (false, true), (false, false)] {
                let rows = 3;
                let number = |i: usize, step: usize| ((i * step + 11) % 101) as f32 / 50.0 - 0.3;
                let x: Vec<f32> = (0..rows * columns).map(|i| number(i, 37)).collect();
                let dy: Vec<f32> = (0..rows * columns).map(|i| number(i, 29)).collect();
                let weight: Vec<f32> = (0..columns).map(|i| number(i, 13)).collect();
                let bias: Vec<f32> = (0..columns).map(|i| number(i, 7)).collect();
                let affine = match (is_affine, is_centered) {
                    (false, _) => RowAffine::None,
                    (true, true) => RowAffine::WeightAndBias(&weight, &bias),
                    (true, false) => RowAffine::Weight(&weight),
                };
                let (parallelism, epsilon) = (Parallelism::Threads(1), 1e-5);
                let norm = RowNorm { x: &x, columns, is_centered, affine, epsilon, parallelism };
                let used = is_affine.then_some(&weight[..]);
                for (name, backend) in available() {
                    let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
                    let mut measures = vec![f32::NAN; 2 * rows];
                    let part = Rows { columns, start: 0, to: &mut y, measures: &mut measures };
                    backend.run(Forward { norm: &norm, rows: part });
                    let gradient = RowNormInputGradient {
                        x: &x,
                        dy: &dy,
                        columns,
                        is_centered,
                        weight: used,
                        measures: &measures,
                        parallelism,
                    };
                    let part = Rows { columns, start: 0, to: &mut dx, measures: &mut [] };
                    backend.run(InputGradient { gradient: &gradient, rows: part });
                    for row in 0..rows {
                        let here = row * columns..(row + 1) * columns;
                        let (expected, inverse) = normalised(&x[here.clone()], is_centered, epsilon);
                        let weight = |column: usize| used.map_or(1.0, |weight| f64::from(weight[column]));
                        let bias = |column: usize| {
                            if is_affine && is_centered { f64::from(bias[column]) } else { 0.0 }
                        };
                        let g = |column: usize| f64::from(dy[here.start + column]) * weight(column);
                        let mean = |term: &dyn Fn(usize) -> f64| {
                            (0..columns).map(term).sum::<f64>() / columns as f64
                        };
                        let shift = if is_centered { mean(&g) } else { 0.0 };
                        let slope = mean(&|column| g(column) * expected[column]);
                        for column in 0..columns {
                            let what = format!("{name}, {columns} columns, {row}, {column}");
                            let value = expected[column] * weight(column) + bias(column);
                            let got = f64::from(y[here.start + column]);
                            assert!((got - value).abs() < 2e-5, "{what}: {got}, expected {value}");
                            let value = (g(column) - shift - expected[column] * slope) * inverse;
                            let got = f64::from(dx[here.start + column]);
                            assert!((got - value).abs() < 2e-5 * inverse.max(1.0), "{what}: {got}, {value}");
                        }
                    }
                }
            }
        }
    }
}
