// What all programs have in common: which file, and the time of a call.

use std::time::{Duration, Instant};

/// The file of the model, the first argument.
fn file() -> String {
    std::env::args().nth(1).expect("the file of a model")
}

/// The inputs of all programs: sample s has (s·7 + i) mod 11 / 11 at place i.
fn inputs(batch: usize, width: usize) -> Vec<f32> {
    (0..batch).flat_map(|s| (0..width).map(move |i| ((s * 7 + i) % 11) as f32 / 11.0)).collect()
}

/// Prints the outputs of the last sample, and the median time of a call over a second.
fn report(batch: usize, mut run: impl FnMut() -> Vec<f32>) {
    let outputs = run();
    let (start, mut times) = (Instant::now(), Vec::new());
    while start.elapsed() < Duration::from_secs(1) || times.len() < 5 {
        let call = Instant::now();
        std::hint::black_box(run());
        times.push(call.elapsed());
    }
    times.sort();
    let last = &outputs[outputs.len() - outputs.len() / batch..];
    println!("batch {batch}: {:.4} ms, outputs {last:.4?}", times[times.len() / 2].as_secs_f64() * 1e3);
}
