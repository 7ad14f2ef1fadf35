//! Group normalisation: groups of channels, each sample for itself.

use super::affine::Affine;
use super::epsilon::check_epsilon;
use super::groups::Groups;
use super::onnx::of_groups;
use super::stored::{Entry, Restored, Stored};
use super::{
    Backward, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Order, Param, Settings, Turn,
};
use crate::getters::getters;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// Group normalisation, y = (x − mean) / √(variance + ε) · weight + bias, with mean and (biased) variance over a group of channels at all
/// places of a sample (Wu and He, 2018).
///
/// Channels that lie beside each other are a group. Training and inference are the same, and nothing depends on other samples.
/// With x̂ = (x − mean) / √(variance + ε), means over a group of a sample, and sums over all samples and places,
///
/// ```text
/// d weight = Σ dy·x̂      d bias = Σ dy
/// dx = (g − mean(g) − x̂·mean(g·x̂)) / √(variance + ε),  g = dy·weight
/// ```
///
/// # Shapes
///
/// | | shape |
/// |---|---|
/// | x | `[batch, channels]`, `[batch, length, channels]`, `[batch, height, width, channels]`, … |
/// | y | that of x |
/// | `weight`, `bias` | `[channels]`, at first 1 and 0; none [without them](Self::without_affine) |
///
/// ```
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::builder([4]).group_norm(2).build(&mut taper::seeded(0))?;
/// let y = model.predict(&Tensor::from([[10.0_f64, 30.0, -1.0, -3.0]]))?;
/// assert!(y.as_slice().iter().zip([-1.0, 1.0, 1.0, -1.0]).all(|(y, expected)| (y - expected).abs() < 1e-5));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GroupNorm<T> {
    groups: usize,
    channels: usize,
    affine: Option<Affine<T>>,
    epsilon: f64,
}

impl<T: Scalar> GroupNorm<T> {
    /// A layer for so many channels in so many groups of the same size, with ε = 1e-5 as PyTorch's.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 channels, and unless the groups share them out evenly; [`Error::TooLarge`] where the parameters do not fit into memory.
    pub fn new(groups: usize, channels: usize) -> Result<Self> {
        Self::check(groups, channels)?;
        Ok(Self { groups, channels, affine: Some(Affine::new([channels].into())?), epsilon: 1e-5 })
    }

    /// Without weight and bias: y = x̂.
    #[must_use]
    pub fn without_affine(self) -> Self {
        Self { affine: None, ..self }
    }

    /// What is added to the variance, so that a group that is the same everywhere is not divided by 0. Keras's is 1e-3
    /// unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and above 0, in the numbers of the layer too.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        self.epsilon = check_epsilon::<T>(epsilon)?;
        Ok(self)
    }

    /// What normalised values are multiplied by, if anything.
    #[must_use]
    pub fn weight(&self) -> Option<&Param<T>> {
        self.affine.as_ref().map(|affine| &affine.weight)
    }

    /// The weight, to be set or frozen.
    pub fn weight_mut(&mut self) -> Option<&mut Param<T>> {
        self.affine.as_mut().map(|affine| &mut affine.weight)
    }

    /// What is added to them then, if anything.
    #[must_use]
    pub fn bias(&self) -> Option<&Param<T>> {
        self.affine.as_ref().map(|affine| &affine.bias)
    }

    /// The bias, to be set or frozen.
    pub fn bias_mut(&mut self) -> Option<&mut Param<T>> {
        self.affine.as_mut().map(|affine| &mut affine.bias)
    }

    getters! {
        /// The number of groups.
        groups: usize;
        /// The number of channels.
        channels: usize;
        /// What is added to a variance.
        epsilon: f64;
    }

    fn check(groups: usize, channels: usize) -> Result<()> {
        if channels == 0 {
            return Err(Error::setting("channels", "at least 1", channels));
        }
        if groups == 0 || !channels.is_multiple_of(groups) {
            let got = format!("{groups} for {channels} channels");
            return Err(Error::setting("groups", "a number that divides the channels", got));
        }
        Ok(())
    }

    fn grouped(&self, sample: &Shape) -> Groups {
        Groups::new(sample, self.channels, self.groups, self.epsilon)
    }

    /// Mean and 1/√(variance + ε) of each group of each sample, as a training pass left them.
    pub(super) fn measures<'a>(&self, x: TensorView<'_, T>, cache: &'a [T]) -> &'a [T] {
        &cache[..self.grouped_in(&x.shape()).measures(x.batch())]
    }

    /// Of samples of a batch.
    fn grouped_in(&self, batch: &Shape) -> Groups {
        self.grouped(&batch.split_batch().expect("a batch has an axis of samples").1)
    }
}

impl<T: Scalar> Layer<T> for GroupNorm<T> {
    fn kind(&self) -> &'static str {
        "group_norm"
    }

    fn describe(&self) -> String {
        format!("group_norm {} in {} groups", self.channels, self.groups)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.affine.as_ref().map_or(Ok(()), |affine| affine.check([self.channels].into()))?;
        if input.axes().last() == Some(&self.channels) {
            return Ok(*input);
        }
        Err(Error::shape("input", format!("[batch, …, {}]", self.channels), input.batch_pattern()))
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let groups = self.grouped(input);
        let (measures, scratch) = (groups.measures(batch), groups.scratch::<T>(batch));
        match mode {
            Mode::Train => Memory { cache: measures, scratch: groups.sums(batch) + scratch },
            Mode::Infer => Memory { cache: 0, scratch: measures + scratch },
        }
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        let groups = self.grouped_in(&x.shape());
        let measures = groups.measures(x.batch());
        let (measures, scratch) = match context.mode {
            Mode::Train => (&mut context.cache[..measures], &mut *context.scratch),
            Mode::Infer => context.scratch.split_at_mut(measures),
        };
        let scratch = &mut scratch[..groups.scratch::<T>(x.batch())];
        let affine = self.affine.as_ref().map(|affine| [affine.weight.buffer(), affine.bias.buffer()]);
        groups.forward(x.as_slice(), affine, y.as_mut_slice(), [measures, scratch], context.parallelism);
        Ok(())
    }

    fn backward(&mut self, mut pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (groups, batch) = (self.grouped_in(&pass.x.shape()), pass.x.batch());
        let measures = &pass.cache[..groups.measures(batch)];
        let (sums, scratch) = pass.scratch.split_at_mut(groups.sums(batch));
        let scratch = &mut scratch[..groups.scratch::<T>(batch)];
        let weight = self.affine.as_ref().map(|affine| affine.weight.buffer());
        let dx = pass.dx.as_mut().map_or(&mut [][..], TensorViewMut::as_mut_slice);
        let numbers = [pass.x.as_slice(), pass.dy.as_slice(), measures];
        groups.backward(numbers, weight, dx, [&mut *sums, scratch], pass.parallelism);
        self.affine.as_mut().map_or(Ok(()), |affine| affine.take_gradients(sums, sink))
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.affine.iter().for_each(|affine| affine.visit(visit));
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.affine.iter_mut().for_each(|affine| affine.visit_mut(visit));
    }

    fn multiply_adds(&self, input: &Shape) -> u64 {
        2 * input.len() as u64
    }

    /// Samples of two axes are `[length, channels]` here, and `[channels, length]` in PyTorch. Of flattened features in another
    /// order, other ones are a group there.
    fn output_order(&self, input: &Shape, order: Order) -> Order {
        if input.rank() == 1 && self.groups > 1 && order.matters() {
            return Order::Unknown;
        }
        if order == Order::Same && input.rank() == 2 { Order::ChannelsLast(*input) } else { order }
    }

    fn turns(&self, input: &Shape, order: Order, visit: &mut dyn FnMut(Turn)) -> Order {
        let output = self.output_order(input, order);
        let known = if output == Order::Unknown { output } else { order };
        self.params(&mut |param| visit(known.turn(param, input)));
        output
    }

    fn settings(&self) -> Settings {
        let settings = Settings::new().with("groups", self.groups).with("channels", self.channels);
        settings.with("epsilon", self.epsilon).with("affine", self.affine.is_some())
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let affine = self.affine.as_ref().map(Affine::params);
        Ok(of_groups(graph, x, [self.groups, self.channels], affine, self.epsilon))
    }
}

impl<T: Scalar> Stored<T> for GroupNorm<T> {
    const KINDS: &'static [&'static str] = &["group_norm"];

    fn restore(entry: &mut dyn Entry) -> Restored<Self> {
        let (groups, channels, epsilon) =
            (entry.count("groups")?, entry.count("channels")?, entry.number("epsilon")?);
        let norm = restored(entry, groups, channels)?;
        Ok(norm.with_epsilon(epsilon)?)
    }
}

/// A layer of this many groups, with the weight and the bias that the file has, if it says that there are any.
pub(super) fn restored<T: Scalar>(
    entry: &mut dyn Entry,
    groups: usize,
    channels: usize,
) -> Restored<GroupNorm<T>> {
    if entry.flag("affine")? {
        Affine::<T>::expect(entry, [channels].into())?;
        return Ok(GroupNorm::new(groups, channels)?);
    }
    GroupNorm::<T>::check(groups, channels)?;
    Ok(GroupNorm { groups, channels, affine: None, epsilon: 1e-5 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group is channels that lie beside each other, in flattened features too.
    #[test]
    fn groups_of_flattened_features_are_others_in_another_order() {
        let (image, flat) = (Shape::from([2, 3, 4]), Shape::from([24]));
        let last = Order::ChannelsLast(image);
        let found = |groups: usize, input: &Shape, order: Order| {
            let norm = GroupNorm::<f32>::new(groups, input.axes()[input.rank() - 1]).unwrap();
            let mut turns = Vec::new();
            let output = norm.turns(input, order, &mut |turn| turns.push(turn));
            assert_eq!((turns.len(), turns[0], output), (2, turns[1], norm.output_order(input, order)));
            (turns[0], output)
        };
        assert_eq!(found(2, &image, last), (Turn::None, last));
        assert_eq!(found(2, &flat, last), (Turn::Unknown, Order::Unknown));
        assert_eq!(found(1, &flat, last), (Turn::Rows(image), last));
        assert_eq!(found(2, &flat, Order::Same), (Turn::None, Order::Same));
        let sequence = Shape::from([5, 4]);
        assert_eq!(found(2, &sequence, Order::Same), (Turn::None, Order::ChannelsLast(sequence)));
    }
}
