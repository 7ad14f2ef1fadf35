//! The layout of a dense weight in memory: panels of columns.

use super::Element;

/// The layout of an n×m weight: column panels of [`Element::PANEL_COLUMNS`] columns, one after another;
/// in a panel all n rows, one after another; the last panel padded with zeros.
///
/// ```text
///           columns 0..32        32..64          64..m, zeros
/// row 0     ┌──────────┐     ┌──────────┐     ┌──────────┐
/// row 1     │ panel 0  │     │ panel 1  │     │ panel 2  │
///  ⋮        │    ↓     │  →  │    ↓     │  →  │    ↓     │
/// row n−1   └──────────┘     └──────────┘     └──────────┘
/// ```
///
/// A product reads a panel from top to bottom, two whole cache lines a row, with nothing to gather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panels {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) panel_columns: usize,
}

impl Panels {
    pub(crate) fn new<T: Element>(rows: usize, columns: usize) -> Self {
        Self { rows, columns, panel_columns: T::PANEL_COLUMNS }
    }

    /// The number of panels.
    pub(crate) fn count(self) -> usize {
        self.columns.div_ceil(self.panel_columns)
    }

    /// The number of elements of one panel.
    pub(crate) fn panel_len(self) -> usize {
        self.rows * self.panel_columns
    }

    /// The number of elements with the padding.
    pub(crate) fn len(self) -> usize {
        self.count() * self.panel_len()
    }

    /// Writes a row-major matrix into panels; the padding is left as it is.
    pub(crate) fn pack<T: Element>(self, matrix: &[T], panels: &mut [T]) {
        self.check(matrix.len(), panels.len());
        for row in 0..self.rows {
            for (panel, values) in
                matrix[row * self.columns..][..self.columns].chunks(self.panel_columns).enumerate()
            {
                panels[panel * self.panel_len() + row * self.panel_columns..][..values.len()]
                    .copy_from_slice(values);
            }
        }
    }

    /// Writes each element of a matrix, given by row and column, into panels; the padding is left as it is.
    pub(crate) fn fill<T: Element>(self, panels: &mut [T], value: impl Fn(usize, usize) -> T) {
        self.change(panels, |row, column, _| value(row, column));
    }

    /// The same of what is there already.
    pub(crate) fn change<T: Element>(self, panels: &mut [T], value: impl Fn(usize, usize, T) -> T) {
        self.check(self.rows * self.columns, panels.len());
        if self.rows == 0 {
            return;
        }
        for (panel, rows) in panels.chunks_exact_mut(self.panel_len()).enumerate() {
            let start = panel * self.panel_columns;
            let width = self.panel_columns.min(self.columns - start);
            for (row, values) in rows.chunks_exact_mut(self.panel_columns).enumerate() {
                for (column, place) in values[..width].iter_mut().enumerate() {
                    *place = value(row, start + column, *place);
                }
            }
        }
    }

    /// Writes panels into a row-major matrix.
    pub(crate) fn unpack<T: Element>(self, panels: &[T], matrix: &mut [T]) {
        self.check(matrix.len(), panels.len());
        for row in 0..self.rows {
            for (panel, values) in
                matrix[row * self.columns..][..self.columns].chunks_mut(self.panel_columns).enumerate()
            {
                let start = panel * self.panel_len() + row * self.panel_columns;
                values.copy_from_slice(&panels[start..][..values.len()]);
            }
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
    fn packing_and_unpacking_are_inverse() {
        for columns in [1, 31, 32, 33, 64, 100] {
            let layout = Panels::new::<f32>(3, columns);
            let matrix: Vec<f32> = (1..=3 * columns).map(|i| i as f32).collect();
            let mut panels = vec![0.0; layout.len()];
            layout.pack(&matrix, &mut panels);
            let mut back = vec![f32::NAN; matrix.len()];
            layout.unpack(&panels, &mut back);
            assert_eq!(back, matrix);
            let mut filled = vec![0.0; layout.len()];
            layout.fill(&mut filled, |row, column| matrix[row * columns + column]);
            assert_eq!(filled, panels);
            layout.change(&mut filled, |row, column, value| value - matrix[row * columns + column]);
            assert!(filled.iter().all(|&value| value == 0.0));
            let padding = panels.iter().filter(|&&value| value == 0.0).count();
            assert_eq!(padding, layout.len() - matrix.len(), "{columns} columns");
        }
    }

    #[test]
    fn a_panel_holds_its_columns_row_after_row() {
        let layout = Panels::new::<f64>(2, 17);
        let matrix: Vec<f64> = (0..34).map(f64::from).collect();
        let mut panels = vec![0.0; layout.len()];
        layout.pack(&matrix, &mut panels);
        assert_eq!(panels[..3], [0.0, 1.0, 2.0]);
        assert_eq!(panels[16..19], [17.0, 18.0, 19.0]);
        assert_eq!(panels[32..34], [16.0, 0.0]);
        assert_eq!(panels[48..50], [33.0, 0.0]);
    }
}
