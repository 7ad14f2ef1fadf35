//! The layout of a weight in bf16: panels of columns, two rows side by side.

use super::number::Pair;
use crate::kernels::Panels;

/// The panels of [`Panels`] with pairs for elements: a pair holds rows 2t and 2t + 1 of a column, the last row of an odd number
/// of them a zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bf16Panels {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Bf16Panels {
    fn of_pairs(self) -> Panels {
        Panels::new::<f32>(self.rows.div_ceil(2), self.columns)
    }

    /// The number of pairs with the padding.
    pub(crate) fn len(self) -> usize {
        self.of_pairs().len()
    }

    /// Writes the bits of each number of a matrix, given by row and column, into panels.
    pub(crate) fn fill(self, panels: &mut [Pair], bits: impl Fn(usize, usize) -> u16) {
        let layout = self.of_pairs();
        assert_eq!(panels.len(), layout.len(), "panels of another size");
        if self.rows == 0 {
            return;
        }
        for (panel, rows) in panels.chunks_exact_mut(layout.panel_len()).enumerate() {
            let start = panel * layout.panel_columns;
            for (step, pairs) in rows.chunks_exact_mut(layout.panel_columns).enumerate() {
                for (column, pair) in (start..).zip(pairs) {
                    let bits =
                        |row| if row < self.rows && column < self.columns { bits(row, column) } else { 0 };
                    *pair = Pair::of_bits([bits(2 * step), bits(2 * step + 1)]);
                }
            }
        }
    }

    /// The bits of a number.
    pub(crate) fn bits(self, panels: &[Pair], row: usize, column: usize) -> u16 {
        let layout = self.of_pairs();
        let (panel, column) = (column / layout.panel_columns, column % layout.panel_columns);
        panels[panel * layout.panel_len() + row / 2 * layout.panel_columns + column].to_bits()[row % 2]
    }
}
