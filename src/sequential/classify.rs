//! Classes of samples, with their names and probabilities.

use core::fmt;

use super::Sequential;
use crate::layers::{Layer, OutputKind, softmax_of_row};
use crate::prelude::*;
use crate::{Error, Result, Scalar, TensorView};

/// What [`Sequential::classify`] takes a sample for.
///
/// It borrows the name from the model. As text `cat 97.3 %`, or `class 1 97.3 %` where classes have no names.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Prediction<'m> {
    /// The number of the class.
    pub class: usize,
    /// Its name, where the model [has names](Sequential::classes).
    pub name: Option<&'m str>,
    /// How probable it is, from 0 to 1.
    pub probability: f64,
}

impl fmt::Display for Prediction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "{name}")?,
            None => write!(f, "class {}", self.class)?,
        }
        write!(f, " {:.1} %", 100.0 * self.probability)
    }
}

impl<T: Scalar> Sequential<T> {
    /// The class of each sample: the one with the highest output, and of equal ones the first.
    ///
    /// Its probability is pᵢ = exp(xᵢ) / Σⱼ exp(xⱼ) of the logits x. The outputs of a model that ends in
    /// [`Softmax`](crate::layers::Softmax) or a sigmoid are probabilities as they are, those of
    /// [`LogSoftmax`](crate::layers::LogSoftmax) their logarithms; those of a sigmoid are each for itself, and their sum may
    /// be anything. All outputs are one choice: where a model lays several [side by side](crate::losses::Slices), predict, and give each
    /// to [`softmax`](crate::layers::softmax). A layer of one's own says what its outputs are in [`Layer::output_kind`].
    ///
    /// ```
    /// use taper::{Sequential, Tensor, init::Init};
    ///
    /// let model = Sequential::<f32>::builder([2])
    ///     .dense(2).weight_init(Init::Constant(0.0)).bias_init(Init::Constant(1.0))
    ///     .classes(["cat", "dog"])
    ///     .build(&mut taper::seeded(7))?;
    /// let prediction = model.classify(&Tensor::from([[0.5, 0.5]]))?[0];
    /// assert_eq!((prediction.class, prediction.name, prediction.probability), (0, Some("cat"), 0.5));
    /// assert_eq!(prediction.to_string(), "cat 50.0 %");
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Sequential::predict`]; [`Error::Shape`] for a model with one output, which may be anything, and for one whose
    /// output is more than a row of classes for each sample; [`Error::Setting`] where a layer says that nobody knows what its
    /// outputs are; [`Error::NotFinite`] where a probability is none.
    pub fn classify<'a>(&self, x: impl Into<TensorView<'a, T>>) -> Result<Vec<Prediction<'_>>> {
        let mut all = Vec::new();
        self.classify_rows(x.into(), 1, |predictions| all.extend_from_slice(predictions))?;
        Ok(all)
    }

    /// The `k` classes of each sample with the highest outputs, the highest first: all of them where there are no more.
    ///
    /// # Errors
    /// As [`Sequential::classify`]; [`Error::Setting`] for a `k` of 0.
    pub fn classify_top_k<'a>(
        &self,
        x: impl Into<TensorView<'a, T>>,
        k: usize,
    ) -> Result<Vec<Vec<Prediction<'_>>>> {
        if k == 0 {
            return Err(Error::setting("k", "at least 1", k));
        }
        let mut all = Vec::new();
        self.classify_rows(x.into(), k, |predictions| all.push(predictions.to_vec()))?;
        Ok(all)
    }

    fn classify_rows<'m>(
        &'m self,
        x: TensorView<'_, T>,
        k: usize,
        mut take: impl FnMut(&[Prediction<'m>]),
    ) -> Result<()> {
        let classes = self.check_classes()?;
        let kind = self.output_kind(OutputKind::Values);
        if kind == OutputKind::Unknown {
            let expected = "a model whose outputs are logits or probabilities";
            return Err(Error::setting("classify", expected, "one of whose outputs nothing is known"));
        }
        let (names, outputs) = (self.classes(), self.predict(x)?);
        let (mut probabilities, mut order) = (vec![T::zero(); classes], Vec::with_capacity(classes));
        let mut predictions = Vec::with_capacity(k.min(classes));
        for (sample, row) in outputs.view().samples().enumerate() {
            probabilities.copy_from_slice(row);
            match kind {
                OutputKind::LogProbabilities => probabilities.iter_mut().for_each(|p| *p = p.exp()),
                OutputKind::Values => {
                    softmax_of_row(&mut probabilities);
                }
                _ => {}
            }
            if let Some(class) = probabilities.iter().position(|p| !p.is_finite()) {
                // Softmax makes all of them NaN for one.
                let class = row.iter().position(|output| !output.is_finite()).unwrap_or(class);
                let what = format!("output {class} of sample {sample}");
                return Err(Error::NotFinite { what, got: row[class].as_f64() });
            }
            order.clear();
            order.extend(0..classes);
            let higher_first = |a: &usize, b: &usize| {
                row[*b].partial_cmp(&row[*a]).expect("no NaN has a probability").then(a.cmp(b))
            };
            if k < classes {
                order.select_nth_unstable_by(k - 1, higher_first);
                order.truncate(k);
            }
            order.sort_unstable_by(higher_first);
            predictions.clear();
            predictions.extend(order.iter().map(|&class| Prediction {
                class,
                name: names.map(|names| &*names[class]),
                probability: probabilities[class].as_f64(),
            }));
            take(&predictions);
        }
        Ok(())
    }

    /// The number of classes, where an output is a row of them.
    fn check_classes(&self) -> Result<usize> {
        let refuse = |hint| {
            let expected = "[batch, classes] of two classes or more".to_owned();
            let got = self.output().batch_pattern();
            Err(Error::Shape { what: "output of the model", expected, got, hint })
        };
        match *self.output().axes() {
            [0 | 1] => refuse("`predict` gives the output; the model does not say what it stands for"),
            [classes] => Ok(classes),
            _ => refuse(
                "`predict` gives the outputs, and `layers::softmax` probabilities along their last axis",
            ),
        }
    }
}
