//! A model that is measured without a trainer: the same numbers.

use approx::assert_relative_eq;
use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::Sgd;
use taper::train::Dataset;
use taper::{Loss, Optimizer, Sequential, Tensor, Trainer, seeded};

const SAMPLES: usize = 101;

fn inputs() -> Tensor<f64> {
    Tensor::from_fn([SAMPLES, 4], |i| ((i * 37 + 11) % 101) as f64 / 50.0 - 1.0).unwrap()
}

fn model() -> Sequential<f64> {
    let builder = Sequential::builder([4]).dense(5).batch_norm().tanh().dropout(0.5);
    builder.dense(3).build(&mut seeded(3)).unwrap()
}

/// What both say of these data.
fn compare(loss: impl Loss<f64> + Clone + 'static, data: Dataset<'_, f64>) {
    let mut model = model();
    let here = model.evaluate(data, &loss).unwrap();
    let optimizer = Optimizer::new(Sgd::new(0.1).unwrap());
    let mut trainer = Trainer::new(&mut model, loss, optimizer).with_batch(7).unwrap();
    let there = trainer.evaluate(data).unwrap();
    assert_relative_eq!(here.loss, there.loss, max_relative = 1e-13);
    assert_eq!(here.accuracy, there.accuracy);
    assert_eq!(here.confusion, there.confusion);
}

#[test]
fn the_numbers_are_those_of_a_trainer() {
    let (inputs, labels) = (inputs(), (0..SAMPLES).map(|i| i % 3).collect::<Vec<_>>());
    let values = Tensor::from_fn([SAMPLES, 3], |i| (i % 5) as f64 / 4.0).unwrap();
    let weights: Vec<f64> = (0..SAMPLES).map(|i| (i % 4) as f64).collect();
    let few: Vec<usize> = (0..SAMPLES).filter(|i| i % 3 != 1).collect();
    let data = Dataset::new(&inputs, &labels).unwrap();
    let weighted = CrossEntropy::new().with_class_weights(&[0.2, 1.0, 3.0]).unwrap().with_ignored(2);
    for data in [
        data,
        data.subset(&few).unwrap(),
        data.with_weights(&weights).unwrap(),
        data.with_weights(&weights).unwrap().subset(&few).unwrap(),
    ] {
        compare(CrossEntropy::new(), data);
        compare(weighted.clone(), data);
    }
    compare(MeanSquaredError::new(), Dataset::new(&inputs, &values).unwrap());
}

#[test]
fn what_does_not_fit_is_told_with_its_sample() {
    let model = model();
    let text = |inputs: &Tensor<f64>, labels: &[usize]| {
        model.evaluate(Dataset::new(inputs, labels).unwrap(), &CrossEntropy::new()).unwrap_err().to_string()
    };
    let mut labels = vec![1; SAMPLES];
    labels[100] = 3;
    assert_eq!(text(&inputs(), &labels), "target of sample 100: expected a class below 3, got 3");
    let narrow = Tensor::zeros([SAMPLES, 3]).unwrap();
    assert_eq!(text(&narrow, &labels), "expected input [batch, 4], got [101, 3]");
    labels[100] = 0;
    let mut broken = inputs();
    broken.as_mut_slice()[4 * 77 + 2] = f64::NAN;
    assert_eq!(text(&broken, &labels), "input of sample 77 at [2]: expected a finite value, got NaN");
    let values = inputs();
    let data = Dataset::new(&values, &values).unwrap();
    let error = model.evaluate(data, &MeanSquaredError::new()).unwrap_err();
    assert_eq!(error.to_string(), "expected target [101, 3], got [101, 4]");
}
