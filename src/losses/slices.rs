//! A loss of several outputs: each has a loss of its own.

use alloc::sync::Arc;

use super::loss::{Loss, check_gradient};
use super::parts::{Divisors, LossPart, PartOfSample};
use super::slice::Slice;
use super::target::Target;
use crate::layers::OutputKind;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor, TensorView, TensorViewMut};

/// Losses of slices of the last axis, each with a weight: for a model of several outputs, which ends in paths side by side
/// ([`Builder::branches`](crate::sequential::Builder::branches) with [`Join::Concat`](crate::sequential::Join::Concat)).
///
/// ```text
/// loss = Σ weight_k · loss_k(outputs of slice k, targets of slice k)
/// ```
///
/// Each `loss_k` is the mean that it would be alone, with its own class weights and ignored targets, in batches of any size too.
///
/// Targets are one tensor, the columns of all slices side by side in their order: of values as many as the slice has outputs (for
/// [`GaussianNegativeLogLikelihood`](super::GaussianNegativeLogLikelihood) half as many), and of classes one, with the number of the
/// class.
///
/// # Shapes
/// Outputs `[batch, outputs of all slices]`, targets `[batch, columns of all slices]`.
///
/// From 1 to 8 slices, each with a name of its own and at least one output; others are an error when targets are looked at.
///
/// ```
/// use taper::losses::{CrossEntropy, Loss, MeanSquaredError, Slices};
/// use taper::sequential::Join;
/// use taper::train::Dataset;
/// use taper::{Sequential, Tensor};
///
/// let model = Sequential::<f32>::builder([2])
///     .dense(8).relu()
///     .branches(Join::Concat, |paths| paths.path(|path| path.dense(3)).path(|path| path.dense(1)))
///     .build(&mut taper::seeded(7))?;
/// let loss = Slices::new()
///     .classes("animal", 3, CrossEntropy::new())
///     .values("weight", 1, MeanSquaredError::new()).with_weight(0.1)?;
///
/// let inputs = Tensor::from([[0.1, 0.2], [0.3, 0.4]]);
/// let targets = Tensor::from([[2.0, 35.5], [0.0, 4.0]]);       // class 2 and 35.5, class 0 and 4.0
/// let evaluation = model.evaluate(Dataset::new(&inputs, &targets)?, &loss)?;
/// let [animal, weight] = &evaluation.parts[..] else { panic!("there are two") };
/// assert!((evaluation.loss - (animal.loss + 0.1 * weight.loss)).abs() < 1e-4);
/// assert!(animal.accuracy.is_some() && weight.accuracy.is_none());
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Slices<T: Scalar> {
    slices: Vec<Slice<T>>,
}

/// A slice with where its outputs and its columns of targets begin.
#[derive(Debug, Clone, Copy)]
struct Place<'a, T: Scalar> {
    slice: &'a Slice<T>,
    start: usize,
    column: usize,
}

impl<T: Scalar> Slices<T> {
    /// The most slices.
    pub const MOST: usize = Divisors::MOST;

    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self { slices: Vec::new() }
    }

    /// And the next so many outputs, whose target is a column with the number of a class. It weighs 1.
    #[must_use]
    pub fn classes(self, name: &str, outputs: usize, loss: impl Loss<T> + 'static) -> Self {
        self.slice(name, outputs, true, Arc::new(loss))
    }

    /// And the next so many outputs, whose targets are as many columns of values, or as many as the loss says
    /// ([`Loss::target_columns`]). It weighs 1.
    #[must_use]
    pub fn values(self, name: &str, outputs: usize, loss: impl Loss<T> + 'static) -> Self {
        self.slice(name, outputs, false, Arc::new(loss))
    }

    fn slice(mut self, name: &str, outputs: usize, is_classes: bool, loss: Arc<dyn Loss<T>>) -> Self {
        self.slices.push(Slice::new(name, outputs, is_classes, loss));
        self
    }

    /// Multiplies the loss of the slice added last.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and at least 0, or where there is no slice.
    pub fn with_weight(mut self, weight: f64) -> Result<Self> {
        let expected = "a finite number of at least 0 for a slice before it";
        match self.slices.last_mut().filter(|_| weight.is_finite() && weight >= 0.0) {
            Some(slice) => slice.set_weight(weight),
            None => return Err(Error::setting("weight of a slice", expected, weight)),
        }
        Ok(self)
    }

    /// The slices, in order.
    #[must_use]
    pub fn slices(&self) -> &[Slice<T>] {
        &self.slices
    }

    fn places(&self) -> impl Iterator<Item = Place<'_, T>> {
        self.slices.iter().scan((0, 0), |(start, column), slice| {
            let place = Place { slice, start: *start, column: *column };
            *start = start.saturating_add(slice.outputs());
            *column = column.saturating_add(slice.columns());
            Some(place)
        })
    }

    /// Whether outputs and targets have the axes that the slices make, and there are slices at all.
    fn check_shapes<'a>(&self, outputs: Shape, target: Target<'a, T>) -> Result<TensorView<'a, T>> {
        if self.slices.is_empty() || self.slices.len() > Self::MOST {
            return Err(Error::setting("slices", "from 1 to 8", self.slices.len()));
        }
        if let Some(slice) = self.slices.iter().find(|slice| slice.outputs() == 0) {
            return Err(Error::setting(
                "slices",
                "at least one output each",
                format!("none in `{}`", slice.name()),
            ));
        }
        let same = |(index, slice): (usize, &Slice<T>)| {
            self.slices[..index].iter().any(|other| other.name() == slice.name())
        };
        if let Some(index) = self.slices.iter().enumerate().position(same) {
            let got = format!("two of `{}`", self.slices[index].name());
            return Err(Error::setting("slices", "names of their own", got));
        }
        let last = self.places().last().expect("there is one");
        let (all, columns) = (
            last.start.saturating_add(last.slice.outputs()),
            last.column.saturating_add(last.slice.columns()),
        );
        let Some(batch) =
            Some(outputs.axes()).filter(|axes| axes.len() == 2 && axes[1] == all).map(|axes| axes[0])
        else {
            return Err(Error::shape("outputs", Shape::from([all]).batch_pattern(), outputs));
        };
        match target {
            Target::Values(values) if values.shape() == Shape::from([batch, columns]) => Ok(values),
            Target::Values(values) => {
                Err(Error::shape("target", Shape::from([batch, columns]), values.shape()))
            }
            Target::Classes(_) => Err(Error::Target {
                by: "slices",
                expected: "values, a column of class numbers for a slice of classes",
                got: "class indices",
            }),
        }
    }

    /// Tells the loss of each slice of each sample, not weighted by slice; samples weigh what `weights` say. What is left in the gradient
    /// is that of the weighted sum.
    fn tell_parts(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        divisors: &Divisors,
        mut gradient: Option<&mut [T]>,
        tell: &mut dyn FnMut(PartOfSample),
    ) -> Result<()> {
        let values = self.check_shapes(outputs.shape(), target)?;
        if divisors.parts().len() != self.slices.len() {
            let (expected, got) = (self.slices.len(), divisors.parts().len());
            return Err(Error::Length { what: "divisors of slices".to_owned(), expected, got });
        }
        let len = outputs.sample_len();
        for (sample, (row, target)) in outputs.samples().zip(values.samples()).enumerate() {
            for (part, (Place { slice, start, column }, divisor)) in
                self.places().zip(divisors.parts()).enumerate()
            {
                let (shape, end) = (Shape::from([1, slice.outputs()]), start + slice.outputs());
                let output = TensorView::trusted(shape, &row[start..end]);
                let mut place =
                    gradient.as_mut().map(|all| &mut all[sample * len + start..sample * len + end]);
                let class = [slice.class(target[column], sample)?];
                let target = slice.target(&class, &target[column..]);
                let view = place.as_deref_mut().map(|place| TensorViewMut::trusted(shape, place));
                let loss = slice.loss().part(output, target, divisor.unwrap_or(1.0), view);
                let loss = loss.map_err(|error| error.of_samples(&[sample]).in_data(slice.label()))?.as_f64();
                let weight = T::of(slice.weight());
                place.into_iter().flatten().for_each(|gradient| *gradient *= weight);
                let [class] = class;
                let counts = slice.is_classes() && class < slice.outputs() && !slice.loss().ignores(class);
                tell(PartOfSample { part, sample, loss, class: counts.then_some(class) });
            }
        }
        Ok(())
    }

    fn of_whole(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        divisors: &Divisors,
        gradient: Option<TensorViewMut<'_, T>>,
    ) -> Result<T> {
        if let Some(gradient) = &gradient {
            check_gradient(outputs, gradient)?;
        }
        let mut sum = 0.0;
        let gradient = gradient.map(TensorViewMut::into_slice);
        let mut add = |told: PartOfSample| sum += self.slices[told.part].weight() * told.loss;
        self.tell_parts(outputs, target, divisors, gradient, &mut add)?;
        Ok(T::of(sum))
    }
}

impl<T: Scalar> Default for Slices<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Loss<T> for Slices<T> {
    fn kind(&self) -> &'static str {
        "slices"
    }

    /// One for each slice of each sample, `[batch, slices]`: the sum over its elements times its weight.
    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        let values = self.check_shapes(outputs.shape(), target)?;
        let mut each = Vec::with_capacity(outputs.batch() * self.slices.len());
        for (sample, (row, target)) in outputs.samples().zip(values.samples()).enumerate() {
            for Place { slice, start, column } in self.places() {
                let (shape, class) =
                    (Shape::from([1, slice.outputs()]), [slice.class(target[column], sample)?]);
                let output = TensorView::trusted(shape, &row[start..start + slice.outputs()]);
                let losses = slice.loss().each(output, slice.target(&class, &target[column..]));
                let losses = losses.map_err(|error| error.of_samples(&[sample]).in_data(slice.label()))?;
                let sum: f64 = losses.as_slice().iter().map(|loss| loss.as_f64()).sum();
                each.push(T::of(slice.weight() * sum));
            }
        }
        Tensor::from_vec([outputs.batch(), self.slices.len()], each)
    }

    fn forward(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<T> {
        self.of_whole(outputs, target, &self.divisors(target), None)
    }

    fn backward(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        gradient: TensorViewMut<'_, T>,
    ) -> Result<()> {
        self.value_and_gradient(outputs, target, gradient).map(|_| ())
    }

    fn value_and_gradient(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        gradient: TensorViewMut<'_, T>,
    ) -> Result<T> {
        self.of_whole(outputs, target, &self.divisors(target), Some(gradient))
    }

    /// The number of samples, and that of each slice's loss.
    fn divisors(&self, target: Target<'_, T>) -> Divisors {
        let batch = target.batch() as f64;
        let Target::Values(values) = target else { return Divisors::one(Some(batch)) };
        let of_slice = |Place { slice, column, .. }: Place<'_, T>| {
            let mut sum = Some(0.0);
            for target in values.samples() {
                // A target that does not fit may have any.
                let own = target.get(column..column + slice.columns()).and_then(|columns| {
                    let class = [slice.class(*columns.first()?, 0).ok()?];
                    Some(slice.loss().divisor(slice.target(&class, columns)))
                });
                sum = sum.zip(own.unwrap_or(Some(0.0))).map(|(sum, own)| sum + own);
            }
            sum
        };
        Divisors::of_few_parts(batch, self.places().take(Self::MOST).map(of_slice))
    }

    /// As if each slice had the same share of the whole.
    fn part(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        divisor: f64,
        gradient: Option<TensorViewMut<'_, T>>,
    ) -> Result<T> {
        let share = divisor / target.batch().max(1) as f64;
        let own = self.divisors(target).times(share);
        let of_sums = own.parts().iter().map(|own| own.or(Some(share)));
        self.of_whole(outputs, target, &Divisors::of_few_parts(divisor, of_sums), gradient)
    }

    fn part_of(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        whole: &Divisors,
        gradient: Option<TensorViewMut<'_, T>>,
    ) -> Result<T> {
        self.of_whole(outputs, target, whole, gradient)
    }

    fn parts(&self) -> Vec<LossPart> {
        let part = |Place { slice, start, .. }: Place<'_, T>| LossPart {
            name: slice.name().to_owned(),
            outputs: start..start + slice.outputs(),
            is_classes: slice.is_classes(),
        };
        self.places().map(part).collect()
    }

    /// Where all slices do.
    fn takes(&self, outputs: OutputKind) -> bool {
        (0..self.slices.len()).all(|part| self.part_takes(part, outputs))
    }

    fn part_takes(&self, part: usize, outputs: OutputKind) -> bool {
        self.slices.get(part).is_none_or(|slice| slice.loss().takes(outputs))
    }

    fn each_part(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        whole: &Divisors,
        tell: &mut dyn FnMut(PartOfSample),
    ) -> Result<()> {
        self.tell_parts(outputs, target, whole, None, tell)
    }

    fn check_target(&self, outputs: Shape, target: Target<'_, T>) -> Result<()> {
        let values = self.check_shapes(outputs, target)?;
        for (sample, target) in values.samples().enumerate() {
            for Place { slice, column, .. } in self.places() {
                let (shape, class) =
                    (Shape::from([1, slice.outputs()]), [slice.class(target[column], sample)?]);
                let checked = slice.loss().check_target(shape, slice.target(&class, &target[column..]));
                checked.map_err(|error| error.of_samples(&[sample]).in_data(slice.label()))?;
            }
        }
        Ok(())
    }
}
