//! Losses with all their settings: one by one, and reduced, with gradients.

use serde_json::Value;
use taper::losses::{
    BinaryCrossEntropy, CrossEntropy, Huber, KlDivergence, Loss, MeanAbsoluteError, MeanSquaredError,
    Reduction,
};
use taper::{Result, Target, Tensor};

use crate::common::{fixture, list, numbers, tensor};
use crate::{LAST_BITS, LOGITS, Report};

#[test]
fn losses() -> Result<()> {
    let file = fixture("torch/values.json");
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
        let name = format!("{} {} {target:?}", case["loss"], case["settings"]);
        for (key, reduction) in [("mean", Reduction::Mean), ("sum", Reduction::Sum)] {
            let loss = loss(case, reduction)?;
            let mut gradient = Tensor::full(outputs.shape(), f64::NAN)?;
            loss.backward(outputs.view(), target, gradient.view_mut())?;
            let value = loss.forward(outputs.view(), target)?;
            report.compare(&format!("{name}, {key}"), &[value], &case[key]["value"]);
            report.compare(
                &format!("{name}, gradient of {key}"),
                gradient.as_slice(),
                &case[key]["gradient"],
            );
        }
        let each = loss(case, Reduction::Mean)?.each(outputs.view(), target)?;
        let absolute = if case["loss"] == "binary_cross_entropy" { LOGITS } else { LAST_BITS };
        report.compare_within(absolute, &format!("{name}, each"), each.as_slice(), &case["each"]);
    }
    // 17 cross-entropies, 3 binary ones, 2 without settings, 3 of Huber, 1 divergence.
    report.finish(26 * 5);
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
            let loss = BinaryCrossEntropy::new().with_reduction(reduction);
            Box::new(match settings.get("positive_weight") {
                Some(weight) => loss.with_positive_weight(&numbers(weight))?,
                None => loss,
            })
        }
        Some("mean_squared_error") => Box::new(MeanSquaredError::new().with_reduction(reduction)),
        Some("mean_absolute_error") => Box::new(MeanAbsoluteError::new().with_reduction(reduction)),
        Some("huber") => {
            let delta = settings["delta"].as_f64().expect("a Huber loss has a delta");
            Box::new(Huber::new(delta)?.with_reduction(reduction))
        }
        Some("kl_divergence") => Box::new(KlDivergence::new().with_reduction(reduction)),
        other => panic!("no loss is called {other:?}"),
    })
}
