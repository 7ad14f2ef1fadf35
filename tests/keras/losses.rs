//! Losses, the same as metrics, and the cross-entropies among the operations.
//!
//! Keras means each loss over the last axis, so there is one for each sample; weights multiply these. Reductions
//! without weights are ours ([`Loss::forward`]); with weights the samples' losses are ours ([`Loss::each`]).

use serde_json::Value;
use taper::losses::{
    BinaryCrossEntropy, BinaryFocal, CategoricalFocal, CategoricalHinge, CosineSimilarity, CrossEntropy,
    Hinge, Huber, KlDivergenceOfLogProbabilities, LogCosh, Loss, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson,
};
use taper::{Result, Target, Tensor};

use crate::case::{Case, broadcast, with_axis_last};
use crate::common::{list, numbers, tensor};

/// What Keras keeps probabilities away from 0 and 1 by.
const EPSILON: f32 = 1e-7;

/// A loss, reduced as its settings say.
pub(crate) fn loss(case: &Case) -> Result<Vec<f64>> {
    let losses = losses(case, case.input("y_true"), case.input("y_pred"))?;
    let weights = case.input("sample_weight");
    let reduction = case.config("reduction").as_str();
    if weights.is_null() && reduction == Some("sum_over_batch_size") {
        return Ok(vec![losses.mean]);
    }
    let weights = weights_of(weights, losses.each.len());
    let weighted: Vec<f64> = losses.each.iter().zip(&weights).map(|(loss, weight)| loss * weight).collect();
    let sum: f64 = weighted.iter().sum();
    Ok(match reduction {
        None => weighted,
        Some("sum") => vec![sum],
        Some("sum_over_batch_size") => vec![sum / weighted.len() as f64],
        Some("mean_with_sample_weight") => vec![sum / weights.iter().sum::<f64>()],
        Some(other) => panic!("no reduction is called {other}"),
    })
}

/// A loss as a metric: the mean over samples, by their weights.
///
/// Samples of an ignored class have a loss of 0, and count in Keras's plain mean but not in its weighted one.
pub(crate) fn mean(case: &Case) -> Result<Vec<f64>> {
    let [update] = list(&case.0["inputs"]) else { panic!("these cases have one batch each") };
    let losses = losses(case, &update["a0"], &update["a1"])?;
    let weights = &update["sample_weight"];
    let ignored = case.config("ignore_class");
    if weights.is_null() && ignored.is_null() {
        return Ok(vec![losses.mean]);
    }
    let mut each_weight = weights_of(weights, losses.each.len());
    if !weights.is_null() && !ignored.is_null() {
        let classes = numbers(&update["a0"]);
        let left_out =
            each_weight.iter_mut().zip(classes).filter(|(_, class)| ignored.as_f64() == Some(*class));
        left_out.for_each(|(weight, _)| *weight = 0.0);
    }
    let sum: f64 = losses.each.iter().zip(&each_weight).map(|(loss, weight)| loss * weight).sum();
    Ok(vec![sum / each_weight.iter().sum::<f64>()])
}

/// As a metric, the cosine itself and not the loss, which is less where it is more.
pub(crate) fn similarity(case: &Case) -> Result<Vec<f64>> {
    Ok(mean(case)?.into_iter().map(|loss| -loss).collect())
}

/// A cross-entropy among the operations: nothing is reduced.
pub(crate) fn operation(case: &Case) -> Result<Vec<f64>> {
    Ok(losses(case, case.input("target"), case.input("output"))?.each)
}

struct Losses {
    /// One for each sample.
    each: Vec<f64>,
    /// Reduced by the loss itself.
    mean: f64,
}

fn losses(case: &Case, y_true: &Value, y_pred: &Value) -> Result<Losses> {
    let object = case.word("object").replace('_', "").to_lowercase();
    let (target, outputs) = (tensor(y_true), tensor(y_pred));
    let smoothing = case.option("label_smoothing").as_f64().unwrap_or(0.0);
    let from_logits = case.option("from_logits").as_bool() == Some(true);
    match object.as_str() {
        "meansquarederror" => elementwise(&MeanSquaredError::new(), &outputs, &target),
        "meanabsoluteerror" => elementwise(&MeanAbsoluteError::new(), &outputs, &target),
        "huber" => elementwise(&Huber::new(case.setting("delta"))?, &outputs, &target),
        "binarycrossentropy" => {
            let outputs = if from_logits { outputs } else { outputs.map(logit) };
            // Keras smooths binary targets as targets of two classes.
            let target = target.map(|t| t * (1.0 - smoothing) + smoothing / 2.0);
            elementwise(&BinaryCrossEntropy::new(), &outputs, &target)
        }
        "categoricalcrossentropy" => {
            let axis = case.option("axis");
            let outputs = if from_logits { outputs } else { outputs.map(logarithm) };
            let (outputs, target) = (with_axis_last(&outputs, axis), with_axis_last(&target, axis));
            of_classes(&CrossEntropy::new().with_label_smoothing(smoothing)?, &outputs, (&target).into())
        }
        "kldivergence" => {
            // Keras keeps both between epsilon and 1.
            let target = target.map(|t| t.clamp(f64::from(EPSILON), 1.0));
            of_classes(&KlDivergenceOfLogProbabilities::new(), &outputs.map(logarithm), (&target).into())
        }
        "sparsecategoricalcrossentropy" => {
            let outputs = if from_logits { outputs } else { outputs.map(logarithm) };
            let class = |class: &f64| if *class < 0.0 { usize::MAX } else { *class as usize };
            let classes: Vec<usize> = target.as_slice().iter().map(class).collect();
            let loss = match case.option("ignore_class").as_f64() {
                Some(ignored) => CrossEntropy::new().with_ignored(class(&ignored)),
                None => CrossEntropy::new(),
            };
            of_classes(&loss, &outputs, (&classes).into())
        }
        "hinge" => elementwise(&Hinge::new(), &outputs, &signs(target)),
        "squaredhinge" => elementwise(&Hinge::new().squared(), &outputs, &signs(target)),
        "logcosh" | "logcosherror" => elementwise(&LogCosh::new(), &outputs, &target),
        "meanabsolutepercentageerror" => elementwise(&MeanAbsolutePercentageError::new(), &outputs, &target),
        "meansquaredlogarithmicerror" => elementwise(&MeanSquaredLogarithmicError::new(), &outputs, &target),
        "poisson" => {
            let loss = Poisson::new().without_log_input().with_epsilon(EPSILON.into())?;
            elementwise(&loss, &outputs, &target)
        }
        "categoricalhinge" => of_classes(&CategoricalHinge::new(), &outputs, (&target).into()),
        "cosinesimilarity" => {
            let axis = case.option("axis");
            let (outputs, target) = (with_axis_last(&outputs, axis), with_axis_last(&target, axis));
            of_classes(&CosineSimilarity::new(), &outputs, (&target).into())
        }
        "binaryfocalcrossentropy" => {
            let outputs = if from_logits { outputs } else { outputs.map(logit) };
            let target = target.map(|t| t * (1.0 - smoothing) + smoothing / 2.0);
            let loss = BinaryFocal::new().with_gamma(case.setting("gamma"))?;
            let loss = if case.is_set("apply_class_balancing") {
                loss.with_alpha(case.setting("alpha"))?
            } else {
                loss.without_alpha()
            };
            elementwise(&loss, &outputs, &target)
        }
        "categoricalfocalcrossentropy" => {
            let axis = case.option("axis");
            let outputs = if from_logits { outputs } else { outputs.map(logarithm) };
            let (outputs, target) = (with_axis_last(&outputs, axis), with_axis_last(&target, axis));
            let loss = CategoricalFocal::new().with_gamma(case.setting("gamma"))?;
            let loss = loss.with_alpha(&numbers(case.config("alpha")))?.with_label_smoothing(smoothing)?;
            of_classes(&loss, &outputs, (&target).into())
        }
        other => panic!("the table sends {other} elsewhere"),
    }
}

/// Keras takes 0 and 1 for −1 and 1.
fn signs(target: Tensor<f64>) -> Tensor<f64> {
    target.map(|t| if t == 0.0 { -1.0 } else { t })
}

/// The logit of a probability.
fn logit(probability: f64) -> f64 {
    let probability = f64::from((probability as f32).clamp(EPSILON, 1.0 - EPSILON));
    (probability / (1.0 - probability)).ln()
}

/// The logarithm of a probability, which is a logit too: softmax makes it the probability again.
fn logarithm(probability: f64) -> f64 {
    probability.max(f64::from(EPSILON)).ln()
}

/// The losses of elements, meaned over the last axis.
fn elementwise(loss: &dyn Loss<f64>, outputs: &Tensor<f64>, target: &Tensor<f64>) -> Result<Losses> {
    // Keras lets targets of [samples] meet outputs of [samples, 1].
    let target = target.clone().reshape(outputs.shape())?;
    let last = *outputs.shape().axes().last().expect("outputs have an axis");
    let each = loss.each(outputs.view(), (&target).into())?;
    let each = each.as_slice().chunks_exact(last).map(|row| row.iter().sum::<f64>() / last as f64).collect();
    Ok(Losses { each, mean: loss.forward(outputs.view(), (&target).into())? })
}

fn of_classes(loss: &dyn Loss<f64>, outputs: &Tensor<f64>, target: Target<'_, f64>) -> Result<Losses> {
    let each = loss.each(outputs.view(), target)?.into_vec();
    Ok(Losses { each, mean: loss.forward(outputs.view(), target)? })
}

/// A weight for each sample: 1 where none is given.
fn weights_of(weights: &Value, samples: usize) -> Vec<f64> {
    if weights.is_null() { vec![1.0; samples] } else { broadcast(&tensor(weights), &[samples]) }
}
