//! Batches that belong together: in pieces of any size, the loss and the gradient of one large batch.

use approx::assert_relative_eq;
use taper::losses::{
    BinaryCrossEntropy, BinaryFocal, CategoricalFocal, CategoricalHinge, CosineSimilarity, CrossEntropy,
    Huber, KlDivergence, LogCosh, MeanAbsoluteError, MeanSquaredError, MultiMargin, NegativeLogLikelihood,
    Reduction,
};
use taper::optimizers::{Clip, Sgd};
use taper::train::{Dataset, Fit};
use taper::{
    Loss, Optimizer, Result, Sequential, Target, Tensor, TensorView, TensorViewMut, Trainer, seeded,
};

pub(super) const SAMPLES: usize = 100;
const CLASSES: usize = 3;

pub(super) fn inputs() -> Tensor<f64> {
    Tensor::from_fn([SAMPLES, 4], |i| ((i * 37 + 11) % 101) as f64 / 50.0 - 1.0).unwrap()
}

/// Distributions, so that every loss takes them.
pub(super) fn values() -> Tensor<f64> {
    Tensor::from_fn([SAMPLES, CLASSES], |i| [0.2, 0.5, 0.3][(i / CLASSES + i) % CLASSES]).unwrap()
}

/// Most are of class 0, in runs: whole batches of one class.
pub(super) fn labels() -> Vec<usize> {
    (0..SAMPLES).map(|sample| [0, 0, 0, 0, 0, 0, 0, 2, 1, 2][sample / 4 % 10]).collect()
}

pub(super) fn model() -> Sequential<f64> {
    Sequential::builder([4]).dense(5).tanh().dense(CLASSES).build(&mut seeded(3)).unwrap()
}

pub(super) fn optimizer(clip: Option<Clip>) -> Optimizer<f64> {
    let optimizer = Optimizer::new(Sgd::new(0.5).unwrap());
    clip.map_or_else(|| Optimizer::new(Sgd::new(0.5).unwrap()), |clip| optimizer.with_clip(clip).unwrap())
}

pub(super) type Named = (&'static str, fn() -> CrossEntropy);

/// Losses that take labels, and of which some are ignored, weigh nothing or are not divided.
pub(super) fn of_labels() -> Vec<Named> {
    fn plain() -> CrossEntropy {
        CrossEntropy::new()
    }
    fn weighted() -> CrossEntropy {
        plain().with_class_weights(&[0.0, 0.3, 2.0]).unwrap()
    }
    vec![
        ("plain", plain),
        ("ignored", || plain().with_ignored(0)),
        ("weighted", weighted),
        ("smooth, some weigh nothing", || weighted().with_label_smoothing(0.2).unwrap()),
        ("all", || weighted().with_label_smoothing(0.2).unwrap().with_ignored(2)),
        ("sum", || weighted().with_reduction(Reduction::Sum)),
        // Steps of class 0 alone are divided by less than 0.
        ("some turned around", || plain().with_class_weights(&[-0.23, 0.3, 2.0]).unwrap()),
    ]
}

/// Losses that take values, means and sums.
pub(super) fn of_values(reduction: Reduction) -> Vec<Box<dyn Loss<f64>>> {
    vec![
        Box::new(CrossEntropy::new().with_class_weights(&[0.0, 0.3, 2.0]).unwrap().with_reduction(reduction)),
        Box::new(BinaryCrossEntropy::new().with_reduction(reduction)),
        Box::new(KlDivergence::new().with_reduction(reduction)),
        Box::new(MeanSquaredError::new().with_reduction(reduction)),
        Box::new(MeanAbsoluteError::new().with_reduction(reduction)),
        Box::new(Huber::new(0.3).unwrap().with_reduction(reduction)),
        Box::new(LogCosh::new().with_reduction(reduction)),
        Box::new(BinaryFocal::new().with_reduction(reduction)),
        Box::new(CategoricalFocal::new().with_reduction(reduction)),
        Box::new(CategoricalHinge::new().with_reduction(reduction)),
        Box::new(CosineSimilarity::new().with_reduction(reduction)),
        Box::new(OwnMean),
        Box::new(OwnSum),
    ]
}

/// Evaluates in batches of several sizes, and trains for an epoch with steps of the same samples, in several pieces.
fn check<L: Loss<f64> + 'static>(what: &str, loss: impl Fn() -> L, target: Target<'_, f64>) -> Result<()> {
    let inputs = inputs();
    let data = Dataset::new(&inputs, target)?;
    let outputs = model().predict(&inputs)?;
    let expected = loss().forward(outputs.view(), target)?;
    for batch in [SAMPLES, 32, 10, 7, 1] {
        let mut model = model();
        let evaluation =
            Trainer::new(&mut model, loss(), optimizer(None)).with_batch(batch)?.evaluate(data)?;
        assert_relative_eq!(evaluation.loss, expected, max_relative = 1e-12);
    }
    for clip in [None, Some(Clip::GlobalNorm(0.01)), Some(Clip::Norm(0.01))] {
        // Steps of 50 samples.
        let fit = |batch: usize, accumulation: usize| -> Result<_> {
            let mut model = model();
            let trainer = Trainer::new(&mut model, loss(), optimizer(clip));
            let mut trainer = trainer.with_batch(batch)?.with_accumulation(accumulation)?;
            let mut losses = Vec::new();
            let history = trainer.fit(data, Fit::epochs(2).in_order().with_callback(Losses(&mut losses)))?;
            losses.extend(history.epochs.iter().map(|epoch| epoch.train.loss));
            losses.extend(model.param("0.weight").unwrap().to_tensor().into_vec());
            Ok(losses)
        };
        let whole = fit(50, 1)?;
        for (batch, accumulation) in [(25, 2), (10, 5), (2, 25), (1, 50)] {
            for (got, expected) in fit(batch, accumulation)?.into_iter().zip(&whole) {
                let off = (got - expected).abs();
                assert!(off <= 1e-11 * (1.0 + expected.abs()), "{what}, {batch}: {got}, expected {expected}");
            }
        }
    }
    // With nothing to learn, an epoch's loss is that of the whole, whatever the steps are.
    for batch in [SAMPLES, 30, 4, 1] {
        let mut model = model();
        let mut trainer =
            Trainer::new(&mut model, loss(), Optimizer::new(Sgd::new(0.0)?)).with_batch(batch)?;
        match trainer.fit(data, Fit::epochs(1)) {
            Ok(history) => assert_relative_eq!(history.epochs[0].train.loss, expected, max_relative = 1e-12),
            // Steps all of whose targets weigh nothing, and have a loss nevertheless.
            Err(error) => {
                assert!(what.starts_with("smooth") || what == "all", "{what}: {error}");
                assert!(error.to_string().contains("class_weights"), "{error}");
            }
        }
    }
    Ok(())
}

struct Losses<'a>(&'a mut Vec<f64>);

impl taper::train::Callback<f64> for Losses<'_> {
    fn after_step(
        &mut self,
        report: &taper::train::StepReport,
        _: &mut taper::train::Training<'_, f64>,
    ) -> Result<taper::train::Control> {
        self.0.push(report.loss);
        Ok(taper::train::Control::Continue)
    }
}

#[test]
fn classes_in_pieces_are_the_whole() -> Result<()> {
    let labels = labels();
    for (what, loss) in of_labels() {
        check(what, loss, (&labels).into())?;
    }
    Ok(())
}

#[test]
fn other_losses_of_classes_in_pieces_are_the_whole() -> Result<()> {
    let (labels, weights) = (labels(), [-0.23, 0.3, 2.0]);
    let likelihood = || NegativeLogLikelihood::new().with_class_weights(&weights).unwrap();
    check("likelihood", likelihood, (&labels).into())?;
    check("likelihood, ignored", || likelihood().with_ignored(2), (&labels).into())?;
    check("margin", || MultiMargin::new().with_class_weights(&weights).unwrap(), (&labels).into())?;
    check("focal", CategoricalFocal::new, (&labels).into())?;
    check("hinge", CategoricalHinge::new, (&labels).into())
}

#[test]
fn values_in_pieces_are_the_whole() -> Result<()> {
    let values = values();
    for reduction in [Reduction::Mean, Reduction::Sum] {
        for index in 0..of_values(reduction).len() {
            let loss = || Boxed(of_values(reduction).swap_remove(index));
            check(&format!("{:?}", loss()), loss, (&values).into())?;
        }
    }
    Ok(())
}

/// Passes everything on.
#[derive(Debug)]
pub(super) struct Boxed(pub(super) Box<dyn Loss<f64>>);

impl Loss<f64> for Boxed {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }
    fn each(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<Tensor<f64>> {
        self.0.each(outputs, target)
    }
    fn forward(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<f64> {
        self.0.forward(outputs, target)
    }
    fn backward(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        gradient: TensorViewMut<'_, f64>,
    ) -> Result<()> {
        self.0.backward(outputs, target, gradient)
    }
    fn divisor(&self, target: Target<'_, f64>) -> Option<f64> {
        self.0.divisor(target)
    }
    fn part(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        divisor: f64,
        gradient: Option<TensorViewMut<'_, f64>>,
    ) -> Result<f64> {
        self.0.part(outputs, target, divisor, gradient)
    }
}

/// A loss of somebody's own, a mean over samples, which says nothing of divisors.
#[derive(Debug)]
struct OwnMean;

/// One that is a sum, and says so.
#[derive(Debug)]
struct OwnSum;

fn squares(outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Tensor<f64> {
    let Target::Values(target) = target else { panic!("values") };
    let pairs = outputs.as_slice().iter().zip(target.as_slice());
    Tensor::from_vec(outputs.shape(), pairs.map(|(x, t)| (x - t).powi(2)).collect()).unwrap()
}

fn slopes(
    outputs: TensorView<'_, f64>,
    target: Target<'_, f64>,
    divisor: f64,
    mut gradient: TensorViewMut<'_, f64>,
) {
    let Target::Values(target) = target else { panic!("values") };
    for (gradient, (x, t)) in
        gradient.as_mut_slice().iter_mut().zip(outputs.as_slice().iter().zip(target.as_slice()))
    {
        *gradient = 2.0 * (x - t) / divisor;
    }
}

impl Loss<f64> for OwnMean {
    fn kind(&self) -> &'static str {
        "own_mean"
    }
    fn each(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<Tensor<f64>> {
        Ok(squares(outputs, target))
    }
    fn forward(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<f64> {
        Ok(squares(outputs, target).as_slice().iter().sum::<f64>() / outputs.batch() as f64)
    }
    fn backward(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        gradient: TensorViewMut<'_, f64>,
    ) -> Result<()> {
        slopes(outputs, target, outputs.batch() as f64, gradient);
        Ok(())
    }
}

impl Loss<f64> for OwnSum {
    fn kind(&self) -> &'static str {
        "own_sum"
    }
    fn each(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<Tensor<f64>> {
        Ok(squares(outputs, target))
    }
    fn forward(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<f64> {
        Ok(squares(outputs, target).as_slice().iter().sum())
    }
    fn backward(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        gradient: TensorViewMut<'_, f64>,
    ) -> Result<()> {
        slopes(outputs, target, 1.0, gradient);
        Ok(())
    }
    fn divisor(&self, _: Target<'_, f64>) -> Option<f64> {
        None
    }
}

#[test]
fn the_divisor_is_samples_elements_weights_or_none() {
    let loss = CrossEntropy::new().with_class_weights(&[0.5, 0.25, 4.0]).unwrap().with_ignored(2);
    let divisor = |loss: &dyn Loss<f64>, target: Target<'_, f64>| loss.divisor(target);
    assert_eq!(divisor(&loss, (&[0, 1, 2, 1]).into()), Some(1.0));
    assert_eq!(divisor(&CrossEntropy::new(), (&[0, 1, 2, 1]).into()), Some(4.0));
    let values = Tensor::zeros([2, 3, 4]).unwrap();
    assert_eq!(divisor(&loss, (&values).into()), Some(6.0));
    assert_eq!(divisor(&KlDivergence::new(), (&values).into()), Some(6.0));
    assert_eq!(divisor(&MeanSquaredError::new(), (&values).into()), Some(24.0));
    assert_eq!(divisor(&OwnMean, (&values).into()), Some(2.0));
    assert_eq!(divisor(&loss.with_reduction(Reduction::Sum), (&[0]).into()), None);
}

/// PyTorch's formula, in a naive loop: Σ w·q·(−ln p) over samples and classes, divided by the sum of w of the targets.
#[test]
fn a_target_that_weighs_nothing_counts_among_others() -> Result<()> {
    let (weights, smoothing, labels) = ([0.0, 1.0, 2.0], 0.1, [0, 1, 2, 0]);
    let logits = Tensor::from_fn([4, 3], |i| ((i * 7) % 5) as f64 / 2.0 - 1.0)?;
    let (mut sum, mut divisor) = (0.0, 0.0);
    for (row, &label) in logits.view().samples().zip(&labels) {
        let log_sum = row.iter().map(|x: &f64| x.exp()).sum::<f64>().ln();
        for (class, &x) in row.iter().enumerate() {
            let share = smoothing / 3.0 + if class == label { 1.0 - smoothing } else { 0.0 };
            sum += weights[class] * share * (log_sum - x);
        }
        divisor += weights[label];
    }
    let loss = CrossEntropy::new().with_class_weights(&weights)?.with_label_smoothing(smoothing)?;
    let got: f64 = loss.forward(logits.view(), (&labels).into())?;
    assert_relative_eq!(got, sum / divisor, max_relative = 1e-14);
    Ok(())
}

#[test]
fn a_part_refuses_what_is_no_divisor() -> Result<()> {
    let (outputs, target) = (Tensor::from([[1.0, 2.0, 3.0]]), Tensor::from([[0.5, 0.2, 0.3]]));
    for loss in of_values(Reduction::Mean) {
        for divisor in [-1.0, f64::NAN, f64::INFINITY] {
            let error = loss.part(outputs.view(), (&target).into(), divisor, None).unwrap_err();
            let expected =
                format!("divisor of a loss: expected a finite number of at least 0, got {divisor}");
            assert_eq!(error.to_string(), expected, "{loss:?}");
        }
        assert!(loss.part(outputs.view(), (&target).into(), 0.0, None).is_err(), "{loss:?}");
    }
    let weighted = CrossEntropy::new().with_class_weights(&[0.0; 3])?;
    assert_eq!(weighted.part(outputs.view(), (&target).into(), 0.0, None)?, 0.0);
    Ok(())
}
