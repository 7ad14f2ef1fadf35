//! The products compiled once, in this crate, for each number type.
//!
//! A generic function is compiled again in every crate that uses it, and the kernels are large. These are not
//! generic, so a program that uses the crate links to them instead.

use core::ops::Range;

use super::backend::{Backend, Element};
use super::bf16::InBf16;
use super::curves::Curve;
use super::depthwise::DepthwiseWeightGradient;
use super::depthwise_forward::DepthwiseForward;
use super::depthwise_input::DepthwiseInputGradient;
use super::direct::DirectForward;
use super::matrix::Gemm;
use super::{
    DenseForward, DenseInputGradient, DenseSize, DenseWeightGradient, dense_norm, limits, softmax_row,
};

/// The three products of a dense layer for one number type, and the loops that show what they could reach.
#[expect(private_interfaces, reason = "the trait is sealed and its module private")]
pub trait Products: Element + Gemm + InBf16 {
    #[doc(hidden)]
    fn forward(product: DenseForward<'_, Self>, y: &mut [Self]);
    #[doc(hidden)]
    fn input_gradient(product: DenseInputGradient<'_, Self>, dx: &mut [Self], scratch: &mut [Self]);
    #[doc(hidden)]
    fn weight_gradient(
        product: &DenseWeightGradient<'_, Self>,
        run: Range<usize>,
        scales: (Self, Self),
        out: &mut [Self],
    );
    #[doc(hidden)]
    fn direct_forward(product: DirectForward<'_, Self>, y: &mut [Self]);
    #[doc(hidden)]
    fn depthwise_forward(product: DepthwiseForward<'_, Self>, y: &mut [Self]);
    #[doc(hidden)]
    fn depthwise_input_gradient(product: DepthwiseInputGradient<'_, Self>, dx: &mut [Self]);
    #[doc(hidden)]
    fn depthwise_weight_gradient(product: DepthwiseWeightGradient<'_, Self>, gradient: &mut [Self]);
    #[doc(hidden)]
    fn square_norm(size: DenseSize, x: &[Self], dy: &[Self]) -> f64;
    #[doc(hidden)]
    fn multiply_adds(rounds: usize) -> usize;
    #[doc(hidden)]
    fn read(values: &[Self]);
    /// y ← f(y).
    #[doc(hidden)]
    fn curve(curve: Curve, values: &mut [Self]);
    /// dy ← dy·f′(x or y).
    #[doc(hidden)]
    fn curve_chain(curve: Curve, x_or_y: &[Self], dy: &mut [Self]);
    /// Logits become probabilities; the largest x, unless there is a NaN, and Σⱼ exp(xⱼ − max).
    #[doc(hidden)]
    fn softmax(row: &mut [Self]) -> (Self, Self);
    /// The same two numbers.
    #[doc(hidden)]
    fn largest_and_sum(row: &[Self]) -> (Self, Self);
    #[doc(hidden)]
    fn softmax_gradient(y: &[Self], dy: &[Self], dx: &mut [Self]);
    #[doc(hidden)]
    fn log_softmax_gradient(y: &[Self], dy: &[Self], dx: &mut [Self]);
}

macro_rules! products {
    ($($type:ty)*) => {$(
        #[expect(private_interfaces, reason = "the trait is sealed and its module private")]
        impl Products for $type {
            fn forward(product: DenseForward<'_, Self>, y: &mut [Self]) {
                product.run_on(Backend::current(), y);
            }

            fn input_gradient(product: DenseInputGradient<'_, Self>, dx: &mut [Self], scratch: &mut [Self]) {
                product.run_on(Backend::current(), dx, scratch);
            }

            fn weight_gradient(
                product: &DenseWeightGradient<'_, Self>,
                run: Range<usize>,
                (alpha, beta): (Self, Self),
                out: &mut [Self],
            ) {
                product.write_run(run, alpha, beta, out);
            }

            fn direct_forward(product: DirectForward<'_, Self>, y: &mut [Self]) {
                product.run_on(Backend::current(), y);
            }

            fn depthwise_forward(product: DepthwiseForward<'_, Self>, y: &mut [Self]) {
                product.run_on(Backend::current(), y);
            }

            fn depthwise_input_gradient(product: DepthwiseInputGradient<'_, Self>, dx: &mut [Self]) {
                product.run_on(Backend::current(), dx);
            }

            fn depthwise_weight_gradient(product: DepthwiseWeightGradient<'_, Self>, gradient: &mut [Self]) {
                product.run_on(Backend::current(), gradient);
            }

            fn square_norm(size: DenseSize, x: &[Self], dy: &[Self]) -> f64 {
                dense_norm::square_norm_on(Backend::current(), size, x, dy)
            }

            fn multiply_adds(rounds: usize) -> usize {
                limits::multiply_adds_on::<Self>(Backend::current(), rounds)
            }

            fn read(values: &[Self]) {
                core::hint::black_box(limits::read_on(Backend::current(), values));
            }

            fn curve(curve: Curve, values: &mut [Self]) {
                curve.apply_on(Backend::current(), values);
            }

            fn curve_chain(curve: Curve, x_or_y: &[Self], dy: &mut [Self]) {
                curve.chain_on(Backend::current(), x_or_y, dy);
            }

            fn softmax(row: &mut [Self]) -> (Self, Self) {
                softmax_row::softmax_on(Backend::current(), row)
            }

            fn largest_and_sum(row: &[Self]) -> (Self, Self) {
                softmax_row::largest_and_sum_on(Backend::current(), row)
            }

            fn softmax_gradient(y: &[Self], dy: &[Self], dx: &mut [Self]) {
                softmax_row::softmax_gradient_on(Backend::current(), y, dy, dx);
            }

            fn log_softmax_gradient(y: &[Self], dy: &[Self], dx: &mut [Self]) {
                softmax_row::log_softmax_gradient_on(Backend::current(), y, dy, dx);
            }
        }
    )*};
}
products!(f32 f64);

impl<T: Products> DenseForward<'_, T> {
    /// Needs no scratch: x and W are read where they lie.
    pub(crate) fn run(self, y: &mut [T]) {
        T::forward(self, y);
    }
}

impl<T: Products> DenseInputGradient<'_, T> {
    pub(crate) fn run(self, dx: &mut [T], scratch: &mut [T]) {
        T::input_gradient(self, dx, scratch);
    }
}

impl<T: Products> DenseWeightGradient<'_, T> {
    /// out ← beta·out + alpha·dW for a run of the panels, whole rows of them. `beta` 0 does not read `out`.
    pub(crate) fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        T::weight_gradient(self, run, (alpha, beta), out);
    }

    /// ‖dW‖², where that takes less than dW.
    pub(crate) fn square_norm(&self) -> Option<f64> {
        self.for_square_norm().map(|(size, x, dy)| T::square_norm(size, x, dy))
    }
}

/// Does so many rounds of multiply-adds, and says how many multiply-adds they were.
pub(crate) fn multiply_adds<T: Products>(rounds: usize) -> usize {
    T::multiply_adds(rounds)
}

/// Reads a slice, except for some vectors at its end if it does not divide evenly.
pub(crate) fn read<T: Products>(values: &[T]) {
    T::read(values);
}
