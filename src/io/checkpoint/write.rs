//! Writes a checkpoint. [`super::read`] has the same parts in the same order.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::Verdict;
use super::super::document::Document;
use super::super::draft::{Draft, Piece};
use super::super::json::number;
use super::super::lie::Lie;
use super::super::orientation::Orientation;
use super::super::save::{parameters, piece};
use super::history;
use crate::kernels::Buffer;
use crate::layers::{Layer, Param};
use crate::train::{Pace, Plan, Run};
use crate::{Scalar, Sequential, Trainer};

/// Which way weights lie in a checkpoint.
pub(super) const ORIENTATION: Orientation = Orientation::PyTorch;

/// The names of what lies beside the model, in front of the names of its parameters.
pub(super) fn rule_buffer(buffer: usize, param: &str) -> String {
    format!("@rule/{buffer}/{param}")
}

pub(super) fn average(param: &str) -> String {
    format!("@average/{param}")
}

pub(super) fn best(param: &str) -> String {
    format!("@best/{param}")
}

/// All that there is of a training.
pub(super) fn draft<'a, T: Scalar>(
    trainer: &'a Trainer<'_, T>,
    run: Option<(Plan, &'a Run<T>)>,
) -> Verdict<Draft<'a>> {
    let model = &*trainer.model;
    model.check_params().map_err(|error| error.to_string())?;
    let turns = model.turns_of_params();
    let lies: Vec<Lie> = turns.iter().map(|&turn| Lie::written(ORIENTATION, turn)).collect();
    let mut pieces = parameters(model, ORIENTATION, &turns);
    let params = all_params(model);
    for ((param, lie), (_, buffers)) in params.iter().zip(&lies).zip(trainer.optimizer.memory()) {
        for (number, buffer) in buffers.iter().enumerate() {
            pieces.push(piece(&rule_buffer(number, param.name()), param, buffer, lie.clone()));
        }
    }
    if let Some(moving) = &trainer.average {
        pieces.extend(weights(&params, &lies, moving.values(), average));
    }
    let mut checkpoint = json!({
        "type": T::NAME,
        "rule": trainer.optimizer.rule().kind(),
        "learning_rate": number(trainer.optimizer.learning_rate()),
        "optimizer_steps": trainer.optimizer.memory().map(|(steps, _)| steps).collect::<Vec<u64>>(),
        "frozen": params.iter().map(|param| param.is_frozen()).collect::<Vec<bool>>(),
        "learning_rate_scales": params.iter().map(|param| number(param.learning_rate_scale())).collect::<Vec<_>>(),
        "weight_decay_scales": params.iter().map(|param| number(param.weight_decay_scale())).collect::<Vec<_>>(),
        "average": trainer.average.as_ref().map(|moving| number(moving.decay())),
        "plateau": plateau(&trainer.pace),
        "precision": trainer.settings.precision.name(),
        "seed": trainer.settings.seed,
        "steps": trainer.progress.steps,
        "passes": trainer.progress.passes,
    });
    history::write(&trainer.progress.history, &mut pieces)?;
    if let Some(metrics) = history::metrics(&trainer.progress.history) {
        checkpoint["metrics"] = metrics;
    }
    if let Some(restored) = trainer.progress.history.restored {
        checkpoint["restored"] = restored.into();
    }
    if let Some((plan, run)) = run {
        checkpoint["plan"] = json!({
            "samples": plan.samples,
            "batch": plan.batch,
            "accumulation": plan.accumulation,
            "shuffle": plan.shuffle,
            "drop_last": plan.drop_last,
        });
        checkpoint["run"] = json!({
            "first": run.first,
            "epoch": trainer.progress.epoch_number(),
            "samples": run.samples,
            "seconds": number(run.seconds),
            "tally": run.tally.as_ref().map(|tally| history::tally(tally, &mut pieces)),
            "best": run.best.as_ref().map(|best| json!({ "epoch": best.epoch, "score": number(best.score) })),
        });
        if let Some(kept) = &run.best {
            pieces.extend(weights(&params, &lies, &kept.weights, best));
        }
    }
    let document = Document { checkpoint: Some(checkpoint), ..Document::of(model, &turns) };
    Draft::new(pieces, document.into_text()?, BTreeMap::new())
}

pub(super) fn all_params<T: Scalar>(model: &Sequential<T>) -> Vec<&Param<T>> {
    let mut params = Vec::new();
    model.params(&mut |param| params.push(param));
    params
}

/// One tensor for each parameter.
fn weights<'a, T: Scalar>(
    params: &[&'a Param<T>],
    lies: &[Lie],
    buffers: &'a [Buffer<T>],
    name: fn(&str) -> String,
) -> Vec<Piece<'a>> {
    let all = params.iter().zip(lies).zip(buffers);
    all.map(|((param, lie), buffer)| piece(&name(param.name()), param, buffer, lie.clone())).collect()
}

fn plateau(pace: &Pace) -> Value {
    let Pace::OnPlateau(plateau) = pace else { return Value::Null };
    let (best, worse, cooling) = plateau.memory();
    json!({ "best": number(best), "worse": worse, "cooling": cooling })
}
