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

/// All cases of a width in batches of several sizes; all failures are told, not only the first.
fn check(width: usize) {
    let (mut count, mut failures) = (0, Vec::new());
    for batch in [1, 2, 5] {
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
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(count > 400, "only {count} cases");
}

// A test for each width, so that they run side by side, and some alone where all take too long.

#[test]
fn layers_and_losses_of_width_1_agree_with_finite_differences() {
    check(1);
}

#[test]
fn layers_and_losses_of_width_3_agree_with_finite_differences() {
    check(3);
}

#[test]
fn layers_and_losses_of_width_17_agree_with_finite_differences() {
    check(17);
}

#[test]
fn layers_and_losses_of_width_33_agree_with_finite_differences() {
    check(33);
}
