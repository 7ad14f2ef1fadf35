//! The inverse of damped covariances, of which numbers are left out.

use super::cholesky::{Cholesky, dot};
use super::covariance::{Covariance, columns_of, damped_squares_of_rows, squares_of_columns};
use super::inverse::inverse;
use super::matrix::Matrix;
use super::moments::Moments;
use crate::{Parallelism, Result};

/// (C + λI)⁻¹ of the numbers that are left.
pub(super) enum Precision {
    Whole(Matrix),
    /// With the samples A of C = Aᵀ·A it is (I − Aᵀ·P·A)/λ, where P = (A·Aᵀ + λI)⁻¹ is small. Columns of A of numbers that were left out are zero.
    OfSamples {
        samples: Matrix,
        inverse: Matrix,
        added: f64,
    },
}

/// Rows that are asked for so many at a time take the samples through the cache once for all of them.
const MANY: usize = 8;

/// Of so many numbers the matrix takes no more time than so many samples do; of more it takes more. The numbers are asked for `at_once` at a time.
pub(super) fn most_as_a_matrix(samples: usize, at_once: usize) -> usize {
    samples.saturating_mul(if at_once >= MANY { 1 } else { 4 })
}

impl Precision {
    /// Of all numbers, which are asked for so many at a time. None where there is no inverse in the numbers at hand.
    pub(super) fn new(moments: &Moments, at_once: usize) -> Result<Option<Self>> {
        let all: Vec<usize> = (0..moments.means.len()).collect();
        if let Covariance::OfSamples(samples) = &moments.covariance
            && all.len() > most_as_a_matrix(samples.rows(), at_once)
        {
            let Some(inverse) = inverse(damped_squares_of_rows(samples, moments.added)?) else {
                return Ok(None);
            };
            return Ok(Some(Self::OfSamples { samples: samples.copy()?, inverse, added: moments.added }));
        }
        Ok(inverse(moments.covariance.damped_part(&all, moments.added)?).map(Self::Whole))
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Whole(matrix) => matrix.rows(),
            Self::OfSamples { samples, .. } => samples.columns(),
        }
    }

    pub(super) fn parallelism(&self) -> Parallelism {
        match self {
            Self::Whole(matrix) | Self::OfSamples { inverse: matrix, .. } => matrix.parallelism(),
        }
    }

    /// These rows.
    pub(super) fn rows(&self, rows: &[usize]) -> Vec<f64> {
        let n = self.len();
        match self {
            Self::Whole(matrix) => {
                let mut read = vec![0.0; rows.len() * n];
                rows.iter().zip(read.chunks_exact_mut(n)).for_each(|(&row, to)| matrix.read_row(row, to));
                read
            }
            Self::OfSamples { samples, inverse, added } => {
                let mut read = samples.left_product(&inverse.left_product(&columns(samples, rows)));
                read.iter_mut().for_each(|value| *value /= -added);
                rows.iter().enumerate().for_each(|(number, row)| read[number * n + row] += added.recip());
                read
            }
        }
    }

    /// Where these rows meet these columns.
    pub(super) fn block(&self, rows: &[usize]) -> Vec<f64> {
        let size = rows.len();
        let pairs = (0..size * size).map(|place| (place / size, place % size));
        match self {
            Self::Whole(matrix) => pairs.map(|(a, b)| matrix.get(rows[a], rows[b])).collect(),
            Self::OfSamples { samples, inverse, added } => {
                let mut block = less_than_one(&columns(samples, rows), inverse);
                block.iter_mut().for_each(|value| *value /= added);
                block
            }
        }
    }

    /// Leaves these numbers out, of which V has rows with C⁻¹ ← C⁻¹ − Vᵀ·V. False where no inverse is left in the numbers at hand.
    ///
    /// Of samples, with their columns G:
    ///
    /// ```text
    /// P ← P + Zᵀ·Z        Z = L⁻¹·A_Gᵀ·P        L·Lᵀ = I − A_Gᵀ·P·A_G
    /// ```
    pub(super) fn leave_out(&mut self, numbers: &[usize], v: &[f64]) -> Result<bool> {
        match self {
            Self::Whole(matrix) => matrix.add_product(-1.0, v, v),
            Self::OfSamples { samples, inverse: small, added } => {
                let gone = columns(samples, numbers);
                for (row, number) in
                    (0..samples.rows()).flat_map(|row| numbers.iter().map(move |number| (row, *number)))
                {
                    samples.set(row, number, 0.0);
                }
                if let Some(cholesky) = Cholesky::new(less_than_one(&gone, small), numbers.len()) {
                    let mut z = small.left_product(&gone);
                    cholesky.solve_lower(&mut z, samples.rows());
                    small.add_product(1.0, &z, &z);
                } else {
                    let Some(anew) = inverse(damped_squares_of_rows(samples, *added)?) else {
                        return Ok(false);
                    };
                    *small = anew;
                }
            }
        }
        Ok(true)
    }

    /// Keeps these numbers alone, when all others were left out. False where no inverse is left in the numbers at hand.
    pub(super) fn keep(&mut self, numbers: &[usize], at_once: usize) -> Result<bool> {
        match self {
            Self::Whole(matrix) => *matrix = matrix.part(numbers, numbers)?,
            Self::OfSamples { samples, added, .. } => {
                *samples = columns_of(samples, numbers)?;
                if numbers.len() <= most_as_a_matrix(samples.rows(), at_once) {
                    let mut damped = squares_of_columns(samples)?;
                    (0..numbers.len()).for_each(|i| damped.set(i, i, damped.get(i, i) + *added));
                    let Some(whole) = inverse(damped) else { return Ok(false) };
                    *self = Self::Whole(whole);
                }
            }
        }
        Ok(true)
    }

    /// Whether it is the matrix itself.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }
}

/// These columns, each as a row.
fn columns(samples: &Matrix, numbers: &[usize]) -> Vec<f64> {
    let column = |&number: &usize| (0..samples.rows()).map(move |row| samples.get(row, number));
    numbers.iter().flat_map(column).collect()
}

/// I − X·P·Xᵀ, of rows X.
fn less_than_one(x: &[f64], p: &Matrix) -> Vec<f64> {
    let (count, size) = (p.rows(), x.len() / p.rows());
    let products = p.left_product(x);
    let pairs = products.chunks_exact(count).flat_map(|a| x.chunks_exact(count).map(move |b| dot(a, b)));
    pairs.enumerate().map(|(place, value)| f64::from(u8::from(place % (size + 1) == 0)) - value).collect()
}
