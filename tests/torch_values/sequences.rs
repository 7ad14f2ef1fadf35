//! Dense layers on samples of several rows.

use taper::losses::CrossEntropy;
use taper::{Dense, GradientStore, Mode, Result, Sequential, Tensor};

use crate::common::{fixture, list, numbers, tensor};
use crate::given::run;
use crate::{Report, SUMS};

#[test]
fn dense_is_linear_on_the_last_axis() -> Result<()> {
    let mut report = Report::new(SUMS);
    for case in list(&fixture("torch/sequences.json")["linear"]) {
        // PyTorch's weight is [outputs, inputs].
        let weight = tensor(&case["weight"]["value"]).transpose()?;
        let bias = case.get("bias").map(|bias| tensor(&bias["value"]));
        let x = tensor(&case["x"]);
        let pass = run(Dense::from_parts(&weight, bias.as_ref())?, &x, &tensor(&case["dy"]))?;
        let what = |what: &str| format!("{}, {what}", x.shape());
        assert_eq!(pass.y.shape(), tensor(&case["y"]).shape());
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

/// `[channels, length]` comes in, and each step of the length has a class.
#[test]
fn a_class_for_each_step_of_a_sequence() -> Result<()> {
    let file = &fixture("torch/sequences.json")["model"];
    let (x, mut report) = (tensor(&file["x"]), Report::new(SUMS));
    let param = |name: &str| tensor(&file["params"][name]["value"]);
    let dense = |name: &str| {
        let weight = param(&format!("{name}.weight")).transpose()?;
        Dense::from_parts(&weight, Some(&param(&format!("{name}.bias"))))
    };
    let builder = Sequential::builder([3, 5]).channels_last().layer(dense("0")?).named("fc1").relu();
    let mut model = builder.layer(dense("2")?).named("fc2").build(&mut taper::seeded(0))?;
    assert_eq!(model.output().axes(), [5, 4]);
    report.compare("predicted", model.predict(&x)?.as_slice(), &file["logits"]);

    let labels: Vec<usize> = numbers(&file["labels"]).into_iter().map(|class| class as usize).collect();
    let mut workspace = model.workspace(Mode::Train, 4)?;
    let mut gradients = GradientStore::new(&mut model);
    report.compare("logits", model.forward_pass(&x, &mut workspace)?.as_slice(), &file["logits"]);
    let loss: f64 = workspace.loss(&CrossEntropy::new(), &labels)?;
    report.compare("loss", &[loss], &file["loss"]);
    model.backward_pass(&x, &mut workspace, &mut gradients)?;
    for (layer, theirs) in [("fc1", "0"), ("fc2", "2")] {
        let gradient = |name: &str| -> Result<Tensor<f64>> {
            Ok(gradients.get(model.param(&format!("{layer}.{name}"))?).expect("backward hands it over"))
        };
        let expected = |name: &str| &file["params"][format!("{theirs}.{name}")]["gradient"];
        report.compare(layer, gradient("weight")?.transpose()?.as_slice(), expected("weight"));
        report.compare(layer, gradient("bias")?.as_slice(), expected("bias"));
    }
    report.finish(7);
    Ok(())
}
