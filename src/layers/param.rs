//! Parameters of layers.

use core::fmt;

use super::along::Along;
use super::bf16_weight::Bf16Weight;
use super::integers::Integers;
use super::layout::Layout;
use super::numbers::Numbers;
use super::param_values::Values;
use crate::getters::getters;
use crate::kernels::{Bf16Panels, BytePanels, Pair, Panels, weight_matrices};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor};

/// A named tensor that is learned, with what an optimizer must know of it: PyTorch's `nn.Parameter`, Keras's `Variable`.
///
/// The buffer behind it is laid out as the kernels want it and may hold padding; what goes in and comes out is
/// always a row-major tensor ([`Param::to_tensor`], [`Param::set`]).
///
/// ```
/// # use taper::{Dense, Tensor};
/// let mut dense = Dense::from_parts(&Tensor::from([[1.0, 2.0], [3.0, 4.0]]), None)?;
/// dense.weight_mut().freeze();
/// assert_eq!(dense.weight().to_tensor(), Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone)]
pub struct Param<T> {
    name: String,
    shape: Shape,
    layout: Layout,
    along: Along,
    pub(super) values: Values<T>,
    slot: usize,
    frozen: bool,
    is_statistic: bool,
    learning_rate_scale: f64,
    weight_decay_scale: f64,
}

impl<T: Scalar> Param<T> {
    /// A parameter that is kept in row-major order.
    #[must_use]
    pub fn new(name: &str, tensor: &Tensor<T>) -> Self {
        Self::with_layout(name, tensor, Layout::RowMajor, tensor.len())
    }

    /// Numbers that the layer itself keeps about what it has seen, as a running mean: they have no gradient, and no
    /// optimizer moves them. They are in every state, file, copy and checkpoint as parameters are; they count as
    /// frozen for ever, and not among the trainable numbers of a model.
    ///
    /// ```
    /// # use taper::{Param, Tensor};
    /// let mut mean = Param::statistic("running_mean", &Tensor::from([0.0_f32, 0.0]));
    /// mean.unfreeze();
    /// assert!(mean.is_statistic() && mean.is_frozen());
    /// ```
    #[must_use]
    pub fn statistic(name: &str, tensor: &Tensor<T>) -> Self {
        Self::new(name, tensor).into_statistic()
    }

    /// A [statistic](Param::statistic) of finite numbers above 0.
    pub(super) fn scales(name: &str, tensor: &Tensor<T>) -> Self {
        let mut param = Self::statistic(name, tensor);
        if let Values::Numbers(values) = param.values {
            param.values = Values::Scales(values);
        }
        param
    }

    pub(super) fn into_statistic(self) -> Self {
        Self { frozen: true, is_statistic: true, ..self }
    }

    /// A matrix (inputs × outputs) that is kept in the panels of the dense kernels.
    pub(crate) fn panels(name: &str, matrix: &Tensor<T>) -> Self {
        let &[rows, columns] = matrix.shape().axes() else {
            panic!("a dense weight is a matrix, got {}", matrix.shape());
        };
        let panels = Panels::new::<T>(rows, columns);
        Self::with_layout(name, matrix, Layout::Panels(panels), panels.len())
    }

    /// A matrix of zeros that is kept in the panels of the dense kernels.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where it does not fit into memory, with its padding.
    pub(crate) fn zero_panels(name: &str, rows: usize, columns: usize) -> Result<Self> {
        let panels = Panels::new::<T>(rows, columns);
        Self::checked_zeros(name, [rows, columns].into(), 1, Layout::Panels(panels), panels)
    }

    /// The zero weight of a convolution, window × channels of a group × outputs: for each group the
    /// matrix of its outputs, in the panels of the dense kernels, or one for all where each channel goes by itself.
    ///
    /// # Errors
    /// As [`Param::zero_panels`].
    pub(crate) fn zero_kernels(name: &str, shape: Shape, groups: usize) -> Result<Self> {
        let &[ref taps @ .., channels, outputs] = shape.axes() else {
            panic!("a convolution's weight has channels and outputs, got {shape}");
        };
        let rows = taps.iter().fold(channels, |rows, &taps| rows.saturating_mul(taps));
        let matrices = weight_matrices(groups, channels, outputs);
        let panels = Panels::new::<T>(rows, outputs / matrices);
        Self::checked_zeros(name, shape, matrices, Layout::Groups(matrices, panels), panels)
    }

    /// A weight of zeros of eight bits, in panels of bytes: for each group a matrix, whose columns are those of the last axis.
    pub(super) fn zero_integers(name: &str, shape: Shape, groups: usize) -> Self {
        let outputs = shape.axes().last().copied().unwrap_or(1);
        let panels = BytePanels { rows: shape.len() / outputs.max(1), columns: outputs / groups };
        let param = Self::zeros(name, shape, Layout::Integers(groups, panels), 0);
        Self { values: Values::Integers(Integers::zeros(groups, panels)), frozen: true, ..param }
    }

    /// The weight of a dense layer or a convolution in bf16, of zeros.
    pub(super) fn zeros_in_bf16(&self) -> Self {
        let (groups, rows, columns) = match self.layout {
            Layout::Panels(panels) => (1, panels.rows, panels.columns),
            Layout::Groups(groups, panels) => (groups, panels.rows, panels.columns),
            other => panic!("a weight in panels, got {other:?}"),
        };
        let (panels, name, along) = (Bf16Panels { rows, columns }, self.name.clone(), self.along);
        let values = Values::Bf16(Bf16Weight::zeros(groups, panels));
        Self { name, along, layout: Layout::Bf16(groups, panels), values, frozen: true, ..*self }
    }

    fn checked_zeros(
        name: &str,
        shape: Shape,
        groups: usize,
        layout: Layout,
        panels: Panels,
    ) -> Result<Self> {
        // Asked for and given back: what is made below would abort where it cannot be had.
        let padded = [panels.rows, panels.panel_columns, groups]
            .into_iter()
            .try_fold(panels.count(), usize::checked_mul)
            .filter(|&len| Vec::<T>::new().try_reserve_exact(len).is_ok());
        let limit = "no more elements than fit into memory";
        let len = padded.ok_or_else(|| Error::TooLarge { shape: shape.to_string(), limit })?;
        Ok(Self::zeros(name, shape, layout, len))
    }

    fn with_layout(name: &str, tensor: &Tensor<T>, layout: Layout, len: usize) -> Self {
        let mut param = Self::zeros(name, tensor.shape(), layout, len);
        param.write(tensor);
        param
    }

    fn zeros(name: &str, shape: Shape, layout: Layout, len: usize) -> Self {
        Self {
            name: name.to_owned(),
            shape,
            layout,
            along: layout.along(),
            values: Values::Numbers(Numbers::zeros(len)),
            slot: 0,
            frozen: false,
            is_statistic: false,
            learning_rate_scale: 1.0,
            weight_decay_scale: 1.0,
        }
    }

    /// Says what its axes lie along, so that files in PyTorch's orientation can have it in the order of PyTorch's features.
    #[must_use]
    pub fn with_along(mut self, along: Along) -> Self {
        self.along = along;
        self
    }

    /// Its name: `weight` in a layer alone, `fc1.weight` in a model.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    getters! {
        /// What its axes lie along.
        along: Along;
        /// The shape of its tensor; a dense weight is `[inputs, outputs]`.
        shape: Shape;
        /// How many numbers it has.
        count: usize = |this| this.shape.len();
        /// Whether it is a [statistic](Param::statistic) of the layer, and nothing that is learned.
        is_statistic: bool;
        /// Whether optimizers leave it alone.
        is_frozen: bool = |this| this.frozen;
        /// What the optimizer's learning rate is multiplied by here; 1 unless set.
        learning_rate_scale: f64;
        /// What the optimizer's weight decay is multiplied by here; 1 unless set, 0 for none.
        weight_decay_scale: f64;
    }

    /// A row-major copy. Of a weight of eight bits these are the whole numbers, without their scales.
    #[must_use]
    pub fn to_tensor(&self) -> Tensor<T> {
        self.unpacked(|values| self.values.unpack(self.layout, values))
    }

    /// Replaces the values.
    ///
    /// # Errors
    /// [`Error::Shape`] where the tensor has another shape; [`Error::Setting`] where a weight of eight bits would get something
    /// else than whole numbers from −128 to 127, and one in bf16 a finite number beyond its largest. Nothing is changed then.
    pub fn set(&mut self, tensor: &Tensor<T>) -> Result<()> {
        if tensor.shape() != self.shape {
            return Err(Error::shape("parameter", format!("`{}` {}", self.name, self.shape), tensor.shape()));
        }
        self.check_values(tensor)?;
        self.write(tensor);
        Ok(())
    }

    /// Whether they can be its values.
    pub(crate) fn check_values(&self, tensor: &Tensor<T>) -> Result<()> {
        self.values.misfit(tensor.as_slice()).map_or(Ok(()), |(value, expected)| {
            Err(Error::setting("parameter", expected, format!("{value} for `{}`", self.name)))
        })
    }

    /// Whether its values are finite and above 0.
    pub(crate) fn is_scales(&self) -> bool {
        self.values.are_scales()
    }

    /// Whether a number is finite as one of its values.
    pub(crate) fn is_finite(&self, value: T) -> bool {
        self.values.is_finite(value)
    }

    /// The bytes that its numbers take, without padding.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.count() * self.values.number_type().1
    }

    /// How its numbers are kept, in the words of files: `f32`, `f64`, `bf16`, or `i8` for whole numbers of eight bits.
    #[must_use]
    pub fn number_type(&self) -> &'static str {
        self.values.number_type().0
    }

    /// The panels of bytes and the sums of the columns of a weight of eight bits.
    pub(crate) fn integers(&self) -> Option<(&[i8], &[i32])> {
        self.values.integers().map(|integers| (integers.bytes(), integers.sums()))
    }

    /// Calls `visit` with each number of a weight of eight bits or in bf16, row after row; with none of another one.
    pub(crate) fn for_each_of_fewer_bits(&self, visit: &mut dyn FnMut(f32)) {
        self.values.for_each_of_fewer_bits(visit);
    }

    /// The pairs of a weight in bf16.
    pub(crate) fn bf16(&self) -> Option<&[Pair]> {
        self.values.bf16().map(Bf16Weight::pairs)
    }

    /// Training leaves it alone from now on: it stays the same to the byte.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Training changes it again; a [statistic](Param::statistic) stays as it is, and so does a weight of eight bits or in bf16.
    pub fn unfreeze(&mut self) {
        self.frozen = self.is_fixed();
    }

    /// Whether it is frozen for ever.
    pub(crate) fn is_fixed(&self) -> bool {
        self.is_statistic || self.integers().is_some() || self.bf16().is_some()
    }

    /// Gives this parameter a share of the optimizer's learning rate: 1 unless set, 0.1 for a tenth.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn set_learning_rate_scale(&mut self, scale: f64) -> Result<()> {
        self.learning_rate_scale = check_scale("learning_rate_scale", scale)?;
        Ok(())
    }

    /// Gives this parameter a share of the optimizer's weight decay: 0 leaves a bias out of it.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0.
    pub fn set_weight_decay_scale(&mut self, scale: f64) -> Result<()> {
        self.weight_decay_scale = check_scale("weight_decay_scale", scale)?;
        Ok(())
    }

    /// The buffer. Row-major for a parameter made by [`Param::new`]; for a dense weight the order is private to
    /// the crate, with padding that is zero and stays zero. Empty for a weight of eight bits or in bf16, which is none of these numbers.
    #[must_use]
    pub fn buffer(&self) -> &[T] {
        self.values.numbers()
    }

    /// The buffer, to be changed element by element, as optimizers do: padding is zero in every gradient, and has to stay zero.
    pub fn buffer_mut(&mut self) -> &mut [T] {
        self.values.numbers_mut()
    }

    /// Its place among the parameters of the model: gradients and optimizer state are found by it.
    pub(crate) fn slot(&self) -> usize {
        self.slot
    }

    pub(crate) fn set_slot(&mut self, slot: usize) {
        self.slot = slot;
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    pub(crate) fn prefix_name(&mut self, layer: &str) {
        self.name = format!("{layer}.{}", self.name);
    }

    /// Another parameter of the same layer of a model: `fc1.bias` beside `fc1.weight`.
    pub(crate) fn beside(&self, name: &str, tensor: &Tensor<T>) -> Self {
        let mut param = Self::new(name, tensor).with_along(Along::Nothing);
        if let Some((layer, _)) = self.name.rsplit_once('.') {
            param.prefix_name(layer);
        }
        param
    }

    /// This parameter with other values, which may be more or fewer: its name, its layout and what an optimizer knows of it stay.
    pub(crate) fn with_values(&self, tensor: &Tensor<T>) -> Self {
        let layout = self.layout.of_shape::<T>(&tensor.shape());
        let values = match layout {
            Layout::Bf16(groups, panels) => Values::Bf16(Bf16Weight::zeros(groups, panels)),
            _ => Values::Numbers(Numbers::zeros(layout.len(&tensor.shape()))),
        };
        let mut param = Self { shape: tensor.shape(), layout, values, ..self.clone() };
        param.write(tensor);
        param
    }

    /// Multiplies each number by that of its place, row by row; without a copy where they are not in fewer bits.
    pub(crate) fn scale_each(&mut self, scale: impl Fn(usize) -> f64) {
        let columns = self.matrix()[1];
        self.values
            .change(self.layout, |row, column, value| T::of(value.as_f64() * scale(row * columns + column)));
    }

    /// A row-major copy of a buffer that is laid out like this parameter's.
    pub(crate) fn unpack(&self, buffer: &[T]) -> Tensor<T> {
        self.unpacked(|values| self.layout.unpack(buffer, values))
    }

    fn unpacked(&self, unpack: impl FnOnce(&mut [T])) -> Tensor<T> {
        let mut tensor = Tensor::zeros(self.shape).expect("a parameter's tensor fitted into memory before");
        unpack(tensor.as_mut_slice());
        tensor
    }

    /// Fills a buffer that is laid out like this parameter's from a tensor of its shape.
    pub(crate) fn pack(&self, tensor: &Tensor<T>, buffer: &mut [T]) {
        self.layout.pack(tensor.as_slice(), buffer);
    }

    /// Replaces the values by those of a function of row and column of its [`Param::matrix`].
    pub(crate) fn fill(&mut self, value: impl Fn(usize, usize) -> T) {
        self.values.fill(self.layout, value);
    }

    pub(super) fn write(&mut self, tensor: &Tensor<T>) {
        self.values.pack(self.layout, tensor.as_slice());
    }
}

fn check_scale(name: &'static str, scale: f64) -> Result<f64> {
    let is_right = scale.is_finite() && scale >= 0.0;
    is_right.then_some(scale).ok_or_else(|| Error::setting(name, "a finite number of at least 0", scale))
}

impl<T> fmt::Debug for Param<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match (self.is_statistic, self.frozen) {
            (true, _) => " statistic",
            (false, true) => " frozen",
            (false, false) => "",
        };
        write!(f, "Param `{}` {}{kind}", self.name, self.shape)
    }
}

#[cfg(test)]
mod tests;
