//! Reads a checkpoint. [`super::write`] has the same parts in the same order.

use std::fmt::Display;

use serde_json::Value;

use super::super::Verdict;
use super::super::archive::Archive;
use super::super::document::Document;
use super::super::file_order::FileOrder;
use super::super::json::Object;
use super::super::lie::Lie;
use super::super::load::Load;
use super::super::matching::match_tensors;
use super::super::rebuilt::in_file;
use super::super::values::dtype_of;
use super::history;
use super::write::{ORIENTATION, all_params, average, best, rule_buffer};
use crate::kernels::Buffer;
use crate::layers::{Layer, Param};
use crate::train::{History, Kept, Pace, Plan, Precision, Progress, Resumed, Run};
use crate::{Result, Scalar, Trainer};

/// Everything of a checkpoint but the model, checked.
struct Parts<T> {
    learning_rate: f64,
    optimizer: Vec<(u64, Vec<Buffer<T>>)>,
    params: Vec<ParamSettings>,
    average: Option<Vec<Buffer<T>>>,
    plateau: Option<(f64, u64, u64)>,
    steps: u64,
    passes: u64,
    history: History,
    resumed: Option<(Plan, Run<T>)>,
}

struct ParamSettings {
    frozen: bool,
    learning_rate_scale: f64,
    weight_decay_scale: f64,
}

/// What lies beside the model.
struct Beside<'a> {
    archive: &'a Archive<'a>,
    /// How each parameter lies in the file, and whatever is remembered of it.
    lies: Vec<Lie>,
}

/// Puts a trainer as it was, or leaves it as it is.
pub(super) fn resume<T: Scalar>(
    trainer: &mut Trainer<'_, T>,
    archive: &Archive<'_>,
    document: Option<&Document>,
    path: &str,
) -> Result<()> {
    let checkpoint = document.and_then(|document| document.checkpoint.as_ref());
    let checkpoint =
        checkpoint.ok_or_else(|| in_file(path)("expected a checkpoint, got a model alone".into()))?;
    let mut model = (*trainer.model).clone();
    let load = Load::new().with_orientation(ORIENTATION).allow_not_finite();
    match_tensors(&mut model, archive, document, &load).map_err(|refusal| refusal.in_file(path))?;
    let lies = FileOrder::new(&mut model, document, &load).and_then(|order| order.lies(&model));
    let mut parts =
        lies.and_then(|lies| parts(trainer, &Beside { archive, lies }, checkpoint)).map_err(in_file(path))?;
    if let Some(names) = model.class_names() {
        let run = parts.resumed.as_mut();
        let tally = run.and_then(|(_, run)| run.tally.as_mut());
        history::name_classes(&mut parts.history, tally, names);
    }

    trainer.optimizer.set_learning_rate(parts.learning_rate)?;
    let mut settings = parts.params.into_iter();
    let mut checked = Ok(());
    model.params_mut(&mut |param| {
        let settings = settings.next().expect("one for each parameter");
        if settings.frozen {
            param.freeze();
        } else {
            param.unfreeze();
        }
        let set = param
            .set_learning_rate_scale(settings.learning_rate_scale)
            .and_then(|()| param.set_weight_decay_scale(settings.weight_decay_scale));
        if checked.is_ok() {
            checked = set;
        }
    });
    checked?;
    for ((steps, buffers), (new_steps, new_buffers)) in trainer.optimizer.memory_mut().zip(parts.optimizer) {
        *steps = new_steps;
        replace(buffers, new_buffers);
    }
    if let (Some(moving), Some(values)) = (&mut trainer.average, parts.average) {
        replace(moving.values_mut(), values);
    }
    if let (Pace::OnPlateau(plateau), Some(memory)) = (&mut trainer.pace, parts.plateau) {
        plateau.remember(memory);
    }
    let resumed = parts.resumed.map(|(plan, run)| Resumed { path: path.to_owned(), plan, run });
    trainer.progress = Progress { steps: parts.steps, passes: parts.passes, history: parts.history, resumed };
    *trainer.model = model;
    Ok(())
}

fn replace<T>(buffers: &mut [Buffer<T>], new: Vec<Buffer<T>>) {
    for (buffer, new) in buffers.iter_mut().zip(new) {
        *buffer = new;
    }
}

fn parts<T: Scalar>(trainer: &Trainer<'_, T>, beside: &Beside<'_>, checkpoint: &Value) -> Verdict<Parts<T>> {
    let object = Object::new("checkpoint", checkpoint)?;
    expect("numbers", T::NAME, object.text("type")?)?;
    expect("rule", trainer.optimizer.rule().kind(), object.text("rule")?)?;
    expect("seed", &trainer.settings.seed, &object.whole("seed")?)?;
    // Files of trainings that knew no other have none.
    let precision =
        if object.get("precision").is_some() { object.text("precision")? } else { Precision::Full.name() };
    expect("precision", trainer.settings.precision.name(), precision)?;
    let params = all_params(&trainer.model);
    let steps = object.list("optimizer_steps")?;
    let mut optimizer = Vec::with_capacity(params.len());
    for (index, (param, (_, buffers))) in params.iter().zip(trainer.optimizer.memory()).enumerate() {
        let steps = steps.get(index).and_then(Value::as_u64);
        let steps = steps.ok_or("checkpoint: expected `optimizer_steps`, one for each parameter")?;
        // Without momentum, a rule of the same kind would go on by half of what the file has.
        let beyond = rule_buffer(buffers.len(), param.name());
        if beside.archive.entry(&beyond).is_some() {
            return Err(format!("expected a rule that remembers `{beyond}`, got one that does not"));
        }
        let read = |number| beside.buffer(&rule_buffer(number, param.name()), param, &beside.lies[index]);
        optimizer.push((steps, (0..buffers.len()).map(read).collect::<Verdict<_>>()?));
    }
    let decay = object.get("average").filter(|average| !average.is_null());
    let moving = match (&trainer.average, decay) {
        (None, None) => None,
        (Some(moving), Some(_)) => {
            expect("decay of the moving average", &moving.decay(), &object.number("average")?)?;
            Some(beside.all(&params, average)?)
        }
        (None, Some(_)) => return Err("expected a trainer with a moving average, got one without".into()),
        (Some(_), None) => return Err("expected a trainer without a moving average, got one with".into()),
    };
    let plateau = match object.get("plateau").filter(|plateau| !plateau.is_null()) {
        None => None,
        Some(plateau) => {
            let plateau = Object::new("plateau", plateau)?;
            Some((plateau.number("best")?, plateau.whole("worse")?, plateau.whole("cooling")?))
        }
    };
    if plateau.is_some() != matches!(trainer.pace, Pace::OnPlateau(_)) {
        return Err(
            "expected a trainer with the same kind of schedule, got one with a plateau here only".into()
        );
    }
    let mut history = history::read(beside.archive)?;
    if object.get("metrics").is_some() {
        history::read_metrics(object.list("metrics")?, &mut history)?;
    }
    if object.get("restored").is_some() {
        history.restored = Some(object.count("restored")?).filter(|&epoch| epoch < history.epochs.len());
    }
    let run = match object.get("run") {
        None => None,
        Some(run) => {
            let plan = Object::new("plan", object.get("plan").unwrap_or(&Value::Null))?;
            let plan = Plan {
                samples: plan.count("samples")?,
                batch: plan.count("batch")?,
                accumulation: plan.count("accumulation")?,
                seed: trainer.settings.seed,
                shuffle: plan.flag("shuffle")?,
                drop_last: plan.get("drop_last").is_some() && plan.flag("drop_last")?,
            };
            let epochs = history.epochs.len();
            Some((plan, read_run(beside, &Object::new("run", run)?, (plan, epochs), trainer, &params)?))
        }
    };
    Ok(Parts {
        learning_rate: object.number("learning_rate")?,
        optimizer,
        params: param_settings(&object, params.len())?,
        average: moving,
        plateau,
        steps: object.whole("steps")?,
        passes: object.whole("passes")?,
        history,
        resumed: run,
    })
}

fn read_run<T: Scalar>(
    beside: &Beside<'_>,
    run: &Object<'_>,
    (plan, epochs): (Plan, usize),
    trainer: &Trainer<'_, T>,
    params: &[&Param<T>],
) -> Verdict<Run<T>> {
    let archive = beside.archive;
    let (epoch, samples) = (run.count("epoch")?, run.count("samples")?);
    // A file without it was written in a trainer's first call.
    let first = if run.get("first").is_some() { run.count("first")? } else { 0 };
    if epoch != epochs || first > epochs || plan.group() == 0 || samples > plan.used() || plan.used() == 0 {
        return Err(format!(
            "run: expected a place in the data, got sample {samples} of {} in epoch {epoch} after {epochs} epochs",
            plan.samples
        ));
    }
    let tally = match run.get("tally") {
        None | Some(Value::Null) => None,
        Some(tally) => Some(history::read_tally(&Object::new("tally", tally)?, archive)?),
    };
    if (samples > 0) != tally.is_some() {
        return Err(format!("run: expected a tally of the {samples} samples of the epoch so far"));
    }
    let classes = tally.as_ref().and_then(|tally| tally.hits.as_ref()).map(|hits| hits.classes);
    if let Some(classes) = classes.filter(|&classes| trainer.model.output().axes() != [classes]) {
        return Err(format!("tally: expected the classes of the model, got {classes}"));
    }
    let best_epoch = match run.get("best") {
        None | Some(Value::Null) => None,
        Some(kept) => {
            let kept = Object::new("best", kept)?;
            Some(Kept {
                epoch: kept.count("epoch")?,
                score: kept.number("score")?,
                weights: beside.all(params, best)?,
            })
        }
    };
    Ok(Run { first, samples, tally, seconds: run.number("seconds")?, best: best_epoch })
}

fn param_settings(object: &Object<'_>, count: usize) -> Verdict<Vec<ParamSettings>> {
    let frozen = object.list("frozen")?;
    let rates = object.list("learning_rate_scales")?;
    let decays = object.list("weight_decay_scales")?;
    let scale = |value: &Value| {
        value
            .as_f64()
            .filter(|scale| scale.is_finite() && *scale >= 0.0)
            .ok_or_else(|| format!("checkpoint: expected a share of the learning rate or decay, got {value}"))
    };
    if [frozen.len(), rates.len(), decays.len()] != [count; 3] {
        return Err(format!("checkpoint: expected settings of {count} parameters"));
    }
    let all = frozen.iter().zip(rates.iter().zip(decays));
    all.map(|(frozen, (rate, decay))| {
        Ok(ParamSettings {
            frozen: frozen.as_bool().ok_or("checkpoint: expected `frozen`, true or false")?,
            learning_rate_scale: scale(rate)?,
            weight_decay_scale: scale(decay)?,
        })
    })
    .collect()
}

impl Beside<'_> {
    /// One tensor for each parameter.
    fn all<T: Scalar>(&self, params: &[&Param<T>], name: fn(&str) -> String) -> Verdict<Vec<Buffer<T>>> {
        let pairs = params.iter().zip(&self.lies);
        pairs.map(|(param, lie)| self.buffer(&name(param.name()), param, lie)).collect()
    }

    /// A tensor as it lies in the parameter's buffer.
    fn buffer<T: Scalar>(&self, name: &str, param: &Param<T>, lie: &Lie) -> Verdict<Buffer<T>> {
        let expected = lie.shape(param);
        let entry = self.archive.entry(name).ok_or_else(|| format!("`{name}` {expected} is missing"))?;
        if entry.shape != expected || entry.dtype != dtype_of::<T>() {
            return Err(format!(
                "`{name}`: expected {expected} of {}, got {} of {:?}",
                T::NAME,
                entry.shape,
                entry.dtype
            ));
        }
        let mut buffer = Buffer::zeroed(param.buffer().len());
        param.pack(&lie.of_file(param, entry.tensor()?), &mut buffer);
        Ok(buffer)
    }
}

fn expect<V: PartialEq + Display + ?Sized>(what: &str, here: &V, file: &V) -> Verdict<()> {
    if here == file {
        return Ok(());
    }
    Err(format!("expected the {what} of the checkpoint, {file}, got {here}"))
}
