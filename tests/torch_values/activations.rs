//! The activations that `values.json` does not have.

use taper::{Activation, Result, Tensor};

use crate::common::{fixture, tensor};
use crate::given::run;
use crate::{LAST_BITS, Report};

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
