//! A weight of whole numbers of eight bits, as the kernels want it.

use crate::kernels::{Buffer, BytePanels};
use crate::prelude::*;

/// A matrix of whole numbers from −128 to 127, or several of the same size side by side, each in panels of bytes; and the sum of
/// each column, which the product needs.
#[derive(Debug, Clone)]
pub(super) struct Integers {
    matrices: usize,
    /// Of each matrix.
    panels: BytePanels,
    bytes: Buffer<i8>,
    sums: Vec<i32>,
}

impl Integers {
    /// Zeros.
    pub(super) fn zeros(matrices: usize, panels: BytePanels) -> Self {
        let mut integers = Self {
            matrices,
            panels,
            bytes: Buffer::zeroed_bytes(matrices * panels.len()),
            sums: vec![0; matrices * panels.columns],
        };
        integers.fill(|_, _| 0);
        integers
    }

    /// The panels, one matrix after another.
    pub(super) fn bytes(&self) -> &[i8] {
        &self.bytes
    }

    /// The sum of each column.
    pub(super) fn sums(&self) -> &[i32] {
        &self.sums
    }

    /// Replaces all of them by those of a function of row and column.
    pub(super) fn fill(&mut self, value: impl Fn(usize, usize) -> i8) {
        let columns = self.panels.columns;
        let panels = self.bytes.chunks_exact_mut(self.panels.len().max(1));
        let sums = self.sums.chunks_exact_mut(columns.max(1));
        for (matrix, (panels, sums)) in panels.zip(sums).enumerate() {
            self.panels.fill(panels, |row, column| value(row, matrix * columns + column));
            self.panels.sums(panels, sums);
        }
    }

    /// All of them, row after row.
    pub(super) fn to_vec(&self) -> Vec<i8> {
        let BytePanels { rows, columns } = self.panels;
        let width = self.matrices * columns;
        let mut values = vec![0; rows * width];
        if self.matrices == 1 {
            self.panels.unpack(&self.bytes, &mut values);
            return values;
        }
        let mut matrix = vec![0; rows * columns];
        for (number, panels) in self.bytes.chunks_exact(self.panels.len().max(1)).enumerate() {
            self.panels.unpack(panels, &mut matrix);
            for (row, own) in values.chunks_exact_mut(width).zip(matrix.chunks_exact(columns)) {
                row[number * columns..][..columns].copy_from_slice(own);
            }
        }
        values
    }
}
