//! The layout of a weight of bytes in memory: panels of columns, four rows side by side.

/// The columns of a panel.
pub(super) const COLUMNS: usize = 32;

/// The rows side by side: one instruction multiplies four pairs of bytes and adds them up.
pub(super) const ROWS: usize = 4;

/// The bytes of four rows of a panel.
pub(super) const STEP: usize = COLUMNS * ROWS;

/// The layout of an n×m weight: column panels of 32 columns, one after another; in a panel all steps of four rows; in a step
/// all columns, four bytes each. The padding, of rows and columns, is 0.
///
/// ```text
///              columns 0..32         32..64
/// rows 0..4    ┌──────────────┐     ┌──────────────┐     in a step:  column 0   column 1   …
/// rows 4..8    │ panel 0      │     │ panel 1      │                 rows 0123  rows 0123  …
///  ⋮           │    ↓         │  →  │    ↓         │
///              └──────────────┘     └──────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BytePanels {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl BytePanels {
    /// The number of panels.
    pub(super) fn count(self) -> usize {
        self.columns.div_ceil(COLUMNS)
    }

    /// The number of steps of a panel.
    pub(super) fn steps(self) -> usize {
        self.rows.div_ceil(ROWS)
    }

    /// The bytes of a panel.
    pub(super) fn panel_len(self) -> usize {
        self.steps() * STEP
    }

    /// The bytes with the padding.
    pub(crate) fn len(self) -> usize {
        self.count() * self.panel_len()
    }

    /// Where a weight lies.
    fn place(self, row: usize, column: usize) -> usize {
        let step = column / COLUMNS * self.steps() + row / ROWS;
        (step * COLUMNS + column % COLUMNS) * ROWS + row % ROWS
    }

    /// Writes a row-major matrix into panels, and the padding.
    #[cfg(test)]
    pub(crate) fn pack(self, matrix: &[i8], panels: &mut [i8]) {
        assert_eq!(matrix.len(), self.rows * self.columns, "a matrix of another size");
        self.fill(panels, |row, column| matrix[row * self.columns + column]);
    }

    /// Writes each element of a matrix, given by row and column, into panels, and the padding.
    pub(crate) fn fill(self, panels: &mut [i8], value: impl Fn(usize, usize) -> i8) {
        self.check(self.rows * self.columns, panels.len());
        panels.fill(0);
        for start in (0..self.columns).step_by(COLUMNS) {
            for row in 0..self.rows {
                for column in start..self.columns.min(start + COLUMNS) {
                    panels[self.place(row, column)] = value(row, column);
                }
            }
        }
    }

    /// Writes panels into a row-major matrix.
    pub(crate) fn unpack(self, panels: &[i8], matrix: &mut [i8]) {
        self.check(matrix.len(), panels.len());
        for row in 0..self.rows {
            for (column, weight) in matrix[row * self.columns..][..self.columns].iter_mut().enumerate() {
                *weight = panels[self.place(row, column)];
            }
        }
    }

    /// Writes the sum of each column's weights.
    pub(crate) fn sums(self, panels: &[i8], sums: &mut [i32]) {
        self.check(self.rows * self.columns, panels.len());
        assert_eq!(sums.len(), self.columns, "sums of other columns");
        for (column, sum) in sums.iter_mut().enumerate() {
            let weight = |row| i32::from(panels[self.place(row, column)]);
            *sum = (0..self.rows).map(weight).sum();
        }
    }

    fn check(self, matrix: usize, panels: usize) {
        assert_eq!((matrix, panels), (self.rows * self.columns, self.len()), "buffers of another layout");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_are_inverse_and_padding_is_a_weight_of_zero() {
        for (rows, columns) in [(0, 3), (3, 0), (1, 1), (4, 32), (5, 33), (7, 64), (13, 100)] {
            let layout = BytePanels { rows, columns };
            let matrix: Vec<i8> = (0..rows * columns).map(|i| ((i * 37 + 1) as u8).cast_signed()).collect();
            let mut panels = vec![7; layout.len()];
            layout.pack(&matrix, &mut panels);
            let mut back = vec![0; matrix.len()];
            layout.unpack(&panels, &mut back);
            assert_eq!(back, matrix);
            let total = |bytes: &[i8]| bytes.iter().map(|&byte| i32::from(byte).abs()).sum::<i32>();
            assert_eq!(total(&panels), total(&matrix), "{rows}x{columns}");
            let mut sums = vec![0; columns];
            layout.sums(&panels, &mut sums);
            for (column, sum) in sums.into_iter().enumerate() {
                let expected: i32 = (0..rows).map(|row| i32::from(matrix[row * columns + column])).sum();
                assert_eq!(sum, expected, "{rows}x{columns}, column {column}");
            }
        }
    }

    #[test]
    fn four_rows_of_a_column_lie_side_by_side() {
        let layout = BytePanels { rows: 6, columns: 33 };
        let matrix: Vec<i8> = (0..6 * 33).map(|i| (i / 33 * 10 + i % 33 / 11) as i8).collect();
        let mut panels = vec![0; layout.len()];
        layout.pack(&matrix, &mut panels);
        assert_eq!(layout.len(), 2 * 2 * 128);
        assert_eq!(panels[..8], [0, 10, 20, 30, 0, 10, 20, 30]);
        assert_eq!(panels[128..134], [40, 50, 0, 0, 40, 50]);
        assert_eq!(panels[256..262], [2, 12, 22, 32, 0, 0]);
    }
}
