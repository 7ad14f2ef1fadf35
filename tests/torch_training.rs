//! Sixty steps of training against PyTorch: the loss of each step and the last weights, for each optimizer.
//!
//! Both sides compute in double precision, from the same weights and batches. They add up in another order, so the
//! last bits differ: when this was written, all was within 1e-15 + 1e-15·|x|. 1e-12 leaves room for other instruction
//! sets, and still shows an Adam whose ε is 2e-8 instead of 1e-8.

mod common;

use common::{compare, fixture, list, numbers, tensor};
use serde_json::Value;
use taper::losses::CrossEntropy;
use taper::optimizers::{Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd, WeightDecay};
use taper::{Dense, GradientStore, Mode, Result, Sequential, Tensor, TensorView};

/// Absolute and relative.
const TOLERANCE: (f64, f64) = (1e-12, 1e-12);

#[test]
fn every_optimizer_goes_pytorchs_way() -> Result<()> {
    let file = fixture("torch/training.json");
    let runs = file["runs"].as_object().expect("the fixture has runs");
    let mut failures = Vec::new();
    for (name, run) in runs {
        let mut model = model(&file["start"])?;
        let losses = train(&file, &mut model, optimizer(name, &run["settings"])?)?;
        let mut check = |what: &str, got: &[f64], expected: &Value| {
            if let Err(problem) = compare(got, &numbers(expected), TOLERANCE) {
                failures.push(format!("{name}, {what}: {problem}"));
            }
        };
        check("losses", &losses, &run["losses"]);
        for layer in ["0", "2", "4"] {
            let (weight, bias) = (format!("{layer}.weight"), format!("{layer}.bias"));
            check(&weight, model.param(&weight)?.to_tensor().transpose()?.as_slice(), &run["final"][&weight]);
            check(&bias, model.param(&bias)?.to_tensor().as_slice(), &run["final"][&bias]);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(runs.len(), 11);
    Ok(())
}

/// The losses before each step.
fn train(file: &Value, model: &mut Sequential<f64>, mut optimizer: Optimizer<f64>) -> Result<Vec<f64>> {
    let inputs = tensor(&file["inputs"]);
    let labels: Vec<usize> = list(&file["labels"]).iter().map(|label| numbers(label)[0] as usize).collect();
    let batch = numbers(&file["batch"])[0] as usize;
    let width = inputs.view().sample_len();

    let mut workspace = model.workspace(Mode::Train, batch)?;
    let mut gradients = GradientStore::new(model);
    let mut losses = Vec::new();
    for step in 0..60 {
        let start = step * batch % labels.len();
        let x = &inputs.as_slice()[start * width..(start + batch) * width];
        let x = TensorView::new([batch, width], x)?;
        model.forward(x, &mut workspace)?;
        losses.push(workspace.loss(&CrossEntropy::new(), &labels[start..start + batch])?);
        model.backward(x, &mut workspace, &mut gradients)?;
        optimizer.step(model, &mut gradients)?;
    }
    Ok(losses)
}

fn model(start: &Value) -> Result<Sequential<f64>> {
    let dense = |place: usize| -> Result<Dense<f64>> {
        // PyTorch's weight is [outputs, inputs].
        let weight: Tensor<f64> = tensor(&start[format!("{place}.weight")]).transpose()?;
        Dense::from_parts(&weight, Some(&tensor(&start[format!("{place}.bias")])))
    };
    Sequential::builder([6])
        .layer(dense(0)?)
        .relu()
        .layer(dense(2)?)
        .tanh()
        .layer(dense(4)?)
        .build(&mut taper::seeded(0))
}

fn optimizer(name: &str, settings: &Value) -> Result<Optimizer<f64>> {
    let setting = |key: &str, default: f64| settings[key].as_f64().unwrap_or(default);
    let is_set = |key: &str| settings[key].as_bool() == Some(true);
    let (rate, decay) = (setting("lr", f64::NAN), setting("weight_decay", 0.0));
    let coupled = WeightDecay::Coupled(decay);
    Ok(match name.split('_').next() {
        Some("sgd") => {
            let sgd = Sgd::new(rate)?.with_momentum(setting("momentum", 0.0))?;
            let sgd = sgd.with_dampening(setting("dampening", 0.0))?.with_weight_decay(coupled)?;
            Optimizer::new(if is_set("nesterov") { sgd.with_nesterov()? } else { sgd })
        }
        Some("adam") => {
            let betas =
                settings["betas"].as_array().map_or(vec![0.9, 0.999], |_| numbers(&settings["betas"]));
            let adam = Adam::new(rate)?.with_betas(betas[0], betas[1])?;
            Optimizer::new(adam.with_epsilon(setting("eps", 1e-8))?.with_weight_decay(coupled)?)
        }
        Some("adamw") => Optimizer::new(AdamW::new(rate)?.with_decay(decay)?),
        Some("rmsprop") => {
            let rule = RmsProp::new(rate)?.with_smoothing(setting("alpha", 0.99))?;
            let rule = rule.with_momentum(setting("momentum", 0.0))?.with_weight_decay(coupled)?;
            Optimizer::new(if is_set("centered") { rule.centered() } else { rule })
        }
        Some("adagrad") => {
            let rule = Adagrad::new(rate)?.with_learning_rate_decay(setting("lr_decay", 0.0))?;
            let initial = setting("initial_accumulator_value", 0.0);
            Optimizer::new(rule.with_initial(initial)?.with_weight_decay(coupled)?)
        }
        other => panic!("no optimizer is called {other:?}"),
    })
}
