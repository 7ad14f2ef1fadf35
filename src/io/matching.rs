//! Finds the tensor in a file for each parameter of a model.

use alloc::collections::{BTreeMap, BTreeSet};

use super::archive::{Archive, Entry};
use super::document::Document;
use super::file_order::{FileOrder, Pair, adopt, feature_counts};
use super::lie::{Lie, RowOrder, features};
use super::load::{Load, Loaded, Unusual};
use super::values::Numbers;
use super::{Verdict, classes};
use crate::layers::{Layer, Param};
use crate::prelude::*;
use crate::{Error, Scalar, Sequential, Shape, Tensor};

/// Where more than a model lies in a file, the names of the rest begin so; no layer's name does.
pub(super) const BESIDE: &str = "@";

/// Everything that does not fit.
pub(super) struct Refusal(pub(super) Vec<String>);

impl Refusal {
    pub(super) fn in_file(self, path: &str) -> Error {
        Error::tensors(path, &self.0)
    }
}

/// What became of the tensors of a file.
pub(super) struct Matched {
    pub(super) loaded: Loaded,
    /// The order in which the file has samples of features.
    pub(super) inputs: RowOrder,
}

/// Gives each parameter its tensor, which takes no memory. Where something does not fit, the model may have a part of them.
pub(super) fn match_tensors<T: Scalar>(
    model: &mut Sequential<T>,
    archive: &Archive<'_>,
    document: Option<&Document>,
    load: &Load,
) -> Result<Matched, Refusal> {
    let (mut problems, mut loaded) = (Vec::new(), Loaded::default());
    let is_checkpoint = document.is_some_and(|document| document.checkpoint.is_some());
    let own = archive.entries.iter().filter(|entry| !(is_checkpoint && entry.name.starts_with(BESIDE)));
    let mut entries = renamed(own, load, &mut loaded, &mut problems);
    if let Some(document) = document.filter(|_| load.features.is_none()) {
        adopt(model, &document.said, &|name| entries.get(name).map(|entry| entry.name.clone()));
    }
    let order = FileOrder::new(model, document, load).map_err(|problem| Refusal(vec![problem]))?;
    let mut passed_over = Vec::new();
    let (mut inputs, mut turns, mut is_first) = (None, model.turns_of_params().into_iter(), true);
    // That of a file is told once, and not for every parameter.
    let mut order_problem = None;
    model.params_mut(&mut |param| {
        let turn = turns.next().expect("one for each parameter");
        let is_first = param.is_dense_weight() && core::mem::take(&mut is_first);
        let name = param.name().to_owned();
        // PyTorch counts batches beside all running statistics, in a whole number that is mostly of no use here.
        if let (true, Some(layer)) = (param.is_statistic(), name.strip_suffix("running_mean")) {
            passed_over.push(format!("{layer}num_batches_tracked"));
        }
        let Some(entry) = entries.remove(&*name) else {
            loaded.missing.push(name.clone());
            if !load.allows(Unusual::Missing) {
                let expected = Lie::written(order.orientation(), turn).shape(param);
                problems.push(format!("`{name}` {expected} is missing"));
            }
            return;
        };
        let pair = Pair {
            name: &name,
            turn,
            tensor: &entry.name,
            shape: entry.shape,
            is_first,
            features: feature_counts(param),
        };
        if features(turn).is_some() {
            inputs.get_or_insert_with(|| order.told_rows(&pair));
        }
        let lie = match order.lie(&pair) {
            Ok(lie) => lie,
            Err(problem) => {
                order_problem.get_or_insert(problem);
                return;
            }
        };
        let numbers = match fitting(param, entry, lie.shape(param)) {
            Ok(numbers) => numbers,
            Err(problem) => return problems.push(format!("`{name}`: {problem}")),
        };
        if let Some((place, value)) = numbers.not_finite(|value: T| param.is_finite(value)) {
            if !load.allows(Unusual::NotFinite) {
                let kept = if param.bf16().is_some() { " in bf16" } else { "" };
                problems.push(format!("`{name}`: expected finite values{kept}, got {value} at {place}"));
            }
            loaded.not_finite.push(name);
        }
        if let Err(problem) = check_limits(param, entry) {
            return problems.push(problem);
        }
        let place = lie.place(param);
        param.fill(|row, column| numbers.at(place(row, column)));
    });
    problems.extend(order_problem);
    for name in passed_over {
        entries.remove(&name);
    }
    // In the file's order.
    let left: BTreeSet<&str> = entries.into_values().map(|entry| &*entry.name).collect();
    for entry in archive.entries.iter().filter(|entry| left.contains(&*entry.name)) {
        loaded.left_over.push(entry.name.clone());
        if !load.allows(Unusual::LeftOver) {
            problems.push(format!("`{}` {} is left over", entry.name, entry.shape));
        }
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    if let Some(description) = document.and_then(|document| document.model.as_ref()) {
        classes::adopt(model, description, load, &loaded).map_err(|problem| Refusal(vec![problem]))?;
    }
    let inputs = inputs.filter(|_| model.takes_features()).unwrap_or_default();
    Ok(Matched { loaded, inputs })
}

impl<'a> Entry<'a> {
    /// The numbers as they lie in the file.
    pub(super) fn numbers(&self) -> Verdict<Numbers<'a>> {
        Numbers::new(self.dtype, self.bytes)
            .ok_or_else(|| format!("expected f64, f32, f16 or bf16, got {:?}", self.dtype))
    }

    /// The numbers in the shape that they have in the file.
    pub(super) fn tensor<T: Scalar>(&self) -> Verdict<Tensor<T>> {
        Tensor::from_vec(self.shape, self.numbers()?.to_vec()).map_err(|error| error.to_string())
    }
}

pub(super) fn fitting<'a, T: Scalar>(
    param: &Param<T>,
    entry: &Entry<'a>,
    expected: Shape,
) -> Verdict<Numbers<'a>> {
    if entry.shape == expected && param.integers().is_some() {
        let numbers = Numbers::bytes(entry.dtype, entry.bytes);
        return numbers.ok_or_else(|| {
            format!(
                "expected i8 for a weight of eight bits, got {:?}; open an f32 model with `Open::quantized`",
                entry.dtype
            )
        });
    }
    if entry.shape == expected {
        // Only what is counted may be whole numbers.
        let counts = Numbers::counts(entry.dtype, entry.bytes).filter(|_| param.is_statistic());
        return counts.map_or_else(|| entry.numbers(), Ok);
    }
    let is_turned = param.is_dense_weight() && entry.shape.axes().iter().rev().eq(expected.axes());
    let hint = if is_turned { "; it may lie the other way: tell the orientation" } else { "" };
    Err(format!("expected {expected}, got {}{hint}", entry.shape))
}

/// Whether the numbers of a tensor are those that a parameter can have, where they have to be scales.
pub(super) fn check_limits<T: Scalar>(param: &Param<T>, entry: &Entry<'_>) -> Verdict<()> {
    if param.is_scales() {
        return param.check_values(&entry.tensor()?).map_err(|error| error.to_string());
    }
    Ok(())
}

/// The tensors of the model by the names that the model has for them.
fn renamed<'a, 'b>(
    own: impl Iterator<Item = &'a Entry<'b>>,
    load: &Load,
    loaded: &mut Loaded,
    problems: &mut Vec<String>,
) -> BTreeMap<String, &'a Entry<'b>> {
    problems.extend(load.renames.iter().filter_map(|rename| rename.check().err()));
    let mut unused: Vec<bool> = vec![true; load.renames.len()];
    let mut entries = BTreeMap::new();
    for entry in own {
        let rules = load.renames.iter().zip(&mut unused);
        let renamed = rules.into_iter().find_map(|(rename, unused)| {
            let name = rename.apply(&entry.name)?;
            *unused = false;
            Some(name)
        });
        let name = renamed.unwrap_or_else(|| entry.name.clone());
        if let Some(other) = entries.insert(name.clone(), entry) {
            problems.push(format!("`{}` and `{}` are both `{name}`", other.name, entry.name));
        }
    }
    for (rename, _) in load.renames.iter().zip(unused).filter(|(_, unused)| *unused) {
        loaded.unused_renames.push(rename.text());
        if !load.allows(Unusual::UnusedRename) {
            problems.push(rename.unused());
        }
    }
    entries
}
