//! A matrix in double precision, to which products are added by the kernels.

use crate::kernels::{
    Buffer, DenseForward, DenseInputGradient, DenseSize, DenseWeightGradient, Finish, Panels, Run, split_work,
};
use crate::{Error, Parallelism, Result, Shape};

/// Rows × columns numbers, laid out as the kernels want a weight.
pub(super) struct Matrix {
    layout: Panels,
    values: Buffer<f64>,
    parallelism: Parallelism,
}

impl Matrix {
    /// Zeros.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where they do not fit into memory.
    pub(super) fn zeros(rows: usize, columns: usize, parallelism: Parallelism) -> Result<Self> {
        let layout = Panels::new::<f64>(rows, columns);
        let padded = rows.checked_mul(columns.next_multiple_of(layout.panel_columns));
        // Asked for and given back: what is made below would abort where it cannot be had.
        if padded.is_none_or(|len| Vec::<f64>::new().try_reserve_exact(len).is_err()) {
            let limit = "no more numbers than fit into memory, in double precision";
            return Err(Error::TooLarge { shape: Shape::from([rows, columns]).to_string(), limit });
        }
        Ok(Self { layout, values: Buffer::zeroed(layout.len()), parallelism })
    }

    /// A matrix of these numbers, row after row.
    pub(super) fn of_rows(values: &[f64], columns: usize, parallelism: Parallelism) -> Result<Self> {
        let mut matrix = Self::zeros(values.len() / columns, columns, parallelism)?;
        matrix.layout.pack(values, &mut matrix.values);
        Ok(matrix)
    }

    pub(super) fn rows(&self) -> usize {
        self.layout.rows
    }

    pub(super) fn columns(&self) -> usize {
        self.layout.columns
    }

    pub(super) fn get(&self, row: usize, column: usize) -> f64 {
        self.values[self.place(row, column)]
    }

    pub(super) fn set(&mut self, row: usize, column: usize, value: f64) {
        let place = self.place(row, column);
        self.values[place] = value;
    }

    fn place(&self, row: usize, column: usize) -> usize {
        let width = self.layout.panel_columns;
        column / width * self.layout.panel_len() + row * width + column % width
    }

    /// Copies a row.
    pub(super) fn read_row(&self, row: usize, to: &mut [f64]) {
        let (width, panel) = (self.layout.panel_columns, self.layout.panel_len());
        for (number, to) in to.chunks_mut(width).enumerate() {
            to.copy_from_slice(&self.values[number * panel + row * width..][..to.len()]);
        }
    }

    /// All rows, one after another.
    pub(super) fn to_rows(&self) -> Vec<f64> {
        let mut values = vec![0.0; self.rows() * self.columns()];
        values.chunks_exact_mut(self.columns()).enumerate().for_each(|(row, to)| self.read_row(row, to));
        values
    }

    /// Replaces a row.
    pub(super) fn write_row(&mut self, row: usize, from: &[f64]) {
        let (width, panel) = (self.layout.panel_columns, self.layout.panel_len());
        for (number, from) in from.chunks(width).enumerate() {
            self.values[number * panel + row * width..][..from.len()].copy_from_slice(from);
        }
    }

    /// The matrix of these rows and columns.
    pub(super) fn part(&self, rows: &[usize], columns: &[usize]) -> Result<Self> {
        let mut part = Self::zeros(rows.len(), columns.len(), self.parallelism)?;
        let (mut whole, mut picked) = (vec![0.0; self.columns()], vec![0.0; columns.len()]);
        for (to, &row) in rows.iter().enumerate() {
            self.read_row(row, &mut whole);
            picked.iter_mut().zip(columns).for_each(|(picked, &column)| *picked = whole[column]);
            part.write_row(to, &picked);
        }
        Ok(part)
    }

    /// self ← self + alpha · xᵀ·y, of x with a column for each row and y with one for each column. Each number is one chain over the
    /// rows of both.
    pub(super) fn add_product(&mut self, alpha: f64, x: &[f64], y: &[f64]) {
        let (inputs, outputs) = (self.rows(), self.columns());
        let size = DenseSize { batch: x.len() / inputs, inputs, outputs };
        if size.batch == 0 {
            return;
        }
        let mut scratch = Buffer::zeroed(DenseWeightGradient::<f64>::scratch(size));
        let product = DenseWeightGradient::new(size, x, y, &mut scratch, self.parallelism);
        let pieces = self.parallelism.small_pieces(size.multiply_adds());
        let whole = Run { start: 0, values: &mut self.values[..] };
        split_work(whole, DenseWeightGradient::<f64>::granule(), pieces, &|run: Run<'_, f64>| {
            product.write(run.start..run.start + run.values.len(), alpha, 1.0, run.values);
        });
    }

    /// x·self, of rows x.
    pub(super) fn left_product(&self, x: &[f64]) -> Vec<f64> {
        let (inputs, outputs) = (self.rows(), self.columns());
        let size = DenseSize { batch: x.len() / inputs, inputs, outputs };
        let mut y = vec![0.0; size.batch * outputs];
        let (weight, parallelism) = (&self.values[..], self.parallelism);
        DenseForward { size, x, weight, bias: None, finish: Finish::Nothing, parallelism }.run(&mut y);
        y
    }

    /// y·selfᵀ, of rows y: the product of each of them with each row of the matrix.
    pub(super) fn row_products(&self, dy: &[f64]) -> Vec<f64> {
        let (inputs, outputs) = (self.rows(), self.columns());
        let size = DenseSize { batch: dy.len() / outputs, inputs, outputs };
        let mut dx = vec![0.0; size.batch * inputs];
        let mut scratch = Buffer::zeroed(DenseInputGradient::<f64>::scratch(size));
        let (weight, parallelism) = (&self.values[..], self.parallelism);
        DenseInputGradient { size, dy, weight, parallelism }.run(&mut dx, &mut scratch);
        dx
    }

    /// A copy.
    pub(super) fn copy(&self) -> Result<Self> {
        let mut copy = Self::zeros(self.rows(), self.columns(), self.parallelism)?;
        copy.values.copy_from_slice(&self.values);
        Ok(copy)
    }

    /// The matrix times −1.
    pub(super) fn negate(&mut self) {
        self.values.iter_mut().for_each(|value| *value = -*value);
    }

    pub(super) fn parallelism(&self) -> Parallelism {
        self.parallelism
    }
}
