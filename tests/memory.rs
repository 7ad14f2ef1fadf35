//! What training takes from the system. A binary of its own: the peak is that of the whole process.

#![cfg(target_os = "linux")]

use std::fs;

use taper::losses::CrossEntropy;
use taper::optimizers::{Adam, Clip, Sgd};
use taper::train::Precision;
use taper::{Mode, Optimizer, Sequential, Tensor, Trainer, seeded};

const BATCH: usize = 32;
const MB: usize = 1 << 20;

/// A line of the process's memory figures, in bytes.
fn memory(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the system tells");
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// The peak of the memory in use during two steps, without what was there before the model, and the bytes of the
/// parameters, of the workspace and the input.
fn peak(optimizer: Optimizer<f32>) -> (usize, usize, usize) {
    let before = memory("VmRSS:");
    let builder = Sequential::<f32>::builder([12544]).dense(1024).relu().dense(512).relu().dense(3);
    let mut model = builder.build(&mut seeded(7)).unwrap();
    let parameters = model.summary().rows.iter().map(|row| row.bytes).sum();
    let workspace = model.workspace(Mode::Train, BATCH).unwrap().bytes();
    let x = Tensor::full([BATCH, 12544], 0.5).unwrap();
    let labels: Vec<usize> = (0..BATCH).map(|sample| sample % 3).collect();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer);
    // The system starts a new peak; making the model had one of its own.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    for _ in 0..2 {
        trainer.step(&x, &labels).unwrap();
    }
    let peak = memory("VmHWM:").saturating_sub(before);
    (peak, parameters, workspace + size_of_val(x.as_slice()))
}

/// Weights and the two moments, activations, and no gradient of a weight.
#[test]
fn a_gradient_is_never_in_memory_as_a_whole() {
    let adam = || Optimizer::new(Adam::new(1e-3).unwrap());
    let (used, parameters, activations) = peak(adam());
    let limit = 3 * parameters + activations + 8 * MB;
    assert!(used <= limit, "{used} bytes, at most {limit}");
    assert!(used > 3 * parameters, "{used} bytes are too few to be true");
    // A limit for the norm of each gradient needs them in memory, and is seen.
    let (used, ..) = peak(adam().with_clip(Clip::Norm(1.0)).unwrap());
    assert!(used > limit, "{used} bytes with gradients in memory");
    copies_in_bf16_go_with_their_trainer();
}

/// Of a model that a trainer borrows and that is only read after it.
fn copies_in_bf16_go_with_their_trainer() {
    let before = memory("VmRSS:");
    let mut model = Sequential::<f32>::builder([8192]).dense(1024).build(&mut seeded(7)).unwrap();
    let parameters: usize = model.summary().rows.iter().map(|row| row.bytes).sum();
    let optimizer = Optimizer::new(Sgd::new(0.1).unwrap());
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer);
    let mut trainer = trainer.with_precision(Precision::Bf16).unwrap();
    trainer.step(&Tensor::full([1, 8192], 0.5).unwrap(), &[3]).unwrap();
    let with_copy = memory("VmRSS:").saturating_sub(before);
    drop(trainer);
    let left = memory("VmRSS:").saturating_sub(before);
    println!("{parameters} bytes of parameters, {with_copy} with a copy, {left} without");
    assert!(with_copy >= parameters + parameters / 2 - MB, "{with_copy} bytes are too few to be true");
    assert!(left <= parameters + 4 * MB, "{left} bytes for {parameters}");
    assert_eq!(model.parameters(), 8193 * 1024);
}
