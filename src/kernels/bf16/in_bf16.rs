//! The products for a number type: they are there for `f32`.

use core::ops::Range;

use super::backend::Bf16Backend;
use super::number::Pair;
use super::weight::scratch;
use super::{Bf16ConvolutionForward, Bf16DenseForward, Bf16InputGradient, Bf16WeightGradient, round};
use crate::kernels::{DenseSize, Parallelism};

/// A number type, with its products of numbers in bf16 if it has them. Those of a type that has none are never asked for.
#[expect(private_interfaces, reason = "the trait is sealed and its module private")]
pub trait InBf16: Sized {
    #[doc(hidden)]
    fn bf16_forward(product: Bf16DenseForward<'_, Self>, y: &mut [Self], scratch: &mut [Self]);
    #[doc(hidden)]
    fn bf16_convolution(product: Bf16ConvolutionForward<'_, Self>, y: &mut [Self], scratch: &mut [Self]);
    #[doc(hidden)]
    fn bf16_input_gradient(product: Bf16InputGradient<'_, Self>, dx: &mut [Self], scratch: &mut [Self]);
    #[doc(hidden)]
    fn bf16_weight_gradient<'a>(
        size: DenseSize,
        operands: [&[Self]; 2],
        scratch: &'a mut [Self],
        parallelism: Parallelism,
    ) -> Bf16WeightGradient<'a, Self>;
    #[doc(hidden)]
    fn bf16_write(
        gradient: &Bf16WeightGradient<'_, Self>,
        run: Range<usize>,
        scales: [Self; 2],
        out: &mut [Self],
    );
    #[doc(hidden)]
    fn bf16_round(values: &[Self], rows: usize, parallelism: Parallelism, to: &mut [Pair]);
}

#[expect(private_interfaces, reason = "the trait is sealed and its module private")]
impl InBf16 for f32 {
    fn bf16_forward(product: Bf16DenseForward<'_, Self>, y: &mut [Self], scratch: &mut [Self]) {
        product.run_on(Bf16Backend::current(), y, scratch);
    }

    fn bf16_convolution(product: Bf16ConvolutionForward<'_, Self>, y: &mut [Self], scratch: &mut [Self]) {
        product.run_on(Bf16Backend::current(), y, scratch);
    }

    fn bf16_input_gradient(product: Bf16InputGradient<'_, Self>, dx: &mut [Self], scratch: &mut [Self]) {
        product.run_on(Bf16Backend::current(), dx, scratch);
    }

    fn bf16_weight_gradient<'a>(
        size: DenseSize,
        [x, dy]: [&[Self]; 2],
        scratch: &'a mut [Self],
        parallelism: Parallelism,
    ) -> Bf16WeightGradient<'a, Self> {
        Bf16WeightGradient::rounded(Bf16Backend::current(), size, x, dy, scratch, parallelism)
    }

    fn bf16_write(
        gradient: &Bf16WeightGradient<'_, Self>,
        run: Range<usize>,
        [alpha, beta]: [Self; 2],
        out: &mut [Self],
    ) {
        gradient.write_rounded(run, alpha, beta, out);
    }

    fn bf16_round(values: &[Self], rows: usize, parallelism: Parallelism, to: &mut [Pair]) {
        round::round_panels(values, rows, parallelism, to);
    }
}

#[expect(private_interfaces, reason = "the trait is sealed and its module private")]
impl InBf16 for f64 {
    fn bf16_forward(_: Bf16DenseForward<'_, Self>, _: &mut [Self], _: &mut [Self]) {
        unreachable!("no weight of f64 is in bf16")
    }

    fn bf16_convolution(_: Bf16ConvolutionForward<'_, Self>, _: &mut [Self], _: &mut [Self]) {
        unreachable!("no weight of f64 is in bf16")
    }

    fn bf16_input_gradient(_: Bf16InputGradient<'_, Self>, _: &mut [Self], _: &mut [Self]) {
        unreachable!("no weight of f64 is in bf16")
    }

    fn bf16_weight_gradient<'a>(
        _: DenseSize,
        _: [&[Self]; 2],
        _: &'a mut [Self],
        _: Parallelism,
    ) -> Bf16WeightGradient<'a, Self> {
        unreachable!("no weight of f64 is in bf16")
    }

    fn bf16_write(_: &Bf16WeightGradient<'_, Self>, _: Range<usize>, _: [Self; 2], _: &mut [Self]) {
        unreachable!("no weight of f64 is in bf16")
    }

    fn bf16_round(_: &[Self], _: usize, _: Parallelism, _: &mut [Pair]) {
        unreachable!("no weight of f64 is in bf16")
    }
}

impl<T: InBf16> Bf16DenseForward<'_, T> {
    pub(crate) fn run(self, y: &mut [T], scratch: &mut [T]) {
        T::bf16_forward(self, y, scratch);
    }
}

impl<T: InBf16> Bf16InputGradient<'_, T> {
    pub(crate) fn run(self, dx: &mut [T], scratch: &mut [T]) {
        T::bf16_input_gradient(self, dx, scratch);
    }
}

impl<'a, T: InBf16> Bf16WeightGradient<'a, T> {
    /// Elements of scratch that [`Bf16WeightGradient::in_bf16`] needs.
    pub(crate) fn scratch_in_bf16(size: DenseSize) -> usize {
        scratch(size)
    }

    /// Rounds and packs x (batch × inputs) and dy (batch × outputs) into scratch.
    pub(crate) fn in_bf16(
        size: DenseSize,
        x: &[T],
        dy: &[T],
        scratch: &'a mut [T],
        parallelism: Parallelism,
    ) -> Self {
        T::bf16_weight_gradient(size, [x, dy], scratch, parallelism)
    }

    /// As [`DenseWeightGradient::write`](crate::kernels::DenseWeightGradient::write).
    pub(crate) fn write_in_bf16(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        T::bf16_write(self, run, [alpha, beta], out);
    }
}

/// Rounds a weight in panels of so many rows into [`Bf16Panels`](super::Bf16Panels).
pub(crate) fn round_panels<T: InBf16>(values: &[T], rows: usize, parallelism: Parallelism, to: &mut [Pair]) {
    T::bf16_round(values, rows, parallelism, to);
}

impl<T: InBf16> Bf16ConvolutionForward<'_, T> {
    pub(crate) fn run(self, y: &mut [T], scratch: &mut [T]) {
        T::bf16_convolution(self, y, scratch);
    }
}
