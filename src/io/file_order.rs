//! The order of features in a file. It is taken from the file or from the caller, and never guessed.

use super::Verdict;
use super::document::{Document, Said};
use super::lie::{Lie, RowOrder, channels_first, features};
use super::load::{Features, Load};
use super::orientation::Orientation;
use crate::layers::{Layer, Order, Param, Turn};
use crate::prelude::*;
use crate::{Scalar, Sequential, Shape};

/// In which order the parameters of a file are to be read.
pub(super) struct FileOrder<'a> {
    orientation: Orientation,
    /// What is told lies along images with channels last, whatever their order.
    is_keras: bool,
    said: Option<(&'a Said, Orientation)>,
    load: &'a Load,
    told: Option<Told>,
}

/// How the order that was told differs from that of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    /// The file's features have channels first, the model's last.
    First,
    /// The same order.
    Same,
    /// The file's features have channels last, the model's first.
    Last,
}

/// A parameter of the model, and its tensor in the file.
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) turn: Turn,
    /// The name of the tensor in the file, and its shape.
    pub(super) tensor: &'a str,
    pub(super) shape: Shape,
    /// Whether it is the first dense weight.
    pub(super) is_first: bool,
    /// How many features it may lie along: in its first axis, or with all of its numbers.
    pub(super) features: [usize; 2],
}

/// How many features a parameter may lie along; none for the weight of a convolution.
pub(super) fn feature_counts<T: Scalar>(param: &Param<T>) -> [usize; 2] {
    let first = param.shape().axes().first().copied().filter(|_| !param.is_kernels()).unwrap_or(0);
    if param.is_kernels() || param.is_dense_weight() { [first; 2] } else { [first, param.count()] }
}

impl<'a> FileOrder<'a> {
    /// Of a model into which a file is to be read. Where the model takes a row of features and their order is told, the
    /// model knows it from then on.
    pub(super) fn new<T: Scalar>(
        model: &mut Sequential<T>,
        document: Option<&'a Document>,
        load: &'a Load,
    ) -> Verdict<Self> {
        let said = document.map(|document| (&document.said, document.orientation));
        let orientation = load.orientation.or(said.map(|(_, orientation)| orientation)).unwrap_or_default();
        for name in &load.in_model_order {
            model.param(name).map_err(|error| error.to_string())?;
        }
        if let (Some(told), Some((said, orientation))) = (load.features, said) {
            check_told(told, said, orientation)?;
        }
        let told = load.features.map(|told| compare(model, told)).transpose()?;
        Ok(Self { orientation, is_keras: load.orientation == Some(Orientation::Keras), said, load, told })
    }

    /// Which way weights lie.
    pub(super) fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The order that was told, of the features of a parameter that the file has in another one than the model that wrote it.
    pub(super) fn told_rows(&self, pair: &Pair<'_>) -> RowOrder {
        let Some(own) = features(pair.turn) else { return RowOrder::default() };
        let said = match self.said {
            Some((Said::Each(each), _)) => each.get(pair.tensor),
            _ => None,
        };
        let applies = match said {
            None => true,
            Some(None) => false,
            Some(Some(file)) => own != *file && self.load.features.is_some_and(|told| told.axes() == *file),
        };
        if applies { self.told_order(&own) } else { RowOrder::default() }
    }

    /// How a parameter lies in the file.
    pub(super) fn lie(&self, pair: &Pair<'_>) -> Verdict<Lie> {
        let plain = Lie::plain(self.orientation);
        if self.load.in_model_order.iter().any(|name| name == pair.name) {
            return Ok(plain);
        }
        let own = features(pair.turn);
        match self.said {
            Some((Said::Each(each), orientation)) => match each.get(pair.tensor) {
                Some(Some(file)) => self.lie_of_said(pair, file, orientation == Orientation::PyTorch),
                None if own.is_some() => self.lie_of_told(pair),
                Some(None) | None => Ok(plain),
            },
            Some((Said::First(Some(file)), _)) if pair.is_first => match (self.load.features, own) {
                (Some(_), _) => self.lie_of_told(pair),
                (None, Some(own)) if own != *file => Err(two_shapes(pair.name, &own, file)),
                (None, _) => Ok(plain),
            },
            Some((Said::First(_), _)) if self.told.is_none() => Ok(plain),
            _ => self.lie_of_told(pair),
        }
    }

    /// How all parameters of a model lie in a file that has them under their own names.
    pub(super) fn lies<T: Scalar>(&self, model: &Sequential<T>) -> Verdict<Vec<Lie>> {
        let (mut turns, mut is_first, mut lies) = (model.turns_of_params().into_iter(), true, Vec::new());
        model.params(&mut |param| {
            let turn = turns.next().expect("one for each parameter");
            let is_first = param.is_dense_weight() && core::mem::take(&mut is_first);
            let (name, shape) = (param.name(), param.shape());
            let features = feature_counts(param);
            lies.push(self.lie(&Pair { name, turn, tensor: name, shape, is_first, features }));
        });
        lies.into_iter().collect()
    }

    /// Of a parameter whose features the file knows.
    fn lie_of_said(&self, pair: &Pair<'_>, file: &Shape, is_turned: bool) -> Verdict<Lie> {
        if !pair.features.contains(&file.len()) {
            return Err(format!("`{}` has no axis of the features {file} that the file says", pair.name));
        }
        let (rows, own) = (self.told_rows(pair), features(pair.turn));
        if let Some(own) = own.filter(|own| rows.is_same() && own != file) {
            return Err(two_shapes(pair.name, &own, file));
        }
        let rows = if is_turned { rows.then(file, true) } else { rows };
        let axes = if is_turned { channels_first(file) } else { *file };
        Ok(Lie::read(self.orientation, rows, matches!(pair.turn, Turn::Axes(_)).then_some(axes)))
    }

    /// Of a parameter of which the file says nothing.
    fn lie_of_told(&self, pair: &Pair<'_>) -> Verdict<Lie> {
        let plain = Lie::plain(self.orientation);
        let Some(own) = features(pair.turn) else {
            return match (pair.turn, self.told) {
                (Turn::Unknown, Some(Told::First | Told::Last)) => Err(not_known(pair.name)),
                (Turn::Unknown, None) if !self.is_keras => Err(not_known(pair.name)),
                _ => Ok(plain),
            };
        };
        if self.told.is_some() {
            let axes = matches!(pair.turn, Turn::Axes(_)).then(|| self.told_axes(&own));
            return Ok(Lie::read(self.orientation, self.told_rows(pair), axes));
        }
        if self.is_keras {
            return Ok(plain);
        }
        if pair.turn.matters() {
            let ([height, width, channels], name) = (three_axes(&own), pair.name);
            return Err(format!(
                "`{name}` lies along features, here {own}, and the file does not say in which order: tell it, `from_channels_first([{channels}, {height}, {width}])` for a model of PyTorch that flattens [channels, height, width], or `from_channels_last([{height}, {width}, {channels}])` for one that flattens them as here"
            ));
        }
        // One place or one channel: the numbers are the same, and the tensor has the axes of either order.
        let axes = matches!(pair.turn, Turn::Axes(_)).then(|| channels_first(&own));
        Ok(Lie::read(self.orientation, RowOrder::default(), axes.filter(|axes| *axes == pair.shape)))
    }

    fn told_order(&self, own: &Shape) -> RowOrder {
        match self.told {
            None | Some(Told::Same) => RowOrder::default(),
            Some(Told::First) => RowOrder::default().then(own, true),
            Some(Told::Last) => RowOrder::default().then(own, false),
        }
    }

    fn told_axes(&self, own: &Shape) -> Shape {
        match self.told {
            None | Some(Told::Same) => *own,
            Some(Told::First) => channels_first(own),
            Some(Told::Last) => {
                let mut axes = own.axes().to_vec();
                axes.rotate_left(1);
                Shape::new(&axes).expect("the same axes as before")
            }
        }
    }
}

/// Whether what was told agrees with what a file says.
fn check_told(told: Features, said: &Said, orientation: Orientation) -> Verdict<()> {
    let files: Vec<Shape> = match said {
        Said::First(file) => file.iter().copied().collect(),
        Said::Each(each) => each.values().flatten().copied().collect(),
    };
    // It may be told of the file, or of the model that was written.
    let is_turned = matches!(said, Said::Each(_)) && orientation == Orientation::PyTorch;
    let agrees = |file: &Shape| told.axes() == *file || told.is_first() == is_turned && is_of(told, file);
    match files.first() {
        Some(first) if !files.iter().any(agrees) => {
            Err(format!("expected features {first} as the file says, got {}", told.axes()))
        }
        _ => Ok(()),
    }
}

/// A model that takes a row of numbers learns from the file what features they are.
pub(super) fn adopt<T: Scalar>(
    model: &mut Sequential<T>,
    said: &Said,
    tensor: &dyn Fn(&str) -> Option<String>,
) {
    let (Said::Each(each), 1, None) = (said, model.input().rank(), model.known_order()) else { return };
    let mut found = None;
    model.params(&mut |param| {
        let features = tensor(param.name()).and_then(|name| each.get(&name).copied().flatten());
        found = found.or(features.filter(|features| features.len() == model.input().len()));
    });
    if let Some(image) = found {
        model.set_known_order(Order::ChannelsLast(image));
    }
}

/// How the order that was told differs from that of the model.
fn compare<T: Scalar>(model: &mut Sequential<T>, told: Features) -> Verdict<Told> {
    let (file, last) = (told.axes(), told.channels_last());
    let all: Vec<Shape> = model.turns_of_params().into_iter().filter_map(features).collect();
    let Some(&first) = all.first() else {
        // A row of features, of which only the telling knows what they are.
        if model.input().rank() != 1 || model.input().len() != file.len() || model.known_order().is_some() {
            let inputs = model.input().len();
            return Err(format!(
                "features {file} are {} inputs, the first dense weight has {inputs}",
                file.len()
            ));
        }
        model.set_known_order(Order::ChannelsLast(last));
        return Ok(if told.is_first() { Told::First } else { Told::Same });
    };
    let is_last = |own: &Shape| is_of(told, own);
    match told {
        Features::ChannelsFirst(_) if all.iter().any(is_last) => Ok(Told::First),
        Features::ChannelsLast(_) if all.iter().any(is_last) => Ok(Told::Same),
        Features::ChannelsLast(_) if all.contains(&channels_first(&last)) => Ok(Told::Last),
        _ => {
            Err(format!("the first dense weight takes {first} flattened, but features {file} become {last}"))
        }
    }
}

/// Whether what was told are these features, with their channels last.
fn is_of(told: Features, image: &Shape) -> bool {
    three_axes(&told.channels_last()) == three_axes(image)
}

/// Height, width and channels; those of other numbers of axes with all others in the height.
fn three_axes(image: &Shape) -> [usize; 3] {
    match *image.axes() {
        [height, width, channels] => [height, width, channels],
        [ref places @ .., channels] => [places.iter().product(), 1, channels],
        [] => [1; 3],
    }
}

fn two_shapes(name: &str, own: &Shape, file: &Shape) -> String {
    format!(
        "`{name}` takes {own} flattened, that of the file {file}: tell the order of the file's features, `from_channels_first` or `from_channels_last`"
    )
}

/// A parameter that cannot be put into another order.
pub(super) fn not_known(name: &str) -> String {
    format!(
        "`{name}` may lie along features, and in which order PyTorch would have them is not known: if it is right as it is, say so with `in_model_order({name:?})`"
    )
}
