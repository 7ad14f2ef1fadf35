//! The check in a file: some inputs, and the outputs that the model had for them when it was saved.

use core::fmt::Write;

use serde_json::{Value, json};

use super::Verdict;
use super::archive::Dtype;
use super::json::Object;
use super::lie::RowOrder;
use super::load::Check;
use super::values::{Numbers, dtype_of, encode};
use crate::prelude::*;
use crate::{Error, Layer, Mode, Result, Scalar, Sequential, Shape, Tensor, TensorView};

/// The most samples in a check: more would tell no more.
const MOST_SAMPLES: usize = 16;

/// The most elements that a sample may take: a file of a few bytes can describe an image that grows from
/// layer to layer.
const MOST_ELEMENTS: usize = 16 << 20;

/// The most multiply-adds of a sample, some ten seconds of one core.
const MOST_MULTIPLY_ADDS: u64 = 1 << 38;

/// How far outputs may lie apart, as a share of the largest: rounding in another order, on another processor, stays
/// far below, and a weight that is exchanged, transposed or damaged far above.
const TOLERANCE_F32: f64 = 1e-3;
const TOLERANCE_F64: f64 = 1e-9;

/// The check of a model for these inputs.
///
/// # Errors
/// Where they are no inputs of the model or are more than 16; where an output is not finite.
pub(super) fn make<T: Scalar>(model: &Sequential<T>, inputs: TensorView<'_, T>) -> Result<Value> {
    if inputs.batch() > MOST_SAMPLES {
        return Err(Error::setting("check", "at most 16 samples", inputs.batch()));
    }
    check_cost(model)?;
    let outputs = model.predict(inputs)?;
    if let Some(value) = outputs.as_slice().iter().find(|value| !value.is_finite()) {
        return Err(Error::NotFinite { what: "output of the check".into(), got: value.as_f64() });
    }
    Ok(json!({
        "type": T::NAME,
        "samples": inputs.batch(),
        "input": hexadecimal(&encode(inputs.as_slice())),
        "output": hexadecimal(&encode(outputs.as_slice())),
    }))
}

/// Whether a model that was read has the outputs that it had when it was written, for inputs of this shape, the model's own
/// unless the file says another. `order` is that of the file's features, where they are the inputs.
pub(super) fn verify<T: Scalar>(
    model: &Sequential<T>,
    check: &Value,
    input: Option<Shape>,
    order: &RowOrder,
) -> Verdict<Check> {
    if let Some(input) = input.filter(|input| *input != model.input()) {
        // A row of features and the image that they are of are the same numbers.
        let is_row = input.rank() == 1 || model.input().rank() == 1 || !order.is_same();
        if !is_row || input.len() != model.input().len() {
            return Ok(Check::LeftOut(format!("it is of inputs {input}, the model takes {}", model.input())));
        }
    }
    let object = Object::new("check", check)?;
    let dtype = match object.text("type")? {
        "f32" => Dtype::F32,
        "f64" => Dtype::F64,
        other => return Err(format!("check: expected numbers f32 or f64, got `{other}`")),
    };
    let samples = object.count("samples")?;
    if !(1..=MOST_SAMPLES).contains(&samples) {
        return Err(format!("check: expected 1 to {MOST_SAMPLES} samples, got {samples}"));
    }
    let read = |key, sample: Shape| -> Verdict<Tensor<T>> {
        let bytes = bytes(object.text(key)?)?;
        let numbers = Numbers::new(dtype, &bytes);
        let values = numbers.ok_or_else(|| format!("check: {key}: expected whole numbers"))?.to_vec();
        let shape = sample.with_batch(samples).map_err(|error| error.to_string())?;
        Tensor::from_vec(shape, values).map_err(|error| format!("check: {key}: {error}"))
    };
    let (mut inputs, expected) = (read("input", model.input())?, read("output", model.output())?);
    if !order.is_same() {
        inputs = order.inputs(&inputs, model.input());
    }
    let is_exact = dtype == Dtype::F64 && dtype_of::<T>() == Dtype::F64;
    let tolerance = if is_exact { TOLERANCE_F64 } else { TOLERANCE_F32 };
    let largest =
        expected.as_slice().iter().fold(0.0, |largest: f64, value| largest.max(value.as_f64().abs()));
    if !(tolerance * largest).is_finite() {
        return Err("check: expected finite outputs, got others".into());
    }
    let outputs = outputs(model, &inputs).map_err(|error| format!("check: {error}"))?;
    // A NaN is near to nothing.
    let is_near = |(a, b): (&T, &T)| (a.as_f64() - b.as_f64()).abs() <= tolerance * largest;
    if let Some(place) = outputs.iter().zip(expected.as_slice()).position(|pair| !is_near(pair)) {
        let (got, expected) = (outputs[place], expected.as_slice()[place]);
        return Err(format!(
            "check: expected output {expected:e}, got {got:e}; weights are exchanged, transposed or damaged, or the model is another"
        ));
    }
    Ok(Check::Passed)
}

/// The outputs for all samples, one at a time: a file could make a batch take many times the memory of its model.
fn outputs<T: Scalar>(model: &Sequential<T>, inputs: &Tensor<T>) -> Result<Vec<T>> {
    check_cost(model)?;
    let mut workspace = model.workspace(Mode::Infer, 1)?;
    let shape = model.input().with_batch(1)?;
    let mut outputs = Vec::new();
    for sample in inputs.as_slice().chunks_exact(shape.len()) {
        outputs.extend_from_slice(model.infer(TensorView::new(shape, sample)?, &mut workspace)?.as_slice());
    }
    Ok(outputs)
}

/// Whether a model is small enough to be run by whoever reads its file.
fn check_cost<T: Scalar>(model: &Sequential<T>) -> Result<()> {
    let scratch = Layer::memory(model, &model.input(), 1, Mode::Infer).scratch;
    let elements = scratch.saturating_add(model.output().len());
    if elements > MOST_ELEMENTS {
        let expected = "a model in which a sample takes at most 16,777,216 elements";
        return Err(Error::setting("check", expected, elements));
    }
    let multiply_adds = model.multiply_adds(&model.input());
    if multiply_adds > MOST_MULTIPLY_ADDS {
        return Err(Error::setting("check", "a model of at most 2^38 multiply-adds a sample", multiply_adds));
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text grows");
        text
    })
}

fn bytes(text: &str) -> Verdict<Vec<u8>> {
    let digit = |digit: u8| (digit as char).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |&[high, low]: &[u8; 2]| Some((digit(high)? * 16 + digit(low)?) as u8);
    let bytes = pairs.iter().map(byte).collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty());
    bytes.ok_or_else(|| "check: expected pairs of hexadecimal digits".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Window;

    #[test]
    fn digits_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes(&hexadecimal(&all)).unwrap(), all);
        for text in ["0", "0g", "é", "0é"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_model_that_makes_much_of_little_is_not_run() {
        let build = |first: Window, others: usize| {
            let builder = Sequential::<f32>::builder([1, 1, 1]).conv2d(1, first);
            (0..others)
                .fold(builder, |builder, _| builder.conv2d(1, Window::new(65).with_padding(32)))
                .build(&mut crate::seeded(1))
                .unwrap()
        };
        let x = Tensor::zeros([1, 1, 1, 1]).unwrap();
        let wide = Window::new(1).with_padding(2500);
        let error = make(&build(wide, 0), x.view()).unwrap_err().to_string();
        assert!(error.starts_with("check: expected a model in which a sample takes at most"), "{error}");
        let error = make(&build(Window::new(1).with_padding(700), 40), x.view()).unwrap_err().to_string();
        assert!(error.starts_with("check: expected a model of at most 2^38"), "{error}");
        make(&build(Window::new(1).with_padding(10), 0), x.view()).unwrap();
    }
}
