//! The products compiled once, in this crate, for each number type.
//!
//! A generic function is compiled again in every crate that uses it, and the kernels are large. These are not
//! generic, so a program that uses the crate links to them instead.

use std::ops::Range;

use super::backend::Backend;
use super::{DenseForward, DenseInputGradient, DenseSize, DenseWeightGradient, dense_norm, limits};

/// The three products of a dense layer for one number type, and the loops that show what they could reach.
#[expect(private_interfaces, reason = "the trait is sealed and its module private")]
pub trait Products: Sized {
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
    fn square_norm(size: DenseSize, x: &[Self], dy: &[Self]) -> f64;
    #[doc(hidden)]
    fn multiply_adds(rounds: usize) -> usize;
    #[doc(hidden)]
    fn read(values: &[Self]);
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

            fn square_norm(size: DenseSize, x: &[Self], dy: &[Self]) -> f64 {
                dense_norm::square_norm_on(Backend::current(), size, x, dy)
            }

            fn multiply_adds(rounds: usize) -> usize {
                limits::multiply_adds_on::<Self>(Backend::current(), rounds)
            }

            fn read(values: &[Self]) {
                std::hint::black_box(limits::read_on(Backend::current(), values));
            }
        }
    )*};
}
products!(f32 f64);
