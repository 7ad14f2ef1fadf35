//! The forward product of a convolution, with patches and weight in bf16.

use super::Bf16Panels;
use super::backend::Bf16Backend;
use super::forward::Bf16DenseForward;
use super::number::Pair;
use crate::kernels::patch_products::PatchProducts;
use crate::kernels::{ConvolutionSize, Element, Finish, Parallelism};

/// y (positions × outputs) from x, whose patches are rounded to bf16. Not for convolutions of each channel by itself.
pub(crate) struct Bf16ConvolutionForward<'a, T> {
    pub(crate) size: ConvolutionSize,
    pub(crate) x: &'a [T],
    /// The panels of each group, one after another.
    pub(crate) weight: &'a [Pair],
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) finish: Finish<'a, T>,
    pub(crate) parallelism: Parallelism,
}

impl<T: Element> Bf16ConvolutionForward<'_, T> {
    /// Elements of scratch that [`Bf16ConvolutionForward::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize) -> usize {
        PatchProducts::<T>::scratch(size, Bf16DenseForward::<T>::scratch)
    }
}

impl Bf16ConvolutionForward<'_, f32> {
    pub(super) fn run_on(self, backend: Bf16Backend, y: &mut [f32], scratch: &mut [f32]) {
        let Self { size, x, weight, bias, finish, parallelism } = self;
        let panels = Bf16Panels { rows: size.patch(), columns: size.group_outputs() }.len();
        assert_eq!(weight.len(), size.groups * panels, "a weight of another size");
        let products = PatchProducts { size, x, parallelism };
        products.run(Bf16DenseForward::<f32>::scratch, y, scratch, &|block, y, scratch| {
            let product = Bf16DenseForward {
                size: block.size,
                x: block.patches,
                weight: &weight[block.group * panels..][..panels],
                bias: bias.map(|bias| &bias[block.columns]),
                finish,
                parallelism: Parallelism::Threads(1),
            };
            product.run_on(backend, y, scratch);
        });
    }
}
