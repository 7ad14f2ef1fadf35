//! The outputs of two models on the same inputs.

use super::report::Agreement;
use super::samples::{check, for_each_batch};
use crate::layers::Mode;
use crate::train::Inputs;
use crate::{Error, Parallelism, Result, Scalar, Sequential};

/// Sums over the outputs.
struct Sums {
    /// The first sample's outputs, which are subtracted so that sums of squares are not far larger than the variance.
    first: Vec<f64>,
    totals: Vec<f64>,
    squares: f64,
    differences: f64,
    largest: f64,
    rows: usize,
    same: usize,
}

impl Agreement {
    /// How far the outputs of a model agree with those of another one, on inputs without labels: after all that was done, for one, as narrowing and then fewer
    /// bits.
    ///
    /// ```
    /// use taper::narrow::{Agreement, LowRank, Narrowing};
    /// use taper::{Sequential, Tensor};
    ///
    /// let wide = Sequential::<f32>::builder([8]).dense(32).named("fc1").relu().dense(3).build(&mut taper::seeded(7))?;
    /// let inputs = Tensor::from_fn([200, 8], |i| ((i * 37) % 101) as f32 / 50.0 - 1.0)?;
    /// let narrowed = Narrowing::new().to_widths(&wide, &inputs, [("fc1", 16)])?;
    /// let both = LowRank::new().to_ranks(&narrowed.model, &inputs, [("fc1", 4)])?;
    /// let agreement = Agreement::between(&wide, &both.model, &inputs)?;
    /// assert!(agreement.error > narrowed.report.agreement.error);
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) where the models do not take and give the same shapes, and where the inputs are no batch of their samples;
    /// [`Error::Empty`](crate::Error::Empty) without any; [`Error::NotFinite`](crate::Error::NotFinite) for an input that is not; those of a source of inputs.
    pub fn between<'a, T: Scalar>(
        before: &'a Sequential<T>,
        after: &'a Sequential<T>,
        inputs: impl Into<Inputs<'a, T>>,
    ) -> Result<Self> {
        if before.input() != after.input() {
            return Err(Error::shape(
                "a model of the same inputs",
                before.input().batch_pattern(),
                after.input().batch_pattern(),
            ));
        }
        if before.output() != after.output() {
            return Err(Error::shape(
                "a model of the same outputs",
                before.output().batch_pattern(),
                after.output().batch_pattern(),
            ));
        }
        agreement(before, after, &inputs.into(), Parallelism::default())
    }
}

/// How far the outputs of a model agree with those of another one before it, of the same shapes.
pub(super) fn agreement<T: Scalar>(
    before: &Sequential<T>,
    after: &Sequential<T>,
    inputs: &Inputs<'_, T>,
    parallelism: Parallelism,
) -> Result<Agreement> {
    let samples = check(before, inputs)?;
    let batch = before.batch_of_copies(samples);
    let mut own = before.workspace(Mode::Infer, batch)?.with_parallelism(parallelism);
    let mut other = after.workspace(Mode::Infer, batch)?.with_parallelism(parallelism);
    let outputs = before.output();
    let columns = outputs.axes().last().copied().unwrap_or(1).max(1);
    let mut sums = Sums {
        first: Vec::new(),
        totals: vec![0.0; outputs.len()],
        squares: 0.0,
        differences: 0.0,
        largest: 0.0,
        rows: 0,
        same: 0,
    };
    for_each_batch(before, inputs, parallelism, |x| {
        let pairs = before.infer(x, &mut own)?.samples().zip(after.infer(x, &mut other)?.samples());
        pairs.for_each(|(before, after)| sums.add(before, after, columns));
        Ok(())
    })?;
    let count = samples as f64;
    let variance = sums.squares - sums.totals.iter().map(|sum| sum * sum / count).sum::<f64>();
    let error =
        if sums.differences == 0.0 { 0.0 } else { sums.differences / variance.max(f64::MIN_POSITIVE) };
    let same_classes = (columns > 1).then(|| sums.same as f64 / sums.rows.max(1) as f64);
    Ok(Agreement { samples, error, largest_difference: sums.largest, same_classes })
}

impl Sums {
    fn add<T: Scalar>(&mut self, before: &[T], after: &[T], columns: usize) {
        if self.first.is_empty() {
            self.first = before.iter().map(|value| value.as_f64()).collect();
        }
        for (place, (before, after)) in before.iter().zip(after).enumerate() {
            let (moved, difference) = (before.as_f64() - self.first[place], after.as_f64() - before.as_f64());
            self.totals[place] += moved;
            self.squares += moved * moved;
            self.differences += difference * difference;
            // NaN is passed on.
            if difference.is_nan() || difference.abs() > self.largest {
                self.largest = difference.abs();
            }
        }
        for (before, after) in before.chunks(columns).zip(after.chunks(columns)) {
            self.rows += 1;
            self.same += usize::from(largest(before) == largest(after));
        }
    }
}

/// The place of the largest number; of several, the first.
fn largest<T: Scalar>(row: &[T]) -> usize {
    let mut place = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[place] {
            place = index;
        }
    }
    place
}
