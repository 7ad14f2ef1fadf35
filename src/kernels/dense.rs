//! What the products of a dense layer are given.

use super::{Element, Panels, Parallelism};

/// The sizes of a dense layer's products.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DenseSize {
    pub(crate) batch: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

impl DenseSize {
    /// How the weight lies.
    pub(crate) fn panels<T: Element>(self) -> Panels {
        Panels::new::<T>(self.inputs, self.outputs)
    }

    /// How long one of the products takes, in multiply-adds. A weight takes as long to read, or a gradient to
    /// write, as four samples take to compute.
    pub(crate) fn multiply_adds(self) -> u64 {
        if self.batch == 0 { 0 } else { self.batch.max(4) as u64 * self.inputs as u64 * self.outputs as u64 }
    }
}

/// What is done with an output once its sum is complete.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a, T> {
    Nothing,
    Relu,
    /// Called with contiguous pieces of finished rows.
    Function(&'a (dyn Fn(&mut [T]) + Sync)),
}

/// A forward product: y (batch × outputs) from x (batch × inputs).
pub(crate) struct DenseForward<'a, T> {
    pub(crate) size: DenseSize,
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) finish: Finish<'a, T>,
    pub(crate) parallelism: Parallelism,
}

/// The gradient of a dense layer's input: dx (batch × inputs) from dy (batch × outputs).
pub(crate) struct DenseInputGradient<'a, T> {
    pub(crate) size: DenseSize,
    pub(crate) dy: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) parallelism: Parallelism,
}
