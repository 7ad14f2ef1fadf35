//! Eigenvalues and eigenvectors of a symmetric matrix.

use super::cholesky::{dot, subtract};

/// A = Σ λ·v·vᵀ.
pub(super) struct Eigen {
    /// The eigenvalues, the largest first.
    pub(super) values: Vec<f64>,
    /// The eigenvector of each, of length 1, one after another.
    pub(super) vectors: Vec<f64>,
}

/// So many steps find an eigenvalue, or none will: two or three are usual.
const MOST_STEPS: usize = 60;

impl Eigen {
    /// Of a symmetric matrix of n rows: Householder's reflections make it tridiagonal, and rotations with implicit shifts diagonal
    /// (Bowdler, Martin, Reinsch and Wilkinson, 1968). None where it has a number that is not finite.
    pub(super) fn new(mut a: Vec<f64>, n: usize) -> Option<Self> {
        // Rows of `q` become the eigenvectors.
        let mut q = vec![0.0; n * n];
        (0..n).for_each(|i| q[i * n + i] = 1.0);
        let mut off = vec![0.0; n];
        for k in 0..n.saturating_sub(2) {
            reflect(&mut a, &mut q, n, k);
        }
        let mut diagonal: Vec<f64> = (0..n).map(|i| a[i * n + i]).collect();
        (1..n).for_each(|i| off[i - 1] = a[i * n + i - 1]);
        rotate(&mut diagonal, &mut off, &mut q, n)?;
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&i, &j| diagonal[j].total_cmp(&diagonal[i]));
        let values = order.iter().map(|&i| diagonal[i]).collect();
        let vectors = order.iter().flat_map(|&i| &q[i * n..][..n]).copied().collect();
        Some(Self { values, vectors })
    }
}

/// Makes column k of A zero below the diagonal and the number under it: A ← H·A·H, and the rows of Q ← H·Q, with H = 1 − 2·u·uᵀ.
fn reflect(a: &mut [f64], q: &mut [f64], n: usize, k: usize) {
    let mut u: Vec<f64> = (0..n).map(|i| if i > k { a[i * n + k] } else { 0.0 }).collect();
    let length = dot(&u, &u).sqrt();
    if u[k + 2..].iter().all(|value| *value == 0.0) {
        return;
    }
    u[k + 1] += if u[k + 1] < 0.0 { -length } else { length };
    let scale = dot(&u, &u).sqrt().recip();
    u.iter_mut().for_each(|value| *value *= scale);
    // p = A·u, and A ← A − 2·u·wᵀ − 2·w·uᵀ with w = p − u·(uᵀp).
    let mut w: Vec<f64> = a.chunks_exact(n).map(|row| dot(row, &u)).collect();
    let along = dot(&u, &w);
    subtract(&mut w, along, &u);
    for (i, row) in a.chunks_exact_mut(n).enumerate() {
        if u[i] != 0.0 || w[i] != 0.0 {
            subtract(row, 2.0 * u[i], &w);
            subtract(row, 2.0 * w[i], &u);
        }
    }
    let mut products = vec![0.0; n];
    for (row, &u) in q.chunks_exact(n).zip(&u).filter(|(_, u)| **u != 0.0) {
        subtract(&mut products, -u, row);
    }
    for (row, &u) in q.chunks_exact_mut(n).zip(&u).filter(|(_, u)| **u != 0.0) {
        subtract(row, 2.0 * u, &products);
    }
}

/// Makes a tridiagonal matrix diagonal, and turns the rows of Q along.
fn rotate(diagonal: &mut [f64], off: &mut [f64], q: &mut [f64], n: usize) -> Option<()> {
    for first in 0..n {
        for step in 0.. {
            let is_small = |i: usize| {
                let around = diagonal[i].abs() + diagonal[i + 1].abs();
                off[i].abs() <= f64::EPSILON * around
            };
            let last = (first..n - 1).find(|&i| is_small(i)).unwrap_or(n - 1);
            if last == first {
                break;
            }
            if step == MOST_STEPS {
                return None;
            }
            let half = (diagonal[first + 1] - diagonal[first]) / (2.0 * off[first]);
            let root = half.hypot(1.0).copysign(half);
            let mut g = diagonal[last] - diagonal[first] + off[first] / (half + root);
            let (mut sine, mut cosine, mut p) = (1.0, 1.0, 0.0);
            let mut is_whole = true;
            for i in (first..last).rev() {
                let (f, b) = (sine * off[i], cosine * off[i]);
                let length = f.hypot(g);
                off[i + 1] = length;
                if length == 0.0 {
                    diagonal[i + 1] -= p;
                    off[last] = 0.0;
                    is_whole = false;
                    break;
                }
                (sine, cosine) = (f / length, g / length);
                let moved = diagonal[i + 1] - p;
                let r = (diagonal[i] - moved) * sine + 2.0 * cosine * b;
                p = sine * r;
                diagonal[i + 1] = moved + p;
                g = cosine * r - b;
                let (above, below) = q[i * n..].split_at_mut(n);
                for (a, b) in above.iter_mut().zip(&mut below[..n]) {
                    (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
                }
            }
            if is_whole {
                diagonal[first] -= p;
                off[first] = g;
                off[last] = 0.0;
            }
        }
    }
    diagonal.iter().all(|value| value.is_finite()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_and_are_at_right_angles() {
        for n in [1, 2, 3, 7, 40] {
            let value =
                |i: usize, j: usize| ((i * j * 7 + i + j) % 13) as f64 - 6.0 + if i == j { 3.0 } else { 0.0 };
            let a: Vec<f64> = (0..n * n).map(|place| value(place / n, place % n)).collect();
            let eigen = Eigen::new(a.clone(), n).unwrap();
            let vector = |i: usize| &eigen.vectors[i * n..][..n];
            assert!(eigen.values.windows(2).all(|pair| pair[0] >= pair[1]));
            for i in 0..n {
                for j in 0..n {
                    let one = f64::from(u8::from(i == j));
                    assert!((dot(vector(i), vector(j)) - one).abs() < 1e-12);
                    let sum: f64 = (0..n).map(|k| eigen.values[k] * vector(k)[i] * vector(k)[j]).sum();
                    assert!((sum - a[i * n + j]).abs() < 1e-11, "{n}: {sum}");
                }
            }
        }
        assert_eq!(Eigen::new(vec![2.0, 0.0, 0.0, 5.0], 2).unwrap().values, [5.0, 2.0]);
        assert!(Eigen::new(vec![f64::NAN; 9], 3).is_none());
    }
}
