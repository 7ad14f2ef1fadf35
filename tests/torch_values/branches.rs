//! Residual blocks as `ResNet-18` has them, and a fire module as `SqueezeNet` has it.

use serde_json::Value;
use taper::layers::Window;
use taper::sequential::{Builder, Join};
use taper::{Layer, Result, Sequential, seeded};

use crate::common::{fixture, tensor};
use crate::given::run;
use crate::{Report, SUMS};

/// A normalisation's gradients are small differences of numbers that are divided by a deviation.
const DIFFERENCES: f64 = 1e-12;

/// The long way, with the stride of its first convolution.
fn block(outputs: usize, stride: usize) -> impl FnOnce(Builder<f64>) -> Builder<f64> {
    let window = Window::new(3).with_padding(1);
    move |block| {
        let block = block.conv2d(outputs, window.with_stride(stride)).without_bias().named("conv1");
        let block = block.batch_norm().named("bn1").relu();
        block.conv2d(outputs, window).without_bias().named("conv2").batch_norm().named("bn2")
    }
}

fn fire(builder: Builder<f64>) -> Builder<f64> {
    let window = Window::new(3).with_padding(1);
    let builder = builder.conv2d(2, 1).named("squeeze").relu();
    builder
        .branches(Join::Concat, |paths| {
            let paths = paths.path(|path| path.conv2d(3, 1).named("conv").relu()).named("expand1x1");
            paths.path(|path| path.conv2d(5, window).named("conv").relu()).named("expand3x3")
        })
        .named("expand")
}

fn compare(name: &str, case: &Value, build: impl FnOnce(Builder<f64>) -> Builder<f64>) -> Result<()> {
    let mut report = Report::new(SUMS);
    let (x, dy) = (tensor(&case["x"]), tensor(&case["dy"]));
    let (_, sample) = x.shape().split_batch().expect("the input has a batch");
    let mut model = build(Sequential::builder(sample)).build(&mut seeded(0))?;
    let parameters = case["parameters"].as_object().expect("an object");
    for (name, param) in parameters {
        model.param_mut(name)?.set(&tensor(&param["value"]))?;
    }
    let pass = run(model.clone(), &x, &dy)?;
    report.compare_within(DIFFERENCES, &format!("{name}, y"), pass.y.as_slice(), &case["y"]);
    report.compare_within(DIFFERENCES, &format!("{name}, dx"), pass.dx.as_slice(), &case["dx"]);
    for (param, expected) in parameters {
        let what = format!("{name}, {param}");
        report.compare_within(DIFFERENCES, &what, pass.gradient(param)?.as_slice(), &expected["gradient"]);
    }
    let running = case["running"].as_object().expect("an object");
    for (param, expected) in running {
        report.compare(&format!("{name}, {param}"), pass.value(param)?.as_slice(), expected);
        model.param_mut(param)?.set(&pass.value(param)?)?;
    }
    let expected = &case["inference"];
    report.compare(&format!("{name}, inference"), model.predict(&x)?.as_slice(), expected);
    let lean = model.for_inference()?;
    let mut statistics = 0;
    lean.params(&mut |param| statistics += usize::from(param.is_statistic()));
    assert_eq!(statistics, 0, "each normalisation is folded");
    report.compare_within(DIFFERENCES, &format!("{name}, folded"), lean.predict(&x)?.as_slice(), expected);
    report.finish(4 + parameters.len() + running.len());
    Ok(())
}

#[test]
fn residual_blocks_and_fire() -> Result<()> {
    let file = fixture("torch/branches.json");
    compare("residual", &file["residual"], |model| model.residual(block(3, 1)).named("block").relu())?;
    compare("residual with a shortcut", &file["residual_with_shortcut"], |model| {
        let short =
            |short: Builder<f64>| short.conv2d(4, Window::new(1).with_stride(2)).without_bias().batch_norm();
        model.residual_with_shortcut(block(4, 2), short).named("block").relu()
    })?;
    compare("fire", &file["fire"], fire)
}
