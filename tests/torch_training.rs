//! Sixty steps of training against PyTorch: the loss of each step and the last weights, for each optimizer.
//!
//! Both sides compute in double precision, from the same weights and batches. They add up in another order, so the
//! last bits differ: when this was written, all was within 1e-15 + 1e-15·|x|. 1e-12 leaves room for other instruction
//! sets, and still shows an Adam whose ε is 2e-8 instead of 1e-8.

mod common;

use std::sync::{Arc, Mutex};

use common::{compare, fixture, list, numbers, tensor};
use serde_json::Value;
use taper::losses::CrossEntropy;
use taper::optimizers::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, NAdam, Optimizer, RAdam, RmsProp, Rprop, Rule,
    RuleSettings, Sgd, Update, WeightDecay,
};
use taper::{Dense, GradientStore, Mode, Result, Sequential, Tensor, TensorView};

const STEPS: usize = 60;

/// Absolute and relative.
const TOLERANCE: (f64, f64) = (1e-12, 1e-12);

#[test]
fn every_optimizer_goes_pytorchs_way() -> Result<()> {
    let file = fixture("torch/training.json");
    let runs = file["runs"].as_object().expect("the fixture has runs");
    let mut failures = Vec::new();
    for (name, run) in runs {
        let mut model = model(&file["start"])?;
        let losses = train(&file, &mut model, optimizer(name, &run["settings"])?, STEPS)?;
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
    assert_eq!(runs.len(), 27);
    Ok(())
}

/// The losses before each step.
fn train(
    file: &Value,
    model: &mut Sequential<f64>,
    mut optimizer: Optimizer<f64>,
    steps: usize,
) -> Result<Vec<f64>> {
    let inputs = tensor(&file["inputs"]);
    let labels: Vec<usize> = list(&file["labels"]).iter().map(|label| numbers(label)[0] as usize).collect();
    let batch = numbers(&file["batch"])[0] as usize;
    let width = inputs.view().sample_len();

    let mut workspace = model.workspace(Mode::Train, batch)?;
    let mut gradients = GradientStore::new(model);
    let mut losses = Vec::new();
    for step in 0..steps {
        let start = step * batch % labels.len();
        let x = &inputs.as_slice()[start * width..(start + batch) * width];
        let x = TensorView::new([batch, width], x)?;
        model.forward_pass(x, &mut workspace)?;
        losses.push(workspace.loss(&CrossEntropy::new(), &labels[start..start + batch])?);
        model.backward_pass(x, &mut workspace, &mut gradients)?;
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
    let either = if is_set("decoupled_weight_decay") { WeightDecay::Decoupled(decay) } else { coupled };
    let betas = settings["betas"].as_array().map_or(vec![0.9, 0.999], |_| numbers(&settings["betas"]));
    let epsilon = setting("eps", 1e-8);
    Ok(match name.split('_').next() {
        Some("sgd") => {
            let sgd = Sgd::new(rate)?.with_momentum(setting("momentum", 0.0))?;
            let sgd = sgd.with_dampening(setting("dampening", 0.0))?.with_weight_decay(coupled)?;
            Optimizer::new(if is_set("nesterov") { sgd.with_nesterov()? } else { sgd })
        }
        Some("adam") => {
            let adam = Adam::new(rate)?.with_betas(betas[0], betas[1])?.with_epsilon(epsilon)?;
            let adam = adam.with_weight_decay(coupled)?;
            Optimizer::new(if is_set("amsgrad") { adam.with_amsgrad() } else { adam })
        }
        Some("adamw") => {
            let adam = AdamW::new(rate)?.with_weight_decay(decay)?;
            Optimizer::new(if is_set("amsgrad") { adam.with_amsgrad() } else { adam })
        }
        Some("nadam") => {
            let rule = NAdam::new(rate)?.with_betas(betas[0], betas[1])?.with_epsilon(epsilon)?;
            let rule = rule.with_momentum_decay(setting("momentum_decay", 4e-3))?;
            Optimizer::new(rule.with_weight_decay(either)?)
        }
        Some("radam") => {
            let rule = RAdam::new(rate)?.with_betas(betas[0], betas[1])?.with_epsilon(epsilon)?;
            Optimizer::new(rule.with_weight_decay(either)?)
        }
        Some("adamax") => {
            let rule = Adamax::new(rate)?.with_betas(betas[0], betas[1])?.with_epsilon(epsilon)?;
            Optimizer::new(rule.with_weight_decay(coupled)?)
        }
        Some("adadelta") => {
            let rule = Adadelta::new(rate)?.with_smoothing(setting("rho", 0.9))?;
            Optimizer::new(rule.with_epsilon(setting("eps", 1e-6))?.with_weight_decay(coupled)?)
        }
        Some("rprop") => {
            let rule = Rprop::new(rate)?;
            Optimizer::new(match settings.get("etas") {
                None => rule,
                Some(factors) => {
                    let (factors, steps) = (numbers(factors), numbers(&settings["step_sizes"]));
                    rule.with_factors(factors[0], factors[1])?.with_steps(steps[0], steps[1])?
                }
            })
        }
        Some("asgd") => Optimizer::new(asgd(settings)?),
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

fn asgd(settings: &Value) -> Result<Asgd> {
    let setting = |key: &str, default: f64| settings[key].as_f64().unwrap_or(default);
    let rule = Asgd::new(setting("lr", f64::NAN))?.with_decay(setting("lambd", 1e-4))?;
    let rule = rule.with_power(setting("alpha", 0.75))?.with_start(setting("t0", 1e6))?;
    rule.with_weight_decay(WeightDecay::Coupled(setting("weight_decay", 0.0)))
}

/// What the rule remembers is PyTorch's `ax`.
#[test]
fn the_average_of_asgd_is_pytorchs() -> Result<()> {
    let file = fixture("torch/training.json");
    for name in ["asgd", "asgd_average"] {
        let run = &file["runs"][name];
        let averages = Arc::default();
        let rule = Watched { rule: asgd(&run["settings"])?, averages: Arc::clone(&averages) };
        // What it remembers of these steps is seen in the next.
        train(&file, &mut model(&file["start"])?, Optimizer::new(rule), STEPS + 1)?;
        let averages = averages.lock().unwrap();
        assert_eq!(averages.len(), 6);
        for (layer, pair) in ["0", "2", "4"].iter().zip(averages.chunks_exact(2)) {
            let expected = &run["averages"];
            let weight: Tensor<f64> = tensor(&expected[format!("{layer}.weight")]).transpose()?;
            let bias = numbers(&expected[format!("{layer}.bias")]);
            compare(&sorted(&pair[0]), &sorted(weight.as_slice()), TOLERANCE).unwrap();
            compare(&sorted(&pair[1]), &sorted(&bias), TOLERANCE).unwrap();
        }
    }
    Ok(())
}

/// Numbers that are not 0, in their order: a weight lies in panels with padding.
fn sorted(numbers: &[f64]) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.iter().copied().filter(|&number| number != 0.0).collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// A rule that shows what it has come to remember.
#[derive(Debug)]
struct Watched {
    rule: Asgd,
    averages: Arc<Mutex<Vec<Vec<f64>>>>,
}

impl Rule<f64> for Watched {
    fn kind(&self) -> &'static str {
        "watched"
    }

    fn settings(&self) -> &RuleSettings {
        Rule::<f64>::settings(&self.rule)
    }

    fn settings_mut(&mut self) -> &mut RuleSettings {
        Rule::<f64>::settings_mut(&mut self.rule)
    }

    fn buffers(&self) -> usize {
        1
    }

    fn update(&self, update: Update<'_, f64>) {
        if update.step == STEPS as u64 + 1 {
            self.averages.lock().unwrap().push(update.buffers[0].to_vec());
        }
        self.rule.update(update);
    }
}
