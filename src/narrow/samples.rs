//! Inputs, batch by batch; and whether what was computed of them can be used.

use crate::kernels::Buffer;
use crate::layers::{Layer, Mode};
use crate::train::Inputs;
use crate::{Error, Parallelism, Result, Scalar, Sequential, TensorView};

/// Whether these are samples for this model.
pub(super) fn check<T: Scalar>(model: &Sequential<T>, inputs: &Inputs<'_, T>) -> Result<usize> {
    match inputs.shape().split_batch() {
        Some((0, sample)) if sample == model.input() => Err(Error::Empty { what: "inputs to narrow by" }),
        Some((samples, sample)) if sample == model.input() => Ok(samples),
        _ => Err(Error::shape("inputs", model.input().batch_pattern(), inputs.shape())),
    }
}

/// Calls `with` with batches of samples, one after the other.
///
/// # Errors
/// [`Error::NotFinite`] for an input that is not; those of a source and of `with`.
pub(super) fn for_each_batch<T: Scalar>(
    model: &Sequential<T>,
    inputs: &Inputs<'_, T>,
    parallelism: Parallelism,
    mut with: impl FnMut(TensorView<'_, T>) -> Result<()>,
) -> Result<()> {
    let samples = check(model, inputs)?;
    let (batch, sample, mut buffer) = (model.batch_of_copies(samples), model.input(), Buffer::default());
    for first in (0..samples).step_by(batch) {
        let numbers: Vec<usize> = (first..samples.min(first + batch)).collect();
        inputs.gather(&numbers, sample.len(), parallelism, &mut buffer)?;
        let values = &buffer[..numbers.len() * sample.len()];
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let what = format!("input in sample {}", first + place / sample.len().max(1));
            return Err(Error::NotFinite { what, got: values[place].as_f64() });
        }
        with(TensorView::new(sample.with_batch(numbers.len())?, values)?)?;
    }
    Ok(())
}

/// Calls `with` with the outputs of each sample.
pub(super) fn for_each_output<T: Scalar>(
    model: &Sequential<T>,
    inputs: &Inputs<'_, T>,
    parallelism: Parallelism,
    mut with: impl FnMut(&[T]) -> Result<()>,
) -> Result<()> {
    let batch = model.batch_of_copies(check(model, inputs)?);
    let mut workspace = model.workspace(Mode::Infer, batch)?.with_parallelism(parallelism);
    for_each_batch(model, inputs, parallelism, |x| {
        model.infer(x, &mut workspace)?.samples().try_for_each(&mut with)
    })
}

/// Whether all numbers of a layer that was made anew are finite in the model's type.
pub(super) fn check_numbers<T: Scalar>(layer: &dyn Layer<T>, name: &str) -> Result<()> {
    let mut problem = Ok(());
    layer.params(&mut |param| {
        if let Some(value) = param.buffer().iter().find(|value| !value.is_finite()) {
            let what = format!("parameter of layer `{name}`, made anew");
            problem = Err(Error::NotFinite { what, got: value.as_f64() });
        }
    });
    problem
}
