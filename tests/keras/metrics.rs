//! Accuracies and what follows from a confusion matrix.
//!
//! A weight is a number of equal samples: one of weight 0.7 beside one of 0.3 is seven beside three. All weights
//! of these cases are whole numbers of tenths.

use serde_json::Value;
use taper::train::metrics::{self, ConfusionMatrix};
use taper::{Result, Tensor};

use crate::case::{Case, broadcast};
use crate::common::{list, numbers, tensor};

/// How many samples a weight of 1 is.
const REPEATS: f64 = 10.0;

/// Labels that are equal: a predicted label is the only class with a score.
pub(crate) fn accuracy(case: &Case) -> Result<Vec<f64>> {
    let update = only_update(case);
    let (truth, predicted) = (labels(&update["a0"]), labels(&update["a1"]));
    let classes = truth.iter().chain(&predicted).max().expect("there are labels") + 1;
    let scores = Tensor::from_fn([predicted.len(), classes], |i| {
        f64::from(u8::from(i % classes == predicted[i / classes]))
    })?;
    top_k(&scores, &truth, &update["sample_weight"], &tensor(&update["a1"]), 1)
}

/// The class with the highest score, or one of the k highest, is the label.
pub(crate) fn class_accuracy(case: &Case) -> Result<Vec<f64>> {
    let update = only_update(case);
    let scores = tensor(&update["a1"]);
    let classes = *scores.shape().axes().last().expect("scores have classes");
    let rows = scores.len() / classes;
    let scores = scores.reshape([rows, classes])?;
    let truth = match case.word("object") {
        "CategoricalAccuracy" | "TopKCategoricalAccuracy" => metrics::classes(&tensor(&update["a0"]))?,
        _ => labels(&update["a0"]),
    };
    // Where the k best classes are given in their order, the score falls with the place.
    let scores = if case.is_set("from_sorted_ids") { scores_of_sorted(&scores)? } else { scores };
    let k = case.config("k").as_u64().unwrap_or(1) as usize;
    top_k(&scores, &truth, &update["sample_weight"], &Tensor::zeros([rows])?, k)
}

/// What is above the threshold is positive: the higher of the two scores [threshold, p].
pub(crate) fn binary_accuracy(case: &Case) -> Result<Vec<f64>> {
    let update = only_update(case);
    let (scores, truth) = (tensor(&update["a1"]), labels(&update["a0"]));
    let threshold = case.setting("threshold");
    let pairs = Tensor::from_fn([scores.len(), 2], |i| [threshold, scores.as_slice()[i / 2]][i % 2])?;
    top_k(&pairs, &truth, &update["sample_weight"], &scores, 1)
}

/// Counts of true and false positives and negatives, for each threshold.
pub(crate) fn counts(case: &Case) -> Result<Vec<f64>> {
    let (truth, predicted) = match case.word("object") {
        "TruePositives" => (1, 1),
        "FalsePositives" => (0, 1),
        "TrueNegatives" => (0, 0),
        _ => (1, 0),
    };
    let count = |confusion: ConfusionMatrix| confusion.count(truth, predicted) as f64 / REPEATS;
    Ok(confusions(case)?.into_iter().map(count).collect())
}

/// Precision or recall of the positive class, for each threshold.
pub(crate) fn precision_or_recall(case: &Case) -> Result<Vec<f64>> {
    let of =
        if case.word("object") == "Precision" { ConfusionMatrix::precision } else { ConfusionMatrix::recall };
    Ok(confusions(case)?.iter().map(|confusion| of(confusion, 1)).collect())
}

/// Positives and negatives of all updates, a matrix for each threshold.
fn confusions(case: &Case) -> Result<Vec<ConfusionMatrix>> {
    let thresholds = match case.config("thresholds") {
        // Without a threshold all of the k highest are positive.
        Value::Null if case.config("top_k").is_u64() => vec![f64::NEG_INFINITY],
        Value::Null => vec![0.5],
        given => numbers(given),
    };
    let mut matrices = Vec::new();
    for threshold in thresholds {
        let mut confusion = ConfusionMatrix::new(2);
        for update in list(&case.0["inputs"]) {
            let (scores, truth) =
                (scores(case, &tensor(&update["a1"]))?, labels_of_class(case, &update["a0"]));
            let shape = scores.shape();
            for (index, repeat) in repeats(&update["sample_weight"], shape.axes()).into_iter().enumerate() {
                let pair = Tensor::from([[threshold, scores.as_slice()[index]]]);
                (0..repeat).try_for_each(|_| confusion.record(&pair, &truth[index..=index]))?;
            }
        }
        matrices.push(confusion);
    }
    Ok(matrices)
}

/// The scores that count: those of one class, or, for the k highest of each row, the others at −∞.
fn scores(case: &Case, scores: &Tensor<f64>) -> Result<Tensor<f64>> {
    let classes = *scores.shape().axes().last().expect("scores have an axis");
    if let Some(class) = case.config("class_id").as_u64() {
        let column = scores.as_slice().iter().skip(class as usize).step_by(classes);
        return Tensor::from_vec([scores.len() / classes], column.copied().collect());
    }
    let mut chosen = scores.clone();
    if let Some(k) = case.config("top_k").as_u64() {
        let rows =
            scores.as_slice().chunks_exact(classes).zip(chosen.as_mut_slice().chunks_exact_mut(classes));
        for (row, chosen) in rows {
            let row = Tensor::from_slice([1, classes], row)?;
            for (class, chosen) in chosen.iter_mut().enumerate() {
                if metrics::top_k_accuracy(&row, &[class], k as usize)? < 1.0 {
                    *chosen = f64::NEG_INFINITY;
                }
            }
        }
    }
    Ok(chosen)
}

fn labels_of_class(case: &Case, truth: &Value) -> Vec<usize> {
    let shape = tensor(truth).shape();
    match case.config("class_id").as_u64() {
        Some(class) => {
            let classes = *shape.axes().last().expect("labels have an axis");
            labels(truth).into_iter().skip(class as usize).step_by(classes).collect()
        }
        None => labels(truth),
    }
}

/// The part of the samples, by weight, whose label is among the k highest scores. The weights fit `shaped`.
fn top_k(
    scores: &Tensor<f64>,
    truth: &[usize],
    weights: &Value,
    shaped: &Tensor<f64>,
    k: usize,
) -> Result<Vec<f64>> {
    let (mut rows, mut repeated) = (Vec::new(), Vec::new());
    for (index, repeat) in repeats(weights, shaped.shape().axes()).into_iter().enumerate() {
        for _ in 0..repeat {
            rows.extend_from_slice(scores.view().sample(index));
            repeated.push(truth[index]);
        }
    }
    let scores = Tensor::from_vec([repeated.len(), scores.view().sample_len()], rows)?;
    Ok(vec![if k == 1 {
        metrics::accuracy(&scores, &repeated)?
    } else {
        metrics::top_k_accuracy(&scores, &repeated, k)?
    }])
}

/// How many samples each value of these axes stands for.
fn repeats(weights: &Value, axes: &[usize]) -> Vec<usize> {
    let weights = if weights.is_null() { Tensor::from([1.0]) } else { tensor(weights) };
    let tenths = broadcast(&weights, axes).into_iter().map(|weight| weight * REPEATS);
    let whole = |tenths: f64| {
        assert!((tenths - tenths.round()).abs() < 1e-6, "{tenths} is no whole number of samples");
        tenths.round() as usize
    };
    tenths.map(whole).collect()
}

/// Scores that put the classes of each row in this order.
fn scores_of_sorted(sorted: &Tensor<f64>) -> Result<Tensor<f64>> {
    let classes = sorted.as_slice().iter().fold(0.0_f64, |most, id| most.max(*id)) as usize + 1;
    let mut scores = Tensor::full([sorted.view().batch(), classes], f64::NEG_INFINITY)?;
    for (row, ids) in scores.view_mut().samples_mut().zip(sorted.view().samples()) {
        ids.iter().enumerate().for_each(|(place, id)| row[*id as usize] = -(place as f64));
    }
    Ok(scores)
}

fn labels(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|label| label as usize).collect()
}

fn only_update<'a>(case: &Case<'a>) -> &'a Value {
    let [update] = list(&case.0["inputs"]) else { panic!("these cases have one batch each") };
    update
}
