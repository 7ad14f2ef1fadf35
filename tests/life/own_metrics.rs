//! Metrics of a user's own: in the history, in files, and to judge epochs by.

use taper::optimizers::Sgd;
use taper::train::{Dataset, EarlyStopping, Fit, Monitor};
use taper::{
    Error, Optimizer, Result, Sequential, Target, Tensor, TensorView, Trainer,
    losses::{CrossEntropy, MeanSquaredError},
};

use super::{error, model, weights};

fn inputs() -> Tensor<f32> {
    Tensor::from_fn([40, 6], |i| ((i * 29) % 31) as f32 / 31.0 - 0.5).unwrap()
}

fn labels() -> Vec<usize> {
    (0..40).map(|sample| sample % 3).collect()
}

fn trainer(model: &mut Sequential<f32>) -> Trainer<'_, f32> {
    let optimizer = Optimizer::new(Sgd::new(0.05).unwrap());
    Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(8).unwrap()
}

/// The mean of the outputs at the target's class.
fn right_output(outputs: TensorView<'_, f32>, target: Target<'_, f32>) -> Result<f64> {
    let Target::Classes(labels) = target else { return Err(Error::other("classes are needed")) };
    let sum: f64 = outputs.samples().zip(labels).map(|(row, &label)| f64::from(row[label])).sum();
    Ok(sum / labels.len() as f64)
}

/// A metric that has these values, epoch after epoch.
fn told(values: &[f64]) -> impl FnMut(TensorView<'_, f32>, Target<'_, f32>) -> Result<f64> + Send + '_ {
    let mut values = values.iter().copied();
    move |_, _| Ok(values.next().expect("one for each epoch"))
}

#[test]
fn a_metric_is_that_of_the_whole_validation_data() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let mut expected = Vec::new();
    let mut model = model(1);
    let fit = Fit::epochs(3)
        .with_validation(data)
        .with_metric("right_output", right_output)
        .with_metric("samples", |outputs, _| Ok(outputs.batch() as f64))
        .after_epoch(|epoch, model| {
            assert_eq!(epoch.metric("samples"), Some(40.0));
            assert_eq!(epoch.metric("other"), None);
            let outputs = model.predict(&inputs).unwrap();
            expected.push(right_output(outputs.view(), (&labels).into()).unwrap());
        });
    let history = trainer(&mut model).fit(data, fit).unwrap();
    let got: Vec<f64> = history.epochs.iter().map(|epoch| epoch.metric("right_output").unwrap()).collect();
    assert_eq!(got, expected);
    assert!(got.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn a_metric_gets_targets_that_are_values() {
    let inputs = inputs();
    let values = Tensor::from_fn([40, 2], |i| i as f32).unwrap();
    let data = Dataset::new(&inputs, &values).unwrap();
    let mut model = Sequential::builder([6]).dense(2).build(&mut taper::seeded(1)).unwrap();
    let optimizer = Optimizer::new(Sgd::new(1e-4).unwrap());
    let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), optimizer).with_batch(7).unwrap();
    let fit = Fit::epochs(1).with_validation(data).with_metric("same", |outputs, target| {
        let Target::Values(target) = target else { return Ok(0.0) };
        assert_eq!(outputs.shape(), target.shape());
        Ok(f64::from(u8::from(target == values.view())))
    });
    assert_eq!(trainer.fit(data, fit).unwrap().epochs[0].metric("same"), Some(1.0));
}

#[test]
fn early_stopping_follows_it_in_its_direction() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let nan = f64::NAN;
    let cases: [(&[f64], Monitor, usize, usize); 6] = [
        (&[1.0, 3.0, 2.0, 0.0], Monitor::Highest("told"), 1, 4),
        (&[1.0, 3.0, 2.0, 0.0], Monitor::Lowest("told"), 3, 4),
        (&[nan, 3.0, nan, 2.0], Monitor::Highest("told"), 1, 4),
        (&[3.0, nan, nan, nan], Monitor::Highest("told"), 0, 4),
        (&[3.0, nan, nan, nan], Monitor::Lowest("told"), 0, 4),
        (&[nan, nan, nan, -5.0], Monitor::Highest("told"), 3, 4),
    ];
    for (values, monitor, best, epochs) in cases {
        let mut model = model(1);
        let mut after = Vec::new();
        let fit = Fit::epochs(4)
            .with_validation(data)
            .with_metric("told", told(values))
            .with_early_stopping(EarlyStopping::new(9).monitoring(monitor))
            .after_epoch(|_, model| after.push(weights(model)));
        let history = trainer(&mut model).fit(data, fit).unwrap();
        assert_eq!((history.restored, history.epochs.len()), (Some(best), epochs), "{values:?} {monitor:?}");
        assert_eq!(weights(&model), after[best]);
    }
    // And it stops by it.
    let mut model = model(1);
    let fit = Fit::epochs(9)
        .with_validation(data)
        .with_metric("told", told(&[1.0, 2.0, 1.5, 1.9]))
        .with_early_stopping(EarlyStopping::new(1).monitoring(Monitor::Highest("told")));
    assert_eq!(trainer(&mut model).fit(data, fit).unwrap().epochs.len(), 4);
}

#[test]
fn what_cannot_be_followed_is_told_before_the_first_step() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let stopping = || EarlyStopping::new(1).monitoring(Monitor::Highest("f1"));
    let text = |fit: Fit<'_, f32>| {
        let mut model = model(1);
        let text = error(trainer(&mut model).fit(data, fit));
        assert_eq!(weights(&model), weights(&super::model(1)));
        text
    };
    let fit = || Fit::epochs(1).with_validation(data);
    assert_eq!(
        text(fit().with_early_stopping(stopping())),
        "metric to judge by: expected one of none; got `f1`"
    );
    let other = fit().with_metric("recall", right_output).with_early_stopping(stopping());
    assert_eq!(text(other), "metric to judge by: expected one of `recall`; got `f1`");
    let without = Fit::epochs(1).with_metric("f1", right_output);
    assert_eq!(text(without), "metric: expected validation data to take it of, got none for `f1`");
    let twice = fit().with_metric("f1", right_output).with_metric("f1", right_output);
    assert_eq!(text(twice), "metric: expected a name of its own, got `f1` twice");
}

#[test]
fn an_error_of_a_metric_ends_the_training() {
    let (inputs, labels) = (inputs(), labels());
    let data = Dataset::new(&inputs, &labels).unwrap();
    let fit =
        Fit::epochs(1).with_validation(data).with_metric("f1", |_, _| Err(Error::other("no such thing")));
    let text = error(trainer(&mut model(1)).fit(data, fit));
    assert_eq!(text, "validation data: metric `f1`: no such thing");
}

#[cfg(feature = "safetensors")]
mod in_files {
    use super::*;
    use taper::io::Checkpoints;

    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("taper-{name}-{}.safetensors", std::process::id()))
    }

    #[test]
    fn a_checkpoint_has_the_metrics_and_what_was_restored() {
        let (inputs, labels) = (inputs(), labels());
        let data = Dataset::new(&inputs, &labels).unwrap();
        let file = path("metrics");
        let (mut first, mut second) = (model(1), model(2));
        let mut before = trainer(&mut first);
        before.fit(data, Fit::epochs(1)).unwrap();
        let values = [0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        let fit = Fit::epochs(4)
            .with_validation(data)
            .with_metric("told", told(&values))
            .with_metric("ä \"b\"", told(&[1.0; 4]))
            .with_early_stopping(EarlyStopping::new(9).monitoring(Monitor::Highest("told")));
        before.fit(data, fit).unwrap();
        assert_eq!(before.history().restored, Some(3));
        before.save_checkpoint(&file).unwrap();
        let mut after = trainer(&mut second);
        after.resume(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(after.history().restored, Some(3));
        let bits = |history: &taper::train::History| -> Vec<Vec<(String, u64)>> {
            let bits = |(name, value): &(String, f64)| (name.clone(), value.to_bits());
            history.epochs.iter().map(|epoch| epoch.metrics.iter().map(bits).collect()).collect()
        };
        assert_eq!(bits(after.history()), bits(before.history()));
        assert_eq!(bits(after.history())[0], []);
        assert_eq!(bits(after.history())[2][1].0, "ä \"b\"");
        // The next step's weights are no epoch's.
        after.step(&inputs, &labels).unwrap();
        assert_eq!(after.history().restored, None);
    }

    #[test]
    fn the_best_epoch_is_kept_beside_the_last() {
        let (inputs, labels) = (inputs(), labels());
        let data = Dataset::new(&inputs, &labels).unwrap();
        let (best, last) = (path("best"), path("last"));
        let mut model = model(1);
        let mut after = Vec::new();
        let values = [f64::NAN, 1.0, 3.0, 3.0, f64::NAN, 2.0];
        let fit = Fit::epochs(6)
            .with_validation(data)
            .with_metric("told", told(&values))
            .with_checkpoints(Checkpoints::new(&best).best_only(Monitor::Highest("told")))
            .with_checkpoints(Checkpoints::new(&last))
            .after_epoch(|_, model| after.push(weights(model)));
        trainer(&mut model).fit(data, fit).unwrap();
        assert_eq!(weights(&Sequential::<f32>::open(&best).unwrap()), after[2]);
        assert_eq!(weights(&Sequential::<f32>::open(&last).unwrap()), after[5]);
        // A training that is cut short knows what was best before.
        let mut resumed = super::model(2);
        let mut going_on = trainer(&mut resumed);
        going_on.resume(&last).unwrap();
        let fit = Fit::epochs(8)
            .with_validation(data)
            .with_metric("told", told(&[2.5, 4.0]))
            .with_checkpoints(Checkpoints::new(&best).best_only(Monitor::Highest("told")));
        going_on.fit(data, fit).unwrap();
        assert_eq!(weights(&Sequential::<f32>::open(&best).unwrap()), weights(&resumed));
        let mut other = super::model(3);
        let text = error(trainer(&mut other).fit(
            data,
            Fit::epochs(1).with_checkpoints(Checkpoints::new(&best).best_only(Monitor::ValidationLoss)),
        ));
        assert_eq!(text, "checkpoints: expected validation data to judge by, got none");
        for file in [best, last] {
            std::fs::remove_file(file).unwrap();
        }
    }
}
