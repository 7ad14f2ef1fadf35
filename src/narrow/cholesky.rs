//! The Cholesky factor of a small matrix, and what is solved with it.

/// L of A = L·Lᵀ, for a symmetric positive definite A of n rows.
pub(super) struct Cholesky {
    n: usize,
    /// Row after row; above the diagonal is anything.
    factor: Vec<f64>,
}

impl Cholesky {
    /// None where A is not positive definite in the numbers at hand.
    pub(super) fn new(mut a: Vec<f64>, n: usize) -> Option<Self> {
        for j in 0..n {
            let (above, row) = a.split_at_mut(j * n);
            for k in 0..j {
                let dot: f64 = row[..k].iter().zip(&above[k * n..]).map(|(a, b)| a * b).sum();
                row[k] = (row[k] - dot) / above[k * n + k];
            }
            let rest = row[j] - row[..j].iter().map(|value| value * value).sum::<f64>();
            if rest.is_nan() || rest <= 0.0 {
                return None;
            }
            row[j] = rest.sqrt();
        }
        Some(Self { n, factor: a })
    }

    pub(super) fn get(&self, row: usize, column: usize) -> f64 {
        self.factor[row * self.n + column]
    }

    /// B ← L⁻¹·B, of a matrix with n rows of so many columns.
    pub(super) fn solve_lower(&self, b: &mut [f64], columns: usize) {
        for row in 0..self.n {
            let (above, own) = b.split_at_mut(row * columns);
            let own = &mut own[..columns];
            for (k, above) in above.chunks_exact(columns).enumerate() {
                subtract(own, self.get(row, k), above);
            }
            let scale = self.get(row, row).recip();
            own.iter_mut().for_each(|value| *value *= scale);
        }
    }

    /// B ← L⁻ᵀ·B.
    pub(super) fn solve_upper(&self, b: &mut [f64], columns: usize) {
        for row in (0..self.n).rev() {
            let (own, below) = b[row * columns..].split_at_mut(columns);
            for (k, below) in below.chunks_exact(columns).take(self.n - row - 1).enumerate() {
                subtract(own, self.get(row + 1 + k, row), below);
            }
            let scale = self.get(row, row).recip();
            own.iter_mut().for_each(|value| *value *= scale);
        }
    }
}

/// to ← to − scale·from.
pub(super) fn subtract(to: &mut [f64], scale: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to -= scale * from);
}

/// The sum of the products.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_whole, a_rest) = a.as_chunks::<8>();
    let (b_whole, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_whole.iter().zip(b_whole) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_solved_gives_the_right_side_again() {
        let n = 5;
        // Minimum of the two numbers counted from 1: positive definite, and its factor is ones.
        let a: Vec<f64> = (0..n * n).map(|place| ((place / n).min(place % n) + 1) as f64).collect();
        let cholesky = Cholesky::new(a.clone(), n).unwrap();
        assert!((0..n).all(|row| (0..=row).all(|column| cholesky.get(row, column) == 1.0)));
        let right: Vec<f64> = (0..n * 3).map(|place| ((place * 7) % 11) as f64 - 5.0).collect();
        let mut x = right.clone();
        cholesky.solve_lower(&mut x, 3);
        cholesky.solve_upper(&mut x, 3);
        for row in 0..n {
            for column in 0..3 {
                let sum: f64 = (0..n).map(|k| a[row * n + k] * x[k * 3 + column]).sum();
                assert!((sum - right[row * 3 + column]).abs() < 1e-12);
            }
        }
        assert!(Cholesky::new(vec![1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(Cholesky::new(vec![f64::NAN], 1).is_none());
        assert_eq!(dot(&[1.0; 11], &[2.0; 11]), 22.0);
    }
}
