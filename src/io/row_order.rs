//! The order of a dense weight's rows, where file and model flatten the same features in other orders.

use super::Verdict;
use super::document::Document;
use super::load::{Features, Load};
use crate::layers::Layer;
use crate::{Scalar, Sequential, Shape, Tensor};

/// The row of a file's weight that each row of the model's has.
#[derive(Debug)]
pub(super) struct RowOrder(Vec<usize>);

impl RowOrder {
    /// The file's row that the model has as this row.
    pub(super) fn of(&self, row: usize) -> usize {
        self.0[row]
    }

    /// Samples of a file as the model takes them; `None` where they are not the features themselves.
    pub(super) fn inputs<T: Scalar>(&self, inputs: &Tensor<T>) -> Option<Tensor<T>> {
        let (batch, sample) = inputs.shape().split_batch()?;
        let len = self.0.len();
        if sample.len() != len || batch == 0 {
            return None;
        }
        let value = |place: usize| inputs.as_slice()[place / len * len + self.0[place % len]];
        Some(Tensor::from_fn(inputs.shape(), value).expect("the inputs fitted into memory before"))
    }
}

/// How the rows of the first dense weight are to be put. Nothing is guessed: where file and model are known to flatten
/// other shapes, it has to be told.
pub(super) fn row_order<T: Scalar>(
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
