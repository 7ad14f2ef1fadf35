//! Any model of a file, narrowed by samples of another one.

use std::error::Error;
use std::path::Path;

/// Narrows as far as the outputs lose no more than a part of their variance.
#[cfg(feature = "npy")]
pub(crate) fn narrow(
    model: &Path,
    inputs: &Path,
    error: f64,
    to: Option<&Path>,
) -> Result<(), Box<dyn Error>> {
    use taper::narrow::Narrowing;
    use taper::{Sequential, Tensor};

    let is_onnx = model.extension().is_some_and(|extension| extension == "onnx");
    let model = if is_onnx { from_onnx(model)? } else { Sequential::<f32>::open(model)? };
    let inputs: Tensor<f32> = taper::io::npy::read(inputs)?;
    let narrowed = Narrowing::new().within_error(&model, &inputs, error)?;
    println!("{}", narrowed.report);
    if let Some(to) = to {
        narrowed.model.save(to)?;
        println!("the narrower model is in {}", to.display());
    }
    Ok(())
}

#[cfg(all(feature = "npy", feature = "onnx"))]
fn from_onnx(path: &Path) -> Result<taper::Sequential<f32>, Box<dyn Error>> {
    Ok(taper::Sequential::from_onnx(path)?)
}

#[cfg(all(feature = "npy", not(feature = "onnx")))]
fn from_onnx(_: &Path) -> Result<taper::Sequential<f32>, Box<dyn Error>> {
    Err("--model: an ONNX file is read with `--features onnx`".into())
}

#[cfg(not(feature = "npy"))]
pub(crate) fn narrow(_: &Path, _: &Path, _: f64, _: Option<&Path>) -> Result<(), Box<dyn Error>> {
    Err("--inputs: an `.npy` is read with `--features npy`".into())
}
