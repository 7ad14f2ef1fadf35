//! dW = xᵀ·dy, a run of the panels at a time.

use std::ops::Range;

use super::{DenseSize, Element, Parallelism};

/// The gradient of a dense weight, ready to be written run by run.
pub(crate) struct DenseWeightGradient<'a, T> {
    size: DenseSize,
    x: &'a [T],
    dy: &'a [T],
}

impl<'a, T: Element> DenseWeightGradient<'a, T> {
    /// Elements of scratch that [`DenseWeightGradient::new`] needs.
    pub(crate) fn scratch(_size: DenseSize) -> usize {
        0
    }

    /// Packs x (batch × inputs) and dy (batch × outputs) into scratch.
    pub(crate) fn new(
        size: DenseSize,
        x: &'a [T],
        dy: &'a [T],
        _scratch: &'a mut [T],
        _: Parallelism,
    ) -> Self {
        assert_eq!((x.len(), dy.len()), (size.batch * size.inputs, size.batch * size.outputs));
        Self { size, x, dy }
    }

    /// The runs that [`DenseWeightGradient::write`] takes start and end at multiples of this, or at the end.
    pub(crate) fn granule() -> usize {
        8 * T::PANEL_COLUMNS
    }

    /// out ← beta·out + alpha·dW for a run of the panels. `beta` 0 does not read `out`.
    pub(crate) fn write(&self, run: Range<usize>, alpha: T, beta: T, out: &mut [T]) {
        assert_eq!(run.len(), out.len());
        let DenseSize { inputs, outputs, .. } = self.size;
        let panels = self.size.panels::<T>();
        for (row, out) in (run.start / T::PANEL_COLUMNS..).zip(out.chunks_mut(T::PANEL_COLUMNS)) {
            let (panel, row) = (row / panels.rows, row % panels.rows);
            for (column, out) in (panel * T::PANEL_COLUMNS..).zip(out) {
                let mut sum = T::zero();
                if column < outputs {
                    for (x, dy) in self.x.chunks_exact(inputs).zip(self.dy.chunks_exact(outputs)) {
                        sum += x[row] * dy[column];
                    }
                }
                *out = if beta == T::zero() { alpha * sum } else { beta * *out + alpha * sum };
            }
        }
    }
}
