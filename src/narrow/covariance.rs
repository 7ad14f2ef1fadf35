//! Covariances of numbers, as a matrix or as the samples that they are of.

use super::inverse::inverse;
use super::matrix::Matrix;
use crate::Result;

/// C, of n numbers.
pub(super) enum Covariance {
    /// Each with each: n² numbers.
    Whole(Matrix),
    /// A, with C = Aᵀ·A: a row for each sample, without the means, over the root of how many there are. Less than C where there are far fewer
    /// samples than numbers.
    OfSamples(Matrix),
}

/// Whether samples take less memory than the covariances of so many numbers, with all that is computed of them.
pub(super) fn are_samples_less(samples: usize, numbers: usize) -> bool {
    samples.saturating_mul(4) <= numbers
}

impl Covariance {
    /// C + λI of these numbers alone.
    pub(super) fn damped_part(&self, of: &[usize], added: f64) -> Result<Matrix> {
        let mut part = match self {
            Self::Whole(whole) => whole.part(of, of)?,
            Self::OfSamples(samples) => squares_of_columns(&columns_of(samples, of)?)?,
        };
        for i in 0..of.len() {
            part.set(i, i, part.get(i, i) + added);
        }
        Ok(part)
    }

    /// What the numbers K that are kept make up for the others R, of which W has a row each. None where there is no inverse in the numbers at hand.
    ///
    /// ```text
    /// (C_KK + λI)⁻¹·C_KR·W_R  =  (A_Kᵀ·A_K + λI)⁻¹·A_Kᵀ·Y  =  A_Kᵀ·(A_K·A_Kᵀ + λI)⁻¹·Y        Y = A_R·W_R
    /// ```
    ///
    /// Of samples, the smaller of the two is inverted.
    pub(super) fn made_up(
        &self,
        added: f64,
        [kept, gone]: [&[usize]; 2],
        weight: &[f64],
        columns: usize,
    ) -> Result<Option<Matrix>> {
        let right = match self {
            Self::Whole(whole) => {
                let between = whole.part(gone, kept)?.to_rows();
                product(&between, kept.len(), weight, columns, whole)?
            }
            Self::OfSamples(samples) => {
                let of_kept = columns_of(samples, kept)?;
                let of_gone = columns_of(samples, gone)?;
                let mut y =
                    Matrix::of_rows(weight, columns, samples.parallelism())?.left_product(&of_gone.to_rows());
                let is_fewer = samples.rows() < kept.len();
                if is_fewer {
                    let Some(small) = inverse(damped_squares_of_rows(&of_kept, added)?) else {
                        return Ok(None);
                    };
                    y = Matrix::of_rows(&y, columns, samples.parallelism())?.left_product(&small.to_rows());
                }
                let right = product(&of_kept.to_rows(), kept.len(), &y, columns, samples)?;
                if is_fewer {
                    return Ok(Some(right));
                }
                right
            }
        };
        let Some(small) = inverse(self.damped_part(kept, added)?) else { return Ok(None) };
        product(&small.to_rows(), kept.len(), &right.to_rows(), columns, &small).map(Some)
    }

    /// The variance of x·D over all outputs: tr(Dᵀ·C·D), of D with so many columns.
    pub(super) fn variance_of(&self, d: &[f64], columns: usize) -> f64 {
        let n = d.len() / columns;
        let mut transposed = vec![0.0; d.len()];
        for (row, values) in d.chunks_exact(columns).enumerate() {
            values.iter().enumerate().for_each(|(column, value)| transposed[column * n + row] = *value);
        }
        let dot = super::cholesky::dot;
        match self {
            Self::Whole(whole) => {
                let product = whole.left_product(&transposed);
                let parts = product.chunks_exact(n).zip(transposed.chunks_exact(n));
                parts.map(|(a, b)| dot(a, b)).sum::<f64>().max(0.0)
            }
            Self::OfSamples(samples) => {
                let product = samples.row_products(&transposed);
                product.chunks_exact(samples.rows()).map(|row| dot(row, row)).sum()
            }
        }
    }
}

/// xᵀ·y of rows x and y, where x has so many columns.
fn product(x: &[f64], rows: usize, y: &[f64], columns: usize, like: &Matrix) -> Result<Matrix> {
    let mut product = Matrix::zeros(rows, columns, like.parallelism())?;
    product.add_product(1.0, x, y);
    Ok(product)
}

/// The matrix with these columns alone.
pub(super) fn columns_of(samples: &Matrix, columns: &[usize]) -> Result<Matrix> {
    let all: Vec<usize> = (0..samples.rows()).collect();
    samples.part(&all, columns)
}

/// Aᵀ·A.
pub(super) fn squares_of_columns(a: &Matrix) -> Result<Matrix> {
    let rows = a.to_rows();
    product(&rows, a.columns(), &rows, a.columns(), a)
}

/// A·Aᵀ + λI.
pub(super) fn damped_squares_of_rows(a: &Matrix, added: f64) -> Result<Matrix> {
    let mut squares = Matrix::of_rows(&a.row_products(&a.to_rows()), a.rows(), a.parallelism())?;
    for i in 0..a.rows() {
        squares.set(i, i, squares.get(i, i) + added);
    }
    Ok(squares)
}
