//! The activations that `values.json` does not have.

use taper::layers::{Glu, Prelu, Softmin};
use taper::{Activation, Result, Tensor};

use crate::common::{fixture, list, tensor};
use crate::given::run;
use crate::{LAST_BITS, Report, SUMS};

#[test]
fn more_activations() -> Result<()> {
    let file = &fixture("torch/activations.json")["activations"];
    let x = tensor(&file["x"]);
    let ones = Tensor::full(x.shape(), 1.0)?;
    let cases = [
        ("softplus", Activation::ScaledSoftplus { beta: 1.0, threshold: 20.0 }),
        ("softplus_beta", Activation::ScaledSoftplus { beta: 2.5, threshold: 10.0 }),
        ("relu6", Activation::Relu6),
        ("hardtanh", Activation::HardTanh { min: -1.0, max: 1.0 }),
        ("hardtanh_range", Activation::HardTanh { min: -2.0, max: 3.5 }),
        ("hardsigmoid", Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 }),
        ("hardswish", Activation::HardSwish),
        ("hardshrink", Activation::HardShrink { lambda: 0.5 }),
        ("hardshrink_lambda", Activation::HardShrink { lambda: 1.25 }),
        ("softshrink", Activation::SoftShrink { lambda: 0.5 }),
        ("softshrink_lambda", Activation::SoftShrink { lambda: 1.25 }),
        ("tanhshrink", Activation::TanhShrink),
        ("threshold", Activation::Threshold { threshold: 0.25, value: -7.0 }),
        ("threshold_above", Activation::Threshold { threshold: 0.25, value: 7.0 }),
        ("celu", Activation::Celu { alpha: 1.0 }),
        ("celu_alpha", Activation::Celu { alpha: 2.0 }),
        ("selu", Activation::Selu),
        ("mish", Activation::Mish),
        ("logsigmoid", Activation::LogSigmoid),
        ("softsign", Activation::Softsign),
    ];
    let mut report = Report::new(LAST_BITS);
    for (name, activation) in cases {
        let (pass, expected) = (run(activation, &x, &ones)?, &file["cases"][name]);
        report.compare(&format!("{name}, value"), pass.y.as_slice(), &expected["value"]);
        // PyTorch's slope is the nearest number to 1/6 in single precision.
        let absolute = if name == "hardsigmoid" { 5e-9 } else { LAST_BITS };
        report.compare_within(
            absolute,
            &format!("{name}, gradient"),
            pass.dx.as_slice(),
            &expected["gradient"],
        );
    }
    report.finish(2 * 20);
    Ok(())
}

#[test]
fn softmin_and_glu() -> Result<()> {
    let file = &fixture("torch/activations.json")["rows"];
    let (x, weight) = (tensor(&file["x"]), |name: &str| tensor(&file["cases"][name]["weight"]));
    let passes = [("softmin", run(Softmin, &x, &weight("softmin"))?), ("glu", run(Glu, &x, &weight("glu"))?)];
    let mut report = Report::new(LAST_BITS);
    for (name, pass) in passes {
        let expected = &file["cases"][name];
        report.compare(&format!("{name}, value"), pass.y.as_slice(), &expected["value"]);
        report.compare(&format!("{name}, gradient"), pass.dx.as_slice(), &expected["gradient"]);
    }
    report.finish(4);
    Ok(())
}

#[test]
fn prelu() -> Result<()> {
    let file = fixture("torch/activations.json");
    let mut report = Report::new(SUMS);
    for (index, case) in list(&file["prelu"]).iter().enumerate() {
        let weight = tensor(&case["weight"]);
        let mut prelu = Prelu::new(weight.shape())?;
        prelu.weight_mut().set(&weight)?;
        let pass = run(prelu, &tensor(&case["x"]), &tensor(&case["dy"]))?;
        let what = |what: &str| format!("case {index}, {what}");
        report.compare(&what("y"), pass.y.as_slice(), &case["y"]);
        report.compare(&what("dx"), pass.dx.as_slice(), &case["dx"]);
        report.compare(&what("weight"), pass.gradient("weight")?.as_slice(), &case["weight_gradient"]);
    }
    report.finish(5 * 3);
    Ok(())
}
