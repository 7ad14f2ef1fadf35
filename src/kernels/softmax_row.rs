//! Softmax of a row of logits, and what belongs to it.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::backend::{Backend, Kernel};
use super::column_sums::from_wide;
use super::curves::each;
use super::exponential::exp;
use super::rows::{MOST_OF_STRETCH, first_stretch, map, sums};
use super::{Element, Simd};

/// Logits become probabilities, in place. Gives the largest x, unless there is a NaN, and Σⱼ exp(xⱼ − max).
pub(super) fn softmax_on<T: Element>(backend: Backend, row: &mut [T]) -> (T, T) {
    backend.run(Softmax(row))
}

/// The largest x, unless there is a NaN, and Σⱼ exp(xⱼ − max).
pub(super) fn largest_and_sum_on<T: Element>(backend: Backend, row: &[T]) -> (T, T) {
    backend.run(LargestAndSum(row))
}

/// dxᵢ = yᵢ·(dyᵢ − Σⱼ dyⱼ·yⱼ).
pub(super) fn softmax_gradient_on<T: Element>(backend: Backend, y: &[T], dy: &[T], dx: &mut [T]) {
    backend.run(SoftmaxGradient { y, dy, dx });
}

/// dxᵢ = dyᵢ − exp(yᵢ)·Σⱼ dyⱼ.
pub(super) fn log_softmax_gradient_on<T: Element>(backend: Backend, y: &[T], dy: &[T], dx: &mut [T]) {
    backend.run(LogSoftmaxGradient { y, dy, dx });
}

/// The numbers side by side.
const WIDE: usize = 16;

struct Softmax<'a, T>(&'a mut [T]);

impl<T: Element> Kernel<T> for Softmax<'_, T> {
    type Output = (T, T);

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> (T, T) {
        let row = self.0;
        let max = largest(row);
        each(simd, row, |x| exp(x - max));
        let [sum] = sums(simd, [&*row], |[x]| [x]);
        let sum = from_wide(sum);
        each(simd, row, |x| x / sum);
        (max, sum)
    }
}

struct LargestAndSum<'a, T>(&'a [T]);

impl<T: Element> Kernel<T> for LargestAndSum<'_, T> {
    type Output = (T, T);

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) -> (T, T) {
        let max = largest(self.0);
        let (mut total, mut rest) = (0.0, self.0);
        let mut powers = [T::zero(); MOST_OF_STRETCH];
        while !rest.is_empty() {
            let (row, behind) = rest.split_at(first_stretch::<T, S>(rest.len()));
            let powers = &mut powers[..row.len()];
            powers.copy_from_slice(row);
            each(simd, powers, |x| exp(x - max));
            let [sum] = sums(simd, [&*powers], |[x]| [x]);
            (total, rest) = (total + sum, behind);
        }
        (max, from_wide(total))
    }
}

/// The largest; any of the others where there is a NaN, which shows in the sum of the powers.
#[inline(always)]
fn largest<T: Element>(row: &[T]) -> T {
    let mut most = [T::neg_infinity(); WIDE];
    let (wide, rest) = row.as_chunks::<WIDE>();
    for x in wide {
        for lane in 0..WIDE {
            most[lane] = if x[lane] > most[lane] { x[lane] } else { most[lane] };
        }
    }
    for (most, &x) in most.iter_mut().zip(rest) {
        if x > *most {
            *most = x;
        }
    }
    let mut half = WIDE / 2;
    while half > 0 {
        for lane in 0..half {
            most[lane] = if most[lane + half] > most[lane] { most[lane + half] } else { most[lane] };
        }
        half /= 2;
    }
    most[0]
}

struct SoftmaxGradient<'a, T> {
    y: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Element> Kernel<T> for SoftmaxGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let Self { y, dy, dx } = self;
        let [sum] = sums(simd, [y, dy], |[y, dy]| [simd.mul(y, dy)]);
        let less = simd.splat(from_wide(-sum));
        map(simd, [y, dy], dx, |[y, dy]| simd.mul(y, simd.add(dy, less)));
    }
}

struct LogSoftmaxGradient<'a, T> {
    y: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Element> Kernel<T> for LogSoftmaxGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        let Self { y, dy, dx } = self;
        let [sum] = sums(simd, [dy], |[dy]| [dy]);
        let sum = from_wide::<T>(sum);
        dx.copy_from_slice(y);
        each(simd, dx, |y| exp(y) * sum);
        let minus = simd.splat(-T::one());
        let (dx, dx_rest) = S::split_mut(dx);
        let (dy, dy_rest) = S::split(dy);
        for (dx, dy) in dx.iter_mut().zip(dy) {
            simd.store(simd.mul_add(simd.load(dx), minus, simd.load(dy)), dx);
        }
        dx_rest.iter_mut().zip(dy_rest).for_each(|(dx, &dy)| *dx = dy - *dx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::backend::available;

    #[test]
    fn rows_of_any_length_agree_with_double_precision() {
        for len in [1, 2, 3, 10, 15, 16, 17, 100, 513, 2048, 2053, 3000, 4101] {
            let x: Vec<f32> = (0..len).map(|i| ((i * 37 + 11) % 101) as f32 / 5.0 - 15.0).collect();
            let dy: Vec<f32> = (0..len).map(|i| ((i * 29 + 11) % 101) as f32 / 50.0 - 0.8).collect();
            let wide = |x: f32| f64::from(x);
            let most = x.iter().copied().map(wide).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = x.iter().map(|&x| (wide(x) - most).exp()).sum();
            let p: Vec<f64> = x.iter().map(|&x| (wide(x) - most).exp() / sum).collect();
            let of_dy: f64 = dy.iter().copied().map(wide).sum();
            let of_both: f64 = dy.iter().zip(&p).map(|(&dy, p)| wide(dy) * p).sum();
            for (name, backend) in available() {
                let mut y = x.clone();
                assert_eq!(softmax_on(backend, &mut y), largest_and_sum_on(backend, &x), "{name}, {len}");
                let (max, got) = largest_and_sum_on(backend, &x);
                assert!(wide(max) == most && (wide(got) / sum - 1.0).abs() < 1e-6, "{name}: {got}, {sum}");
                let (mut dx, mut log_dx) = (vec![f32::NAN; len], vec![f32::NAN; len]);
                softmax_gradient_on(backend, &y, &dy, &mut dx);
                let logs: Vec<f32> = p.iter().map(|p| p.ln() as f32).collect();
                log_softmax_gradient_on(backend, &logs, &dy, &mut log_dx);
                for i in 0..len {
                    let expected = [p[i], p[i] * (wide(dy[i]) - of_both), wide(dy[i]) - p[i] * of_dy];
                    for (got, expected) in [y[i], dx[i], log_dx[i]].into_iter().zip(expected) {
                        let off = (wide(got) - expected).abs();
                        assert!(off < 3e-6 * (expected.abs() + p[i]) + 1e-7, "{name}: {got}, {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_nan_reaches_all() {
        for place in [0, 5, 17, 39] {
            let mut row = [1.0_f64; 40];
            row[place] = f64::NAN;
            for (name, backend) in available() {
                assert!(largest_and_sum_on(backend, &row).1.is_nan(), "{name}");
                let mut row = row;
                softmax_on(backend, &mut row);
                assert!(row.iter().all(|p| p.is_nan()), "{name}");
            }
        }
    }
}
