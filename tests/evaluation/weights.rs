//! Samples that weigh differently: scikit-learn's numbers, and those of samples that come several times.

use approx::assert_relative_eq;
use serde_json::Value;
use taper::losses::{CrossEntropy, MeanAbsoluteError, MeanSquaredError, Reduction};
use taper::optimizers::{Clip, Sgd};
use taper::train::{Dataset, Fit};
use taper::{Dense, Layer, Loss, Optimizer, Result, Sequential, Target, Tensor, Trainer, seeded};

use super::divisors::{Boxed, SAMPLES, inputs, labels, model, of_labels, of_values, values};

fn numbers(value: &Value) -> Vec<f64> {
    match value.as_array() {
        Some(values) => values.iter().flat_map(numbers).collect(),
        None => vec![value.as_f64().unwrap()],
    }
}

fn sgd(rate: f64) -> Optimizer<f64> {
    Optimizer::new(Sgd::new(rate).unwrap())
}

#[test]
fn losses_and_accuracies_are_scikit_learns() -> Result<()> {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/sklearn/weights.json")).unwrap();
    let logits = Tensor::from_vec([24, 3], numbers(&fixture["logits"]))?;
    let values = Tensor::from_vec([24, 3], numbers(&fixture["values"]))?;
    let labels: Vec<usize> = numbers(&fixture["labels"]).iter().map(|&label| label as usize).collect();
    let (weights, classes) = (numbers(&fixture["weights"]), numbers(&fixture["class_weights"]));
    let check = |name: &str, loss: Box<dyn Loss<f64>>, target: Target<'_, f64>| -> Result<()> {
        let same =
            Dense::from_parts(&Tensor::from([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), None)?;
        let mut model = Sequential::builder([3]).layer(same).build(&mut seeded(0))?;
        let mut trainer = Trainer::new(&mut model, Boxed(loss), sgd(0.0)).with_batch(5)?;
        let data = Dataset::new(&logits, target)?.with_weights(&weights)?;
        let fitted = trainer.fit(data, Fit::epochs(1))?.epochs.remove(0).train;
        for found in [trainer.evaluate(data)?, fitted] {
            assert_relative_eq!(found.loss, fixture[name].as_f64().unwrap(), max_relative = 1e-12);
            if let Some(accuracy) = found.accuracy {
                assert_relative_eq!(accuracy, fixture["accuracy"].as_f64().unwrap(), max_relative = 1e-12);
                assert_eq!(found.confusion.unwrap().total(), 24, "{name}");
            }
        }
        Ok(())
    };
    let of_classes = CrossEntropy::new().with_class_weights(&classes)?;
    check("cross_entropy", Box::new(CrossEntropy::new()), (&labels).into())?;
    check("cross_entropy_of_weighted_classes", Box::new(of_classes), (&labels).into())?;
    check("mean_squared_error", Box::new(MeanSquaredError::new()), (&values).into())?;
    check("mean_absolute_error", Box::new(MeanAbsoluteError::new()), (&values).into())
}

/// What is left of a model after two epochs of steps of all samples, and their losses.
fn trained<L: Loss<f64> + 'static>(
    loss: L,
    data: Dataset<'_, f64>,
    clip: Option<Clip>,
    pieces: usize,
) -> Result<Vec<f64>> {
    let mut model = model();
    let optimizer = match clip {
        Some(clip) => sgd(0.5).with_clip(clip)?,
        None => sgd(0.5),
    };
    let trainer = Trainer::new(&mut model, loss, optimizer);
    let mut trainer = trainer.with_batch(data.len().div_ceil(pieces))?.with_accumulation(pieces)?;
    let history = trainer.fit(data, Fit::epochs(2).with_validation(data))?;
    let mut numbers = Vec::new();
    for epoch in history.epochs {
        let validation = epoch.validation.unwrap();
        numbers.extend([epoch.train.loss, validation.loss, validation.accuracy.unwrap_or_default()]);
    }
    model.params(&mut |param| numbers.extend(param.to_tensor().into_vec()));
    Ok(numbers)
}

/// A sample that weighs 3 counts as one that comes three times.
fn check_repeated<L: Loss<f64> + 'static>(
    what: &str,
    loss: impl Fn() -> L,
    target: Target<'_, f64>,
) -> Result<()> {
    let inputs = inputs();
    let weights: Vec<f64> = (0..SAMPLES).map(|sample| [1.0, 0.0, 3.0, 2.0, 0.0][sample * 3 % 5]).collect();
    let repeated: Vec<usize> =
        (0..SAMPLES).flat_map(|sample| vec![sample; weights[sample] as usize]).collect();
    let data = Dataset::new(&inputs, target)?;
    for clip in [None, Some(Clip::GlobalNorm(0.01)), Some(Clip::Norm(0.01))] {
        let expected = trained(loss(), data.subset(&repeated)?, clip, 1)?;
        for pieces in [1, 2, 7, SAMPLES] {
            let got = trained(loss(), data.with_weights(&weights)?, clip, pieces)?;
            for (got, expected) in got.iter().zip(&expected) {
                let off = (got - expected).abs();
                assert!(
                    off <= 1e-11 * (1.0 + expected.abs()),
                    "{what}, {pieces}: {got}, expected {expected}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn weights_are_repetitions() -> Result<()> {
    let (labels, values) = (labels(), values());
    for (what, loss) in of_labels() {
        check_repeated(what, loss, (&labels).into())?;
    }
    for reduction in [Reduction::Mean, Reduction::Sum] {
        for index in 0..of_values(reduction).len() {
            let loss = || Boxed(of_values(reduction).swap_remove(index));
            check_repeated(&format!("{:?}", loss()), loss, (&values).into())?;
        }
    }
    Ok(())
}

#[test]
fn a_step_that_weighs_nothing_moves_nothing() -> Result<()> {
    let (inputs, labels) = (inputs(), labels());
    let weights: Vec<f64> = (0..SAMPLES).map(|sample| if sample < 50 { 0.0 } else { 1.0 }).collect();
    let (first, half): (Vec<usize>, Vec<usize>) = ((0..50).collect(), (50..SAMPLES).collect());
    let data = Dataset::new(&inputs, &labels)?;
    let weighted = data.with_weights(&weights)?;
    let mut model = model();
    let before = model.clone();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd(0.5)).with_batch(10)?;
    let epoch = trainer.fit(weighted.subset(&first)?, Fit::epochs(1))?.epochs.remove(0);
    assert_eq!((epoch.train.loss, epoch.train.accuracy), (0.0, None));
    assert_eq!(trainer.model().predict(&inputs)?, before.predict(&inputs)?);
    let evaluated = trainer.evaluate(weighted)?;
    assert_relative_eq!(evaluated.loss, trainer.evaluate(data.subset(&half)?)?.loss, max_relative = 1e-12);
    Ok(())
}

#[test]
fn weights_that_are_none_are_refused() {
    let (inputs, labels) = (Tensor::<f32>::zeros([3, 2]).unwrap(), [0, 1, 1]);
    let data = Dataset::new(&inputs, &labels).unwrap();
    let error = |weights: &[f64]| data.with_weights(weights).unwrap_err().to_string();
    assert_eq!(error(&[1.0, 2.0]), "weights of the samples: expected 3 values, got 2");
    for (weight, text) in [(-0.5, "-0.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (1e300, "1e300")] {
        let got = error(&[1.0, weight, 2.0]);
        assert!(got.starts_with("weight of a sample: expected a finite number of at least 0, got "), "{got}");
        assert!(got.ends_with(" for sample 1") && (got.contains(text) || weight > 1e299), "{got}");
    }
}
