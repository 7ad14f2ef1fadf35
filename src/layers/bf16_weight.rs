//! A weight in bf16, as the kernels want it.

use crate::kernels::{Bf16Panels, Buffer, Pair, bf16_bits, bf16_value};

/// A matrix of numbers in bf16, or several of the same size side by side, each in panels of pairs.
#[derive(Debug, Clone)]
pub(super) struct Bf16Weight {
    matrices: usize,
    /// Of each matrix.
    panels: Bf16Panels,
    pairs: Buffer<Pair>,
}

impl Bf16Weight {
    /// Zeros.
    pub(super) fn zeros(matrices: usize, panels: Bf16Panels) -> Self {
        Self { matrices, panels, pairs: Buffer::pairs(matrices * panels.len()) }
    }

    /// The panels, one matrix after another.
    pub(super) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Replaces all of them by those of a function of row and column, rounded.
    pub(super) fn fill(&mut self, value: impl Fn(usize, usize) -> f32) {
        let columns = self.panels.columns;
        for (matrix, pairs) in self.pairs.chunks_exact_mut(self.panels.len().max(1)).enumerate() {
            self.panels.fill(pairs, |row, column| bf16_bits(value(row, matrix * columns + column)));
        }
    }

    /// Calls `visit` with each of them, row after row.
    pub(super) fn for_each(&self, mut visit: impl FnMut(f32)) {
        let Bf16Panels { rows, columns } = self.panels;
        for row in 0..rows {
            for pairs in self.pairs.chunks_exact(self.panels.len().max(1)) {
                (0..columns).for_each(|column| visit(bf16_value(self.panels.bits(pairs, row, column))));
            }
        }
        debug_assert_eq!(self.pairs.len(), self.matrices * self.panels.len());
    }
}
