//! What is measured, and what follows from it, is that of the whole on every rank.

use taper::losses::{CrossEntropy, MeanSquaredError, Slices};
use taper::optimizers::Adam;
use taper::schedules::OnPlateau;
use taper::train::{
    Callback, Communicator, Control, Dataset, EarlyStopping, Epoch, Evaluation, Fit, History, Monitor,
    StepReport, Threads, Training,
};
use taper::{Optimizer, Result, Sequential, Target, Tensor, Trainer};

use super::{all_of, inputs, labels, model, weights};

fn near(own: &Evaluation, expected: &Evaluation) {
    assert!((own.loss - expected.loss).abs() < 1e-12, "{} {}", own.loss, expected.loss);
    assert_eq!(own.accuracy, expected.accuracy);
    assert_eq!(own.confusion, expected.confusion);
    for (own, expected) in own.parts.iter().zip(&expected.parts) {
        assert!((own.loss - expected.loss).abs() < 1e-12);
        assert_eq!((own.accuracy, &own.confusion), (expected.accuracy, &expected.confusion));
    }
    assert_eq!(own.parts.len(), expected.parts.len());
}

/// Sees what callbacks see, on every rank.
#[derive(Default)]
struct Sees {
    rank: usize,
    steps: Vec<f64>,
    outputs: Vec<Vec<f64>>,
}

impl Callback<f64> for &mut Sees {
    fn after_step(&mut self, step: &StepReport, training: &mut Training<'_, f64>) -> Result<Control> {
        assert_eq!(training.rank(), self.rank);
        self.steps.push(step.loss);
        Ok(Control::Continue)
    }

    fn after_epoch(&mut self, _: &Epoch, training: &mut Training<'_, f64>) -> Result<Control> {
        self.outputs.push(training.outputs().unwrap().as_slice().to_vec());
        let Some(Target::Classes(classes)) = training.target() else { panic!("classes") };
        assert_eq!(classes, labels(11));
        Ok(Control::Continue)
    }

    fn needs_outputs(&self) -> bool {
        true
    }
}

/// A training with all that follows from what is measured.
fn train(rank: Option<Threads>) -> (History, Sees, f64, Vec<f64>) {
    let (inputs, labels) = (inputs(40), labels(40));
    let (others, other_labels) = (super::inputs(11), super::labels(11));
    let mut sees = Sees { rank: rank.as_ref().map_or(0, Communicator::rank), ..Sees::default() };
    let mut model = model();
    let optimizer = Optimizer::new(Adam::new(0.1).unwrap());
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new().with_ignored(0), optimizer)
        .with_batch(7)
        .unwrap()
        .with_plateau(OnPlateau::new(0.5, 1).unwrap());
    if let Some(rank) = rank {
        trainer = trainer.with_communicator(rank);
    }
    let fit = Fit::epochs(12)
        .with_validation(Dataset::new(&others, &other_labels).unwrap())
        .with_metric("spread", |outputs, target| {
            let Target::Classes(labels) = target else { panic!("classes") };
            let rows = outputs.samples().zip(labels).enumerate();
            Ok(rows.map(|(place, (row, &label))| place as f64 * row[label]).sum())
        })
        .with_early_stopping(EarlyStopping::new(2).monitoring(Monitor::Highest("spread")))
        .with_callback(&mut sees);
    let history = trainer.fit(Dataset::new(&inputs, &labels).unwrap(), fit).unwrap();
    let (rate, weights) = (trainer.optimizer().learning_rate(), weights(trainer.model()));
    drop(trainer);
    (history, sees, rate, weights)
}

#[test]
fn a_training_goes_by_the_whole() {
    let (history, sees, rate, alone) = train(None);
    assert!(history.epochs.len() < 12 && history.restored.is_some() && rate < 0.1);
    for size in [2, 3, 13] {
        for (own, own_sees, own_rate, own_weights) in all_of(size, |rank| train(Some(rank))) {
            assert_eq!(own.epochs.len(), history.epochs.len());
            assert_eq!((own.restored, own_rate), (history.restored, rate));
            for (own, expected) in own.epochs.iter().zip(&history.epochs) {
                near(own.validation.as_ref().unwrap(), expected.validation.as_ref().unwrap());
                near(&own.train, &expected.train);
                let (own, expected) = (own.metric("spread").unwrap(), expected.metric("spread").unwrap());
                assert!((own - expected).abs() < 1e-9);
            }
            assert!(super::off(&own_sees.steps, &sees.steps) < 1e-10);
            assert!(super::off(&own_sees.outputs.concat(), &sees.outputs.concat()) < 1e-10);
            assert!(super::off(&own_weights, &alone) < 1e-10);
        }
    }
}

#[test]
fn an_evaluation_is_of_all_samples() {
    let evaluate = |rank: Option<Threads>| {
        let (inputs, targets) = (inputs(10), Tensor::from_fn([10, 2], |i| (i % 2) as f64).unwrap());
        let weights = [1.0, 0.0, 2.0, 1.0, 0.5, 1.0, 3.0, 1.0, 1.0, 0.0];
        let places = [9, 2, 3, 4, 7, 6, 1];
        let mut model = Sequential::builder([6]).dense(3).build(&mut taper::seeded(1)).unwrap();
        let loss =
            Slices::new().classes("kind", 2, CrossEntropy::new()).values("size", 1, MeanSquaredError::new());
        let optimizer = Optimizer::new(Adam::new(0.1).unwrap());
        let mut trainer = Trainer::new(&mut model, loss, optimizer).with_batch(2).unwrap();
        if let Some(rank) = rank {
            trainer = trainer.with_communicator(rank);
        }
        let data = Dataset::new(&inputs, &targets).unwrap().with_weights(&weights).unwrap();
        trainer.evaluate(data.subset(&places).unwrap()).unwrap()
    };
    let alone = evaluate(None);
    assert_eq!(alone.parts.len(), 2);
    for size in [1, 2, 3, 8] {
        for own in all_of(size, move |rank| evaluate(Some(rank))) {
            near(&own, &alone);
        }
    }
}

/// Stops after a step, on one rank.
struct Stops(bool);

impl Callback<f64> for Stops {
    fn after_step(&mut self, step: &StepReport, _: &mut Training<'_, f64>) -> Result<Control> {
        Ok(if self.0 && step.number == 7 { Control::Stop } else { Control::Continue })
    }
}

#[test]
fn where_one_rank_stops_all_do() {
    // Rank 0 has no callback at all.
    let steps = all_of(3, |rank| {
        let (inputs, labels, number) = (inputs(40), labels(40), rank.rank());
        let mut model = model();
        let optimizer = Optimizer::new(Adam::new(0.1).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer)
            .with_batch(8)
            .unwrap()
            .with_communicator(rank);
        let mut fit = Fit::epochs(5);
        if number > 0 {
            fit = fit.with_callback(Stops(number == 2));
        }
        let history = trainer.fit(Dataset::new(&inputs, &labels).unwrap(), fit).unwrap();
        (history.epochs.len(), weights(trainer.model()))
    });
    assert_eq!(steps[0].0, 2);
    assert!(steps[0] == steps[1] && steps[0] == steps[2]);
}
