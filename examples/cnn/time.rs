//! Times of a training step and of an inference.

use std::time::{Duration, Instant};

use taper::{Mode, Result, Tensor};

use super::recipe;

const BATCH: usize = 32;
const CLASSES: usize = 10;
/// For each of the two.
const TIME: Duration = Duration::from_millis(1500);

/// Prints the medians of many calls, in microseconds, for `time_pytorch.py` to read.
pub(crate) fn print() -> Result<()> {
    let mut model = recipe::model(CLASSES, 1)?;
    let x = Tensor::from_fn([BATCH, 28, 28], |i| ((i * 37 + 11) % 101) as f32 / 101.0)?;
    let labels: Vec<usize> = (0..BATCH).map(|sample| sample % CLASSES).collect();
    let one = Tensor::from_vec([1, 28, 28], x.as_slice()[..28 * 28].to_vec())?;
    let mut workspace = model.workspace(Mode::Infer, 1)?;

    let infer = median(|| model.infer(&one, &mut workspace).map(drop))?;
    let mut trainer = recipe::trainer(&mut model, 1)?;
    let train = median(|| trainer.step(&x, &labels).map(drop))?;
    println!("train_us {train:.1} infer_us {infer:.1}");
    Ok(())
}

/// The median of the calls, in microseconds, after some to warm up.
fn median(mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < TIME {
        let call_start = Instant::now();
        call()?;
        times.push(call_start.elapsed());
    }
    let mut warm = times.split_off(times.len() / 10);
    warm.sort_unstable();
    Ok(warm[warm.len() / 2].as_secs_f64() * 1e6)
}
