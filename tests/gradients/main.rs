//! Every layer and every loss against finite differences, and every error planted in one of them is found.

#[path = "../common/layers.rs"]
mod all_layers;
mod cases;
mod gradcheck_itself;
mod inner_models;
mod input;
mod kinds;
mod parts;
mod planted;

use cases::{layers, losses};
use taper::gradcheck;

/// All cases at all sizes; all failures are told, not only the first.
fn check(widths: &[usize], batches: &[usize]) {
    let (mut count, mut failures) = (0, Vec::new());
    for &width in widths {
        for &batch in batches {
            for mut case in layers(width) {
                count += 1;
                let x = case.input(batch);
                if let Err(error) = gradcheck::layer(&mut *case.layer, &x) {
                    failures.push(format!("{} of width {width}, batch {batch}: {error}", case.name));
                }
            }
            for case in losses(width, batch) {
                count += 1;
                if let Err(error) = gradcheck::loss(&*case.loss, &case.outputs, case.target()) {
                    failures.push(format!("{} of width {width}, batch {batch}: {error}", case.name));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(count > 400, "only {count} cases");
}

// In several tests, so that they run side by side, and the first alone where all take too long.

#[test]
fn narrow_layers_and_losses_agree_with_finite_differences() {
    check(&[1, 3], &[1, 2, 5]);
}

#[test]
fn medium_layers_and_losses_agree_with_finite_differences() {
    check(&[17], &[1, 2, 5]);
}

#[test]
fn wide_layers_and_losses_agree_with_finite_differences() {
    check(&[33], &[1, 2, 5]);
}
