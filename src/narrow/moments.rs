//! Means and covariances of what a layer takes.

use super::covariance::{Covariance, are_samples_less};
use super::matrix::Matrix;
use crate::{Error, Parallelism, Result};

/// So many rows are added at once. It follows from nothing, so sums have the same bits on any machine.
const BLOCK: usize = 256;

/// Takes rows in.
pub(super) enum MomentSums {
    Whole(ProductSums),
    /// All rows, and how many there are yet.
    OfSamples(Matrix, usize),
}

/// Adds rows up, a block at a time.
pub(super) struct ProductSums {
    /// Rows that are not added yet.
    block: Vec<f64>,
    /// What is subtracted from all rows, so that sums of squares are not far larger than the covariance: the mean of the first block.
    shift: Vec<f64>,
    totals: Vec<f64>,
    products: Matrix,
    rows: usize,
}

impl MomentSums {
    /// Of so many numbers, each with each, whatever rows there will be.
    pub(super) fn whole(columns: usize, parallelism: Parallelism) -> Result<Self> {
        let products = Matrix::zeros(columns, columns, parallelism)?;
        let block = Vec::with_capacity(BLOCK * columns);
        Ok(Self::Whole(ProductSums {
            block,
            shift: Vec::new(),
            totals: vec![0.0; columns],
            products,
            rows: 0,
        }))
    }

    /// Of so many rows, which are kept where they are far fewer than the numbers in them.
    pub(super) fn of_rows(rows: usize, columns: usize, parallelism: Parallelism) -> Result<Self> {
        if are_samples_less(rows, columns) {
            return Ok(Self::OfSamples(Matrix::zeros(rows, columns, parallelism)?, 0));
        }
        Self::whole(columns, parallelism)
    }

    /// Takes in a row.
    pub(super) fn add(&mut self, row: impl ExactSizeIterator<Item = f64>) {
        match self {
            Self::Whole(sums) => sums.add(row),
            Self::OfSamples(samples, rows) => {
                row.enumerate().for_each(|(column, value)| samples.set(*rows, column, value));
                *rows += 1;
            }
        }
    }

    /// The moments of all rows, of which there is at least one. `damping` is the share of the mean variance that is added to each for
    /// the inverse.
    pub(super) fn finish(self, damping: f64, what: impl Fn() -> String) -> Result<Moments> {
        let (means, variances, covariance) = match self {
            Self::Whole(sums) => sums.finish(),
            Self::OfSamples(samples, _) => centered(samples),
        };
        let trace: f64 = variances.iter().sum();
        if !trace.is_finite() {
            return Err(Error::NotFinite { what: what(), got: trace });
        }
        // Where nothing varies, any number above 0 does.
        let added = if trace > 0.0 { damping * trace / means.len() as f64 } else { 1.0 };
        Ok(Moments { means, variances, covariance, added })
    }
}

impl ProductSums {
    fn add(&mut self, row: impl Iterator<Item = f64>) {
        self.block.extend(row);
        if self.block.len() == BLOCK * self.totals.len() {
            self.add_block();
        }
    }

    fn add_block(&mut self) {
        let columns = self.totals.len();
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
        self.totals.iter_mut().zip(sums).for_each(|(sum, of_block)| *sum += of_block);
        self.products.add_product(1.0, &self.block, &self.block);
        self.rows += rows;
        self.block.clear();
    }

    /// Means, variances and covariances.
    fn finish(mut self) -> (Vec<f64>, Vec<f64>, Covariance) {
        self.add_block();
        let (n, count) = (self.totals.len(), self.rows as f64);
        let differences: Vec<f64> = self.totals.iter().map(|sum| sum / count).collect();
        let mut covariance = self.products;
        let (mut row, mut variances) = (vec![0.0; n], vec![0.0; n]);
        for i in 0..n {
            covariance.read_row(i, &mut row);
            row.iter_mut().zip(&differences).for_each(|(sum, d)| *sum = *sum / count - differences[i] * d);
            // By rounding alone; NaN stays.
            if row[i] < 0.0 {
                row[i] = 0.0;
            }
            covariance.write_row(i, &row);
            variances[i] = row[i];
        }
        let means = self.shift.iter().zip(&differences).map(|(shift, d)| shift + d).collect();
        (means, variances, Covariance::Whole(covariance))
    }
}

/// Means, variances and the samples without their means.
fn centered(mut samples: Matrix) -> (Vec<f64>, Vec<f64>, Covariance) {
    let (count, n) = (samples.rows() as f64, samples.columns());
    let (mut row, mut means, mut variances) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for i in 0..samples.rows() {
        samples.read_row(i, &mut row);
        means.iter_mut().zip(&row).for_each(|(sum, value)| *sum += value / count);
    }
    for i in 0..samples.rows() {
        samples.read_row(i, &mut row);
        for ((value, mean), variance) in row.iter_mut().zip(&means).zip(&mut variances) {
            *value = (*value - mean) / count.sqrt();
            *variance += *value * *value;
        }
        samples.write_row(i, &row);
    }
    (means, variances, Covariance::OfSamples(samples))
}

/// Means m and covariances C of n numbers.
pub(super) struct Moments {
    pub(super) means: Vec<f64>,
    /// The diagonal of C.
    pub(super) variances: Vec<f64>,
    pub(super) covariance: Covariance,
    /// λ: what is added to each variance before C is inverted.
    pub(super) added: f64,
}

/// The error where C has no inverse, for all the λ that is added.
pub(super) fn no_inverse(added: f64) -> Error {
    let expected = "a number so large that the covariances can be inverted";
    Error::setting("damping", expected, format!("one that adds {added} to each variance"))
}
