//! A loss of several outputs: each slice has the mean that it would have alone, in batches of any size.

use taper::losses::{
    CrossEntropy, GaussianNegativeLogLikelihood, Huber, Loss, MeanSquaredError, Reduction, Slices,
};
use taper::optimizers::{Adam, Sgd};
use taper::sequential::Join;
use taper::train::{Dataset, Fit, evaluate_parts};
use taper::{Layer, Optimizer, Result, Sequential, Target, Tensor, Trainer, gradcheck, seeded};

fn number(i: usize) -> f64 {
    ((i * 37 + 11) % 101) as f64 / 50.0 - 0.997
}

/// Class weights and an ignored class in one slice, plain classes and values in others, and a sum.
fn loss() -> Result<Slices<f64>> {
    let weighted = CrossEntropy::new().with_class_weights(&[1.0, 3.0, 0.25])?.with_ignored(7);
    Slices::new()
        .classes("kind", 3, weighted.with_label_smoothing(0.1)?)
        .values("size", 2, MeanSquaredError::new())
        .with_weight(0.5)?
        .classes("side", 2, CrossEntropy::new())
        .with_weight(2.0)?
        .values("total", 1, Huber::new(0.4)?.with_reduction(Reduction::Sum))
        .with_weight(0.01)
}

/// Targets `[kind, size, size, side, total]`; every fourth kind is ignored.
fn targets(samples: usize) -> Tensor<f64> {
    let value = |i: usize| match (i / 5, i % 5) {
        (sample, 0) if sample % 4 == 1 => 7.0,
        (sample, 0) => ((sample * sample + 1) % 3) as f64,
        (sample, 3) => (sample / 3 % 2) as f64,
        _ => number(i),
    };
    Tensor::from_fn([samples, 5], value).unwrap()
}

fn outputs(samples: usize) -> Tensor<f64> {
    Tensor::from_fn([samples, 8], |i| 2.0 * number(3 * i + 1)).unwrap()
}

fn columns(of: &Tensor<f64>, from: usize, count: usize) -> Tensor<f64> {
    let values = of.view().samples().flat_map(|row| row[from..from + count].to_vec()).collect();
    Tensor::from_vec([of.view().batch(), count], values).unwrap()
}

/// The loss of each slice by itself, over all samples at once.
fn alone(outputs: &Tensor<f64>, targets: &Tensor<f64>) -> Result<[f64; 4]> {
    let classes =
        |column: usize| -> Vec<usize> { targets.view().samples().map(|row| row[column] as usize).collect() };
    let loss = loss()?;
    let losses: Vec<&dyn Loss<f64>> = loss.slices().iter().map(taper::losses::Slice::loss).collect();
    let of_classes = |loss: &dyn Loss<f64>, from: usize, count: usize, column: usize| {
        loss.forward(columns(outputs, from, count).view(), Target::Classes(&classes(column)))
    };
    let of_values = |loss: &dyn Loss<f64>, from: usize, count: usize, column: usize| {
        loss.forward(columns(outputs, from, count).view(), (&columns(targets, column, count)).into())
    };
    Ok([
        of_classes(losses[0], 0, 3, 0)?,
        of_values(losses[1], 3, 2, 1)?,
        of_classes(losses[2], 5, 2, 3)?,
        of_values(losses[3], 7, 1, 4)?,
    ])
}

fn near(got: f64, expected: f64) -> bool {
    (got - expected).abs() < 1e-12 * (1.0 + expected.abs())
}

#[test]
fn the_sum_of_what_each_is_alone() -> Result<()> {
    let (loss, outputs, targets) = (loss()?, outputs(13), targets(13));
    let [kind, size, side, total] = alone(&outputs, &targets)?;
    let expected = kind + 0.5 * size + 2.0 * side + 0.01 * total;
    assert!(near(loss.forward(outputs.view(), (&targets).into())?, expected));
    let each = loss.each(outputs.view(), (&targets).into())?;
    assert_eq!(each.shape().axes(), [13, 4]);
    let of_size: f64 = each.view().samples().map(|row| row[1]).sum();
    assert!(near(of_size, 0.5 * size * 26.0));
    let parts = evaluate_parts(&loss, &outputs, &targets)?;
    let found: Vec<(&str, bool)> = parts.iter().map(|part| (&*part.name, part.accuracy.is_some())).collect();
    assert_eq!(found, [("kind", true), ("size", false), ("side", true), ("total", false)]);
    for (part, expected) in parts.iter().zip([kind, size, side, total]) {
        assert!(near(part.loss, expected), "{}: {} {expected}", part.name, part.loss);
    }
    let confusion = parts[0].confusion.as_ref().expect("of classes");
    assert_eq!((confusion.total(), Some(confusion.accuracy())), (10, parts[0].accuracy));
    Ok(())
}

#[test]
fn gradients_agree_with_finite_differences() -> Result<()> {
    gradcheck::loss(&loss()?, &outputs(5), &targets(5))
}

fn model() -> Sequential<f64> {
    let builder = Sequential::builder([3]).dense(6).tanh().branches(Join::Concat, |paths| {
        let paths = paths.path(|path| path.dense(3)).named("kind").path(|path| path.dense(2)).named("size");
        paths.path(|path| path.dense(2)).named("side").path(|path| path.dense(1)).named("total")
    });
    builder.build(&mut seeded(3)).unwrap()
}

#[test]
fn batches_of_any_size_give_the_value_of_one() -> Result<()> {
    let (inputs, targets) = (Tensor::from_fn([13, 3], number)?, targets(13));
    let data = Dataset::new(&inputs, &targets)?;
    let model = model();
    let [kind, size, side, total] = alone(&model.predict(&inputs)?, &targets)?;
    let weights: Vec<f64> = (0..13).map(|i| f64::from(i % 3)).collect();
    let weighted = data.with_weights(&weights)?;
    let mut expected = None;
    for batch in [1, 4, 13] {
        let mut model = model.clone();
        let sgd = Optimizer::new(Sgd::new(0.1)?);
        let mut trainer = Trainer::new(&mut model, loss()?, sgd).with_batch(batch)?;
        let evaluation = trainer.evaluate(data)?;
        assert!(near(evaluation.loss, kind + 0.5 * size + 2.0 * side + 0.01 * total), "{batch}");
        for (part, expected) in evaluation.parts.iter().zip([kind, size, side, total]) {
            assert!(near(part.loss, expected), "{batch}: {}", part.name);
        }
        let evaluation = trainer.evaluate(weighted)?;
        let found: Vec<f64> =
            evaluation.parts.iter().map(|part| part.loss).chain([evaluation.loss]).collect();
        let expected = expected.get_or_insert(found.clone());
        assert!(
            found.iter().zip(expected).all(|(found, expected)| near(*found, *expected)),
            "{batch}: {found:?}"
        );
    }
    Ok(())
}

/// A step on several batches is that on one.
#[test]
fn accumulation_is_a_large_batch() -> Result<()> {
    let (inputs, targets) = (Tensor::from_fn([12, 3], number)?, targets(12));
    let data = Dataset::new(&inputs, &targets)?;
    let train = |batch: usize| -> Result<Vec<f64>> {
        let mut model = model();
        let sgd = Optimizer::new(Sgd::new(0.1)?);
        let mut trainer =
            Trainer::new(&mut model, loss()?, sgd).with_batch(batch)?.with_accumulation(12 / batch)?;
        let history = trainer.fit(data, Fit::epochs(2).with_validation(data))?;
        assert!(history.epochs[1].validation.as_ref().expect("there is one").parts.is_empty());
        let mut numbers: Vec<f64> = history.epochs.iter().map(|epoch| epoch.train.loss).collect();
        model.params(&mut |param| numbers.extend(param.to_tensor().as_slice()));
        Ok(numbers)
    };
    let expected = train(12)?;
    for batch in [3, 4] {
        let found = train(batch)?;
        assert!(found.iter().zip(&expected).all(|(found, expected)| near(*found, *expected)), "{batch}");
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_told_with_its_slice() -> Result<()> {
    let (loss, outputs) = (loss()?, outputs(3));
    let with = |place: usize, value: f64| {
        let mut targets = targets(3);
        targets.as_mut_slice()[place] = value;
        let error = loss.check_target(outputs.shape(), (&targets).into()).unwrap_err();
        let passed = loss
            .forward(outputs.view(), (&targets).into())
            .map_or_else(|error| error.to_string(), |_| String::new());
        (error.to_string(), passed)
    };
    let whole =
        "slice `kind`: target of sample 1: expected the number of a class, whole and at least 0, got ";
    for value in [1.5, -1.0, f64::NAN, 1e30] {
        let (checked, passed) = with(5, value);
        assert!(checked.starts_with(whole), "{checked}");
        assert_eq!(checked, passed);
    }
    assert_eq!(with(13, 2.0).0, "slice `side`: target of sample 2: expected a class below 2, got 2");
    assert_eq!(
        with(11, f64::INFINITY).0,
        "slice `size`: target of sample 2: expected a finite number, got inf"
    );
    let error = |result: Result<f64>| result.unwrap_err().to_string();
    assert_eq!(
        error(loss.forward(columns(&outputs, 0, 7).view(), (&targets(3)).into())),
        "expected outputs [batch, 8], got [3, 7]"
    );
    let narrow = columns(&targets(3), 0, 4);
    assert_eq!(error(loss.forward(outputs.view(), (&narrow).into())), "expected target [3, 5], got [3, 4]");
    let classes = error(loss.forward(outputs.view(), (&[0, 1, 2]).into()));
    assert!(classes.starts_with("target of slices: expected values, a column of class numbers"), "{classes}");
    assert_eq!(
        error(Slices::new().forward(outputs.view(), (&narrow).into())),
        "slices: expected from 1 to 8, got 0"
    );
    let twice = Slices::new().values("a", 4, MeanSquaredError::new()).values("a", 4, MeanSquaredError::new());
    assert_eq!(
        error(twice.forward(outputs.view(), (&narrow).into())),
        "slices: expected names of their own, got two of `a`"
    );
    assert!(Slices::<f64>::new().with_weight(1.0).is_err());
    assert!(Slices::<f64>::new().values("a", 1, MeanSquaredError::new()).with_weight(f64::NAN).is_err());
    let empty =
        Slices::new().values("none", 0, MeanSquaredError::new()).values("b", 8, MeanSquaredError::new());
    assert_eq!(
        error(empty.forward(outputs.view(), (&outputs).into())),
        "slices: expected at least one output each, got none in `none`"
    );
    // Of the data set it is the sample that is told.
    let mut wrong = targets(9);
    wrong.as_mut_slice()[5 * 7] = 4.0;
    let inputs = Tensor::from_fn([9, 3], number)?;
    let text = model().evaluate(Dataset::new(&inputs, &wrong)?, &loss).unwrap_err().to_string();
    assert!(text.contains("slice `kind`: target of sample 7: expected a class below 3"), "{text}");
    Ok(())
}

#[test]
fn a_slice_whose_classes_are_all_ignored_has_no_accuracy() -> Result<()> {
    let (inputs, mut target) = (Tensor::from_fn([8, 3], number)?, targets(8));
    target.as_mut_slice().iter_mut().step_by(5).for_each(|kind| *kind = 7.0);
    let parts = model().evaluate(Dataset::new(&inputs, &target)?, &loss()?)?.parts;
    assert_eq!((parts[0].loss, parts[0].accuracy), (0.0, None));
    let has_accuracy: Vec<bool> = parts.iter().map(|part| part.accuracy.is_some()).collect();
    assert_eq!(has_accuracy, [false, false, true, false]);
    Ok(())
}

#[test]
fn the_classes_of_a_slice_have_the_names_of_its_outputs() -> Result<()> {
    let names = ["ant", "bee", "cat", "height", "width", "left", "right", "all"];
    let model = Sequential::builder([3]).dense(8).classes(names).build(&mut seeded(1))?;
    let x = Tensor::from_fn([8, 3], number)?;
    let target = targets(8);
    let parts = model.evaluate(Dataset::new(&x, &target)?, &loss()?)?.parts;
    let own = |part: usize| parts[part].confusion.as_ref().and_then(|confusion| confusion.names());
    assert_eq!(own(0).unwrap(), ["ant", "bee", "cat"]);
    assert_eq!(own(2).unwrap(), ["left", "right"]);
    Ok(())
}

/// Two means and two variances have two targets, beside the class of another slice.
#[test]
fn a_loss_of_fewer_targets_than_outputs() -> Result<()> {
    let gaussian = GaussianNegativeLogLikelihood::new().with_log_variance();
    let loss = Slices::new().values("size", 4, gaussian.clone()).classes("kind", 3, CrossEntropy::new());
    let outputs = Tensor::from_fn([5, 7], number)?;
    let targets = Tensor::from_fn([5, 3], |i| if i % 3 == 2 { ((i / 3) % 3) as f64 } else { number(7 * i) })?;
    let classes: Vec<usize> = targets.view().samples().map(|row| row[2] as usize).collect();
    let size = gaussian.forward(columns(&outputs, 0, 4).view(), (&columns(&targets, 0, 2)).into())?;
    let kind = CrossEntropy::new().forward(columns(&outputs, 4, 3).view(), Target::Classes(&classes))?;
    assert!(near(loss.forward(outputs.view(), (&targets).into())?, size + kind));
    loss.check_target(outputs.shape(), (&targets).into())?;
    gradcheck::loss(&loss, &outputs, &targets)?;
    let wrong = loss.check_target([5, 7].into(), (&Tensor::zeros([5, 5])?).into()).unwrap_err();
    assert_eq!(wrong.to_string(), "expected target [5, 3], got [5, 5]");
    Ok(())
}

/// From inputs alone the model learns means and how sure they are: the noise grows with the input.
#[test]
fn variances_are_learned() -> Result<()> {
    let mut model = Sequential::<f64>::builder([1])
        .branches(Join::Concat, |paths| {
            paths.path(|path| path.dense(1)).path(|path| path.dense(8).tanh().dense(1).softplus())
        })
        .build(&mut seeded(3))?;
    let inputs = Tensor::from_fn([64, 1], |i| if i % 2 == 0 { 0.0 } else { 1.0 })?;
    // Means of 1 and 2, deviations of 0.5 and 2.
    let sign = |i: usize| if (i / 2).is_multiple_of(2) { 1.0 } else { -1.0 };
    let targets =
        Tensor::from_fn([64, 1], |i| if i % 2 == 0 { 1.0 + 0.5 * sign(i) } else { 2.0 + 2.0 * sign(i) })?;
    let optimizer = Optimizer::new(Adam::new(0.02)?);
    let mut trainer = Trainer::new(&mut model, GaussianNegativeLogLikelihood::new(), optimizer);
    trainer.fit(Dataset::new(&inputs, &targets)?, Fit::epochs(600))?;
    let learned = model.predict(&Tensor::from([[0.0], [1.0]]))?;
    for (got, expected) in learned.as_slice().iter().zip([1.0, 0.25, 2.0, 4.0]) {
        assert!((got - expected).abs() < 0.05 * expected, "{learned:?}");
    }
    Ok(())
}
