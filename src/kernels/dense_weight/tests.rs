//! The weight's gradient against the shortest correct code.

use super::*;
use crate::kernels::backend::available;
use crate::kernels::oracle::{self, Case, Numbers, same_bits};

/// The whole gradient, in runs of so many rows, scratch and padding filled with NaN first.
fn gradient<T: Numbers>(backend: Backend, case: &Case<T>, rows: usize, alpha: T, beta: T, out: &mut [T]) {
    let Case { size, x, dy, .. } = case;
    let mut scratch = vec![T::nan(); DenseWeightGradient::<T>::scratch(*size)];
    let gradient = DenseWeightGradient::new_on(backend, *size, x, dy, &mut scratch, Parallelism::Threads(3));
    let mut start = 0;
    for out in out.chunks_mut(rows * T::PANEL_COLUMNS) {
        gradient.write(start..start + out.len(), alpha, beta, out);
        start += out.len();
    }
}

fn every_size_is_within_the_bound<T: Numbers>() {
    let (terms, error) = (|size: DenseSize| size.batch, DenseWeightGradient::<T>::ERROR);
    oracle::check_every_size(Case::<T>::weight_gradient, terms, error, |backend, case| {
        let panels = case.size.panels::<T>();
        let mut out = vec![T::nan(); panels.len()];
        gradient(backend, case, usize::MAX / 64, T::one(), T::zero(), &mut out);
        let mut matrix = vec![T::nan(); case.weight.len()];
        panels.unpack(&out, &mut matrix);
        let zeros = out.iter().filter(|&&dw| dw == T::zero()).count();
        assert!(zeros >= out.len() - matrix.len(), "{} {:?}: padding is not zero", backend.name(), case.size);
        matrix
    });
}
oracle::in_both_precisions!(every_size_is_within_the_bound);

#[test]
fn alpha_and_beta_and_runs_of_any_number_of_rows() {
    for (name, backend) in available() {
        for (batch, inputs, outputs) in
            [(1, 37, 70), (5, 37, 70), (20, 8, 33), (3, 1, 31), (9, 100, 3), (5, 37, 260)]
        {
            let case = Case::<f32>::random(DenseSize { batch, inputs, outputs });
            let len = case.panels.len();
            let mut sums = vec![f32::NAN; len];
            gradient(backend, &case, usize::MAX / 64, 1.0, 0.0, &mut sums);
            for rows in [1, 3, 8, 11, 64] {
                for (alpha, beta) in [(1.0, 0.0), (1.0, 1.0), (-0.25, 1.0), (2.0, 0.5)] {
                    let before = if beta == 0.0 { vec![f32::NAN; len] } else { oracle::random(len, 9) };
                    let mut out = before.clone();
                    gradient(backend, &case, rows, alpha, beta, &mut out);
                    let expected = |sum: f32, before: f32| {
                        if beta == 0.0 { alpha * sum } else { alpha * sum + beta * before }
                    };
                    let expected: Vec<f32> =
                        sums.iter().zip(&before).map(|(&s, &b)| expected(s, b)).collect();
                    assert!(
                        same_bits(&out, &expected),
                        "{name} {:?}, {rows} rows, {alpha} {beta}",
                        case.size
                    );
                }
            }
        }
    }
}

#[test]
fn padding_has_no_gradient_even_of_infinite_inputs() {
    for (name, backend) in available() {
        let mut case = Case::<f32>::random(DenseSize { batch: 3, inputs: 9, outputs: 5 });
        case.x.fill(f32::INFINITY);
        let mut out = vec![0.0; case.panels.len()];
        gradient(backend, &case, 8, -0.1, 1.0, &mut out);
        let padding = out.chunks(32).flat_map(|row| &row[5..]);
        assert!(padding.into_iter().all(|&dw| dw == 0.0), "{name}");
    }
}
