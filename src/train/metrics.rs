//! How often a classifier is right, and where it is wrong.
//!
//! | | scikit-learn |
//! |---|---|
//! | [`accuracy`] | `accuracy_score` of the highest outputs |
//! | [`top_k_accuracy`] | `top_k_accuracy_score` |
//! | [`classes`] | NumPy's `argmax(axis=1)` |
//! | [`ConfusionMatrix`] | `confusion_matrix`, and of it `precision_score`, `recall_score`, `f1_score`, of a class or `average="macro"` |
//!
//! An [`Evaluation`](super::Evaluation) has accuracy and confusion matrix already; here they are for outputs of one's own, and for a
//! [metric](super::Fit::with_metric). Outputs are `[batch, classes]`: logits or probabilities, for only their order counts. Parts are from 0 to 1.
//!
//! [`Trainer`](crate::Trainer) leaves out what its loss [ignores](crate::Loss::ignores). The functions here know no loss and
//! count every label; [`ConfusionMatrix::with_ignored`] leaves one out.

use std::fmt;

use crate::brief::brief;
use crate::sequential::{ClassNames, class_names};
use crate::{Error, Result, Scalar, TensorView};

/// The part of the samples whose class has the highest output. A NaN is never the highest.
///
/// ```
/// use taper::{Tensor, train::metrics};
///
/// let outputs = Tensor::from([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]);
/// assert_eq!(metrics::accuracy(&outputs, &[1, 0, 0])?, 2.0 / 3.0);
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`], [`Error::Length`], [`Error::Class`] where outputs and labels do not fit together, [`Error::Empty`] without samples.
pub fn accuracy<'a, T: Scalar>(outputs: impl Into<TensorView<'a, T>>, labels: &[usize]) -> Result<f64> {
    top_k_accuracy(outputs, labels, 1)
}

/// The part of the samples whose class is among the `k` highest outputs. Among equal outputs the first class wins; NaN is never
/// among them.
///
/// ```
/// use taper::{Tensor, train::metrics};
///
/// let outputs = Tensor::from([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]]);
/// assert_eq!(metrics::top_k_accuracy(&outputs, &[2, 1], 2)?, 0.5);
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # Errors
/// As [`accuracy`]; [`Error::Setting`] for a `k` of 0.
pub fn top_k_accuracy<'a, T: Scalar>(
    outputs: impl Into<TensorView<'a, T>>,
    labels: &[usize],
    k: usize,
) -> Result<f64> {
    let outputs = outputs.into();
    check(outputs, labels, None)?;
    if k == 0 {
        return Err(Error::setting("k", "at least 1", k));
    }
    let hits = outputs.samples().zip(labels).filter(|&(row, &label)| rank(row, label) < k);
    Ok(hits.count() as f64 / labels.len() as f64)
}

/// The class with the highest output in each row, the first of several; 0 where all are NaN.
///
/// ```
/// use taper::{Tensor, train::metrics};
///
/// assert_eq!(metrics::classes(&Tensor::from([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]]))?, [1, 0]);
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] where the outputs are not `[batch, classes]`.
pub fn classes<'a, T: Scalar>(outputs: impl Into<TensorView<'a, T>>) -> Result<Vec<usize>> {
    let outputs = outputs.into();
    class_count(outputs)?;
    Ok(outputs.samples().map(highest).collect())
}

/// How many classes come before `label` when the highest output comes first.
fn rank<T: Scalar>(row: &[T], label: usize) -> usize {
    let own = row[label];
    if own.is_nan() {
        return usize::MAX;
    }
    row.iter()
        .enumerate()
        .filter(|&(class, &output)| output > own || (output == own && class < label))
        .count()
}

/// The place of the highest output, the first of several; 0 where all are NaN.
pub(super) fn highest<T: Scalar>(row: &[T]) -> usize {
    let (mut highest, mut place) = (T::neg_infinity(), 0);
    for (class, &output) in row.iter().enumerate() {
        // Two selections and no branch: nobody can predict which output is the highest.
        let is_higher = output > highest;
        highest = if is_higher { output } else { highest };
        place = if is_higher { class } else { place };
    }
    if highest == T::neg_infinity() {
        return row.iter().position(|&output| output == highest).unwrap_or(0);
    }
    place
}

fn class_count<T: Scalar>(outputs: TensorView<'_, T>) -> Result<usize> {
    match *outputs.shape().axes() {
        [_, classes] if classes > 0 => Ok(classes),
        _ => Err(Error::shape("outputs", "[batch, classes]", outputs.shape())),
    }
}

fn check<T: Scalar>(outputs: TensorView<'_, T>, labels: &[usize], ignored: Option<usize>) -> Result<usize> {
    let classes = class_count(outputs)?;
    if labels.len() != outputs.batch() {
        return Err(Error::Length { what: "labels".into(), expected: outputs.batch(), got: labels.len() });
    }
    if labels.is_empty() {
        return Err(Error::Empty { what: "samples of the metric" });
    }
    match labels.iter().position(|&label| label >= classes && Some(label) != ignored) {
        Some(sample) => Err(Error::Class { sample, classes, got: labels[sample] }),
        None => Ok(classes),
    }
}

/// The most classes of which an evaluation keeps a confusion matrix: 8 MB of counts.
const MOST_CLASSES: usize = 1000;

/// Which class was taken for which: rows are the true classes, columns the predicted ones.
///
/// ```
/// use taper::{Tensor, train::metrics::ConfusionMatrix};
///
/// let mut confusion = ConfusionMatrix::new(2);
/// confusion.record(&Tensor::from([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), &[1, 0, 0])?;
/// assert_eq!(confusion.count(0, 1), 1);
/// assert_eq!(confusion.accuracy(), 2.0 / 3.0);
/// assert_eq!((confusion.precision(1), confusion.recall(1)), (0.5, 1.0));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    counts: Vec<u64>,
    ignored: Option<usize>,
    names: Option<ClassNames>,
}

impl ConfusionMatrix {
    /// Counts of 0 for so many classes.
    ///
    /// # Panics
    /// Where classes·classes counts of eight bytes are more than can be allocated, as `Vec` does.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        let pairs = classes.checked_mul(classes).expect("counts of all pairs of classes fit into memory");
        Self { classes, counts: vec![0; pairs], ignored: None, names: None }
    }

    /// Counts of 0 where there are no more than [`MOST_CLASSES`].
    pub(super) fn of_few(classes: usize) -> Option<Self> {
        (classes <= MOST_CLASSES).then(|| Self::new(classes))
    }

    /// Leaves out samples with this label, which need not be a class: as
    /// [`CrossEntropy::with_ignored`](crate::losses::CrossEntropy::with_ignored) does. What is taken for that class still counts.
    ///
    /// ```
    /// use taper::{Tensor, train::metrics::ConfusionMatrix};
    ///
    /// let mut confusion = ConfusionMatrix::new(2).with_ignored(255);
    /// confusion.record(&Tensor::from([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), &[1, 255, 0])?;
    /// assert_eq!((confusion.total(), confusion.accuracy()), (2, 0.5));
    /// # Ok::<(), taper::Error>(())
    /// ```
    #[must_use]
    pub fn with_ignored(mut self, label: usize) -> Self {
        self.ignored = Some(label);
        self
    }

    /// Names the classes in its table.
    ///
    /// # Errors
    /// As [`Sequential::set_classes`](crate::Sequential::set_classes).
    ///
    /// ```
    /// use taper::train::metrics::ConfusionMatrix;
    ///
    /// let confusion = ConfusionMatrix::new(2).with_names(["dog", "cat"])?;
    /// assert!(confusion.to_string().starts_with("true  as dog as cat  precision"));
    /// # Ok::<(), taper::Error>(())
    /// ```
    pub fn with_names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names = class_names(names, self.classes)?;
        self.names = Some(names);
        Ok(self)
    }

    /// The names of a model's classes.
    pub(crate) fn set_names(&mut self, names: ClassNames) {
        self.names = Some(names).filter(|names| names.len() == self.classes);
    }

    /// The names of the classes, where they are told: those of the model in an [`Evaluation`](super::Evaluation).
    #[must_use]
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// Counts that were counted before, a row for each true class.
    pub(crate) fn from_counts(classes: usize, counts: Vec<u64>) -> Self {
        assert_eq!(counts.len(), classes * classes, "a count for each pair of classes");
        Self { classes, counts, ignored: None, names: None }
    }

    /// All counts, a row for each true class.
    pub(crate) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Replaces all counts.
    pub(super) fn set_counts(&mut self, counts: impl IntoIterator<Item = u64>) {
        self.counts.iter_mut().zip(counts).for_each(|(own, count)| *own = count);
    }

    /// Counts a batch.
    ///
    /// # Errors
    /// As [`accuracy`]; nothing is counted then.
    pub fn record<'a, T: Scalar>(
        &mut self,
        outputs: impl Into<TensorView<'a, T>>,
        labels: &[usize],
    ) -> Result<()> {
        let outputs = outputs.into();
        let classes = check(outputs, labels, self.ignored)?;
        if classes != self.classes {
            return Err(Error::shape("outputs", format!("[batch, {}]", self.classes), outputs.shape()));
        }
        let ignored = self.ignored;
        let counts = |label: usize| Some(label) != ignored;
        for (row, &label) in outputs.samples().zip(labels).filter(|&(_, &label)| counts(label)) {
            self.count_one(label, highest(row));
        }
        Ok(())
    }

    /// Counts one sample of the class `truth` that was taken for `predicted`.
    pub(super) fn count_one(&mut self, truth: usize, predicted: usize) {
        self.counts[truth * self.classes + predicted] += 1;
    }

    /// The number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many samples of class `truth` were taken for class `predicted`; 0 for classes that there are not.
    #[must_use]
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        if truth < self.classes && predicted < self.classes {
            self.counts[truth * self.classes + predicted]
        } else {
            0
        }
    }

    /// The number of samples that were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The part that was right; 0 where nothing was counted.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        ratio((0..self.classes).map(|class| self.count(class, class)).sum(), self.total())
    }

    /// Of the samples taken for this class, the part that was of it: TP/(TP + FP); 0 where there were none.
    #[must_use]
    pub fn precision(&self, class: usize) -> f64 {
        ratio(self.count(class, class), (0..self.classes).map(|truth| self.count(truth, class)).sum())
    }

    /// Of the samples of this class, the part that was taken for it: TP/(TP + FN); 0 where there were none.
    #[must_use]
    pub fn recall(&self, class: usize) -> f64 {
        ratio(self.count(class, class), (0..self.classes).map(|predicted| self.count(class, predicted)).sum())
    }

    /// The harmonic mean of precision and recall, 2·precision·recall/(precision + recall); 0 where both are.
    #[must_use]
    pub fn f1(&self, class: usize) -> f64 {
        let (precision, recall) = (self.precision(class), self.recall(class));
        if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
    }

    /// The mean of [`ConfusionMatrix::f1`] over the classes that occur or are predicted; 0 where nothing was counted. A class
    /// of which there is no sample and for which none was taken has no F1 and is left out, as in scikit-learn.
    #[must_use]
    pub fn macro_f1(&self) -> f64 {
        let is_there = |class: usize| {
            (0..self.classes).any(|other| self.count(class, other) + self.count(other, class) > 0)
        };
        let (mut sum, mut classes) = (0.0, 0_u32);
        for class in (0..self.classes).filter(|&class| is_there(class)) {
            (sum, classes) = (sum + self.f1(class), classes + 1);
        }
        sum / f64::from(classes.max(1))
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl fmt::Display for ConfusionMatrix {
    /// A table with a row for each true class and its precision, recall and F1. Of names longer than 16 characters the first 15
    /// are there; characters that are wider than others put a row out of line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = (0..self.classes).map(|class| self.label(class)).collect();
        let longest = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
        let count = self.counts.iter().max().map_or(1, |count| count.to_string().len());
        let (first, width) = (longest.max(5), count.max(3 + longest).max(6));
        // Names stand on the left, numbers on the right.
        let is_named = self.names.is_some();
        let begin = |f: &mut fmt::Formatter<'_>, label: &str| {
            if is_named { write!(f, "{label:<first$}") } else { write!(f, "{label:>first$}") }
        };
        begin(f, "true")?;
        labels.iter().try_for_each(|label| write!(f, " {:>width$}", format!("as {label}")))?;
        writeln!(f, "  precision  recall     f1")?;
        for (truth, label) in labels.iter().enumerate() {
            begin(f, label)?;
            (0..self.classes)
                .try_for_each(|predicted| write!(f, " {:>width$}", self.count(truth, predicted)))?;
            let (precision, recall, f1) = (self.precision(truth), self.recall(truth), self.f1(truth));
            writeln!(f, "  {precision:>9.3}  {recall:>6.3}  {f1:>5.3}")?;
        }
        Ok(())
    }
}

impl ConfusionMatrix {
    /// What stands for a class in the table.
    fn label(&self, class: usize) -> String {
        const MOST: usize = 16;
        let Some(names) = &self.names else { return class.to_string() };
        // What a terminal would obey stands as an escape.
        let name = brief(&names[class], names[class].len().max(MOST) * 8);
        if name.chars().count() <= MOST {
            return name;
        }
        name.chars().take(MOST - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;

    #[test]
    fn ties_and_nan_are_decided() {
        assert_eq!(highest(&[1.0, 1.0]), 0);
        assert_eq!(highest(&[f64::NAN, 1.0, 2.0]), 2);
        assert_eq!(highest(&[f64::NAN, f64::NAN]), 0);
        assert_eq!(highest(&[f64::NAN, f64::NEG_INFINITY, f64::NAN]), 1);
        let outputs = Tensor::from([[f64::NAN, 1.0], [1.0, 1.0]]);
        assert_eq!(top_k_accuracy(&outputs, &[0, 1], 1).unwrap(), 0.0);
        assert_eq!(top_k_accuracy(&outputs, &[0, 1], 2).unwrap(), 0.5);
        assert_eq!(top_k_accuracy(&outputs, &[0, 1], 3).unwrap(), 0.5);
    }

    #[test]
    fn empty_classes_count_as_0() {
        let confusion = ConfusionMatrix::new(3);
        assert_eq!((confusion.accuracy(), confusion.f1(0), confusion.macro_f1()), (0.0, 0.0, 0.0));
    }
}
