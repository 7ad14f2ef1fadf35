//! The pairs of layers in a model of which the units of one are the inputs of the other.

use super::sums::Sums;
use crate::layers::{Layer, Units};
use crate::sequential::Place;
use crate::{Scalar, Sequential, Shape};

/// Two layers of weighted sums with nothing in between where units meet.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// The model that both are layers of.
    pub(super) place: Place,
    /// The layer that makes the units, by its number in that model, and the one that takes them.
    pub(super) maker: usize,
    pub(super) taker: usize,
    /// Their names in the whole model.
    pub(super) name: String,
    pub(super) next: String,
    /// The units of the outputs of the maker and of each layer behind it, up to the taker's inputs.
    pub(super) units: Vec<Units>,
    /// The rows of the taker's weight that each unit meets.
    pub(super) rows: Vec<Vec<usize>>,
}

impl Pair {
    /// Where the maker is on the way of the data.
    fn position(&self) -> Vec<usize> {
        self.place.iter().flat_map(|&(layer, path)| [layer, path]).chain([self.maker]).collect()
    }

    /// How many units there are.
    pub(super) fn width(&self) -> usize {
        self.rows.len()
    }
}

/// What can be narrowed, in the order of the layers, and why the rest cannot.
#[derive(Debug)]
pub(super) struct Chains {
    pub(super) pairs: Vec<Pair>,
    /// The names of layers that stay as wide as they are, with the reason.
    pub(super) others: Vec<(String, String)>,
}

impl Chains {
    pub(super) fn of<T: Scalar>(model: &Sequential<T>) -> Self {
        let mut chains = Self { pairs: Vec::new(), others: Vec::new() };
        for (place, prefix, inner) in model.models_inside() {
            chains.look_through(inner, &place, &prefix);
        }
        chains.pairs.sort_by_key(Pair::position);
        chains
    }

    fn look_through<T: Scalar>(&mut self, model: &Sequential<T>, place: &Place, prefix: &str) {
        let names: Vec<String> = model.layers().map(|(name, _)| format!("{prefix}{name}")).collect();
        let layers: Vec<_> = model.layers_with_inputs().collect();
        for (maker, (layer, _)) in layers.iter().enumerate() {
            let Some(made) = Sums::of(*layer) else {
                if let Some(numbers) = fewer_bits(*layer) {
                    let reason = format!("its weight is in {numbers}: narrow it before it gets fewer bits");
                    self.others.push((names[maker].clone(), reason));
                }
                continue;
            };
            let mut units = vec![Units { count: made.outputs(), run: 1 }];
            let mut reason = if place.is_empty() {
                "its units are the outputs of the model".to_owned()
            } else {
                "its units are the outputs of the block".to_owned()
            };
            for (number, (layer, input)) in layers.iter().enumerate().skip(maker + 1) {
                let last = units[units.len() - 1];
                if let Some(rows) = Sums::of(*layer).and_then(|taker| taker.rows_of_units(input, last)) {
                    let (name, next) = (names[maker].clone(), names[number].clone());
                    let place = place.clone();
                    self.pairs.push(Pair {
                        place,
                        maker,
                        taker: number,
                        name,
                        next,
                        units: units.clone(),
                        rows,
                    });
                    reason.clear();
                    break;
                }
                let Some(through) = layer.units_through(input, last) else {
                    reason = format!("its units meet in `{}` ({})", names[number], layer.describe());
                    break;
                };
                units.push(through);
            }
            if !reason.is_empty() {
                self.others.push((names[maker].clone(), reason));
            }
        }
    }
}

/// How a layer's numbers are kept, where in fewer bits than the model's.
fn fewer_bits<T: Scalar>(layer: &dyn Layer<T>) -> Option<&'static str> {
    let mut numbers = None;
    layer.params(&mut |param| {
        if param.number_type() != T::NAME {
            numbers.get_or_insert(param.number_type());
        }
    });
    numbers
}

/// The shape that a layer of a model takes.
pub(super) fn input_of<T: Scalar>(model: &Sequential<T>, layer: usize) -> Shape {
    *model.layers_with_inputs().nth(layer).expect("a layer of the model").1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequential::Builder;

    /// Both names, how many units, and how many rows each.
    type Row = (String, String, usize, usize);

    fn pairs(builder: Builder<f32>) -> (Vec<Row>, Vec<(String, String)>) {
        let chains = Chains::of(&builder.build(&mut crate::seeded(0)).unwrap());
        let pair = |pair: Pair| (pair.name.clone(), pair.next.clone(), pair.width(), pair.rows[0].len());
        (chains.pairs.into_iter().map(pair).collect(), chains.others)
    }

    fn row(name: &str, next: &str, width: usize, rows: usize) -> Row {
        (name.into(), next.into(), width, rows)
    }

    #[test]
    fn units_go_through_what_leaves_them_alone() {
        let dense =
            Sequential::builder([4]).dense(5).batch_norm().relu().dropout(0.1).dense(3).prelu().dense(2);
        let (found, others) = pairs(dense);
        assert_eq!(found, [row("0", "4", 5, 1), row("4", "6", 3, 1)]);
        assert_eq!(others, [("6".to_owned(), "its units are the outputs of the model".to_owned())]);
        let images = Sequential::builder([6, 6, 1]).conv2d(4, 3).relu().max_pool2d(2).conv2d(3, 2).flatten();
        assert_eq!(pairs(images.dense(7)).0, [row("0", "3", 4, 4), row("3", "5", 3, 1)]);
        let torch = Sequential::builder([6, 6, 1]).conv2d(4, 3).channels_first().flatten().dense(7);
        assert_eq!(pairs(torch).0, [row("0", "3", 4, 16)]);
    }

    #[test]
    fn units_that_meet_end_a_chain() {
        let (found, others) = pairs(Sequential::builder([4]).dense(5).layer_norm().dense(3).relu().dense(2));
        assert_eq!(found, [row("2", "4", 3, 1)]);
        assert_eq!(others[0].1, "its units meet in `1` (layer_norm [5])");
    }

    #[test]
    fn blocks_are_narrowed_inside() {
        let block = Sequential::builder([4])
            .dense(8)
            .relu()
            .residual(|block| block.dense(6).relu().dense(8))
            .dense(2);
        let (found, others) = pairs(block);
        assert_eq!(found, [row("2.0", "2.2", 6, 1)]);
        let names: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["0", "3", "2.2"]);
        assert_eq!(others[2].1, "its units are the outputs of the block");
    }
}
