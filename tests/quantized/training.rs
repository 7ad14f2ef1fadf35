//! Training with products of bf16.

use taper::io::{Load, Orientation, Save};
use taper::layers::Window;
use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::{Adam, Clip, Rule, Sgd};
use taper::train::{Dataset, Fit, Precision};
use taper::{
    GradientStore, Layer, Mode, Optimizer, Parallelism, Sequential, Tensor, Trainer, Workspace, gradcheck,
    seeded,
};

use crate::bf16::rounded;
use crate::models::number;

/// Wide and odd, small and even layers; a convolution, which trains in f32.
fn model(inputs: usize) -> Sequential<f32> {
    let builder = Sequential::<f32>::builder([inputs]).dense(70).relu().dense(33).relu().dense(40);
    builder
        .relu()
        .reshape([4, 5, 2])
        .conv2d(3, Window::new(2))
        .flatten()
        .dense(4)
        .build(&mut seeded(3))
        .unwrap()
}

fn data(samples: usize, inputs: usize) -> (Tensor<f32>, Vec<usize>) {
    (Tensor::from_fn([samples, inputs], number).unwrap(), (0..samples).map(|i| i * 7 % 4).collect())
}

fn trainer(
    model: Sequential<f32>,
    rule: impl Rule<f32> + 'static,
    precision: Precision,
) -> Trainer<'static, f32> {
    Trainer::owning(model, CrossEntropy::new(), Optimizer::new(rule)).with_precision(precision).unwrap()
}

fn sgd() -> Sgd {
    Sgd::new(0.05).unwrap()
}

fn bits(model: &Sequential<f32>) -> Vec<u32> {
    let mut bits = Vec::new();
    model.params(&mut |param| bits.extend(param.to_tensor().as_slice().iter().map(|value| value.to_bits())));
    bits
}

/// x·W of rounded numbers, in f64.
fn product(x: &[f64], weight: &[f64], [rows, inner, columns]: [usize; 3]) -> Vec<f64> {
    let near = |value: f64| rounded(value as f32);
    let term = |row: usize, column: usize| {
        (0..inner).map(|k| near(x[row * inner + k]) * near(weight[k * columns + column])).sum()
    };
    (0..rows * columns).map(|i| term(i / columns, i % columns)).collect()
}

fn transposed(x: &[f64], [rows, columns]: [usize; 2]) -> Vec<f64> {
    (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// A step of plain descent by hand: rounded where numbers are multiplied, and nowhere else.
#[test]
fn a_step_multiplies_rounded_numbers_and_moves_weights_in_f32() {
    let [batch, inputs, hidden, outputs] = [9, 13, 21, 5];
    let model = Sequential::<f32>::builder([inputs]).dense(hidden).tanh().dense(outputs);
    let model = model.build(&mut seeded(5)).unwrap();
    let of = |name: &str| wide(model.param(name).unwrap().to_tensor().as_slice());
    let (w1, b1, w2, b2) = (of("0.weight"), of("0.bias"), of("2.weight"), of("2.bias"));
    let x = Tensor::from_fn([batch, inputs], number).unwrap();
    let target = Tensor::from_fn([batch, outputs], |i| number(i * 3)).unwrap();
    let (x64, rate) = (wide(x.as_slice()), 0.25);

    let with_bias = |y: Vec<f64>, bias: &[f64]| -> Vec<f64> {
        y.iter().enumerate().map(|(i, y)| y + bias[i % bias.len()]).collect()
    };
    let h = with_bias(product(&x64, &w1, [batch, inputs, hidden]), &b1);
    let h: Vec<f64> = h.into_iter().map(f64::tanh).collect();
    let y = with_bias(product(&h, &w2, [batch, hidden, outputs]), &b2);
    let count = (batch * outputs) as f64;
    let dy: Vec<f64> =
        y.iter().zip(target.as_slice()).map(|(y, t)| 2.0 * (y - f64::from(*t)) / count).collect();
    let dh = product(&dy, &transposed(&w2, [hidden, outputs]), [batch, outputs, hidden]);
    let dh: Vec<f64> = dh.iter().zip(&h).map(|(dh, h)| dh * (1.0 - h * h)).collect();
    let dw2 = product(&transposed(&h, [batch, hidden]), &dy, [hidden, batch, outputs]);
    let dw1 = product(&transposed(&x64, [batch, inputs]), &dh, [inputs, batch, hidden]);
    let sums = |d: &[f64], columns: usize| -> Vec<f64> {
        (0..columns).map(|column| d.iter().skip(column).step_by(columns).sum()).collect()
    };
    let moved = [
        ("0.weight", w1, dw1),
        ("0.bias", b1, sums(&dh, hidden)),
        ("2.weight", w2, dw2),
        ("2.bias", b2, sums(&dy, outputs)),
    ];

    let off = |precision| -> Vec<f64> {
        let optimizer = Optimizer::new(Sgd::new(rate).unwrap());
        let trainer = Trainer::owning(model.clone(), MeanSquaredError::new(), optimizer);
        let mut trainer = trainer.with_precision(precision).unwrap();
        trainer.step(&x, &target).unwrap();
        let off = |(name, before, gradient): &(&str, Vec<f64>, Vec<f64>)| {
            let after = wide(trainer.model().param(name).unwrap().to_tensor().as_slice());
            let largest = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
            let errors = after.iter().zip(before).zip(gradient).map(|((after, before), gradient)| {
                (after - (before - rate * gradient)).abs() / (rate * largest)
            });
            errors.fold(0.0_f64, f64::max)
        };
        moved.iter().map(off).collect()
    };
    let (ours, full) = (off(Precision::Bf16), off(Precision::Full));
    for (place, (name, ..)) in moved.iter().enumerate() {
        assert!(ours[place] < 2e-5, "{name} is off by {:e} of the largest step", ours[place]);
        assert!(full[place] > 10.0 * ours[place], "{name}: {:e} in f32", full[place]);
    }
}

#[test]
fn threads_cannot_be_seen_in_the_weights() {
    for (inputs, batch) in [(40, 16), (41, 7), (300, 1)] {
        let (x, labels) = data(64, inputs);
        let trained = |threads| {
            let trainer = trainer(model(inputs), Adam::new(0.01).unwrap(), Precision::Bf16);
            let trainer = trainer.with_parallelism(Parallelism::Threads(threads)).with_batch(batch).unwrap();
            let mut trainer = trainer.with_moving_average(0.9).unwrap();
            trainer.fit(Dataset::new(&x, &labels).unwrap(), Fit::epochs(3)).unwrap();
            bits(&trainer.into_model())
        };
        let alone = trained(1);
        assert!(trained(2) == alone && trained(4) == alone, "{inputs}, {batch}");
        let mut full = trainer(model(inputs), Adam::new(0.01).unwrap(), Precision::Full);
        full.fit(Dataset::new(&x, &labels).unwrap(), Fit::epochs(3)).unwrap();
        assert_ne!(bits(full.model()), alone);
    }
}

/// Gradients that are kept, and those that move the weight as they come, are the same.
#[test]
fn kept_gradients_come_to_the_same_bits() {
    for inputs in [40, 41] {
        let (x, labels) = data(16, inputs);
        let trained = |clip: Option<Clip>| {
            let optimizer = Optimizer::new(sgd());
            let optimizer = match clip {
                Some(clip) => optimizer.with_clip(clip).unwrap(),
                None => optimizer,
            };
            let trainer = Trainer::owning(model(inputs), CrossEntropy::new(), optimizer);
            let mut trainer = trainer.with_precision(Precision::Bf16).unwrap();
            (0..4).for_each(|_| assert!(trainer.step(&x, &labels).unwrap().is_finite()));
            bits(trainer.model())
        };
        let applied = trained(None);
        for clip in [Clip::Norm(1e9), Clip::GlobalNorm(1e9), Clip::Value(1e9)] {
            assert!(trained(Some(clip)) == applied, "{inputs}, {clip:?}");
        }
    }
}

/// Whatever changes weights between two steps, the next one multiplies what they are then: a trainer that has just been made of them
/// comes to the same.
#[test]
fn what_changes_weights_is_in_the_next_step() {
    type Change = fn(&mut Trainer<'static, f32>);
    let changes: [(&str, Change); 9] = [
        ("nothing", |_| ()),
        ("set", |trainer| {
            let param = trainer.model_mut().param_mut("0.weight").unwrap();
            param.set(&Tensor::from_fn(param.shape(), |i| number(i) / 3.0).unwrap()).unwrap();
        }),
        ("buffer", |trainer| {
            let param = trainer.model_mut().param_mut("2.weight").unwrap();
            param.buffer_mut().iter_mut().for_each(|value| *value *= -0.5);
        }),
        ("state", |trainer| {
            let mut state = trainer.model().state();
            state.insert("2.weight", Tensor::full([33, 70], 0.01).unwrap());
            trainer.model_mut().set_state(&state).unwrap();
        }),
        ("file", |trainer| {
            let mut other = model(40);
            other.param_mut("0.weight").unwrap().set(&Tensor::full([40, 70], -0.02).unwrap()).unwrap();
            let bytes = other.to_bytes(&Save::new().with_orientation(Orientation::Keras)).unwrap();
            trainer.model_mut().load_bytes(&bytes, &Load::new()).unwrap();
        }),
        ("average", |trainer| trainer.swap_average().unwrap()),
        ("parameter in place", |trainer| {
            let mut other = model(40);
            let weight = other.param_mut("4.weight").unwrap();
            weight.set(&Tensor::full([33, 40], 0.03).unwrap()).unwrap();
            std::mem::swap(trainer.model_mut().param_mut("4.weight").unwrap(), weight);
        }),
        ("a pass and evaluation between", |trainer| {
            let (x, labels) = data(5, 40);
            trainer.evaluate(Dataset::new(&x, &labels).unwrap()).unwrap();
            trainer.model().predict(&x).unwrap();
        }),
        ("frozen", |trainer| {
            let param = trainer.model_mut().param_mut("0.weight").unwrap();
            param.freeze();
            param.set(&Tensor::full(param.shape(), 0.04).unwrap()).unwrap();
        }),
    ];
    let (x, labels) = data(16, 40);
    for (name, change) in changes {
        let mut trainer = trainer(model(40), sgd(), Precision::Bf16).with_moving_average(0.5).unwrap();
        (0..3).for_each(|_| assert!(trainer.step(&x, &labels).unwrap().is_finite()));
        change(&mut trainer);
        let fresh = trainer.model().clone();
        let mut fresh = self::trainer(fresh, sgd(), Precision::Bf16);
        for step in 0..2 {
            let (loss, expected) = (trainer.step(&x, &labels).unwrap(), fresh.step(&x, &labels).unwrap());
            assert_eq!(loss.to_bits(), expected.to_bits(), "{name}, step {step}");
            assert!(bits(trainer.model()) == bits(fresh.model()), "{name}, step {step}");
        }
    }
}

/// A training goes on in the precision that it had, or not at all.
#[test]
fn a_checkpoint_knows_its_precision() {
    let path = std::env::temp_dir().join(format!("taper-precision-{}.checkpoint", std::process::id()));
    for (written, other, expected) in [
        (Precision::Bf16, Precision::Full, "expected the precision of the checkpoint, bf16, got full"),
        (Precision::Full, Precision::Bf16, "expected the precision of the checkpoint, full, got bf16"),
    ] {
        trainer(model(40), sgd(), written).save_checkpoint(&path).unwrap();
        trainer(model(40), sgd(), written).resume(&path).unwrap();
        let text = trainer(model(40), sgd(), other).resume(&path).unwrap_err().to_string();
        assert!(text.ends_with(expected), "{text}");
    }
    std::fs::remove_file(&path).unwrap();
}

/// Measured is what is trained: weights in f32. And a training's products are its own.
#[test]
fn evaluation_and_other_passes_are_in_f32() {
    let (x, labels) = data(16, 40);
    let data = Dataset::new(&x, &labels).unwrap();
    let mut model = model(40);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(sgd()))
        .with_precision(Precision::Bf16)
        .unwrap();
    assert_eq!(trainer.precision(), Precision::Bf16);
    (0..2).for_each(|_| assert!(trainer.step(&x, &labels).unwrap().is_finite()));
    let expected = self::trainer(trainer.model().clone(), sgd(), Precision::Full).evaluate(data).unwrap();
    assert_eq!(trainer.evaluate(data).unwrap(), expected);
    assert_eq!(trainer.model().predict(&x).unwrap(), trainer.model().clone().predict(&x).unwrap());
    let fresh = trainer.model().clone();
    let passed = |model: &Sequential<f32>| {
        let mut workspace = model.workspace(Mode::Train, 16).unwrap();
        model.forward_pass(&x, &mut workspace).unwrap().to_tensor()
    };
    assert_eq!(passed(trainer.model()), passed(&fresh));
    drop(trainer);
    assert_eq!(passed(&model), passed(&fresh));
}

/// A workspace is one for passes by hand, whether it was made before or after a step in bf16.
#[test]
fn a_workspace_from_before_the_first_step_serves_passes_by_hand() {
    for inputs in [40, 41] {
        let (x, labels) = data(16, inputs);
        let mut trainer = trainer(model(inputs), sgd(), Precision::Bf16);
        let mut workspace = trainer.model().workspace(Mode::Train, 16).unwrap();
        assert!(trainer.step(&x, &labels).unwrap().is_finite());
        let mut fresh = trainer.model().clone();
        let mut other = fresh.workspace(Mode::Train, 16).unwrap();
        let expected = fresh.forward_pass(&x, &mut other).unwrap().to_tensor();
        assert_eq!(trainer.model().forward_pass(&x, &mut workspace).unwrap().to_tensor(), expected);
        let passed = |model: &mut Sequential<f32>, workspace: &mut Workspace<f32>| {
            let mut gradients = GradientStore::new(model);
            workspace.loss(&CrossEntropy::new(), &labels).unwrap();
            model.backward_pass(&x, workspace, &mut gradients).unwrap();
            gradients.get(model.param("0.weight").unwrap()).unwrap()
        };
        assert_eq!(passed(trainer.model_mut(), &mut workspace), passed(&mut fresh, &mut other));
    }
}

#[test]
fn gradients_that_are_checked_between_steps_are_in_f32() {
    let model = Sequential::<f32>::builder([6]).dense(8).tanh().dense(4).build(&mut seeded(1)).unwrap();
    let (x, labels) = data(4, 6);
    let mut trainer = trainer(model, sgd(), Precision::Bf16);
    assert!(trainer.step(&x, &labels).unwrap().is_finite());
    gradcheck::model(trainer.model_mut(), &x, &CrossEntropy::new(), &labels).unwrap();
    assert!(trainer.step(&x, &labels).unwrap().is_finite());
}

#[test]
fn a_fit_in_pieces_and_one_from_a_checkpoint_come_to_the_same_bits() {
    let (x, labels) = data(50, 41);
    let data = Dataset::new(&x, &labels).unwrap();
    let new = || trainer(model(41), Adam::new(0.01).unwrap(), Precision::Bf16).with_batch(16).unwrap();
    let mut whole = new();
    whole.fit(data, Fit::epochs(4)).unwrap();
    let mut pieces = new();
    let path = std::env::temp_dir().join(format!("taper-bf16-{}.checkpoint", std::process::id()));
    pieces.fit(data, Fit::epochs(1)).unwrap();
    pieces.fit(data, Fit::epochs(1)).unwrap();
    pieces.save_checkpoint(&path).unwrap();
    let mut resumed = new();
    resumed.resume(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    for mut trainer in [pieces, resumed] {
        trainer.fit(data, Fit::epochs(2)).unwrap();
        assert!(bits(trainer.model()) == bits(whole.model()));
    }
}

#[test]
fn f64_has_no_products_of_bf16() {
    let model = Sequential::<f64>::builder([3]).dense(2).build(&mut seeded(1)).unwrap();
    let trainer = Trainer::owning(model, CrossEntropy::new(), Optimizer::new(sgd()));
    let error = trainer.with_precision(Precision::Bf16).unwrap_err().to_string();
    assert_eq!(error, "precision: expected `Precision::Full` for a model of f64, got `Precision::Bf16`");
}
