//! Products against sums of rounded numbers in more digits.

use super::backend::{Bf16Backend, available};
use super::*;
use crate::kernels::oracle::{self, Case, beyond, same_bits};
use crate::kernels::{DenseForward, DenseSize, Finish, Parallelism};

/// A layer whose numbers are in bf16 already: so products of what was rounded are compared with exact ones.
fn rounded(size: DenseSize) -> Case<f32> {
    let mut case = Case::<f32>::random(size);
    for values in [&mut case.x, &mut case.dy, &mut case.weight, &mut case.panels] {
        values.iter_mut().for_each(|value| *value = bf16_value(bf16_bits(*value)));
    }
    case
}

fn panels(case: &Case<f32>) -> Vec<Pair> {
    let layout = Bf16Panels { rows: case.size.inputs, columns: case.size.outputs };
    let mut panels = vec![Pair::round(f32::NAN, f32::NAN); layout.len()];
    layout.fill(&mut panels, |row, column| bf16_bits(case.weight[row * case.size.outputs + column]));
    panels
}

fn forward(
    backend: Bf16Backend,
    case: &Case<f32>,
    finish: Finish<'_, f32>,
    parallelism: Parallelism,
) -> Vec<f32> {
    let mut y = vec![f32::NAN; case.size.batch * case.size.outputs];
    let mut scratch = vec![f32::NAN; case.size.batch * case.size.inputs.next_multiple_of(2)];
    let Case { size, x, bias, .. } = case;
    Bf16DenseForward { size: *size, x, weight: &panels(case), bias: Some(bias), finish, parallelism }.run_on(
        backend,
        &mut y,
        &mut scratch,
    );
    y
}

#[test]
fn forward_is_within_the_bound_at_every_size() {
    let mut failures = Vec::new();
    for size in oracle::sizes() {
        let case = rounded(size);
        let (exact, magnitude) = case.forward();
        for backend in available() {
            let y = forward(backend, &case, Finish::Nothing, Parallelism::Threads(1));
            let bound = DenseForward::<f32>::ERROR * size.inputs.max(1) as f64;
            let off = beyond(&y, &exact, &magnitude, bound);
            failures.extend(off.map(|off| format!("{} {size:?} {off}", backend.name())));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What comes in is rounded, and nothing else is.
#[test]
fn numbers_are_rounded_once_on_their_way_in() {
    let size = DenseSize { batch: 5, inputs: 37, outputs: 40 };
    let (case, exact) = (Case::<f32>::random(size), rounded(size));
    for backend in available() {
        let run = |case| forward(backend, case, Finish::Relu, Parallelism::Threads(1));
        assert!(same_bits(&run(&case), &run(&exact)), "{}", backend.name());
    }
}

#[test]
fn a_sample_has_the_same_bits_in_every_batch_and_on_any_threads() {
    let mut failures = Vec::new();
    for backend in available() {
        for (inputs, outputs) in [(1, 1), (7, 33), (301, 100), (9001, 3)] {
            let whole = Case::<f32>::random(DenseSize { batch: 40, inputs, outputs });
            let expected = forward(backend, &whole, Finish::Relu, Parallelism::Threads(1));
            for batch in [1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 33, 40] {
                for (first, threads) in [(0, 1), ((40 - batch) / 2, 2), (40 - batch, 3)] {
                    let part = whole.samples(first..first + batch);
                    let y = forward(backend, &part, Finish::Relu, Parallelism::Threads(threads));
                    if !same_bits(&y, &expected[first * outputs..][..y.len()]) {
                        failures.push(format!(
                            "{backend:?} {batch} from {first}, {inputs} -> {outputs}, {threads}"
                        ));
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn nan_and_infinity_stay_in_their_samples() {
    for backend in available() {
        let mut case = Case::<f32>::random(DenseSize { batch: 11, inputs: 601, outputs: 40 });
        case.x[5 * 601 + 600] = f32::from_bits(0x7f80_0001);
        case.x[7 * 601] = f32::INFINITY;
        let y = forward(backend, &case, Finish::Relu, Parallelism::Threads(1));
        for (i, y) in y.iter().enumerate() {
            assert_eq!(y.is_nan(), i / 40 == 5, "{} [{i}]", backend.name());
            assert!(i / 40 != 7 || *y == 0.0 || y.is_infinite(), "{} [{i}] {y}", backend.name());
        }
    }
}

#[test]
fn panels_come_back() {
    for (rows, columns) in [(1, 1), (2, 32), (3, 33), (8, 5), (5, 70)] {
        let case = rounded(DenseSize { batch: 1, inputs: rows, outputs: columns });
        let layout = Bf16Panels { rows, columns };
        for (place, &expected) in case.weight.iter().enumerate() {
            let bits = layout.bits(&panels(&case), place / columns, place % columns);
            assert_eq!(bf16_value(bits), expected);
        }
        let zeros = panels(&case).iter().flat_map(|pair| pair.to_bits()).filter(|&bits| bits == 0).count();
        assert_eq!(zeros, 2 * layout.len() - rows * columns, "{rows} x {columns}: padding");
    }
}

/// The gradients of a layer in bf16, those of inputs and of the weight in panels of `f32`, with scratch that has anything in it.
fn gradients(
    backend: Bf16Backend,
    case: &Case<f32>,
    threads: usize,
    scratch: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    let Case { size, x, dy, .. } = case;
    let parallelism = Parallelism::Threads(threads);
    let mut dx = vec![f32::NAN; size.batch * size.inputs];
    Bf16InputGradient { size: *size, dy, weight: &panels(case), parallelism }
        .run_on(backend, &mut dx, scratch);
    let gradient = Bf16WeightGradient::rounded(backend, *size, x, dy, scratch, parallelism);
    let mut dw = vec![f32::NAN; case.panels.len()];
    let (mut start, run) = (0, 8 * 3 * 32);
    for out in dw.chunks_mut(run) {
        gradient.write_rounded(start..start + out.len(), 1.0, 0.0, out);
        start += out.len();
    }
    (dx, dw)
}

#[test]
fn gradients_are_within_the_bound_at_every_size() {
    let (mut failures, mut scratch) = (Vec::new(), vec![f32::NAN; 2 << 20]);
    for size in oracle::sizes().into_iter().filter(|size| size.batch > 0) {
        let case = rounded(size);
        let (dx_exact, dx_magnitude) = case.input_gradient();
        let (dw_exact, dw_magnitude) = case.weight_gradient();
        for backend in available() {
            let (dx, dw) = gradients(backend, &case, 1, &mut scratch);
            let mut matrix = vec![f32::NAN; case.weight.len()];
            size.panels::<f32>().unpack(&dw, &mut matrix);
            let zeros = dw.iter().filter(|&&dw| dw == 0.0).count();
            assert!(zeros >= dw.len() - matrix.len(), "{} {size:?}: padding is not zero", backend.name());
            let off = beyond(&dx, &dx_exact, &dx_magnitude, 3.0 * size.outputs as f64);
            failures.extend(off.map(|off| format!("{} {size:?} dx{off}", backend.name())));
            let off = beyond(&matrix, &dw_exact, &dw_magnitude, 3.0 * size.batch as f64);
            failures.extend(off.map(|off| format!("{} {size:?} dw{off}", backend.name())));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn gradients_have_the_same_bits_on_any_threads() {
    let mut scratch = vec![f32::NAN; 3 << 20];
    for backend in available() {
        for (batch, inputs, outputs) in [(1, 4003, 260), (9, 3003, 130), (33, 1003, 131)] {
            let case = Case::<f32>::random(DenseSize { batch, inputs, outputs });
            let (dx, dw) = gradients(backend, &case, 1, &mut scratch);
            for threads in [2, 3] {
                let (dx_shared, dw_shared) = gradients(backend, &case, threads, &mut scratch);
                assert!(
                    same_bits(&dx, &dx_shared) && same_bits(&dw, &dw_shared),
                    "{} {batch}",
                    backend.name()
                );
            }
            let exact = gradients(backend, &rounded(case.size), 1, &mut scratch);
            assert!(same_bits(&exact.0, &dx) && same_bits(&exact.1, &dw), "{}: rounded once", backend.name());
        }
    }
}

#[test]
fn a_weight_is_rounded_in_its_panels() {
    for (rows, columns) in [(1, 1), (2, 32), (3, 33), (8, 5), (5, 70), (64, 100)] {
        let case = Case::<f32>::random(DenseSize { batch: 1, inputs: rows, outputs: columns });
        let expected = panels(&case);
        for threads in [1, 3] {
            let mut pairs = vec![Pair::default(); expected.len()];
            round_panels(&case.panels, rows, Parallelism::Threads(threads), &mut pairs);
            assert_eq!(pairs, expected, "{rows} x {columns}");
        }
    }
}
