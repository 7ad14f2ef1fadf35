//! Activations, softmax and the dense layer.

use taper::layers::{LogSoftmax, Softmax};
use taper::{Activation, Dense, Result, Tensor};

use crate::common::{fixture, list, tensor};
use crate::given::run;
use crate::{LAST_BITS, Report, SUMS};

#[test]
fn activations() -> Result<()> {
    let file = &fixture("torch/values.json")["activations"];
    let x = tensor(&file["x"]);
    let ones = Tensor::full(x.shape(), 1.0)?;
    let cases = [
        ("relu", Activation::Relu),
        ("leaky_relu", Activation::LeakyRelu { slope: 0.07 }),
        ("leaky_relu_negative", Activation::LeakyRelu { slope: -0.3 }),
        ("elu", Activation::Elu { alpha: 1.0 }),
        ("elu_alpha", Activation::Elu { alpha: 1.7 }),
        ("gelu", Activation::Gelu),
        ("gelu_tanh", Activation::GeluTanh),
        ("silu", Activation::Silu),
        ("sigmoid", Activation::Sigmoid),
        ("tanh", Activation::Tanh),
        ("softplus", Activation::Softplus),
    ];
    let mut report = Report::new(LAST_BITS);
    for (name, activation) in cases {
        let (pass, expected) = (run(activation, &x, &ones)?, &file["cases"][name]);
        report.compare(&format!("{name}, value"), pass.y.as_slice(), &expected["value"]);
        report.compare(&format!("{name}, gradient"), pass.dx.as_slice(), &expected["gradient"]);
    }
    report.finish(22);
    Ok(())
}

#[test]
fn softmax_and_its_logarithm() -> Result<()> {
    let file = &fixture("torch/values.json")["softmaxes"];
    let (x, weight) = (tensor(&file["x"]), tensor(&file["weight"]));
    let passes = [("softmax", run(Softmax, &x, &weight)?), ("log_softmax", run(LogSoftmax, &x, &weight)?)];
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
fn dense_is_linear() -> Result<()> {
    let file = fixture("torch/values.json");
    let mut report = Report::new(SUMS);
    for case in list(&file["linear"]) {
        // PyTorch's weight is [outputs, inputs].
        let weight = tensor(&case["weight"]["value"]).transpose()?;
        let bias = case.get("bias").map(|bias| tensor(&bias["value"]));
        let dense = Dense::from_parts(&weight, bias.as_ref())?;
        let pass = run(dense, &tensor(&case["x"]), &tensor(&case["dy"]))?;
        let what = |what: &str| format!("{}, {what}", weight.shape());
        report.compare(&what("y"), pass.y.as_slice(), &case["y"]);
        report.compare(&what("dx"), pass.dx.as_slice(), &case["dx"]);
        let gradient = pass.gradient("weight")?.transpose()?;
        report.compare(&what("weight"), gradient.as_slice(), &case["weight"]["gradient"]);
        if let Some(bias) = case.get("bias") {
            report.compare(&what("bias"), pass.gradient("bias")?.as_slice(), &bias["gradient"]);
        }
    }
    report.finish(4 * 4 - 1);
    Ok(())
}

/// `nn.Linear` draws weight and bias evenly from −1/√n to 1/√n, n inputs.
#[test]
fn dense_starts_as_linear_does() -> Result<()> {
    for (inputs, outputs) in [(1, 500), (10, 200), (400, 50)] {
        let dense = Dense::<f64>::new(inputs, outputs, &mut taper::seeded(3))?;
        let bound = (inputs as f64).sqrt().recip();
        for values in [dense.weight().to_tensor(), dense.bias().expect("there is one").to_tensor()] {
            let farthest =
                values.as_slice().iter().fold(0.0_f64, |farthest, value| farthest.max(value.abs()));
            assert!(farthest <= bound, "{farthest} > {bound}");
            // Of 50 and more even draws hardly any set stays below 0.8 of the bound: 0.8⁵⁰ is 1e-5.
            assert!(farthest > 0.8 * bound, "{farthest} is far from {bound}");
            let mean = values.as_slice().iter().sum::<f64>() / values.len() as f64;
            // Four standard deviations of the mean of even draws.
            assert!(
                mean.abs() < 4.0 * bound / (3.0 * values.len() as f64).sqrt(),
                "mean {mean}, bound {bound}"
            );
        }
    }
    Ok(())
}
