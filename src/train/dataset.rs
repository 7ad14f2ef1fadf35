//! Data sets: inputs and targets.

use std::collections::HashSet;
use std::fmt;

use super::Inputs;
use super::augment::Augment;
use super::numbers::Numbers;
use super::teacher::Teacher;
use crate::kernels::Buffer;
use crate::layers::Normalization;
use crate::losses::{Divisors, Loss, Target};
use crate::{Error, Parallelism, Result, Scalar, Shape, TensorView};

/// Inputs and targets, one of each for every sample.
///
/// Inputs are a tensor, a view, bytes ([`Pixels`](super::Pixels)), or anything that gives one sample after the other
/// ([`Samples`](super::Samples)). Targets are in memory, for what a loss is divided by follows from them and has to be known
/// before the first pass.
///
/// Samples keep their numbers, from 0, in subsets, splits and errors: sample 17 is everywhere the one whose label is
/// `labels[17]`.
///
/// ```
/// use taper::{Tensor, train::Dataset};
///
/// let (inputs, labels) = (Tensor::<f32>::zeros([3, 28, 28])?, vec![0, 1, 2]);
/// let data = Dataset::new(&inputs, &labels)?;
/// assert_eq!(data.len(), 3);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Dataset<'a, T: Scalar> {
    inputs: Inputs<'a, T>,
    target: Target<'a, T>,
    weights: Option<&'a [f64]>,
    indices: Option<&'a [usize]>,
    augmentation: Option<&'a dyn Augment<T>>,
    teacher: Option<&'a Teacher<'a, T>>,
    /// Whether there are targets beside what a teacher says.
    has_labels: bool,
}

impl<'a, T: Scalar> Dataset<'a, T> {
    /// A set of these samples.
    ///
    /// # Errors
    /// [`Error::Empty`] where there are none, [`Error::Shape`] where inputs or targets have no first axis to count them by,
    /// [`Error::Length`] where there are not as many targets as inputs.
    pub fn new(inputs: impl Into<Inputs<'a, T>>, target: impl Into<Target<'a, T>>) -> Result<Self> {
        let (inputs, target) = (inputs.into(), target.into());
        let shape = inputs.shape();
        let Some(&samples) = shape.axes().first() else {
            return Err(Error::shape("inputs", "with a first axis of samples", shape));
        };
        if samples == 0 {
            return Err(Error::Empty { what: "samples of the data set" });
        }
        if let Target::Values(values) = target
            && values.shape().rank() == 0
        {
            return Err(Error::shape("targets", "with a first axis of samples", values.shape()));
        }
        if target.batch() != samples {
            let what = "targets of the data set".into();
            return Err(Error::Length { what, expected: samples, got: target.batch() });
        }
        Ok(Self {
            inputs,
            target,
            weights: None,
            indices: None,
            augmentation: None,
            teacher: None,
            has_labels: true,
        })
    }

    /// A set of these samples without labels: the targets are what the teacher says to them, batch by batch, as they are after an
    /// augmentation.
    ///
    /// # Errors
    /// [`Error::Empty`] where there are none, [`Error::Shape`] where they are not the teacher's samples.
    pub fn of_teacher(inputs: impl Into<Inputs<'a, T>>, teacher: &'a Teacher<'a, T>) -> Result<Self> {
        let inputs = inputs.into();
        teacher.check_input(inputs.shape())?;
        if inputs.shape().axes()[0] == 0 {
            return Err(Error::Empty { what: "samples of the data set" });
        }
        Ok(Self {
            inputs,
            target: teacher.blank(false),
            weights: None,
            indices: None,
            augmentation: None,
            teacher: Some(teacher),
            has_labels: false,
        })
    }

    /// The same samples with what the teacher says to them in front of their labels: a target has `[outputs, labels as shares]`, for
    /// [`Distillation::with_labels`](crate::losses::Distillation::with_labels).
    ///
    /// # Errors
    /// [`Error::Shape`] where they are not the teacher's samples, where its outputs are not `[batch, classes]`, or where labels that are shares
    /// are not of their shape; [`Error::Class`] for a label that it has no output for.
    pub fn with_teacher(mut self, teacher: &'a Teacher<'a, T>) -> Result<Self> {
        teacher.check_input(self.inputs.shape())?;
        if !self.has_labels {
            return Ok(Self { target: teacher.blank(false), teacher: Some(teacher), ..self });
        }
        teacher.check_labels(self.target)?;
        self.teacher = Some(teacher);
        Ok(self)
    }

    /// Gives each sample a weight w, of all samples of which this data set may be a subset: a sample of weight 2 counts as two.
    ///
    /// ```text
    /// loss = Σ w·numerator / Σ w·divisor        accuracy = Σ w·hit / Σ w
    /// ```
    ///
    /// with a sample's part of the sum of losses and of what that is divided by ([`Loss::divisor`]), as scikit-learn's
    /// `sample_weight`; class weights of the loss come on top. In training the sums go over the samples of a step, so its
    /// gradient is that of the weighted mean; in evaluation, over all. A step whose samples all weigh 0 has a loss and a
    /// gradient of 0. Confusion matrices count samples, whatever they weigh.
    ///
    /// ```
    /// use taper::{Optimizer, Sequential, Tensor, Trainer};
    /// use taper::{losses::MeanAbsoluteError, optimizers::Sgd, train::Dataset};
    ///
    /// // A model that gives 0, which is off by 1 and by 4.
    /// let (x, y) = (Tensor::from([[0.0], [0.0]]), Tensor::from([[1.0], [4.0]]));
    /// let mut model = Sequential::builder([1]).dense(1).without_bias().build(&mut taper::seeded(0))?;
    /// let mut trainer = Trainer::new(&mut model, MeanAbsoluteError::new(), Optimizer::new(Sgd::new(0.1)?));
    /// assert_eq!(trainer.evaluate(Dataset::new(&x, &y)?)?.loss, 2.5);
    /// assert_eq!(trainer.evaluate(Dataset::new(&x, &y)?.with_weights(&[2.0, 1.0])?)?.loss, 2.0);
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one for each sample, [`Error::Setting`] unless all are finite, also as numbers of the
    /// model, and at least 0.
    pub fn with_weights(mut self, weights: &'a [f64]) -> Result<Self> {
        if weights.len() != self.samples() {
            let what = "weights of the samples".into();
            return Err(Error::Length { what, expected: self.samples(), got: weights.len() });
        }
        let is_right = |weight: f64| weight >= 0.0 && T::of(weight).is_finite();
        if let Some(sample) = weights.iter().position(|&weight| !is_right(weight)) {
            let got = format!("{} for sample {sample}", weights[sample]);
            return Err(Error::setting("weight of a sample", "a finite number of at least 0", got));
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// Changes each sample at random whenever [`Trainer::fit`](crate::Trainer::fit) trains with it; see [`augment`](super::augment).
    /// Evaluation and validation take samples as they are.
    ///
    /// What is random follows from the trainer's seed, the epoch and the number of the sample alone. A model that takes whole
    /// numbers gets what the augmentation leaves, which has to be such numbers too.
    #[must_use]
    pub fn with_augmentation(mut self, augmentation: &'a dyn Augment<T>) -> Self {
        self.augmentation = Some(augmentation);
        self
    }

    /// The samples with these numbers alone, in this order where they are not shuffled. A number may come several times.
    ///
    /// Numbers are always those of the whole data set, as [`Dataset::new`] got it. Of a subset, only samples that are in it
    /// can be taken.
    ///
    /// ```
    /// use taper::{Tensor, train::Dataset};
    ///
    /// let (inputs, labels) = (Tensor::<f32>::zeros([5, 2])?, vec![0, 1, 0, 1, 0]);
    /// let data = Dataset::new(&inputs, &labels)?;
    /// let zeros: Vec<usize> = (0..5).filter(|&sample| labels[sample] == 0).collect();
    /// assert_eq!(data.subset(&zeros)?.len(), 3);
    /// assert!(data.subset(&[5]).is_err());
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`] without any, [`Error::Index`] for a number that no sample has, [`Error::Setting`] for one that is not
    /// in this subset.
    pub fn subset(mut self, indices: &'a [usize]) -> Result<Self> {
        let samples = self.samples();
        if indices.is_empty() {
            return Err(Error::Empty { what: "samples of the subset" });
        }
        if let Some(place) = indices.iter().position(|&index| index >= samples) {
            let (what, got) = ("subset", indices[place] as f64);
            return Err(Error::Index { what, place: vec![place], below: samples, got });
        }
        if let Some(own) = self.indices {
            let own: HashSet<usize> = own.iter().copied().collect();
            if let Some(other) = indices.iter().find(|index| !own.contains(index)) {
                let expected = "numbers of samples, as in the whole data set, that are in this one";
                return Err(Error::setting("subset", expected, other));
            }
        }
        self.indices = Some(indices);
        Ok(self)
    }

    /// A layer that scales inputs by the means and variances of these samples, those of a subset, with their weights: to be
    /// fitted to the training data alone. Goes through the data once.
    ///
    /// ```
    /// use taper::{Sequential, Tensor, train::Dataset};
    ///
    /// let (inputs, labels) = (Tensor::from([[1.0_f32, 9.0], [3.0, 5.0], [800.0, 0.0]]), [0, 1, 1]);
    /// let train = Dataset::new(&inputs, &labels)?.subset(&[0, 1])?;
    /// let model = Sequential::builder([2]).layer(train.normalization()?).dense(2).build(&mut taper::seeded(0))?;
    /// assert_eq!(model.param("0.mean")?.to_tensor(), Tensor::from([2.0, 7.0]));
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFinite`] for a number that is not, with its sample; those of a source; [`Error::Shape`] where inputs are single
    /// numbers without an axis; [`Error::Empty`] where all weights are 0.
    pub fn normalization(&self) -> Result<Normalization<T>> {
        let (mut moments, mut numbers) = (Normalization::<T>::moments(self.shape())?, Buffer::default());
        let sample = self.sample();
        for place in 0..self.len() {
            let number = self.number(place);
            self.inputs.gather(&[number], sample.len(), Parallelism::Threads(1), &mut numbers)?;
            Numbers::Finite.check_batch(TensorView::new(sample.with_batch(1)?, &numbers)?, &[number])?;
            moments.add(&numbers, self.weight(number));
        }
        Normalization::of_moments(moments)
    }

    /// The number of samples, of a subset those that are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.map_or(self.samples(), <[usize]>::len)
    }

    /// Never true: a data set has at least one sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The inputs of all samples, also where this is a subset.
    #[must_use]
    pub fn inputs(&self) -> Inputs<'a, T> {
        self.inputs
    }

    /// The targets of all samples, also where this is a subset. Of a data set that has a teacher and no labels, a single target with
    /// nothing in it.
    #[must_use]
    pub fn target(&self) -> Target<'a, T> {
        self.target
    }

    /// What each of all samples weighs, where it was said.
    #[must_use]
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The numbers of the samples of a subset; `None` where it is all of them.
    #[must_use]
    pub fn indices(&self) -> Option<&'a [usize]> {
        self.indices
    }

    /// What changes samples in training, where something does.
    #[must_use]
    pub fn augmentation(&self) -> Option<&'a dyn Augment<T>> {
        self.augmentation
    }

    /// The model whose outputs are targets, where there is one.
    #[must_use]
    pub fn teacher(&self) -> Option<&'a Teacher<'a, T>> {
        self.teacher
    }

    /// How many samples there are in the whole.
    fn samples(&self) -> usize {
        self.shape().axes()[0]
    }

    /// Whether there are targets beside what a teacher says.
    pub(super) fn has_labels(&self) -> bool {
        self.has_labels
    }

    /// The target of a sample; where a teacher makes it, one with nothing in it.
    fn target_of(&self, sample: usize) -> Target<'a, T> {
        match self.teacher {
            Some(teacher) => teacher.blank(self.has_labels),
            None => self.target.sample(sample),
        }
    }

    /// The shape of one target as a batch has it, where it is values.
    pub(super) fn target_sample(&self) -> Option<Shape> {
        match (self.teacher, self.target) {
            (Some(teacher), _) => Some(teacher.target(self.has_labels)),
            (None, Target::Values(values)) => values.shape().split_batch().map(|(_, sample)| sample),
            (None, Target::Classes(_)) => None,
        }
    }

    /// The lengths of the axes of all inputs, that of the samples first.
    pub(super) fn shape(&self) -> Shape {
        self.inputs.shape()
    }

    /// The shape of one input.
    pub(super) fn sample(&self) -> Shape {
        let (_, sample) = self.shape().split_batch().expect("there is an axis of samples");
        sample
    }

    /// The number of the sample at this place.
    pub(super) fn number(&self, place: usize) -> usize {
        self.indices.map_or(place, |indices| indices[place])
    }

    /// What this sample weighs.
    pub(super) fn weight(&self, sample: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[sample])
    }

    /// What the loss of these samples is divided by.
    pub(super) fn divisors_of(&self, loss: &dyn Loss<T>, samples: impl Iterator<Item = usize>) -> Divisors {
        let each = |sample| loss.divisors(self.target_of(sample)).times(self.weight(sample));
        samples.map(each).reduce(|sum, other| sum.and(&other)).unwrap_or(Divisors::one(Some(0.0)))
    }

    /// Whether the loss of all of it has a mean: it has none where negative weights cancel the others.
    pub(super) fn check_divisor(&self, loss: &dyn Loss<T>) -> Result<()> {
        let mut samples = (0..self.len()).map(|place| self.number(place));
        let counts = |sample: usize| {
            let divisor = self.weight(sample) * loss.divisor(self.target_of(sample)).unwrap_or(0.0);
            divisor != 0.0
        };
        if self.divisors(loss).whole() != Some(0.0) || !samples.any(counts) {
            return Ok(());
        }
        let expected = "weights that, over all targets of the data set, do not add up to 0";
        Err(Error::setting("divisor of a loss", expected, 0))
    }

    /// What the loss of all of it is divided by.
    pub(super) fn divisors(&self, loss: &dyn Loss<T>) -> Divisors {
        match (self.indices, self.weights, self.teacher) {
            (None, None, None) => loss.divisors(self.target),
            _ => self.divisors_of(loss, (0..self.len()).map(|place| self.number(place))),
        }
    }

    /// Whether the loss can use each target, for outputs of this shape.
    pub(super) fn check_targets(&self, loss: &dyn Loss<T>, output: Shape) -> Result<()> {
        if let Some(teacher) = self.teacher {
            return loss.check_target(output.with_batch(1)?, teacher.blank(self.has_labels));
        }
        let Some(indices) = self.indices else {
            return loss.check_target(output.with_batch(self.len())?, self.target);
        };
        let output = output.with_batch(1)?;
        let check = |&sample: &usize| {
            loss.check_target(output, self.target.sample(sample)).map_err(|error| error.of_samples(&[sample]))
        };
        indices.iter().try_for_each(check)
    }
}

impl<T: Scalar> fmt::Debug for Dataset<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("inputs", &self.inputs)
            .field("target", &self.target)
            .field("weights", &self.weights)
            .field("indices", &self.indices)
            .field("teacher", &self.teacher)
            .field("is_augmented", &self.augmentation.is_some())
            .finish()
    }
}
