//! Optimizers and clipping: a tensor of weights and a gradient for each step.

use serde_json::Value;
use taper::layers::{Backward, Forward, GradientSink, Whole};
use taper::optimizers::{
    Adadelta, Adagrad, AdamW, Adamax, Clip, Lion, NAdam, Optimizer, RmsProp, Rule, RuleSettings, Sgd, Update,
    WeightDecay,
};
use taper::{GradientStore, Layer, Param, Result, Shape, Tensor, TensorView, TensorViewMut};

use crate::case::Case;
use crate::common::{list, numbers};

/// Steps from the first weights by one gradient after another.
pub(crate) fn steps(case: &Case) -> Result<Vec<f64>> {
    let gradients = list(&case.0["grads"]);
    run(optimizer(case)?, case, numbers(&case.0["init"]), gradients)
}

/// Descent from 0 by a learning rate of 1 moves by the clipped gradient.
pub(crate) fn clipped(case: &Case) -> Result<Vec<f64>> {
    let [gradient] = list(case.input("grads")) else { panic!("these cases have one gradient each") };
    let zeros = vec![0.0; numbers(gradient).len()];
    let moved = run(Optimizer::new(Sgd::new(1.0)?), case, zeros, std::slice::from_ref(gradient))?;
    Ok(moved.into_iter().map(|weight| -weight).collect())
}

fn optimizer(case: &Case) -> Result<Optimizer<f64>> {
    let rate = case.setting("learning_rate");
    let decay = decay(case);
    Ok(match case.word("object") {
        "SGD" => {
            let sgd = Sgd::new(rate)?.with_momentum(case.setting("momentum"))?.with_weight_decay(decay)?;
            // Without momentum, Keras takes Nesterov's form for none.
            let look_ahead = case.is_set("nesterov") && case.setting("momentum") > 0.0;
            Optimizer::new(if look_ahead { sgd.with_nesterov()? } else { sgd })
        }
        "Adam" | "AdamW" => {
            let adam = AdamW::new(rate)?.with_betas(case.setting("beta_1"), case.setting("beta_2"))?;
            let adam = adam.with_weight_decay(case.config("weight_decay").as_f64().unwrap_or(0.0))?;
            let adam = if case.is_set("amsgrad") { adam.with_amsgrad() } else { adam };
            Optimizer::new(KerasAdam {
                adam,
                epsilon: case.setting("epsilon"),
                beta2: case.setting("beta_2"),
            })
        }
        "Lion" => Optimizer::new(
            Lion::new(rate)?
                .with_betas(case.setting("beta_1"), case.setting("beta_2"))?
                .with_weight_decay(decay)?,
        ),
        // Keras divides by √(s + ε), we by √s + ε: s that starts from ε more needs no other ε.
        "Adagrad" => Optimizer::new(
            Adagrad::new(rate)?
                .with_initial(case.setting("initial_accumulator_value") + case.setting("epsilon"))?
                .with_epsilon(0.0)?
                .with_weight_decay(decay)?,
        ),
        // The same difference, but smaller than the tolerance.
        "RMSprop" => {
            let rule = RmsProp::new(rate)?
                .with_smoothing(case.setting("rho"))?
                .with_momentum(case.setting("momentum"))?
                .with_epsilon(case.setting("epsilon"))?
                .with_weight_decay(decay)?;
            Optimizer::new(if case.is_set("centered") { rule.centered() } else { rule })
        }
        // Keras's momentum grows by 0.96ᵗ.
        "Nadam" => Optimizer::new(
            NAdam::new(rate)?
                .with_betas(case.setting("beta_1"), case.setting("beta_2"))?
                .with_epsilon(case.setting("epsilon"))?
                .with_momentum_decay(1.0)?
                .with_weight_decay(decay)?,
        ),
        // Keras adds ε to u where it divides, we to the gradient: smaller than the tolerance.
        "Adamax" => Optimizer::new(
            Adamax::new(rate)?
                .with_betas(case.setting("beta_1"), case.setting("beta_2"))?
                .with_epsilon(case.setting("epsilon"))?
                .with_weight_decay(decay)?,
        ),
        "Adadelta" => Optimizer::new(
            Adadelta::new(rate)?
                .with_smoothing(case.setting("rho"))?
                .with_epsilon(case.setting("epsilon"))?
                .with_weight_decay(decay)?,
        ),
        other => panic!("the table sends {other} elsewhere"),
    })
}

/// Keras decouples weight decay for every optimizer.
fn decay(case: &Case) -> WeightDecay {
    case.config("weight_decay").as_f64().map_or(WeightDecay::None, WeightDecay::Decoupled)
}

/// Keras adds ε to √v before the correction 1/√(1 − β₂ᵗ), we after it: so in step t ours is ε/√(1 − β₂ᵗ).
#[derive(Debug)]
struct KerasAdam {
    adam: AdamW,
    epsilon: f64,
    beta2: f64,
}

impl Rule<f64> for KerasAdam {
    fn kind(&self) -> &'static str {
        "keras adam"
    }

    fn settings(&self) -> &RuleSettings {
        Rule::<f64>::settings(&self.adam)
    }

    fn settings_mut(&mut self) -> &mut RuleSettings {
        Rule::<f64>::settings_mut(&mut self.adam)
    }

    fn buffers(&self) -> usize {
        Rule::<f64>::buffers(&self.adam)
    }

    fn update(&self, update: Update<'_, f64>) {
        let epsilon = self.epsilon / (1.0 - self.beta2.powf(update.step as f64)).sqrt();
        self.adam.clone().with_epsilon(epsilon).expect("a finite number").update(update);
    }
}

/// The weights after all gradients, clipped as the case says.
fn run(
    mut optimizer: Optimizer<f64>,
    case: &Case,
    weights: Vec<f64>,
    gradients: &[Value],
) -> Result<Vec<f64>> {
    let limit = |key: &str| case.config(key).as_f64();
    let clip = limit("clipnorm").map(Clip::Norm);
    let clip =
        clip.or(limit("global_clipnorm").map(Clip::GlobalNorm)).or(limit("clipvalue").map(Clip::Value));
    if let Some(clip) = clip {
        optimizer = optimizer.with_clip(clip)?;
    }
    let weight = Param::new("weight", &Tensor::from_vec([weights.len()], weights)?);
    let mut model = Weights { weight };
    let mut store = GradientStore::new(&mut model);
    for gradient in gradients {
        store.take(&mut model.weight, &Whole(&numbers(gradient)))?;
        optimizer.step(&mut model, &mut store)?;
    }
    Ok(model.weight.to_tensor().into_vec())
}

/// A layer that is nothing but a parameter.
#[derive(Debug, Clone)]
struct Weights {
    weight: Param<f64>,
}

impl Layer<f64> for Weights {
    fn kind(&self) -> &'static str {
        "weights"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        _: TensorView<'_, f64>,
        _: TensorViewMut<'_, f64>,
        _: &mut Forward<'_, f64>,
    ) -> Result<()> {
        unreachable!("gradients come from the fixture")
    }

    fn backward(&mut self, _: Backward<'_, f64>, _: &mut dyn GradientSink<f64>) -> Result<()> {
        unreachable!("gradients come from the fixture")
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
        visit(&self.weight);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
        visit(&mut self.weight);
    }
}
