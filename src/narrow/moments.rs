//! Means and covariances of what a layer takes.

use super::cholesky::dot;
use super::inverse::inverse;
use super::matrix::Matrix;
use crate::{Error, Parallelism, Result};

/// So many rows are added at once. It follows from nothing, so sums have the same bits on any machine.
const BLOCK: usize = 256;

/// Adds rows up, a block at a time.
pub(super) struct MomentSums {
    /// Rows that are not added yet.
    block: Vec<f64>,
    /// What is subtracted from all rows, so that sums of squares are not far larger than the covariance: the mean of the first block.
    shift: Vec<f64>,
    sums: Vec<f64>,
    products: Matrix,
    rows: usize,
}

impl MomentSums {
    pub(super) fn new(columns: usize, parallelism: Parallelism) -> Result<Self> {
        let products = Matrix::zeros(columns, columns, parallelism)?;
        let block = Vec::with_capacity(BLOCK * columns);
        Ok(Self { block, shift: Vec::new(), sums: vec![0.0; columns], products, rows: 0 })
    }

    /// Takes in a row.
    pub(super) fn add(&mut self, row: impl Iterator<Item = f64>) {
        self.block.extend(row);
        if self.block.len() == BLOCK * self.sums.len() {
            self.add_block();
        }
    }

    fn add_block(&mut self) {
        let columns = self.sums.len();
        let rows = self.block.len() / columns;
        if rows == 0 {
            return;
        }
        if self.rows == 0 {
            self.shift = vec![0.0; columns];
            for row in self.block.chunks_exact(columns) {
                self.shift.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            self.shift.iter_mut().for_each(|sum| *sum /= rows as f64);
        }
        let mut sums = vec![0.0; columns];
        for row in self.block.chunks_exact_mut(columns) {
            for ((value, shift), sum) in row.iter_mut().zip(&self.shift).zip(&mut sums) {
                *value -= shift;
                *sum += *value;
            }
        }
        self.sums.iter_mut().zip(sums).for_each(|(sum, of_block)| *sum += of_block);
        self.products.add_product(1.0, &self.block, &self.block);
        self.rows += rows;
        self.block.clear();
    }

    /// The moments of all rows, of which there is at least one. `damping` is the share of the mean variance that is added to each for
    /// the inverse.
    pub(super) fn finish(mut self, damping: f64, what: impl Fn() -> String) -> Result<Moments> {
        self.add_block();
        let (n, count) = (self.sums.len(), self.rows as f64);
        let differences: Vec<f64> = self.sums.iter().map(|sum| sum / count).collect();
        let mut covariance = self.products;
        let mut row = vec![0.0; n];
        for i in 0..n {
            covariance.read_row(i, &mut row);
            row.iter_mut().zip(&differences).for_each(|(sum, d)| *sum = *sum / count - differences[i] * d);
            // By rounding alone; NaN stays.
            if row[i] < 0.0 {
                row[i] = 0.0;
            }
            covariance.write_row(i, &row);
        }
        let trace: f64 = (0..n).map(|i| covariance.get(i, i)).sum();
        if !trace.is_finite() {
            return Err(Error::NotFinite { what: what(), got: trace });
        }
        let means = self.shift.iter().zip(&differences).map(|(shift, d)| shift + d).collect();
        // Where nothing varies, any number above 0 does.
        let added = if trace > 0.0 { damping * trace / n as f64 } else { 1.0 };
        Ok(Moments { means, covariance, added })
    }
}

/// Means m and covariances C of n numbers.
pub(super) struct Moments {
    pub(super) means: Vec<f64>,
    pub(super) covariance: Matrix,
    /// λ: what is added to each variance before C is inverted.
    pub(super) added: f64,
}

impl Moments {
    /// (C + λI)⁻¹ of these numbers alone.
    pub(super) fn damped_inverse(&self, of: &[usize]) -> Result<Matrix> {
        let mut damped = self.covariance.part(of, of)?;
        for i in 0..of.len() {
            damped.set(i, i, damped.get(i, i) + self.added);
        }
        inverse(damped).ok_or_else(|| {
            let expected = "a number so large that the covariances can be inverted";
            Error::setting("damping", expected, format!("one that adds {} to each variance", self.added))
        })
    }

    /// The variance of x·D over all outputs: tr(Dᵀ·C·D), of D with so many columns.
    pub(super) fn variance_of(&self, d: &[f64], columns: usize) -> f64 {
        let n = self.means.len();
        let mut transposed = vec![0.0; d.len()];
        for (row, values) in d.chunks_exact(columns).enumerate() {
            values.iter().enumerate().for_each(|(column, value)| transposed[column * n + row] = *value);
        }
        let product = self.covariance.left_product(&transposed);
        let parts = product.chunks_exact(n).zip(transposed.chunks_exact(n));
        parts.map(|(a, b)| dot(a, b)).sum::<f64>().max(0.0)
    }
}
