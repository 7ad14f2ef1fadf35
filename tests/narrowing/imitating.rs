//! A model that learns what another one says.

use taper::losses::{CrossEntropy, Distillation, KlDivergence, MeanSquaredError};
use taper::narrow::Narrowing;
use taper::optimizers::Adam;
use taper::train::augment::Noise;
use taper::train::{Dataset, Fit, Teacher};
use taper::{Error, Loss, Optimizer, Result, Sequential, Target, Tensor, Trainer};

use super::common::{fixture, list, numbers};
use super::networks::{dense, inputs};

fn fitted<L: Loss<f64> + 'static>(
    loss: L,
    data: Dataset<'_, f64>,
    fit: Fit<'_, f64>,
) -> Result<Sequential<f64>> {
    let optimizer = Optimizer::new(Adam::new(0.01)?);
    let mut trainer = Trainer::owning(dense::<f64>(&[6, 12, 3], 9), loss, optimizer).with_seed(3);
    trainer.fit(data, fit)?;
    Ok(trainer.into_model())
}

fn weights(model: &Sequential<f64>) -> Vec<f64> {
    model.param("fc1.weight").unwrap().to_tensor().into_vec()
}

#[test]
fn losses_and_gradients_are_those_of_pytorch() -> Result<()> {
    let file = fixture("torch/distillation.json");
    let outputs = Tensor::from_vec([3, 4], numbers(&file["outputs"]))?;
    let (teacher, classes) = (numbers(&file["teacher"]), numbers(&file["classes"]));
    for case in list(&file["cases"]) {
        let share = case["labels"].as_f64().unwrap();
        let mut loss = Distillation::new().with_labels(share)?;
        if let Some(temperature) = case["temperature"].as_f64() {
            loss = loss.with_temperature(temperature)?;
        }
        let mut target = Vec::new();
        for (row, &class) in teacher.chunks(4).zip(&classes) {
            target.extend_from_slice(row);
            if share > 0.0 {
                target.extend((0..4).map(|place| f64::from(u8::from(place == class as usize))));
            }
        }
        let target = Tensor::from_vec([3, target.len() / 3], target)?;
        let mut gradient = Tensor::zeros([3, 4])?;
        let value = loss.value_and_gradient(outputs.view(), (&target).into(), gradient.view_mut())?;
        let expected = case["value"].as_f64().unwrap();
        assert!((value - expected).abs() < 1e-14 * (1.0 + expected), "{case}: {value}");
        for (got, expected) in gradient.as_slice().iter().zip(numbers(&case["gradient"])) {
            assert!((got - expected).abs() < 1e-14, "{case}: {got} and {expected}");
        }
        taper::gradcheck::loss(&loss, &outputs, &target)?;
    }
    Ok(())
}

#[test]
fn a_teacher_says_what_targets_say_that_were_computed_before() -> Result<()> {
    let (wide, x) = (dense::<f64>(&[6, 40, 3], 1), inputs(&[70, 6], 2));
    let (teacher, said) = (Teacher::new(&wide)?, wide.predict(&x)?);
    let few: Vec<usize> = (0..70).step_by(3).collect();
    let (taught, told) = (Dataset::of_teacher(&x, &teacher)?, Dataset::new(&x, &said)?);
    for (taught, told) in [(taught, told), (taught.subset(&few)?, told.subset(&few)?)] {
        let learned = fitted(MeanSquaredError::new(), taught, Fit::epochs(3).with_validation(taught))?;
        assert_eq!(weights(&learned), weights(&fitted(MeanSquaredError::new(), told, Fit::epochs(3))?));
        let loss = MeanSquaredError::new();
        assert_eq!(learned.evaluate(taught, &loss)?.loss, learned.evaluate(told, &loss)?.loss);
    }
    // Shares of labels behind it, given as classes and as shares.
    let labels: Vec<usize> = (0..70).map(|sample| sample % 3).collect();
    let shares = Tensor::from_fn([70, 3], |place| f64::from(u8::from(place % 3 == labels[place / 3])))?;
    let row = |place: usize| {
        if place % 6 < 3 {
            said.as_slice()[place / 6 * 3 + place % 6]
        } else {
            shares.as_slice()[place / 6 * 3 + place % 6 - 3]
        }
    };
    let both = Tensor::from_fn([70, 6], row)?;
    let loss = || Distillation::new().with_temperature(2.0)?.with_labels(0.4);
    let expected = weights(&fitted(loss()?, Dataset::new(&x, &both)?, Fit::epochs(3))?);
    for labels in [Target::Classes(&labels), (&shares).into()] {
        let data = Dataset::new(&x, labels)?.with_teacher(&teacher)?;
        assert_eq!(weights(&fitted(loss()?, data, Fit::epochs(3))?), expected);
    }
    Ok(())
}

#[test]
fn a_teacher_sees_what_an_augmentation_has_made() -> Result<()> {
    let x = inputs(&[40, 6], 2);
    let wide = dense::<f64>(&[6, 12, 3], 9);
    let (teacher, noise) = (Teacher::new(&wide)?, Noise::new(0.5)?);
    let data = Dataset::of_teacher(&x, &teacher)?.with_augmentation(&noise);
    // The model begins as its teacher, and stays so only if both see the same.
    let learned = fitted(Distillation::new(), data, Fit::epochs(2))?;
    assert_eq!(weights(&learned), weights(&wide));
    let said = wide.predict(&x)?;
    let others =
        fitted(Distillation::new(), Dataset::new(&x, &said)?.with_augmentation(&noise), Fit::epochs(2))?;
    assert_ne!(weights(&others), weights(&wide));
    Ok(())
}

#[test]
fn what_was_narrowed_learns_on() -> Result<()> {
    let (wide, x) = (dense::<f64>(&[6, 60, 40, 3], 1), inputs(&[300, 6], 2));
    let mut narrowed = Narrowing::new().to_widths(&wide, &x, [("fc1", 12), ("fc2", 8)])?.model;
    let teacher = Teacher::new(&wide)?;
    let data = Dataset::of_teacher(&x, &teacher)?;
    let optimizer = Optimizer::new(Adam::new(0.005)?);
    let mut trainer = Trainer::new(&mut narrowed, Distillation::new(), optimizer);
    let before = trainer.evaluate(data)?;
    assert!(before.accuracy.is_none());
    trainer.fit(data, Fit::epochs(10))?;
    let after = trainer.evaluate(data)?.loss;
    assert!(after < 0.5 * before.loss, "{after} after {}", before.loss);
    // And on labels, with the first layer as it is.
    let labels: Vec<usize> = x.view().samples().map(|sample| usize::from(sample[0] > sample[1])).collect();
    narrowed.freeze("fc1")?;
    let frozen = weights(&narrowed);
    let mut trainer = Trainer::new(&mut narrowed, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?));
    trainer.fit(Dataset::new(&x, &labels)?, Fit::epochs(30))?;
    assert!(trainer.evaluate(Dataset::new(&x, &labels)?)?.accuracy.unwrap() > 0.9);
    assert_eq!(weights(&narrowed), frozen);
    Ok(())
}

#[test]
fn what_does_not_fit_is_told_before_the_first_step() -> Result<()> {
    let (wide, x) = (dense::<f64>(&[6, 40, 3], 1), inputs(&[20, 6], 2));
    let teacher = Teacher::new(&wide)?;
    let text = |error: Error| error.to_string();
    let told = text(Dataset::of_teacher(&inputs::<f64>(&[20, 5], 1), &teacher).unwrap_err());
    assert_eq!(told, "expected inputs of a teacher [batch, 6], got [20, 5]");
    let labels = vec![0; 19].into_iter().chain([3]).collect::<Vec<usize>>();
    let error = Dataset::new(&x, &labels)?.with_teacher(&teacher).unwrap_err();
    assert!(matches!(error, Error::Class { sample: 19, classes: 3, got: 3 }), "{error}");
    let data = Dataset::of_teacher(&x, &teacher)?;
    let with = |loss: Distillation| text(fitted(loss, data, Fit::epochs(1)).unwrap_err());
    assert!(with(Distillation::new().with_labels(0.5)?).contains("[1, 6]"), "labels that are not there");
    let shares = text(fitted(KlDivergence::new(), data, Fit::epochs(1)).unwrap_err());
    assert!(shares.contains("a number from 0 to 1"), "{shares}");
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Distillation::new().with_temperature(temperature).is_err(), "{temperature}");
    }
    for share in [1.0, -0.1, f64::NAN] {
        assert!(Distillation::new().with_labels(share).is_err(), "{share}");
    }
    Ok(())
}
