//! The ranks of a training compare each other before the first step, and their weights after each epoch.

use std::fmt::Write;

use super::group::{Group, Own, attempt};
use super::inputs::Inputs;
use super::meeting::Meeting;
use super::run::Plan;
use super::{Dataset, Fit, Trainer};
use crate::layers::{Layer, Param};
use crate::losses::Target;
use crate::optimizers::MovingAverage;
use crate::{Error, Result, Scalar};

/// So many samples are asked for at a time.
const SAMPLES: usize = 1 << 16;

/// Lines that have to be the same on all ranks, each with a name.
#[derive(Default)]
struct Description(String);

impl Description {
    fn line(&mut self, name: &str, what: impl std::fmt::Display) {
        writeln!(self.0, "{name}: {what}").expect("a string takes everything");
    }

    /// The first line that is another one on rank 0, in words.
    fn difference(&self, first: &str) -> Result<()> {
        if self.0 == first {
            return Ok(());
        }
        let (own, first): (Vec<&str>, Vec<&str>) = (self.0.lines().collect(), first.lines().collect());
        let place = own.iter().zip(&first).position(|(own, first)| own != first);
        let line = |lines: &[&str]| {
            let place = place.unwrap_or(own.len().min(first.len()));
            lines.get(place).map_or_else(|| "nothing".to_owned(), |line| format!("`{line}`"))
        };
        Err(Error::other(format!("expected {}, as rank 0 has it, got {}", line(&first), line(&own))))
    }
}

impl<T: Scalar> Trainer<'_, T> {
    /// Compares trainers, and what they are to do: a training, or steps by hand where there is none.
    pub(super) fn meet(&mut self, fit: Option<(&Dataset<'_, T>, &Fit<'_, T>, Plan)>) -> Result<()> {
        if fit.is_none() && self.group.as_ref().is_some_and(Group::has_met) {
            return Ok(());
        }
        self.with_group(|trainer, group| {
            compare(group, || {
                let mut text = trainer.description();
                if let Some((data, fit, plan)) = fit {
                    text.line("data", plan);
                    describe_data(&mut text, "data", data);
                    if let Some(validation) = fit.validation() {
                        describe_data(&mut text, "validation data", validation);
                    }
                    text.line("epochs", fit.epochs);
                    text.line("early stopping", format_args!("{:?}", fit.early_stopping));
                    text.line("metrics", format_args!("{:?}", fit.metric_names()));
                }
                text
            })?;
            let Some((data, fit, _)) = fit else {
                group.meeting = Some(Meeting::default());
                return Ok(());
            };
            let (has_keepers, is_first) = (!fit.keepers.is_empty(), group.rank() == 0);
            let watchers =
                [!fit.callbacks.is_empty(), has_keepers, fit.needs_outputs(), has_keepers && is_first];
            let watchers = group.sum(watchers.map(|is_there| f64::from(u8::from(is_there))).to_vec())?;
            if watchers[1] > 0.0 && watchers[3] == 0.0 {
                let expected = "some on rank 0, which alone writes them";
                return Err(Error::setting("checkpoints", expected, "some on other ranks").into());
            }
            group.meeting = Some(Meeting {
                owners: owners(group, data)?,
                validation_owners: match fit.validation() {
                    Some(data) => owners(group, data)?,
                    None => None,
                },
                has_callbacks: watchers[0] > 0.0,
                has_keepers: watchers[1] > 0.0,
                needs_outputs: watchers[2] > 0.0,
            });
            Ok(())
        })
    }

    /// Compares what an evaluation goes by, and tells whose each sample is.
    pub(super) fn meet_to_evaluate(
        &mut self,
        group: &mut Group,
        data: &Dataset<'_, T>,
    ) -> Own<Option<Vec<usize>>> {
        compare(group, || {
            let mut text = Description::default();
            self.describe_model(&mut text);
            text.line("loss", format_args!("{:?}", self.loss));
            describe_data(&mut text, "data", data);
            text
        })?;
        owners(group, data)
    }

    /// Whether the weights are the same to the bit on all ranks, at the end of an epoch.
    pub(super) fn compare_weights(&mut self, epoch: usize) -> Result<()> {
        if self.group.is_none() {
            return Ok(());
        }
        self.with_group(|trainer, group| {
            let own = checksum(&*trainer.model);
            let mut halves = vec![0.0; 2 * group.size()];
            let rank = group.rank();
            (halves[2 * rank], halves[2 * rank + 1]) = ((own >> 32) as f64, (own & 0xFFFF_FFFF) as f64);
            let all = group.sum(halves)?;
            let sums: Vec<&[f64]> = all.chunks(2).collect();
            let times = |sum: &&[f64]| sums.iter().filter(|other| *other == sum).count();
            // Those that most ranks have, and of several those of the first of them.
            let most = sums.iter().rev().max_by_key(|sum| times(sum)).expect("there is at least one rank");
            let others: Vec<usize> = (0..sums.len()).filter(|&rank| sums[rank] != *most).collect();
            let Some(&first) = others.first() else { return Ok(()) };
            let text = format!(
                "weights after epoch {epoch}: expected the same bits on every rank, got others on {others:?} of {}",
                sums.len()
            );
            Err(Error::Rank { rank: first, source: Box::new(Error::other(text)) }.into())
        })
    }

    /// What has to be the same on all ranks.
    fn description(&self) -> Description {
        let mut text = Description::default();
        self.describe_model(&mut text);
        text.line("loss", format_args!("{:?}", self.loss));
        text.line("optimizer", format_args!("{:?} clip {:?}", self.optimizer.rule(), self.optimizer.clip()));
        text.line("schedule", format_args!("{:?}", self.pace));
        let settings = &self.settings;
        text.line("batch", settings.batch);
        text.line("accumulation", settings.accumulation);
        text.line("seed", settings.seed);
        text.line("drop last", settings.drop_last);
        text.line("precision", settings.precision.name());
        text.line("allows what is not finite", settings.allow_not_finite);
        text.line("synchronized batch norm", settings.synchronized_batch_norm);
        text.line("moving average", format_args!("{:?}", self.average.as_ref().map(MovingAverage::decay)));
        text.line("steps made", self.progress.steps);
        text.line("epochs made", self.progress.epoch_number());
        if let Some(resumed) = &self.progress.resumed {
            text.line("goes on", format_args!("after {} of {}", resumed.run.samples, resumed.plan));
        }
        let mut memory = Checksum::default();
        for (steps, buffers) in self.optimizer.memory() {
            memory.add(steps);
            buffers.iter().for_each(|buffer| memory.add_numbers(buffer));
        }
        self.average.iter().flat_map(MovingAverage::values).for_each(|values| memory.add_numbers(values));
        text.line(
            "checksum of what the optimizer and the average remember",
            format_args!("{:016x}", memory.0),
        );
        text
    }

    fn describe_model(&self, text: &mut Description) {
        text.line("version of taper", env!("CARGO_PKG_VERSION"));
        text.line("numbers", T::NAME);
        for (name, layer) in self.model.layers() {
            text.line("layer", format_args!("{name} {}", layer.describe()));
        }
        self.model.params(&mut |param| {
            let frozen = if param.is_frozen() { " frozen" } else { "" };
            let scales = (param.learning_rate_scale(), param.weight_decay_scale());
            text.line("parameter", format_args!("{} {}{frozen} {scales:?}", param.name(), param.shape()));
        });
        text.line("checksum of the weights", format_args!("{:016x}", checksum(&*self.model)));
    }
}

fn describe_data<T: Scalar>(text: &mut Description, name: &str, data: &Dataset<'_, T>) {
    text.line(name, format_args!("{} samples of {}", data.len(), data.shape()));
    let mut sum = Checksum::default();
    match data.target() {
        Target::Classes(classes) => classes.iter().for_each(|&class| sum.add(class as u64)),
        Target::Values(values) => sum.add_numbers(values.as_slice()),
    }
    data.weights().into_iter().flatten().for_each(|weight| sum.add(weight.to_bits()));
    data.indices().into_iter().flatten().for_each(|&index| sum.add(index as u64));
    text.line("checksum of its targets, weights and subset", format_args!("{:016x}", sum.0));
    let (augments, teacher) = (data.augmentation().is_some(), data.teacher().is_some());
    text.line("augmentation and teacher", format_args!("{augments} {teacher}"));
}

/// An error where this is not what rank 0 has. Layers, losses and rules may be somebody's own, and fail as they tell what they are.
fn compare(group: &mut Group, describe: impl FnOnce() -> Description) -> Own<()> {
    let (text, _) = group.agree(attempt(|| Ok(describe())), Vec::new())?;
    let first = group.text_of_first(&text.0)?;
    let own = attempt(|| text.difference(&first));
    group.agree(own, Vec::new()).map(|_| ())
}

/// Whose each sample is, where not every rank has all of them.
fn owners<T: Scalar>(group: &mut Group, data: &Dataset<'_, T>) -> Own<Option<Vec<usize>>> {
    let has = |sample: usize| match data.inputs() {
        Inputs::Source(source, _) => source.has(sample),
        Inputs::Values(_) | Inputs::Pixels(_) => true,
    };
    let samples = data.shape().axes()[0];
    let own = attempt(|| Ok((0..samples).map(has).collect::<Vec<bool>>()));
    let has_all = own.as_ref().is_ok_and(|own| own.iter().all(|&has| has));
    let (own, all) = group.agree(own, vec![f64::from(u8::from(has_all))])?;
    if all[0] as usize == group.size() {
        return Ok(None);
    }
    let mut owners = Vec::with_capacity(samples);
    for own in own.chunks(SAMPLES) {
        let (rank, one) = (group.rank() as f64, |&has: &bool| if has { 1.0 } else { 0.0 });
        let numbers = own.iter().map(one).chain(own.iter().map(|has| rank * one(has))).collect();
        let sums = group.sum(numbers)?;
        let (counts, ranks) = sums.split_at(own.len());
        if let Some(place) = counts.iter().position(|&count| count != 1.0) {
            let expected = "each sample on every rank, or each on one of them";
            let got = format!("sample {} on {} of {}", owners.len() + place, counts[place], group.size());
            return Err(Error::setting("samples", expected, got).into());
        }
        owners.extend(ranks.iter().map(|&rank| rank as usize));
    }
    Ok(Some(owners))
}

/// Sums of bits: whatever differs in one place has another one.
struct Checksum(u64);

impl Default for Checksum {
    fn default() -> Self {
        Self(0xA076_1D64_78BD_642F)
    }
}

impl Checksum {
    fn add(&mut self, bits: u64) {
        self.0 = (self.0 ^ bits).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }

    fn add_numbers<T: Scalar>(&mut self, numbers: &[T]) {
        numbers.iter().for_each(|number| self.add(number.as_f64().to_bits()));
    }
}

/// That of all parameters of a model, statistics too.
fn checksum<T: Scalar>(model: &dyn Layer<T>) -> u64 {
    let mut sum = Checksum::default();
    model.params(&mut |param: &Param<T>| sum.add_numbers(param.buffer()));
    sum.0
}
