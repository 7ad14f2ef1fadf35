//! The forward product against the shortest correct code.

use super::*;
use crate::kernels::Parallelism;
use crate::kernels::backend::{Backend, available};
use crate::kernels::oracle::{self, Case, Numbers, same_bits};

fn forward<T: Numbers>(
    backend: Backend,
    case: &Case<T>,
    finish: Finish<'_, T>,
    parallelism: Parallelism,
) -> Vec<T> {
    let mut y = vec![T::nan(); case.size.batch * case.size.outputs];
    let Case { size, x, panels, bias, .. } = case;
    DenseForward { size: *size, x, weight: panels, bias: Some(bias), finish, parallelism }
        .run_on(backend, &mut y);
    y
}

fn every_size_is_within_the_bound<T: Numbers>() {
    let terms = |size: DenseSize| size.inputs.max(1);
    oracle::check_every_size(Case::<T>::forward, terms, DenseForward::<T>::ERROR, |backend, case| {
        forward(backend, case, Finish::Nothing, Parallelism::Threads(1))
    });
}
oracle::in_both_precisions!(every_size_is_within_the_bound);

#[test]
fn a_sample_has_the_same_bits_in_every_batch_and_on_any_threads() {
    let mut failures = Vec::new();
    for (name, backend) in available() {
        for (inputs, outputs) in [(1, 1), (7, 33), (300, 100), (9001, 3)] {
            let whole = Case::<f32>::random(DenseSize { batch: 150, inputs, outputs });
            let expected = forward(backend, &whole, Finish::Relu, Parallelism::Threads(1));
            for batch in [1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 33, 150] {
                for (first, threads) in [(0, 1), ((150 - batch) / 2, 2), (150 - batch, 3)] {
                    let part = whole.samples(first..first + batch);
                    let y = forward(backend, &part, Finish::Relu, Parallelism::Threads(threads));
                    if !same_bits(&y, &expected[first * outputs..][..y.len()]) {
                        failures
                            .push(format!("{name} {batch} from {first}, {inputs} -> {outputs}, {threads}"));
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_finish_sees_each_output_once() {
    for (name, backend) in available() {
        for size in oracle::sizes() {
            let case = Case::<f32>::random(size);
            let plain = forward(backend, &case, Finish::Nothing, Parallelism::Pool);
            let relu = forward(backend, &case, Finish::Relu, Parallelism::Pool);
            let twice = |y: &mut [f32]| y.iter_mut().for_each(|y| *y = *y * 2.0 + 1.0);
            let function = forward(backend, &case, Finish::Function(&twice), Parallelism::Pool);
            let expected: Vec<f32> = plain.iter().map(|&y| if y < 0.0 { 0.0 } else { y }).collect();
            assert!(same_bits(&relu, &expected), "{name} {size:?} relu");
            let expected: Vec<f32> = plain.iter().map(|&y| y * 2.0 + 1.0).collect();
            assert!(same_bits(&function, &expected), "{name} {size:?} function");
        }
    }
}

#[test]
fn nan_stays_in_its_sample_and_survives_relu() {
    for (name, backend) in available() {
        let mut case = Case::<f32>::random(DenseSize { batch: 11, inputs: 600, outputs: 40 });
        case.x[5 * 600 + 3] = f32::NAN;
        let y = forward(backend, &case, Finish::Relu, Parallelism::Threads(1));
        for (i, y) in y.iter().enumerate() {
            assert_eq!(y.is_nan(), i / 40 == 5, "{name} [{i}]");
        }
    }
}

/// The batch, its order and the threads are all there is to differ; so are the shapes here, drawn at random.
#[test]
fn a_sample_has_the_same_bits_in_every_company() {
    let mut numbers = oracle::random::<f64>(usize::from(u16::MAX), 11).into_iter().map(f64::abs);
    // Small numbers as often as large ones, from 1 to the largest.
    let mut up_to = |most: usize| (most as f64 + 1.0).powf(numbers.next().expect("enough of them")) as usize;
    let mut failures = Vec::new();
    for case in 0..120 {
        let size = DenseSize { batch: up_to(150), inputs: up_to(3000), outputs: up_to(300) };
        let whole = Case::<f32>::random(size);
        for (name, backend) in available() {
            let together = forward(backend, &whole, Finish::Relu, Parallelism::Threads(1));
            for _ in 0..3 {
                let batch = up_to(size.batch);
                let first = (up_to(size.batch) - 1).min(size.batch - batch);
                let threads = up_to(4);
                let some = forward(
                    backend,
                    &whole.samples(first..first + batch),
                    Finish::Relu,
                    Parallelism::Threads(threads),
                );
                if !same_bits(&some, &together[first * size.outputs..][..some.len()]) {
                    failures.push(format!(
                        "{name} case {case}: {batch} from {first} of {size:?}, {threads} threads"
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
