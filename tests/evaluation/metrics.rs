//! Metrics beside scikit-learn's, and what they leave out.

use approx::assert_relative_eq;
use serde_json::Value;
use taper::losses::CrossEntropy;
use taper::optimizers::Sgd;
use taper::train::Dataset;
use taper::train::metrics::ConfusionMatrix;
use taper::{Optimizer, Result, Sequential, Tensor, Trainer};

/// Outputs whose highest is the predicted class.
fn outputs(predicted: &[usize], classes: usize) -> Tensor<f64> {
    let is_highest = |i: usize| f64::from(u8::from(predicted[i / classes] == i % classes));
    Tensor::from_fn([predicted.len(), classes], is_highest).unwrap()
}

#[test]
fn metrics_are_those_of_scikit_learn() -> Result<()> {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../fixtures/sklearn/metrics.json")).unwrap();
    for case in cases {
        let whole = |key: &str| -> Vec<usize> { serde_json::from_value(case[key].clone()).unwrap() };
        let classes = case["classes"].as_u64().expect("a count") as usize;
        let (labels, outputs) = (whole("labels"), outputs(&whole("predicted"), classes));
        let ignored = case["ignored"].as_u64().map(|label| label as usize);
        let mut confusion = ConfusionMatrix::new(classes);
        if let Some(label) = ignored {
            confusion = confusion.with_ignored(label);
        }
        confusion.record(&outputs, &labels)?;
        let each = |metric: fn(&ConfusionMatrix, usize) -> f64| -> Vec<f64> {
            (0..classes).map(|class| metric(&confusion, class)).collect()
        };
        for (key, got) in [
            ("precision", each(ConfusionMatrix::precision)),
            ("recall", each(ConfusionMatrix::recall)),
            ("f1", each(ConfusionMatrix::f1)),
        ] {
            let expected: Vec<f64> = serde_json::from_value(case[key].clone()).unwrap();
            assert_relative_eq!(got[..], expected[..], max_relative = 1e-14);
        }
        for (key, got) in [("accuracy", confusion.accuracy()), ("macro_f1", confusion.macro_f1())] {
            assert_relative_eq!(got, case[key].as_f64().expect("a number"), max_relative = 1e-14);
        }

        // A trainer knows from its loss what to leave out.
        let Some(label) = ignored else { continue };
        let mut model = Sequential::builder([classes]).relu().build(&mut taper::seeded(0))?;
        let loss = CrossEntropy::new().with_ignored(label);
        let mut trainer = Trainer::new(&mut model, loss, Optimizer::new(Sgd::new(0.1)?)).with_batch(7)?;
        let evaluation = trainer.evaluate(Dataset::new(&outputs, &labels)?)?;
        assert_eq!(evaluation.accuracy, Some(confusion.accuracy()));
        let found = evaluation.confusion.expect("few classes");
        assert_eq!((found.total(), found.macro_f1()), (confusion.total(), confusion.macro_f1()));
    }
    Ok(())
}

#[test]
fn where_all_labels_are_ignored_nothing_is_counted() -> Result<()> {
    let mut confusion = ConfusionMatrix::new(2).with_ignored(9);
    confusion.record(&outputs(&[0, 1], 2), &[9, 9])?;
    assert_eq!((confusion.total(), confusion.accuracy(), confusion.macro_f1()), (0, 0.0, 0.0));
    // Another label that is no class is still an error, and counts nothing.
    assert!(confusion.record(&outputs(&[0, 1], 2), &[0, 8]).is_err());
    assert_eq!(confusion.total(), 0);
    Ok(())
}
