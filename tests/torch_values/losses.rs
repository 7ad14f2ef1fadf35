//! Losses with all their settings: one by one, and reduced, with gradients.

use serde_json::Value;
use taper::losses::{
    BinaryCrossEntropy, BinaryCrossEntropyOfProbabilities, BinaryFocal, CosineEmbedding, CosineSimilarity,
    CrossEntropy, GaussianNegativeLogLikelihood, HingeEmbedding, Huber, KlDivergence,
    KlDivergenceOfLogProbabilities, Loss, MeanAbsoluteError, MeanSquaredError, MultiLabelMargin, MultiMargin,
    NegativeLogLikelihood, Poisson, Reduction, SmoothL1, SoftMargin,
};
use taper::{Result, Target, Tensor};

use crate::common::{fixture, list, numbers, tensor};
use crate::{LAST_BITS, LOGITS, Report};

#[test]
fn losses() -> Result<()> {
    // 17 cross-entropies, 3 binary ones, 2 without settings, 3 of Huber, 1 divergence.
    check("torch/values.json", 26)
}

#[test]
fn more_losses() -> Result<()> {
    // 7 likelihoods, 7 cross-entropies, 5 margins of classes, 4 binary cross-entropies, 4 focal, 3 margins, 4 smooth, 4 of
    // Poisson, 1 cosine; 5 Gaussian, 1 margin of labels, 3 of pairs, 4 divergences.
    check("torch/losses.json", 52)
}

/// The signs of pairs may also lie in a column.
#[test]
fn pairs_with_a_column_of_signs() -> Result<()> {
    let file = fixture("torch/losses.json");
    let mut report = Report::new(LAST_BITS);
    for case in list(&file["losses"]).iter().filter(|case| case["loss"] == "cosine_embedding") {
        let signs = tensor(&case["target"]);
        let column = signs.view().reshape([signs.view().batch(), 1])?;
        compare(&mut report, case, &tensor(&case["outputs"]), Target::Values(column))?;
    }
    report.finish(3 * 5);
    Ok(())
}

/// Compares so many cases of a file.
fn check(file: &str, cases: usize) -> Result<()> {
    let file = fixture(file);
    let mut report = Report::new(LAST_BITS);
    for case in list(&file["losses"]) {
        let outputs = tensor(&case["outputs"]);
        let values = case.get("target").map(tensor);
        let classes: Option<Vec<usize>> = case
            .get("classes")
            .map(|classes| numbers(classes).into_iter().map(|class| class as usize).collect());
        let target: Target<'_, f64> = match (&values, &classes) {
            (Some(values), _) => values.into(),
            (_, Some(classes)) => classes.into(),
            _ => panic!("a case has a target or classes"),
        };
        compare(&mut report, case, &outputs, target)?;
    }
    report.finish(cases * 5);
    Ok(())
}

/// A case's values and gradients, with this target.
fn compare(report: &mut Report, case: &Value, outputs: &Tensor<f64>, target: Target<'_, f64>) -> Result<()> {
    let name = format!("{} {} {target:?}", case["loss"], case["settings"]);
    for (key, reduction) in [("mean", Reduction::Mean), ("sum", Reduction::Sum)] {
        let loss = loss(case, reduction)?;
        let mut gradient = Tensor::full(outputs.shape(), f64::NAN)?;
        loss.backward(outputs.view(), target, gradient.view_mut())?;
        let value = loss.forward(outputs.view(), target)?;
        report.compare(&format!("{name}, {key}"), &[value], &case[key]["value"]);
        report.compare(&format!("{name}, gradient of {key}"), gradient.as_slice(), &case[key]["gradient"]);
    }
    let each = loss(case, Reduction::Mean)?.each(outputs.view(), target)?;
    let of_logits = ["binary_cross_entropy", "soft_margin"].iter().any(|kind| case["loss"] == **kind);
    let absolute = if of_logits { LOGITS } else { LAST_BITS };
    report.compare_within(absolute, &format!("{name}, each"), each.as_slice(), &case["each"]);
    Ok(())
}

fn loss(case: &Value, reduction: Reduction) -> Result<Box<dyn Loss<f64>>> {
    let settings = &case["settings"];
    Ok(match case["loss"].as_str() {
        Some("cross_entropy") => {
            let mut loss = CrossEntropy::new().with_reduction(reduction);
            if let Some(share) = settings["label_smoothing"].as_f64() {
                loss = loss.with_label_smoothing(share)?;
            }
            if let Some(weights) = settings.get("class_weights") {
                loss = loss.with_class_weights(&numbers(weights))?;
            }
            if let Some(ignored) = settings["ignored"].as_u64() {
                loss = loss.with_ignored(ignored as usize);
            }
            Box::new(loss)
        }
        Some("binary_cross_entropy") => {
            let mut loss = BinaryCrossEntropy::new().with_reduction(reduction);
            if let Some(weight) = settings.get("positive_weight") {
                loss = loss.with_positive_weight(&numbers(weight))?;
            }
            if let Some(weights) = settings.get("weights") {
                loss = loss.with_weights(&numbers(weights))?;
            }
            Box::new(loss)
        }
        Some("mean_squared_error") => Box::new(MeanSquaredError::new().with_reduction(reduction)),
        Some("mean_absolute_error") => Box::new(MeanAbsoluteError::new().with_reduction(reduction)),
        Some("huber") => {
            let delta = settings["delta"].as_f64().expect("a Huber loss has a delta");
            Box::new(Huber::new(delta)?.with_reduction(reduction))
        }
        Some("kl_divergence") => {
            let loss = KlDivergence::new().with_reduction(reduction);
            Box::new(if settings["log_target"] == true { loss.with_log_target() } else { loss })
        }
        Some(kind) => another(kind, settings, reduction)?,
        None => panic!("a loss has a name"),
    })
}

fn another(kind: &str, settings: &Value, reduction: Reduction) -> Result<Box<dyn Loss<f64>>> {
    let number = |key: &str, default: f64| settings[key].as_f64().unwrap_or(default);
    let weights = settings.get("class_weights").map(numbers);
    Ok(match kind {
        "negative_log_likelihood" => {
            let mut loss = NegativeLogLikelihood::new().with_reduction(reduction);
            if let Some(weights) = weights {
                loss = loss.with_class_weights(&weights)?;
            }
            if let Some(ignored) = settings["ignored"].as_u64() {
                loss = loss.with_ignored(ignored as usize);
            }
            Box::new(loss)
        }
        "multi_margin" => {
            let loss = MultiMargin::new().with_margin(number("margin", 1.0))?.with_reduction(reduction);
            let loss = if number("p", 1.0) == 2.0 { loss.squared() } else { loss };
            Box::new(match weights {
                Some(weights) => loss.with_class_weights(&weights)?,
                None => loss,
            })
        }
        "binary_cross_entropy_of_probabilities" => {
            let loss = BinaryCrossEntropyOfProbabilities::new().with_reduction(reduction);
            Box::new(match settings.get("weights") {
                Some(weights) => loss.with_weights(&numbers(weights))?,
                None => loss,
            })
        }
        "binary_focal" => {
            let mut loss = BinaryFocal::new().with_reduction(reduction);
            if let Some(gamma) = settings["gamma"].as_f64() {
                loss = loss.with_gamma(gamma)?;
            }
            Box::new(match settings.get("alpha") {
                Some(Value::Null) => loss.without_alpha(),
                Some(alpha) => loss.with_alpha(alpha.as_f64().expect("a number"))?,
                None => loss,
            })
        }
        "soft_margin" => Box::new(SoftMargin::new().with_reduction(reduction)),
        "hinge_embedding" => {
            Box::new(HingeEmbedding::new().with_margin(number("margin", 1.0))?.with_reduction(reduction))
        }
        "smooth_l1" => Box::new(SmoothL1::new(number("beta", 1.0))?.with_reduction(reduction)),
        "poisson" => {
            let loss = Poisson::new().with_epsilon(number("eps", 1e-8))?.with_reduction(reduction);
            let loss = if settings["full"] == true { loss.with_full() } else { loss };
            Box::new(if settings["log_input"] == false { loss.without_log_input() } else { loss })
        }
        "cosine_similarity" => Box::new(CosineSimilarity::new().with_reduction(reduction)),
        other => of_pairs_and_parts(other, settings, reduction)?,
    })
}

fn of_pairs_and_parts(kind: &str, settings: &Value, reduction: Reduction) -> Result<Box<dyn Loss<f64>>> {
    let is_set = |key: &str| settings[key] == true;
    Ok(match kind {
        "gaussian_negative_log_likelihood" => {
            let loss = GaussianNegativeLogLikelihood::new().with_reduction(reduction);
            let loss = loss.with_epsilon(settings["eps"].as_f64().unwrap_or(1e-6))?;
            let loss = if is_set("full") { loss.with_full() } else { loss };
            Box::new(if is_set("log_variance") { loss.with_log_variance() } else { loss })
        }
        "multi_label_margin" => Box::new(MultiLabelMargin::new().with_reduction(reduction)),
        "cosine_embedding" => {
            let margin = settings["margin"].as_f64().unwrap_or(0.0);
            Box::new(CosineEmbedding::new().with_margin(margin)?.with_reduction(reduction))
        }
        "kl_divergence_of_log_probabilities" => {
            let loss = KlDivergenceOfLogProbabilities::new().with_reduction(reduction);
            Box::new(if is_set("log_target") { loss.with_log_target() } else { loss })
        }
        other => panic!("no loss is called {other}"),
    })
}
