//! A loss whose samples weigh differently.

use crate::losses::{Divisors, Loss, Target};
use crate::{Result, Scalar, Tensor, TensorView, TensorViewMut};

/// The targets of a batch, and what each sample weighs where that is not 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answers<'a, T> {
    pub(super) target: Target<'a, T>,
    pub(super) weights: Option<&'a [f64]>,
}

impl<'a, T> From<Target<'a, T>> for Answers<'a, T> {
    fn from(target: Target<'a, T>) -> Self {
        Self { target, weights: None }
    }
}

/// The loss Σ w·numerator / Σ w·divisor of samples that weigh w each; without weights the loss itself.
#[derive(Debug)]
pub(super) struct Weighted<'a, T> {
    pub(super) loss: &'a dyn Loss<T>,
    pub(super) weights: Option<&'a [f64]>,
}

impl<T: Scalar> Loss<T> for Weighted<'_, T> {
    fn kind(&self) -> &'static str {
        self.loss.kind()
    }

    fn each(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<Tensor<T>> {
        self.loss.each(outputs, target)
    }

    fn forward(&self, outputs: TensorView<'_, T>, target: Target<'_, T>) -> Result<T> {
        self.part_of(outputs, target, &self.divisors(target), None)
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
        if self.weights.is_none() {
            return self.loss.value_and_gradient(outputs, target, gradient);
        }
        self.part_of(outputs, target, &self.divisors(target), Some(gradient))
    }

    fn divisor(&self, target: Target<'_, T>) -> Option<f64> {
        self.divisors(target).whole()
    }

    fn divisors(&self, target: Target<'_, T>) -> Divisors {
        let Some(weights) = self.weights else { return self.loss.divisors(target) };
        let weighted =
            |(index, weight): (usize, &f64)| self.loss.divisors(target.sample(index)).times(*weight);
        let sum = |sum: Divisors, other| sum.and(&other);
        weights.iter().enumerate().map(weighted).reduce(sum).unwrap_or(Divisors::one(Some(0.0)))
    }

    /// Sample by sample. One that weighs nothing adds nothing, whatever its outputs are.
    fn part_of(
        &self,
        outputs: TensorView<'_, T>,
        target: Target<'_, T>,
        whole: &Divisors,
        mut gradient: Option<TensorViewMut<'_, T>>,
    ) -> Result<T> {
        let Some(weights) = self.weights else { return self.loss.part_of(outputs, target, whole, gradient) };
        let (len, mut sum) = (outputs.sample_len(), 0.0);
        let (_, sample) = outputs.shape().split_batch().expect("outputs have an axis of samples");
        let one = sample.with_batch(1)?;
        for (index, &weight) in weights.iter().enumerate() {
            let mut gradient = gradient.as_mut().map(|all| &mut all.as_mut_slice()[index * len..][..len]);
            if weight == 0.0 {
                gradient.into_iter().for_each(|gradient| gradient.fill(T::zero()));
                continue;
            }
            let output = TensorView::trusted(one, outputs.sample(index));
            let place = gradient.as_deref_mut().map(|gradient| TensorViewMut::trusted(one, gradient));
            let value = self.loss.part_of(output, target.sample(index), whole, place);
            sum += weight * value.map_err(|error| error.of_samples(&[index]))?.as_f64();
            let weight = T::of(weight);
            gradient.into_iter().flatten().for_each(|gradient| *gradient *= weight);
        }
        Ok(T::of(sum))
    }
}
