//! Data sets, trainers and metrics.

use taper::losses::{CrossEntropy, MeanSquaredError, Slices};
use taper::optimizers::{Optimizer, Sgd};
use taper::schedules::Schedule;
use taper::train::metrics::{self, ConfusionMatrix};
use taper::train::{
    Callback, Control, Dataset, EarlyStopping, Fit, Monitor, Pixels, StepReport, Training, evaluate_parts,
};
use taper::{Error, Result, Sequential, Target, Tensor, Trainer, seeded};

use super::{Case, error, model};

fn inputs(samples: usize) -> Tensor<f32> {
    Tensor::from_fn([samples, 4], |i| (i % 7) as f32 - 3.0).unwrap()
}

fn outputs() -> Tensor<f32> {
    Tensor::from([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
}

/// What `work` says with a trainer for a classifier of 4 → 2.
fn with_trainer(work: impl FnOnce(Trainer<'_, f32>) -> Result<()>) -> String {
    error(work(Trainer::new(&mut model(), CrossEntropy::new(), sgd(0.1))))
}

fn sgd(learning_rate: f64) -> Optimizer<f32> {
    Optimizer::new(Sgd::new(learning_rate).unwrap())
}

/// Fits a classifier of 4 → 2 to six samples with good labels.
fn fit(options: Fit<'_, f32>) -> String {
    let (inputs, labels) = (inputs(6), [0, 1, 0, 1, 0, 1]);
    with_trainer(|mut trainer| trainer.fit(Dataset::new(&inputs, &labels)?, options).map(|_| ()))
}

/// Fits to a third sample whose squares are beyond all numbers, in batches of 2.
fn fit_to_infinity(accumulation: usize) -> String {
    let mut inputs = inputs(6);
    inputs.as_mut_slice()[2 * 4..3 * 4].copy_from_slice(&[1e30, -1e30, 1e30, -1e30]);
    let (mut model, targets) = (model(), Tensor::zeros([6, 2]).unwrap());
    let trainer = Trainer::new(&mut model, MeanSquaredError::new(), sgd(0.1));
    let mut trainer = trainer.with_batch(2).unwrap().with_accumulation(accumulation).unwrap();
    error(trainer.fit(Dataset::new(&inputs, &targets).unwrap(), Fit::epochs(3).in_order()))
}

#[derive(Debug)]
struct BadSchedule;

impl Schedule for BadSchedule {
    fn learning_rate(&self, step: u64) -> f64 {
        if step < 2 { 0.1 } else { f64::NAN }
    }
}

struct BadCallback;

impl Callback<f32> for BadCallback {
    fn after_step(&mut self, report: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
        assert_eq!((report.epoch, report.epochs, report.step, report.steps), (0, 5, 0, 1));
        Err(Error::Empty { what: "places on the disk" })
    }
}

pub(crate) const CASES: &[Case] = &[
    (
        "a data set of no samples",
        || error(Dataset::<f32>::new(&inputs(0), &[0; 0])),
        "samples of the data set: expected at least one, got none",
    ),
    (
        "inputs that are a scalar",
        || error(Dataset::<f32>::new(&Tensor::zeros([]).unwrap(), &[0])),
        "expected inputs with a first axis of samples, got []",
    ),
    (
        "targets that are a scalar",
        || error(Dataset::new(&inputs(1), &Tensor::zeros([]).unwrap())),
        "expected targets with a first axis of samples, got []",
    ),
    (
        "more labels than inputs",
        || error(Dataset::new(&inputs(2), &[0, 1, 0])),
        "targets of the data set: expected 2 values, got 3",
    ),
    (
        "fewer values than inputs",
        || error(Dataset::new(&inputs(2), &Tensor::from([[1.0]]))),
        "targets of the data set: expected 2 values, got 1",
    ),
    (
        "fewer bytes than pixels",
        || error(Pixels::new([2, 3, 3], &[0; 17])),
        "tensor [2, 3, 3]: expected 18 values, got 17",
    ),
    (
        "pixels that are all the same",
        || error(Pixels::new([1], &[0]).unwrap().with_rescaling(0.0, 1.0)),
        "scale: expected a finite number other than 0, got 0",
    ),
    (
        "pixels moved to nowhere",
        || error(Pixels::new([1], &[0]).unwrap().with_rescaling(1.0, f64::NAN)),
        "offset: expected a finite number, got NaN",
    ),
    (
        "pixels of another shape than the model's",
        || {
            let pixels = Pixels::new([2, 5], &[0; 10]).unwrap();
            with_trainer(|mut trainer| {
                trainer.fit(Dataset::new(pixels, &[0, 1])?, Fit::epochs(1)).map(|_| ())
            })
        },
        "expected input [batch, 4], got [2, 5]",
    ),
    (
        "batches of no samples",
        || with_trainer(|trainer| trainer.with_batch(0).map(|_| ())),
        "batch: expected at least 1 sample, got 0",
    ),
    (
        "steps of no batches",
        || with_trainer(|trainer| trainer.with_accumulation(0).map(|_| ())),
        "accumulation: expected at least 1 batch, got 0",
    ),
    (
        "an average with a decay of 1",
        || with_trainer(|trainer| trainer.with_moving_average(1.0).map(|_| ())),
        "decay: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "an average that is not kept",
        || with_trainer(|mut trainer| trainer.swap_average()),
        "moving average: expected a trainer made `with_moving_average`, got one without",
    ),
    (
        "a step with an input of another width",
        || with_trainer(|mut trainer| trainer.step(&outputs(), &[0, 1, 0]).map(|_| ())),
        "expected input [batch, 4], got [3, 2]",
    ),
    (
        "a step with an empty batch",
        || with_trainer(|mut trainer| trainer.step(&inputs(0), &[0; 0]).map(|_| ())),
        "samples of the batch: expected at least one, got none",
    ),
    (
        "a step with a label beyond the classes",
        || with_trainer(|mut trainer| trainer.step(&inputs(2), &[1, 7]).map(|_| ())),
        "target of sample 1: expected a class below 2, got 7",
    ),
    (
        "a step with the wrong number of labels",
        || with_trainer(|mut trainer| trainer.step(&inputs(2), &[1]).map(|_| ())),
        "target of cross_entropy: expected 2 values, got 1",
    ),
    (
        "a step with values of another shape",
        || with_trainer(|mut trainer| trainer.step(&inputs(2), &inputs(2)).map(|_| ())),
        "expected target [2, 2], got [2, 4]",
    ),
    (
        "a step with an optimizer of another model",
        || {
            let mut optimizer = sgd(0.1);
            optimizer.prepare(&Sequential::<f32>::builder([4]).dense(2).build(&mut seeded(1)).unwrap());
            let mut model = model();
            let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer);
            error(trainer.step(&inputs(2), &[0, 1]))
        },
        "parameter `fc1.bias`: expected one that the optimizer was made for, got another",
    ),
    (
        "a loss that is not finite in a step",
        || {
            with_trainer(|mut trainer| {
                trainer.step(&inputs(1), &[0])?;
                trainer.step(&Tensor::full([1, 4], f32::NAN)?, &[0]).map(|_| ())
            })
        },
        "loss of step 1: expected a finite value, got NaN",
    ),
    (
        "a loss that is not finite while fitting",
        || fit_to_infinity(1),
        "loss in epoch 0, step 1: expected a finite value, got inf",
    ),
    (
        "a loss that is not finite in one of the batches of a step",
        || fit_to_infinity(2),
        "loss in epoch 0, step 0: expected a finite value, got inf",
    ),
    (
        "a model that grows beyond all numbers",
        || {
            let (mut model, inputs, targets) = (model(), inputs(6), Tensor::zeros([6, 2]).unwrap());
            let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), sgd(1e30));
            error(trainer.fit(Dataset::new(&inputs, &targets).unwrap(), Fit::epochs(9)))
        },
        "loss in epoch 1, step 0: expected a finite value, got inf",
    ),
    (
        "fitting to inputs of another width",
        || {
            let inputs = Tensor::zeros([3, 5]).unwrap();
            with_trainer(|mut trainer| {
                trainer.fit(Dataset::new(&inputs, &[0, 1, 0])?, Fit::epochs(1)).map(|_| ())
            })
        },
        "expected input [batch, 4], got [3, 5]",
    ),
    (
        "fitting to values of another width",
        || {
            let (inputs, targets) = (inputs(3), Tensor::zeros([3, 3]).unwrap());
            with_trainer(|mut trainer| {
                trainer.fit(Dataset::new(&inputs, &targets)?, Fit::epochs(1)).map(|_| ())
            })
        },
        "expected target [3, 2], got [3, 3]",
    ),
    (
        "validation samples of another width",
        || {
            let wide = Tensor::zeros([2, 5]).unwrap();
            fit(Fit::epochs(1).with_validation(Dataset::new(&wide, &[0, 1]).unwrap()))
        },
        "expected validation input [batch, 4], got [2, 5]",
    ),
    (
        "early stopping without validation data",
        || fit(Fit::epochs(1).with_early_stopping(EarlyStopping::new(3))),
        "early stopping: expected validation data to judge by, got none",
    ),
    (
        "early stopping by accuracy without validation data",
        || {
            let stopping = EarlyStopping::new(3).monitoring(Monitor::ValidationAccuracy);
            fit(Fit::epochs(1).with_early_stopping(stopping))
        },
        "early stopping: expected validation data to judge by, got none",
    ),
    (
        "the accuracy of values",
        || {
            let (inputs, values) = (inputs(3), outputs());
            let data = Dataset::new(&inputs, &values).unwrap();
            let stopping = EarlyStopping::new(3).monitoring(Monitor::ValidationAccuracy);
            fit(Fit::epochs(1).with_validation(data).with_early_stopping(stopping))
        },
        "early stopping: expected class targets to take the accuracy of, got values",
    ),
    (
        "the accuracy of places",
        || {
            let mut model =
                Sequential::<f32>::builder([4]).dense(4).reshape([2, 2]).build(&mut seeded(1)).unwrap();
            let (inputs, labels) = (inputs(3), [0, 1, 0]);
            let data = Dataset::new(&inputs, &labels).unwrap();
            let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd(0.1));
            let stopping = EarlyStopping::new(3).monitoring(Monitor::ValidationAccuracy);
            error(trainer.fit(data, Fit::epochs(1).with_validation(data).with_early_stopping(stopping)))
        },
        "early stopping: expected outputs [batch, classes] to take the accuracy of, got [batch, 2, 2]",
    ),
    (
        "a schedule that becomes NaN",
        || {
            let (inputs, labels) = (inputs(6), [0, 1, 0, 1, 0, 1]);
            with_trainer(|trainer| {
                let mut trainer = trainer.with_schedule(BadSchedule);
                trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(5)).map(|_| ())
            })
        },
        "learning_rate: expected a finite number of at least 0, got NaN",
    ),
    (
        "an epoch schedule that becomes NaN",
        || {
            let (inputs, labels) = (inputs(6), [0, 1, 0, 1, 0, 1]);
            with_trainer(|trainer| {
                let mut trainer = trainer.with_epoch_schedule(BadSchedule);
                trainer.fit(Dataset::new(&inputs, &labels)?, Fit::epochs(5)).map(|_| ())
            })
        },
        "learning_rate: expected a finite number of at least 0, got NaN",
    ),
    (
        "a callback that fails",
        || fit(Fit::epochs(5).with_callback(BadCallback)),
        "places on the disk: expected at least one, got none",
    ),
    (
        "evaluating inputs of another width",
        || {
            let inputs = Tensor::zeros([3, 5]).unwrap();
            with_trainer(|mut trainer| trainer.evaluate(Dataset::new(&inputs, &[0, 1, 0])?).map(|_| ()))
        },
        "expected input [batch, 4], got [3, 5]",
    ),
    (
        "evaluating labels beyond the classes",
        || {
            let inputs = inputs(3);
            with_trainer(|mut trainer| trainer.evaluate(Dataset::new(&inputs, &[0, 1, 2])?).map(|_| ()))
        },
        "target of sample 2: expected a class below 2, got 2",
    ),
    (
        "a hit among the best none",
        || error(metrics::top_k_accuracy(&outputs(), &[0, 1, 0], 0)),
        "k: expected at least 1, got 0",
    ),
    (
        "a metric with too few labels",
        || error(metrics::accuracy(&outputs(), &[0, 1])),
        "labels: expected 3 values, got 2",
    ),
    (
        "a metric with a label beyond the classes",
        || error(metrics::accuracy(&outputs(), &[0, 1, 2])),
        "target of sample 2: expected a class below 2, got 2",
    ),
    (
        "a metric of no samples",
        || error(metrics::top_k_accuracy(&Tensor::<f32>::zeros([0, 2]).unwrap(), &[], 1)),
        "samples of the metric: expected at least one, got none",
    ),
    (
        "a metric of a row",
        || error(metrics::classes(&Tensor::from([0.1_f32, 0.9]))),
        "expected outputs [batch, classes], got [2]",
    ),
    (
        "a confusion matrix of another number of classes",
        || error(ConfusionMatrix::new(3).record(&outputs(), &[0, 1, 0])),
        "expected outputs [batch, 3], got [3, 2]",
    ),
];

/// What is no mistake: a batch larger than the data is all of it, and more classes than a confusion matrix can hold
/// still have an accuracy.
#[test]
fn large_numbers_are_no_misuse() {
    let (inputs, labels) = (inputs(6), vec![0, 1, 0, 1, 0, 1]);
    let data = Dataset::new(&inputs, &labels).unwrap();
    let mut model = model();
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd(0.1)).with_batch(usize::MAX).unwrap();
    let mut trainer = trainer.with_accumulation(usize::MAX).unwrap();
    let history = trainer.fit(data, Fit::epochs(2).with_validation(data)).unwrap();
    assert_eq!(history.epochs.len(), 2);

    let mut wide = Sequential::builder([4]).dense(20_000).build(&mut seeded(1)).unwrap();
    let mut trainer = Trainer::new(&mut wide, CrossEntropy::new(), sgd(0.1));
    let evaluation = trainer.evaluate(data).unwrap();
    assert!(evaluation.accuracy.is_some() && evaluation.confusion.is_none());
    assert_eq!(Target::<f32>::from(&labels).batch(), 6);

    // So do those of a part of a loss.
    let parts = Slices::new().classes("word", 20_000, CrossEntropy::new());
    let targets = Tensor::from_fn([6, 1], |sample| labels[sample] as f32).unwrap();
    let outputs = wide.predict(&inputs).unwrap();
    let measured = evaluate_parts(&parts, &outputs, &targets).unwrap();
    assert!(measured[0].accuracy == evaluation.accuracy && measured[0].confusion.is_none());
}
