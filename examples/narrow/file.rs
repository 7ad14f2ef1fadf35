//! Any model of a file, narrowed by pictures of a folder or by the samples of another file.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use taper::narrow::Narrowing;
use taper::{Sequential, Tensor};

use super::pictures;

/// What is narrowed, by what, and how far.
#[derive(Debug, Args)]
pub(crate) struct OfFile {
    /// Narrows the model of this file, one that was saved or an ONNX file, and does nothing else.
    #[arg(long, value_name = "FILE", requires = "inputs")]
    model: Option<PathBuf>,
    /// What it is narrowed by: a folder of PNG files, or an `.npy` of samples.
    #[arg(long, value_name = "PATH", requires = "model")]
    inputs: Option<PathBuf>,
    /// The number that white is to the model, where the inputs are pictures: mostly 1 or 255.
    #[arg(long, value_name = "NUMBER")]
    white: Option<f32>,
    /// The part of the variance of its outputs that it may lose.
    #[arg(long, default_value_t = 0.01, requires = "model")]
    error: f64,
    /// Where it goes.
    #[arg(long, value_name = "FILE", requires = "model")]
    to: Option<PathBuf>,
}

impl OfFile {
    /// Narrows it; none where no model was named.
    pub(crate) fn narrow(&self) -> Option<Result<(), Box<dyn Error>>> {
        let (model, inputs) = (self.model.as_deref()?, self.inputs.as_deref()?);
        Some(self.narrow_by(model, inputs))
    }

    /// As far as the outputs lose no more than they may.
    fn narrow_by(&self, path: &Path, inputs: &Path) -> Result<(), Box<dyn Error>> {
        let model = read(path)?;
        let inputs = self.samples(&model, inputs)?;
        let narrowed = Narrowing::new().within_error(&model, &inputs, self.error)?;
        println!("{}", narrowed.report);
        if let Some(to) = &self.to {
            narrowed.model.save(to)?;
            println!("the narrower model is in {}", to.display());
        }
        Ok(())
    }

    fn samples(&self, model: &Sequential<f32>, inputs: &Path) -> Result<Tensor<f32>, Box<dyn Error>> {
        match self.white {
            Some(white) if inputs.is_dir() => Ok(pictures::read_all(inputs, &model.input(), white)?),
            None if inputs.is_dir() => {
                Err("--white: expected the number that white is to the model, mostly 1 or 255, as the inputs are pictures".into())
            }
            Some(_) => Err("--white: expected a folder of pictures, as other samples are taken as they are".into()),
            None => from_npy(inputs),
        }
    }
}

fn read(path: &Path) -> Result<Sequential<f32>, Box<dyn Error>> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx")) {
        return from_onnx(path);
    }
    Ok(Sequential::open(path)?)
}

#[cfg(feature = "onnx")]
fn from_onnx(path: &Path) -> Result<Sequential<f32>, Box<dyn Error>> {
    Ok(Sequential::from_onnx(path)?)
}

#[cfg(not(feature = "onnx"))]
fn from_onnx(_: &Path) -> Result<Sequential<f32>, Box<dyn Error>> {
    Err("--model: an ONNX file is read with `--features onnx`".into())
}

#[cfg(feature = "npy")]
fn from_npy(path: &Path) -> Result<Tensor<f32>, Box<dyn Error>> {
    Ok(taper::io::npy::read(path)?)
}

#[cfg(not(feature = "npy"))]
fn from_npy(_: &Path) -> Result<Tensor<f32>, Box<dyn Error>> {
    Err("--inputs: an `.npy` is read with `--features npy`".into())
}
