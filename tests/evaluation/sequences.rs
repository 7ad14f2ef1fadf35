//! Models whose samples are sequences, from training to a file.

use taper::losses::CrossEntropy;
use taper::optimizers::{Clip, Optimizer, Sgd};
use taper::train::{Dataset, Fit};
use taper::{Dense, Error, Sequential, Tensor, Trainer, seeded};

fn number(i: usize) -> f64 {
    ((i * 37 + 11) % 101) as f64 / 50.0 - 0.997
}

fn inputs(samples: usize) -> Tensor<f64> {
    Tensor::from_fn([samples, 3, 40], number).unwrap()
}

/// A class for each of three steps of 40 features.
fn model() -> Sequential<f64> {
    let builder = Sequential::builder([3, 40]).dense(30).without_bias().named("fc1").batch_norm().relu();
    builder.dropout(0.2).dense(4).named("fc2").build(&mut seeded(3)).unwrap()
}

fn sgd(learning_rate: f64) -> Optimizer<f64> {
    Optimizer::new(Sgd::new(learning_rate).unwrap())
}

#[test]
fn steps_of_a_sequence_are_learned() {
    let (x, mut model) = (inputs(8), model());
    let labels: Vec<usize> = (0..24).map(|step| step * 5 % 4).collect();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd(0.5));
    let first = trainer.step(&x, &labels).unwrap();
    let last = (0..60).map(|_| trainer.step(&x, &labels).unwrap()).last().unwrap();
    assert!(last < first / 4.0, "{first} to {last}");
}

/// Shares of classes for each step have the outputs' shape, and a data set takes them.
#[test]
fn a_data_set_has_shares_of_classes_for_each_step() {
    let (x, mut model) = (inputs(8), model());
    let shares = Tensor::from_fn([8, 3, 4], |i| f64::from(u8::from(i / 4 * 5 % 4 == i % 4))).unwrap();
    let data = Dataset::new(&x, &shares).unwrap();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd(0.5)).with_batch(3).unwrap();
    let before = trainer.evaluate(data).unwrap().loss;
    trainer.fit(data, Fit::epochs(60)).unwrap();
    let after = trainer.evaluate(data).unwrap().loss;
    assert!(after < before / 4.0, "{before} to {after}");
}

/// In small batches the norm is measured without the gradient, from the products of all pairs of rows.
#[test]
fn the_norm_of_a_gradient_is_that_of_all_rows() {
    for batch in [1, 2, 20] {
        let mut model = Sequential::<f64>::builder([3, 40]).dense(50).build(&mut seeded(1)).unwrap();
        let before = model.state();
        let clipped = sgd(1.0).with_clip(Clip::GlobalNorm(0.01)).unwrap();
        let labels: Vec<usize> = (0..3 * batch).map(|row| row * 7 % 50).collect();
        Trainer::new(&mut model, CrossEntropy::new(), clipped).step(&inputs(batch), &labels).unwrap();
        let mut square = 0.0;
        for ((_, before), (_, after)) in before.iter().zip(model.state().iter()) {
            let moved = before.as_slice().iter().zip(after.as_slice()).map(|(before, after)| after - before);
            square += moved.map(|moved| moved * moved).sum::<f64>();
        }
        assert!((square.sqrt() - 0.01).abs() < 1e-12, "{batch}: {}", square.sqrt());
    }
}

/// An image without a flatten is no error of the layer, and one before the first step.
#[test]
fn a_forgotten_flatten_is_told_before_the_first_step() {
    let mut model =
        Sequential::<f64>::builder([3, 40]).dense(4).relu().dense(2).build(&mut seeded(1)).unwrap();
    let before = model.state();
    let (x, labels) = (inputs(6), [0, 1, 0, 1, 0, 1]);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd(0.1));
    let error = trainer.fit(Dataset::new(&x, &labels).unwrap(), Fit::epochs(1)).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "expected target of cross_entropy of a class for each of the 18 rows of outputs [6, 3, 2], got 6; \
             for one class a sample, put a flatten before the dense layers"
        ),
        "{error}"
    );
    assert!(trainer.step(&x, &labels).is_err());
    assert_eq!(model.state(), before);
}

#[test]
fn a_norm_behind_a_dense_on_a_sequence_is_folded() {
    let mut model = model();
    let (x, labels) = (inputs(8), (0..24).map(|step| step % 4).collect::<Vec<_>>());
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd(0.1));
    for _ in 0..3 {
        trainer.step(&x, &labels).unwrap();
    }
    let lean = model.for_inference().unwrap();
    assert_eq!((model.len(), lean.len()), (5, 3));
    let (expected, got) = (model.predict(&x).unwrap(), lean.predict(&x).unwrap());
    assert_eq!(got.shape().axes(), [8, 3, 4]);
    for (got, expected) in got.as_slice().iter().zip(expected.as_slice()) {
        assert!((got - expected).abs() < 1e-12, "{got}, expected {expected}");
    }
}

/// Each row by itself, to the bit: a sample of several rows is as many samples of one.
#[test]
fn rows_are_samples_of_one_row() {
    let dense = Dense::<f32>::new(40, 7, &mut seeded(5)).unwrap();
    let of = |axes: &[usize]| {
        let shape = taper::Shape::new(axes).unwrap();
        Sequential::builder(shape).layer(dense.clone()).tanh().build(&mut seeded(0)).unwrap()
    };
    let values =
        |axes: &[usize]| Tensor::from_fn(taper::Shape::new(axes).unwrap(), |i| number(i) as f32).unwrap();
    let expected = of(&[40]).predict(&values(&[30, 40])).unwrap();
    for sample in [&[3, 40][..], &[5, 40], &[2, 3, 40], &[1, 5, 3, 40]] {
        let rows: usize = sample.iter().product::<usize>() / 40;
        let got = of(sample).predict(&values(&[&[30 / rows], sample].concat())).unwrap();
        assert_eq!(got.as_slice(), expected.as_slice(), "{sample:?}");
    }
}

#[test]
fn a_last_axis_of_another_length_is_told() {
    let build = |axes: &[usize]| {
        let dense = Dense::<f32>::new(6, 2, &mut seeded(5)).unwrap();
        let shape = taper::Shape::new(axes).unwrap();
        Sequential::builder(shape).layer(dense).build(&mut seeded(0)).unwrap_err().to_string()
    };
    let start = "layer 0 `0` (dense 6 -> 2): expected input";
    assert_eq!(build(&[5]), format!("{start} [batch, 6], got [batch, 5]"));
    assert_eq!(build(&[6, 5]), format!("{start} [batch, …, 6], got [batch, 6, 5]"));
    assert_eq!(build(&[2, 3]), format!("{start} [batch, 6], got [batch, 2, 3]; put a flatten before it"));
    assert_eq!(build(&[]), format!("{start} [batch, …, 6], got [batch]"));
    let empty = Sequential::<f32>::builder([]).dense(2).build(&mut seeded(0)).unwrap_err();
    assert!(matches!(empty, Error::Layer { .. }), "{empty}");
    assert!(
        empty
            .to_string()
            .ends_with("expected input [batch, …, inputs], got [batch]; put a flatten before it"),
        "{empty}"
    );
}

#[cfg(feature = "safetensors")]
#[test]
fn a_model_of_sequences_comes_back_from_a_file() {
    use taper::io::{Orientation, Save};
    let flat = |builder: taper::sequential::Builder<f64>| {
        builder.dense(4).relu().flatten().dense(2).build(&mut seeded(2)).unwrap()
    };
    let models = [
        (model(), inputs(2)),
        (flat(Sequential::builder([3, 40])), inputs(2)),
        (flat(Sequential::builder([3, 40]).channels_last()), inputs(2)),
        (flat(Sequential::builder([3, 40]).channels_last().dense(5).channels_first()), inputs(2)),
        (
            flat(Sequential::builder([2, 3, 5]).conv2d(4, [1, 2])),
            Tensor::from_fn([2, 2, 3, 5], number).unwrap(),
        ),
    ];
    for (model, x) in models {
        for orientation in [Orientation::PyTorch, Orientation::Keras] {
            let bytes = model.to_bytes(&Save::new().with_orientation(orientation)).unwrap();
            let opened = Sequential::<f64>::open_bytes(&bytes).unwrap();
            assert_eq!(opened.state(), model.state(), "{orientation:?}");
            assert_eq!(opened.predict(&x).unwrap(), model.predict(&x).unwrap(), "{orientation:?}");
        }
    }
}
