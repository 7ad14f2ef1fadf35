//! What predictions for many samples, and their evaluation, take from the system. A binary of its own: the peak is that of the whole process.

#![cfg(target_os = "linux")]

use std::fs;

use taper::losses::CrossEntropy;
use taper::train::Dataset;
use taper::{Mode, Sequential, Tensor, seeded};

const MB: usize = 1 << 20;
const SAMPLES: usize = 6000;

/// A line of the process's memory figures, in bytes.
fn memory(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the system tells");
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn memory_grows_with_the_result_only() {
    let builder = Sequential::<f32>::builder([28, 28, 1]).conv2d(16, 3).relu().flatten().dense(10);
    let model = builder.build(&mut seeded(7)).unwrap();
    let x = Tensor::from_fn([SAMPLES, 28, 28, 1], |i| (i % 101) as f32 / 101.0).unwrap();
    let few = model.workspace(Mode::Infer, 8).unwrap().bytes();
    assert!(few / 8 * SAMPLES > 400 * MB, "one workspace for all would not be seen");

    let before = memory("VmRSS:");
    // The system starts a new peak.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let outputs = model.predict(&x).unwrap();
    let used = memory("VmHWM:").saturating_sub(before);
    assert!(used < 64 * MB + 16 * MB, "{used} bytes");

    let labels = vec![1; SAMPLES];
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS:");
    model.evaluate(Dataset::new(&x, &labels).unwrap(), &CrossEntropy::new()).unwrap();
    let used = memory("VmHWM:").saturating_sub(before);
    assert!(used < 64 * MB + 16 * MB, "{used} bytes to evaluate");

    // The same bits as alone, on either side of where a batch may end, too.
    for sample in (0..20).chain((0..SAMPLES).step_by(97)).chain(SAMPLES - 20..SAMPLES) {
        let alone = Tensor::from_slice([1, 28, 28, 1], x.view().sample(sample)).unwrap();
        assert_eq!(
            model.predict(&alone).unwrap().as_slice(),
            outputs.view().sample(sample),
            "sample {sample}"
        );
    }
}
