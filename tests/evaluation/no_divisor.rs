//! Targets that weigh nothing all together: there is nothing to divide by, or nothing to learn.

use approx::assert_relative_eq;
use taper::losses::{CrossEntropy, NegativeLogLikelihood, Reduction};
use taper::train::{Dataset, Fit};
use taper::{Loss, Result, Sequential, Target, Tensor, Trainer, seeded};

use super::divisors::{SAMPLES, inputs, model, optimizer};

/// The mean grows without bound as the weights of all targets approach 0, and at 0 there is none.
#[test]
fn targets_that_all_weigh_nothing_have_no_smoothed_mean() -> Result<()> {
    let logits = Tensor::from([[0.5_f64, -0.5], [0.0, 0.2]]);
    let smooth = |weight: f64| {
        let loss = CrossEntropy::new().with_class_weights(&[weight, 1.0]).unwrap();
        loss.with_label_smoothing(0.2).unwrap()
    };
    let value = |weight: f64, labels: &[usize]| smooth(weight).forward(logits.view(), labels.into());
    let ratio: f64 = value(1e-12, &[0, 0])? / value(1e-9, &[0, 0])?;
    assert_relative_eq!(ratio, 1000.0, max_relative = 1e-6);
    let mut gradient = Tensor::full([2, 2], 7.0)?;
    let target = Target::from(&[0, 0]);
    let expected = "class_weights: expected target classes whose weights, which the mean is divided by, add up to more than 0, got 0";
    let errors = [
        value(0.0, &[0, 0]).unwrap_err(),
        smooth(0.0).backward(logits.view(), target, gradient.view_mut()).unwrap_err(),
        smooth(0.0).value_and_gradient(logits.view(), target, gradient.view_mut()).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(gradient.as_slice(), [7.0; 4]);
    // Nothing to divide: ignored, weightless without smoothing, or a sum.
    let zero: [f64; 3] = [
        smooth(0.0).with_ignored(0).forward(logits.view(), target)?,
        CrossEntropy::new().with_class_weights(&[0.0, 1.0])?.forward(logits.view(), target)?,
        CrossEntropy::new().with_ignored(0).part(logits.view(), target, 0.0, None)?,
    ];
    assert_eq!(zero, [0.0; 3]);
    let sum: f64 = smooth(0.0).with_reduction(Reduction::Sum).forward(logits.view(), target)?;
    assert!(sum > 0.0 && sum.is_finite());

    let (inputs, labels) = (Tensor::from([[0.5], [0.1]]), [0, 0]);
    let mut model = Sequential::<f64>::builder([1]).dense(2).build(&mut seeded(0))?;
    let mut trainer = Trainer::new(&mut model, smooth(0.0), optimizer(None)).with_batch(1)?;
    let data = Dataset::new(&inputs, &labels)?;
    assert_eq!(trainer.evaluate(data).unwrap_err().to_string(), expected);
    assert_eq!(trainer.fit(data, Fit::epochs(1)).unwrap_err().to_string(), expected);
    Ok(())
}

/// PyTorch's mean is infinite or NaN there.
#[test]
fn weights_that_cancel_have_no_mean() -> Result<()> {
    let logits = Tensor::from([[0.5_f64, -0.5], [0.0, 0.2]]);
    let expected = "class_weights: expected target classes whose weights, which the mean is divided by, do not add up to 0, got 0";
    let entropy = CrossEntropy::new().with_class_weights(&[1.5, -1.5])?;
    let likelihood = NegativeLogLikelihood::new().with_class_weights(&[1.5, -1.5])?;
    for loss in [&entropy as &dyn Loss<f64>, &likelihood] {
        let mut gradient = Tensor::full([2, 2], 7.0)?;
        let target = Target::from(&[0, 1]);
        assert_eq!(loss.forward(logits.view(), target).unwrap_err().to_string(), expected);
        let error = loss.backward(logits.view(), target, gradient.view_mut()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(gradient.as_slice(), [7.0; 4]);
        // A mean of targets that all weigh the same is theirs, whatever they weigh.
        let one = loss.forward(logits.view(), (&[1, 1]).into())?;
        let plain: f64 = loss.each(logits.view(), (&[1, 1]).into())?.as_slice().iter().sum();
        assert_relative_eq!(one, plain / -3.0, max_relative = 1e-14);
        let (divisor, target) = (f64::NAN, (&[0, 1]).into());
        let error = loss.part(logits.view(), target, divisor, None).unwrap_err().to_string();
        assert_eq!(error, "divisor of a loss: expected a finite number, got NaN");
    }
    // A data set without a mean is refused before the first step, and steps without one are where they come.
    let (inputs, labels) = (Tensor::from([[0.5], [0.1], [0.2], [0.3]]), [0, 0, 1, 1]);
    let data = Dataset::new(&inputs, &labels)?;
    let mut model = Sequential::<f64>::builder([1]).dense(2).build(&mut seeded(0))?;
    let mut trainer = Trainer::new(&mut model, entropy.clone(), optimizer(None)).with_batch(2)?;
    let whole = "divisor of a loss: expected weights that, over all targets of the data set, do not add up to 0, got 0";
    assert_eq!(trainer.fit(data, Fit::epochs(1).in_order()).unwrap_err().to_string(), whole);
    assert_eq!(trainer.evaluate(data).unwrap_err().to_string(), whole);
    let labels = [0, 0, 1, 0];
    let error = trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(1).in_order()).unwrap_err();
    assert_eq!(error.to_string(), expected);
    Ok(())
}

#[test]
fn a_step_all_of_whose_targets_are_ignored_moves_nothing() -> Result<()> {
    let (inputs, labels) = (inputs(), vec![1; SAMPLES]);
    let data = Dataset::new(&inputs, &labels)?;
    for accumulation in [1, 3] {
        let mut trained = model();
        let loss = CrossEntropy::new().with_ignored(1);
        let trainer = Trainer::new(&mut trained, loss, optimizer(None)).with_batch(10)?;
        let mut trainer = trainer.with_accumulation(accumulation)?;
        let history = trainer.fit(data, Fit::epochs(1))?;
        assert_eq!((history.epochs[0].train.loss, history.epochs[0].train.accuracy), (0.0, None));
        assert_eq!(trainer.evaluate(data)?.loss, 0.0);
        assert_eq!(trained.predict(&inputs)?, model().predict(&inputs)?);
    }
    Ok(())
}
