//! dx = dy·Wᵀ, W in panels and not transposed.

use super::{DenseSize, Element, Parallelism};

/// The gradient of a dense layer's input: dx (batch × inputs) from dy (batch × outputs).
pub(crate) struct DenseInputGradient<'a, T> {
    pub(crate) size: DenseSize,
    pub(crate) dy: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) parallelism: Parallelism,
}

impl<T: Element> DenseInputGradient<'_, T> {
    /// Elements of scratch that [`DenseInputGradient::run`] needs.
    pub(crate) fn scratch(_size: DenseSize) -> usize {
        0
    }

    pub(crate) fn run(self, dx: &mut [T], _scratch: &mut [T]) {
        let DenseSize { batch, inputs, outputs } = self.size;
        let panels = self.size.panels::<T>();
        assert_eq!(
            (dx.len(), self.weight.len(), self.dy.len()),
            (batch * inputs, panels.len(), batch * outputs)
        );
        for (dx, dy) in dx.chunks_exact_mut(inputs).zip(self.dy.chunks_exact(outputs)) {
            for (row, dx) in dx.iter_mut().enumerate() {
                *dx = T::zero();
                for (panel, dy) in dy.chunks(T::PANEL_COLUMNS).enumerate() {
                    let weight = &self.weight[panel * panels.panel_len() + row * T::PANEL_COLUMNS..];
                    for (&dy, &w) in dy.iter().zip(weight) {
                        *dx += dy * w;
                    }
                }
            }
        }
    }
}
