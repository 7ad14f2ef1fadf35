//! The inverse of a symmetric positive definite matrix.

use super::cholesky::Cholesky;
use super::matrix::Matrix;

/// So many rows are swept at once: the products are then large enough for the kernels.
const BLOCK: usize = 64;

/// A⁻¹; none where A is not positive definite in the numbers at hand.
///
/// By sweeps (Beaton, 1964): to sweep rows K is
///
/// ```text
/// A_RR ← A_RR − A_RK·A_KK⁻¹·A_KR      A_KR ← A_KK⁻¹·A_KR      A_KK ← −A_KK⁻¹
/// ```
///
/// for all other rows R. When all are swept, A is −A⁻¹. Nearly all of it is the product, one chain of fused multiply-adds for each number.
pub(super) fn inverse(mut a: Matrix) -> Option<Matrix> {
    let n = a.rows();
    for start in (0..n).step_by(BLOCK) {
        let size = BLOCK.min(n - start);
        let mut rows = vec![0.0; size * n];
        for (number, row) in rows.chunks_exact_mut(n).enumerate() {
            a.read_row(start + number, row);
        }
        let pivot = rows.chunks_exact(n).flat_map(|row| &row[start..start + size]).copied().collect();
        let cholesky = Cholesky::new(pivot, size)?;
        cholesky.solve_lower(&mut rows, n);
        a.add_product(-1.0, &rows, &rows);
        cholesky.solve_upper(&mut rows, n);
        let mut pivot: Vec<f64> =
            (0..size * size).map(|place| f64::from(u8::from(place % (size + 1) == 0))).collect();
        cholesky.solve_lower(&mut pivot, size);
        cholesky.solve_upper(&mut pivot, size);
        for (number, row) in rows.chunks_exact_mut(n).enumerate() {
            let own = &pivot[number * size..][..size];
            row[start..start + size].iter_mut().zip(own).for_each(|(to, value)| *to = -value);
            a.write_row(start + number, row);
            for (other, &value) in row.iter().enumerate() {
                a.set(other, start + number, value);
            }
        }
    }
    a.negate();
    Some(a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parallelism;

    #[test]
    fn the_product_with_the_inverse_is_one() {
        for n in [1, 3, 64, 65, 150] {
            let value = |row: usize, column: usize| {
                let distance = row.abs_diff(column) as f64;
                (-distance / 7.0).exp() + if row == column { 0.01 } else { 0.0 }
            };
            let values: Vec<f64> = (0..n * n).map(|place| value(place / n, place % n)).collect();
            let a = Matrix::of_rows(&values, n, Parallelism::Threads(1)).unwrap();
            let inverse = inverse(a).unwrap();
            let product = inverse.left_product(&values);
            for (place, value) in product.iter().enumerate() {
                let one = f64::from(u8::from(place % (n + 1) == 0));
                assert!((value - one).abs() < 1e-11, "{n}: {value} at {place}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_none() {
        let a = Matrix::of_rows(&[1.0, 2.0, 2.0, 1.0], 2, Parallelism::Threads(1)).unwrap();
        assert!(inverse(a).is_none());
    }
}
