//! The products for a number type: they are there for `f32`.

use super::backend::Bf16Backend;
use super::{Bf16ConvolutionForward, Bf16DenseForward};

/// A number type, with its products of numbers in bf16 if it has them. Those of a type that has none are never asked for.
#[expect(private_interfaces, reason = "the trait is sealed and its module private")]
pub trait InBf16: Sized {
    #[doc(hidden)]
    fn bf16_forward(product: Bf16DenseForward<'_, Self>, y: &mut [Self], scratch: &mut [Self]);
    #[doc(hidden)]
    fn bf16_convolution(product: Bf16ConvolutionForward<'_, Self>, y: &mut [Self], scratch: &mut [Self]);
}

#[expect(private_interfaces, reason = "the trait is sealed and its module private")]
impl InBf16 for f32 {
    fn bf16_forward(product: Bf16DenseForward<'_, Self>, y: &mut [Self], scratch: &mut [Self]) {
        product.run_on(Bf16Backend::current(), y, scratch);
    }

    fn bf16_convolution(product: Bf16ConvolutionForward<'_, Self>, y: &mut [Self], scratch: &mut [Self]) {
        product.run_on(Bf16Backend::current(), y, scratch);
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
}

impl<T: InBf16> Bf16DenseForward<'_, T> {
    pub(crate) fn run(self, y: &mut [T], scratch: &mut [T]) {
        T::bf16_forward(self, y, scratch);
    }
}

impl<T: InBf16> Bf16ConvolutionForward<'_, T> {
    pub(crate) fn run(self, y: &mut [T], scratch: &mut [T]) {
        T::bf16_convolution(self, y, scratch);
    }
}
