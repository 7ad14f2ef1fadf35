//! Which tensor of a file is which parameter of a model.

use super::Verdict;
use std::collections::{HashMap, HashSet};

use super::archive::{Archive, Entry};
use super::document::Document;
use super::load::{Features, Load, Loaded};
use super::values::{decode, is_read};
use crate::layers::{Layer, Param};
use crate::{Error, Scalar, Sequential, Shape, Tensor};

/// Where more than a model lies in a file, the names of the rest begin so; no layer's name does.
pub(super) const BESIDE: &str = "@";

/// Everything that does not fit.
pub(super) struct Refusal(pub(super) Vec<String>);

impl Refusal {
    pub(super) fn in_file(self, path: &str) -> Error {
        Error::Tensors { path: path.to_owned(), problems: self.0 }
    }
}

/// Gives each parameter its tensor, and tells how rows were put. Where something does not fit, the model may have a part
/// of them.
pub(super) fn match_tensors<T: Scalar>(
    model: &mut Sequential<T>,
    archive: &Archive<'_>,
    document: Option<&Document>,
    load: &Load,
) -> Result<(Loaded, Option<RowOrder>), Refusal> {
    let mut problems = Vec::new();
    let orientation = load.orientation.or(document.map(|document| document.orientation)).unwrap_or_default();
    let order = row_order(model, document, load).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    let is_checkpoint = document.is_some_and(|document| document.checkpoint.is_some());
    let own = archive.entries.iter().filter(|entry| !(is_checkpoint && entry.name.starts_with(BESIDE)));
    let mut entries = renamed(own, load, &mut problems);
    let (mut loaded, mut is_first) = (Loaded::default(), true);
    model.params_mut(&mut |param| {
        let order = order.as_ref().filter(|_| param.is_dense_weight() && std::mem::take(&mut is_first));
        let name = param.name().to_owned();
        let expected = orientation.shape_of(param);
        let Some(entry) = entries.remove(&*name) else {
            loaded.missing.push(name.clone());
            if !load.allow_missing {
                problems.push(format!("`{name}` {expected} is missing"));
            }
            return;
        };
        match fitting(param, entry, expected) {
            Err(problem) => problems.push(format!("`{name}`: {problem}")),
            Ok(tensor) => {
                if let Some(place) = tensor.as_slice().iter().position(|value: &T| !value.is_finite()) {
                    if !load.allow_not_finite {
                        let value = tensor.as_slice()[place];
                        problems.push(format!("`{name}`: expected finite values, got {value} at {place}"));
                    }
                    loaded.not_finite.push(name);
                }
                let mut tensor = orientation.to_param(param, tensor);
                if let Some(order) = order {
                    tensor = order.put(&tensor);
                }
                param.set(&tensor).expect("the shape was checked");
            }
        }
    });
    // In the file's order.
    let left: HashSet<&str> = entries.into_values().map(|entry| &*entry.name).collect();
    for entry in archive.entries.iter().filter(|entry| left.contains(&*entry.name)) {
        loaded.left_over.push(entry.name.clone());
        if !load.allow_left_over {
            problems.push(format!("`{}` {} is left over", entry.name, entry.shape));
        }
    }
    if problems.is_empty() { Ok((loaded, order)) } else { Err(Refusal(problems)) }
}

impl Entry<'_> {
    /// The numbers in the shape that they have in the file.
    pub(super) fn tensor<T: Scalar>(&self) -> Verdict<Tensor<T>> {
        if !is_read(self.dtype) {
            return Err(format!("expected f64, f32, f16 or bf16, got {:?}", self.dtype));
        }
        Tensor::from_vec(self.shape, decode(self.dtype, self.bytes)).map_err(|error| error.to_string())
    }
}

fn fitting<T: Scalar>(param: &Param<T>, entry: &Entry<'_>, expected: Shape) -> Verdict<Tensor<T>> {
    if entry.shape == expected {
        return entry.tensor();
    }
    let is_turned = param.is_dense_weight() && entry.shape.axes().iter().rev().eq(expected.axes());
    let hint = if is_turned { "; it may lie the other way: tell the orientation" } else { "" };
    Err(format!("expected {expected}, got {}{hint}", entry.shape))
}

/// The tensors of the model by the names that the model has for them.
fn renamed<'a, 'b>(
    own: impl Iterator<Item = &'a Entry<'b>>,
    load: &Load,
    problems: &mut Vec<String>,
) -> HashMap<String, &'a Entry<'b>> {
    let mut unused: Vec<bool> = vec![true; load.renames.len()];
    let mut entries = HashMap::new();
    for entry in own {
        let rule = load.renames.iter().position(|(from, _)| entry.name.starts_with(from));
        let name = match rule {
            None => entry.name.clone(),
            Some(rule) => {
                unused[rule] = false;
                let (from, to) = &load.renames[rule];
                format!("{to}{}", &entry.name[from.len()..])
            }
        };
        if let Some(other) = entries.insert(name.clone(), entry) {
            problems.push(format!("`{}` and `{}` are both `{name}`", other.name, entry.name));
        }
    }
    for ((from, to), _) in load.renames.iter().zip(unused).filter(|(_, unused)| *unused) {
        problems.push(format!("`{from}` to `{to}`: no name begins so"));
    }
    entries
}

/// The row of a file's weight that each row of the model's has.
pub(super) struct RowOrder(Vec<usize>);

impl RowOrder {
    /// The numbers of samples in the file's order of features, in the model's.
    pub(super) fn features<T: Scalar>(&self, samples: &Tensor<T>) -> Tensor<T> {
        let len = self.0.len();
        Tensor::from_fn(samples.shape(), |place| samples.as_slice()[place / len * len + self.0[place % len]])
            .expect("samples fitted into memory before")
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn put<T: Scalar>(&self, weight: &Tensor<T>) -> Tensor<T> {
        let columns = weight.shape().axes()[1];
        let row = |place: usize| self.0[place / columns] * columns + place % columns;
        Tensor::from_fn(weight.shape(), |place| weight.as_slice()[row(place)])
            .expect("a weight fitted into memory before")
    }
}

/// How the rows of the first dense weight are to be put. Nothing is guessed: where file and model are known to flatten
/// other shapes, it has to be told.
fn row_order<T: Scalar>(
    model: &Sequential<T>,
    document: Option<&Document>,
    load: &Load,
) -> Verdict<Option<RowOrder>> {
    let (known_of_file, known_of_model) =
        (document.and_then(|document| document.flattened), model.flattened());
    let Some(features) = load.features else {
        return match (known_of_file, known_of_model) {
            (Some(file), Some(model)) if file != model => Err(format!(
                "the first dense weight takes {model} flattened, that of the file {file}: tell the order of the file's features, `from_channels_first` or `from_channels_last`"
            )),
            _ => Ok(None),
        };
    };
    let (file, own) = match features {
        Features::ChannelsFirst([channels, height, width]) => {
            (Shape::from([channels, height, width]), Shape::from([height, width, channels]))
        }
        Features::ChannelsLast([height, width, channels]) => {
            (Shape::from([height, width, channels]), Shape::from([channels, height, width]))
        }
    };
    if let Some(known) = known_of_file.filter(|&known| known != file) {
        return Err(format!("expected features {known} as the file says, got {file}"));
    }
    if let Some(known) = known_of_model.filter(|&known| known != own) {
        return Err(format!(
            "the first dense weight takes {known} flattened, but features {file} become {own}"
        ));
    }
    let mut inputs = None;
    model.params(&mut |param| {
        if param.is_dense_weight() {
            inputs.get_or_insert(param.shape().axes()[0]);
        }
    });
    if inputs != Some(file.len()) {
        let inputs = inputs.map_or("none".to_owned(), |inputs| inputs.to_string());
        return Err(format!(
            "features {file} are {} inputs, the first dense weight has {inputs}",
            file.len()
        ));
    }
    let &[a, b, c] = own.axes() else { unreachable!("features have three axes") };
    let row = |place: usize| {
        let (i, j, k) = (place / (b * c), place / c % b, place % c);
        match features {
            // Own row (y, x, channel) is the file's (channel, y, x).
            Features::ChannelsFirst(_) => (k * a + i) * b + j,
            // Own row (channel, y, x) is the file's (y, x, channel).
            Features::ChannelsLast(_) => (j * c + k) * a + i,
        }
    };
    Ok(Some(RowOrder((0..own.len()).map(row).collect())))
}
