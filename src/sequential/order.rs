//! The order of features through the layers of a model, and of its parameters.

use core::any::Any;

use super::Sequential;
use super::branches::Branches;
use super::inside::inside;
use crate::layers::{ChannelsLast, Layer, Order, Turn};
use crate::prelude::*;
use crate::{Scalar, Shape};

impl<T: Scalar> Sequential<T> {
    /// In which order the inputs lie, where more is known of it than their shape tells: of a part of a model.
    pub(crate) fn known_order(&self) -> Option<Order> {
        self.order
    }

    pub(crate) fn set_known_order(&mut self, order: Order) {
        self.order = Some(order);
    }

    pub(crate) fn with_known_order(mut self, order: Option<Order>) -> Self {
        self.order = order;
        self
    }

    /// In which way each parameter lies where images have their channels first, in the order of [`Layer::params`].
    pub(crate) fn turns_of_params(&self) -> Vec<Turn> {
        let mut turns = Vec::new();
        self.walk(self.order_of_input(), &mut turns);
        turns
    }

    /// The order of the inputs: what is known of them, or what their shape and the first layers tell.
    pub(crate) fn order_of_input(&self) -> Order {
        let told = || if self.takes_channels_first() { Order::Same } else { Order::of_sample(&self.input()) };
        self.known_order().unwrap_or_else(told)
    }

    /// Whether the first layer that changes the shape takes images with their channels first.
    fn takes_channels_first(&self) -> bool {
        let mut changing = self.steps().iter().skip_while(|step| step.output == step.input);
        changing.next().is_some_and(|step| {
            let layer: &dyn Any = &*step.layer;
            let models = inside(&*step.layer).into_iter().filter_map(|inside| inside.model);
            layer.is::<ChannelsLast>() || models.into_iter().any(Self::takes_channels_first)
        })
    }

    /// Whether the features that the first parameters lie along are the inputs themselves, maybe under other axes.
    pub(crate) fn takes_features(&self) -> bool {
        let (mut order, mut turns) = (self.order_of_input(), Vec::new());
        for step in self.steps() {
            order = step.layer.turns(&step.input, order, &mut |turn| turns.push(turn));
            if !turns.is_empty() || !step.layer.is_reshape() && step.output != step.input {
                break;
            }
        }
        turns.first().is_some_and(|turn| matches!(turn, Turn::Rows(_) | Turn::Axes(_)))
    }

    /// The order of the outputs of inputs in this order; one turn for each parameter is added.
    pub(super) fn walk(&self, input: Order, turns: &mut Vec<Turn>) -> Walked {
        let (mut order, mut makes_image, start) = (input, false, turns.len());
        // Where the turns of the parameters begin that have made the features; none where they are those of the input.
        let mut made = None;
        for step in self.steps() {
            let before = turns.len();
            let walked = walk_layer(&*step.layer, &step.input, order, turns);
            if walked.makes_image {
                // What made them would have to be put in an order.
                turns[made.unwrap_or(start)..before].fill(Turn::Unknown);
                makes_image |= made.is_none();
            }
            if !step.layer.is_reshape() && step.output != step.input {
                made = Some(before);
            }
            order = walked.order;
        }
        Walked { order, makes_image }
    }

    /// The order of the inputs of a model in a model: what the outer one knows, or else what this one does.
    pub(super) fn inner_order(&self, outer: Order, input: &Shape) -> Order {
        match self.known_order() {
            Some(known) if outer == Order::Same && input.rank() == 1 => known,
            _ => outer,
        }
    }
}

impl<T: Scalar> Branches<T> {
    /// As [`Sequential::walk`].
    pub(super) fn walk(&self, input: Order, turns: &mut Vec<Turn>) -> Walked {
        let (mut orders, mut makes_image, start) = (Vec::new(), false, turns.len());
        for (_, model) in self.paths() {
            let walked = model.map(|model| model.walk(model.inner_order(input, &model.input()), turns));
            makes_image |= walked.is_some_and(|walked| walked.makes_image);
            orders.push(walked.map_or(input, |walked| walked.order));
        }
        if let Some(order) = self.joined_order(&orders) {
            return Walked { order, makes_image };
        }
        // Where channels come first, other numbers meet: no order of the parameters makes that good.
        turns[start..].fill(Turn::Unknown);
        Walked { order: Order::Unknown, makes_image: true }
    }
}

/// What became of an order on the way through layers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walked {
    pub(super) order: Order,
    /// Whether features of the input that had no other order are made an image, or joined with one.
    makes_image: bool,
}

fn walk_layer<T: Scalar>(layer: &dyn Layer<T>, input: &Shape, order: Order, turns: &mut Vec<Turn>) -> Walked {
    let any: &dyn Any = layer;
    if let Some(model) = any.downcast_ref::<Sequential<T>>() {
        return model.walk(model.inner_order(order, input), turns);
    }
    if let Some(branches) = any.downcast_ref::<Branches<T>>() {
        return branches.walk(order, turns);
    }
    let output = layer.turns(input, order, &mut |turn| turns.push(turn));
    let makes_image = layer.is_reshape() && order == Order::Same && output.matters();
    Walked { order: output, makes_image }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequential::{Builder, Join, Paths};

    fn turns(builder: Builder<f32>) -> Vec<Turn> {
        builder.build(&mut crate::seeded(0)).unwrap().turns_of_params()
    }

    fn image() -> Builder<f32> {
        Sequential::builder([2, 3, 4])
    }

    #[test]
    fn what_lies_along_flattened_features_is_turned() {
        let rows = Turn::Rows([2, 3, 4].into());
        let dense = [rows, Turn::None, Turn::None, Turn::None];
        assert_eq!(turns(image().flatten().dense(3).dense(2)), dense);
        assert_eq!(turns(image().relu().flatten().dropout(0.1).relu().dense(3).dense(2)), dense);
        assert_eq!(
            turns(image().reshape([6, 4]).flatten().dense(3).without_bias())[0],
            Turn::Rows([6, 4].into())
        );
        let normed = turns(image().layer_norm().flatten().batch_norm().layer_norm().dense(2));
        assert_eq!(normed[..2], [Turn::None; 2], "the last axis of an image is channels");
        assert_eq!(normed[2..9], [rows; 7]);
        let convolved = turns(image().conv2d(5, 1).flatten().dense(2));
        assert_eq!(convolved[2], Turn::Rows([2, 3, 5].into()));
        assert_eq!(turns(Sequential::builder([24]).dense(2)), [Turn::None; 2]);
        assert_eq!(turns(Sequential::builder([6, 4]).flatten().dense(2)), [Turn::None; 2]);
        assert_eq!(turns(image().global_avg_pool2d().dense(2)), [Turn::None; 2]);
    }

    #[test]
    fn dense_on_the_last_axis_leaves_rows_where_they_are() {
        let none = Turn::None;
        let pixels = turns(image().dense(5).relu().flatten().dense(2));
        assert_eq!(pixels, [none, none, Turn::Rows([2, 3, 5].into()), none]);
        let sequence = |length: usize, features: usize| Sequential::builder([length, features]);
        assert_eq!(turns(sequence(6, 4).dense(3).flatten().dense(2)), [none; 4]);
        let torch = turns(sequence(4, 6).channels_last().dense(3).flatten().dense(2));
        assert_eq!(torch, [none, none, Turn::Rows([6, 3].into()), none]);
        let back = sequence(4, 6).channels_last().dense(3).channels_first().flatten().dense(2);
        assert_eq!(turns(back), [none; 4]);
        let unknown = turns(image().reshape([2, 12]).dense(3).flatten().dense(2));
        assert_eq!(unknown, [Turn::Unknown, none, Turn::Unknown, none]);
    }

    #[test]
    fn channels_first_need_no_turn() {
        assert_eq!(turns(image().channels_first().flatten().dense(2)), [Turn::None; 2]);
        let torch = Sequential::builder([4, 2, 3]).relu().channels_last();
        assert_eq!(turns(torch.flatten().dense(2))[0], Turn::Rows([2, 3, 4].into()));
        let norm = crate::layers::LayerNorm::new([4, 2, 3]).unwrap();
        assert_eq!(turns(Sequential::builder([4, 2, 3]).layer(norm).channels_last()), [Turn::None; 2]);
    }

    #[test]
    fn parts_and_models_in_models_know_their_features() {
        let model = image().flatten().named("flat").dropout(0.1).named("drop").dense(3).dense(2);
        let model = model.build(&mut crate::seeded(0)).unwrap();
        let rows = Turn::Rows([2, 3, 4].into());
        let (_, head) = model.split_at("drop").unwrap();
        assert_eq!((head.input().axes(), head.turns_of_params()[0]), (&[24][..], rows));
        assert!(head.takes_features() && model.takes_features());
        assert_eq!(turns(image().flatten().layer(head.clone()))[0], rows);
        assert_eq!(turns(Sequential::builder([24]).layer(head.clone()))[0], rows);
        assert_eq!(head.for_inference().unwrap().turns_of_params()[0], rows);
        let (_, tail) = model.split_at("3").unwrap();
        assert_eq!(tail.turns_of_params()[0], Turn::None);
    }

    /// Where features become an image, PyTorch's make another image.
    #[test]
    fn what_makes_an_image_of_features_is_not_known() {
        let decoder = turns(Sequential::builder([5]).dense(24).reshape([2, 3, 4]).conv2d(2, 1));
        assert_eq!(decoder, [Turn::Unknown, Turn::Unknown, Turn::None, Turn::None]);
        assert_eq!(turns(Sequential::builder([5]).dense(24).reshape([6, 4, 1])), [Turn::None; 2]);
        assert_eq!(turns(Sequential::builder([24]).reshape([2, 3, 4]).conv2d(2, 1)), [Turn::None; 2]);
    }

    /// Paths keep an order that they agree on. Where channels come first and they do not, other numbers would meet.
    #[test]
    fn paths_side_by_side() {
        let rows = Turn::Rows([2, 3, 4].into());
        let residual = turns(image().residual(|block| block.conv2d(4, 1)).flatten().dense(2));
        assert_eq!(residual[..2], [Turn::None; 2]);
        assert_eq!(residual[2], rows);
        let concat = |paths: Paths<f32>| paths.path(|path| path.conv2d(5, 1)).input();
        let concat = turns(image().branches(Join::Concat, concat).flatten().dense(2));
        assert_eq!(concat[2], Turn::Rows([2, 3, 9].into()));
        // Each path flattens for itself, and its own weights are turned; what comes behind lies along two images.
        let flat = |path: Builder<f32>| path.flatten().dense(3);
        let heads = turns(image().branches(Join::Concat, |paths| paths.path(flat).path(flat)).dense(2));
        assert_eq!(heads, [rows, Turn::None, rows, Turn::None, Turn::None, Turn::None]);
        let towers =
            |paths: Paths<f32>| paths.path(Builder::flatten).path(|path| path.conv2d(2, 1).flatten());
        let towers = turns(image().branches(Join::Concat, towers).dense(2).dense(2));
        assert_eq!(towers, [Turn::None, Turn::None, Turn::Unknown, Turn::None, Turn::None, Turn::None]);
        // Features of no order, added to flattened ones: those of the layer before, and those of a path.
        let skip = |path: Builder<f32>| path.reshape([2, 3, 4]).conv2d(4, 1).flatten();
        let met = turns(Sequential::builder([5]).dense(24).relu().residual(skip).dense(2));
        assert_eq!(met[..5], [Turn::Unknown; 5]);
        let met = turns(
            image().flatten().branches(Join::Add, |paths| paths.path(|path| path.dense(24)).input()).dense(2),
        );
        assert_eq!(met[..3], [Turn::Unknown; 3]);
    }

    /// What is not known of a model is not known of one inside either.
    #[test]
    fn a_model_inside_that_makes_an_image() {
        let inner =
            Sequential::builder([24]).reshape([2, 3, 4]).conv2d(2, 1).build(&mut crate::seeded(0)).unwrap();
        let decoder = turns(Sequential::builder([5]).dense(24).layer(inner.clone()));
        assert_eq!(decoder, [Turn::Unknown, Turn::Unknown, Turn::None, Turn::None]);
        let deeper = Sequential::builder([24]).relu().layer(inner).build(&mut crate::seeded(0)).unwrap();
        let decoder = turns(Sequential::builder([5]).dense(24).layer(deeper));
        assert_eq!(decoder[..2], [Turn::Unknown; 2]);
        let torch =
            Sequential::builder([4, 2, 3]).branches(Join::Add, |paths| paths.path(Builder::channels_last));
        assert_eq!(turns(torch.flatten().dense(2))[0], Turn::Rows([2, 3, 4].into()));
    }
}
