//! Normalisations of single samples.

use serde_json::Value;
use taper::layers::{GroupNorm, InstanceNorm, Momentum, RmsNorm};
use taper::{Layer, Param, Result, Sequential, Shape, Tensor};

use crate::common::{fixture, list, tensor};
use crate::given::run;
use crate::{Report, SUMS};

/// dx is a small difference of numbers that are divided by a deviation, which may be small too.
const DIFFERENCES: f64 = 1e-13;

fn set(param: Option<&mut Param<f64>>, case: &Value, name: &str) -> Result<()> {
    match (param, &case["parameters"][name]) {
        (None, Value::Null) => Ok(()),
        (Some(param), value) => param.set(&tensor(value)),
        (None, value) => panic!("the layer has no {name}, PyTorch has {value}"),
    }
}

fn channels(case: &Value) -> usize {
    *tensor(&case["x"]).shape().axes().last().expect("the input has axes")
}

fn compare(report: &mut Report, what: &str, layer: impl Layer<f64> + 'static, case: &Value) -> Result<()> {
    let x = tensor(&case["x"]);
    let what = |part: &str| format!("{what} of {}, {part}", x.shape());
    let pass = run(layer, &x, &tensor(&case["dy"]))?;
    report.compare(&what("y"), pass.y.as_slice(), &case["y"]);
    report.compare_within(DIFFERENCES, &what("dx"), pass.dx.as_slice(), &case["dx"]);
    for (name, expected) in case["gradients"].as_object().expect("there are names") {
        report.compare_within(DIFFERENCES, &what(name), pass.gradient(name)?.as_slice(), expected);
    }
    Ok(())
}

#[test]
fn group_norm() -> Result<()> {
    let (file, mut report) = (fixture("torch/group_norms.json"), Report::new(SUMS));
    for case in list(&file["group_norm"]) {
        let groups = case["groups"].as_u64().expect("a number") as usize;
        let mut norm = GroupNorm::new(groups, channels(case))?;
        if case["settings"]["affine"].as_bool() == Some(false) {
            norm = norm.without_affine();
        }
        if let Some(epsilon) = case["settings"]["eps"].as_f64() {
            norm = norm.with_epsilon(epsilon)?;
        }
        set(norm.weight_mut(), case, "weight")?;
        set(norm.bias_mut(), case, "bias")?;
        compare(&mut report, &format!("{groups} groups"), norm, case)?;
    }
    report.finish(5 * 4 - 2);
    Ok(())
}

#[test]
fn instance_norm() -> Result<()> {
    let (file, mut report) = (fixture("torch/group_norms.json"), Report::new(SUMS));
    for case in list(&file["instance_norm"]) {
        let mut norm = InstanceNorm::new(channels(case))?;
        if case["settings"]["affine"].as_bool() == Some(true) {
            norm = norm.with_affine()?;
        }
        if let Some(epsilon) = case["settings"]["eps"].as_f64() {
            norm = norm.with_epsilon(epsilon)?;
        }
        set(norm.weight_mut(), case, "weight")?;
        set(norm.bias_mut(), case, "bias")?;
        compare(&mut report, "instance norm", norm, case)?;
    }
    report.finish(4 * 4 - 2 * 2);
    Ok(())
}

/// Training, step by step, and then inference by the running statistics.
#[test]
fn instance_norm_with_running_statistics() -> Result<()> {
    let (file, mut report) = (fixture("torch/group_norms.json"), Report::new(SUMS));
    for (index, case) in list(&file["tracked_instance_norm"]).iter().enumerate() {
        let settings = &case["settings"];
        let mut norm = InstanceNorm::new(tensor(&case["steps"][0]["running_mean"]).len())?;
        if settings["affine"].as_bool() == Some(true) {
            norm = norm.with_affine()?;
        }
        if let Some(epsilon) = settings["eps"].as_f64() {
            norm = norm.with_epsilon(epsilon)?;
        }
        let momentum = Momentum::PyTorch(settings["momentum"].as_f64().unwrap_or(0.1));
        norm = norm.with_running_statistics(momentum)?;
        for (step, expected) in list(&case["steps"]).iter().enumerate() {
            let x = tensor(&expected["x"]);
            let what = |what: &str| format!("case {index}, {}, step {step}, {what}", x.shape());
            let pass = run(norm.clone(), &x, &tensor(&expected["dy"]))?;
            report.compare(&what("y"), pass.y.as_slice(), &expected["y"]);
            report.compare_within(DIFFERENCES, &what("dx"), pass.dx.as_slice(), &expected["dx"]);
            for name in ["running_mean", "running_var"] {
                report.compare(&what(name), pass.value(name)?.as_slice(), &expected[name]);
            }
            norm.running_mean_mut().expect("there is one").set(&pass.value("running_mean")?)?;
            norm.running_var_mut().expect("there is one").set(&pass.value("running_var")?)?;
        }
        let (x, what) = (tensor(&case["eval"]["x"]), format!("case {index}, inference"));
        let (_, sample) = x.shape().split_batch().expect("the input has a batch");
        let model = Sequential::builder(sample).layer(norm).build(&mut taper::seeded(0))?;
        report.compare(&what, model.predict(&x)?.as_slice(), &case["eval"]["y"]);
    }
    report.finish(2 * (3 * 4 + 1));
    Ok(())
}

/// Frozen, it keeps its statistics; without weight and bias there is nothing to freeze.
#[test]
fn a_frozen_instance_norm_keeps_its_statistics() -> Result<()> {
    let (x, dy) = (Tensor::from_fn([2, 3, 2], |i| (i * i % 7) as f64)?, Tensor::full([2, 3, 2], 1.0)?);
    let norm = InstanceNorm::new(2)?.with_running_statistics(Momentum::PyTorch(0.5))?;
    let mut affine = norm.clone().with_affine()?;
    assert_ne!(run(norm, &x, &dy)?.value("running_mean")?.as_slice(), [0.0, 0.0]);
    assert_ne!(run(affine.clone(), &x, &dy)?.value("running_mean")?.as_slice(), [0.0, 0.0]);
    affine.weight_mut().expect("there is one").freeze();
    affine.bias_mut().expect("there is one").freeze();
    assert_eq!(run(affine, &x, &dy)?.value("running_mean")?.as_slice(), [0.0, 0.0]);
    Ok(())
}

#[test]
fn rms_norm() -> Result<()> {
    let (file, mut report) = (fixture("torch/group_norms.json"), Report::new(SUMS));
    for case in list(&file["rms_norm"]) {
        let axes: Vec<usize> =
            list(&case["normalised"]).iter().map(|axis| axis.as_u64().expect("a length") as usize).collect();
        let mut norm = RmsNorm::new(Shape::new(&axes)?)?;
        if case["settings"]["elementwise_affine"].as_bool() == Some(false) {
            norm = norm.without_affine();
        }
        if let Some(epsilon) = case["settings"]["eps"].as_f64() {
            norm = norm.with_epsilon(epsilon)?;
        }
        set(norm.weight_mut(), case, "weight")?;
        compare(&mut report, &format!("over {axes:?}"), norm, case)?;
    }
    report.finish(5 * 3 - 1);
    Ok(())
}
