//! Losses, activations and probabilities where exp overflows, and both precisions side by side.

use approx::assert_relative_eq;
use taper::losses::{
    BinaryCrossEntropy, BinaryFocal, CategoricalFocal, CosineSimilarity, CrossEntropy, Huber, KlDivergence,
    LogCosh, MeanAbsoluteError, MeanSquaredError, Poisson, Reduction, SoftMargin,
};
use taper::optimizers::{Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, NAdam, RAdam, RmsProp, Rule, Sgd};
use taper::{
    Activation, Dense, GradientStore, Layer, Loss, Mode, Optimizer, Scalar, Sequential, Target, Tensor,
    Trainer, seeded,
};

/// A row of outputs and a target, and by hand the loss and its gradient.
struct Row {
    loss: &'static str,
    outputs: Vec<f64>,
    target: Expected,
    value: f64,
    gradient: Vec<f64>,
}

enum Expected {
    Class(usize),
    Values(Vec<f64>),
}

fn classes(loss: &'static str, outputs: &[f64], class: usize, value: f64, gradient: &[f64]) -> Row {
    let (outputs, gradient) = (outputs.to_vec(), gradient.to_vec());
    Row { loss, outputs, target: Expected::Class(class), value, gradient }
}

fn values(loss: &'static str, outputs: &[f64], target: &[f64], value: f64, gradient: &[f64]) -> Row {
    let (outputs, gradient) = (outputs.to_vec(), gradient.to_vec());
    Row { loss, outputs, target: Expected::Values(target.to_vec()), value, gradient }
}

fn loss<T: Scalar>(name: &str) -> Box<dyn Loss<T>> {
    let sum = Reduction::Sum;
    match name {
        "cross_entropy" => Box::new(CrossEntropy::new()),
        "smooth" => Box::new(CrossEntropy::new().with_label_smoothing(0.5).unwrap()),
        "weighted" => Box::new(CrossEntropy::new().with_class_weights(&[3.0, 0.0]).unwrap()),
        "binary" => Box::new(BinaryCrossEntropy::new().with_reduction(sum)),
        "binary times 3" => {
            let binary = BinaryCrossEntropy::new().with_reduction(sum);
            Box::new(binary.with_positive_weight(&[3.0]).unwrap())
        }
        "kl" => Box::new(KlDivergence::new()),
        "squared" => Box::new(MeanSquaredError::new().with_reduction(sum)),
        "absolute" => Box::new(MeanAbsoluteError::new().with_reduction(sum)),
        "huber" => Box::new(Huber::new(2.0).unwrap().with_reduction(sum)),
        _ => panic!("no loss {name}"),
    }
}

const LN_2: f64 = std::f64::consts::LN_2;

fn rows() -> Vec<Row> {
    // σ(−20) = e⁻²⁰/(1 + e⁻²⁰) and ln(1 + e⁻²⁰), to 16 digits.
    let (sigmoid, softplus) = (2.061_153_618_190_203_6e-9, 2.061_153_620_314_381e-9);
    vec![
        classes("cross_entropy", &[1e4, -1e4], 0, 0.0, &[0.0, 0.0]),
        classes("cross_entropy", &[1e4, -1e4], 1, 2e4, &[1.0, -1.0]),
        classes("cross_entropy", &[1e4, 1e4], 1, LN_2, &[0.5, -0.5]),
        classes("cross_entropy", &[-1e4, -1e4], 1, LN_2, &[0.5, -0.5]),
        classes("cross_entropy", &[1e38, -1e38], 0, 0.0, &[0.0, 0.0]),
        classes("cross_entropy", &[1e38, -1e38], 1, 2e38, &[1.0, -1.0]),
        classes("cross_entropy", &[800.0, 0.0, 0.0], 2, 800.0, &[1.0, 0.0, -1.0]),
        classes("cross_entropy", &[-800.0, 0.0, 0.0], 2, LN_2, &[0.0, 0.5, -0.5]),
        values("cross_entropy", &[1e4, -1e4], &[0.25, 0.75], 1.5e4, &[0.75, -0.75]),
        classes("smooth", &[1e4, -1e4], 0, 5e3, &[0.25, -0.25]),
        classes("smooth", &[1e4, -1e4], 1, 1.5e4, &[0.75, -0.75]),
        classes("weighted", &[-1e4, 1e4], 0, 2e4, &[-1.0, 1.0]),
        // Nothing counts: no mean, and no NaN.
        classes("weighted", &[1e4, -1e4], 1, 0.0, &[0.0, 0.0]),
        values("binary", &[1e4, -1e4], &[1.0, 0.0], 0.0, &[0.0, 0.0]),
        values("binary", &[1e4, -1e4], &[0.0, 1.0], 2e4, &[1.0, -1.0]),
        values("binary", &[1e4, -1e4], &[0.5, 0.5], 1e4, &[0.5, -0.5]),
        values("binary", &[1e38, -1e38], &[0.0, 1.0], 2e38, &[1.0, -1.0]),
        values("binary", &[800.0, -800.0], &[0.0, 1.0], 1600.0, &[1.0, -1.0]),
        // What is small is not lost beside 1.
        values("binary", &[-20.0], &[0.0], softplus, &[sigmoid]),
        values("binary", &[20.0], &[1.0], softplus, &[-sigmoid]),
        values("binary times 3", &[-1e4], &[1.0], 3e4, &[-3.0]),
        values("binary times 3", &[20.0], &[1.0], 3.0 * softplus, &[-3.0 * sigmoid]),
        values("kl", &[1e4, -1e4], &[1.0, 0.0], 0.0, &[0.0, 0.0]),
        values("kl", &[1e4, -1e4], &[0.0, 1.0], 2e4, &[1.0, -1.0]),
        values("kl", &[1e4, -1e4], &[0.5, 0.5], 1e4 - LN_2, &[0.5, -0.5]),
        values("kl", &[1e38, -1e38], &[0.0, 1.0], 2e38, &[1.0, -1.0]),
        values("squared", &[1e4, -1e4], &[-1e4, 1e4], 8e8, &[4e4, -4e4]),
        values("absolute", &[1e4, -1e4, 1.0], &[-1e4, 1e4, 1.0], 4e4, &[1.0, -1.0, 0.0]),
        values("huber", &[1e4, -1e4, 1.0], &[0.0, 0.0, 0.0], 2.0 * (2e4 - 2.0) + 0.5, &[2.0, -2.0, 1.0]),
    ]
}

fn to<T: Scalar>(values: &[f64]) -> Tensor<T> {
    Tensor::from_fn([1, values.len()], |i| T::of(values[i])).unwrap()
}

fn losses_are_stable<T: Scalar>(tolerance: f64) {
    for row in rows() {
        let (loss, outputs) = (loss::<T>(row.loss), to::<T>(&row.outputs));
        let mut gradient = to::<T>(&vec![f64::NAN; row.outputs.len()]);
        let (class, held);
        let target: Target<'_, T> = match row.target {
            Expected::Class(index) => {
                class = [index];
                (&class).into()
            }
            Expected::Values(values) => {
                held = to::<T>(&values);
                (&held).into()
            }
        };
        let text = format!("{} of {:?} in {}", row.loss, row.outputs, T::NAME);
        let value = loss.forward(outputs.view(), target).unwrap().as_f64();
        let close = |found: f64, expected: f64| {
            let off = (found - expected).abs();
            assert!(off <= tolerance * expected.abs(), "{text}: {found:e}, expected {expected:e}");
        };
        close(value, row.value);
        loss.backward(outputs.view(), target, gradient.view_mut()).unwrap();
        for (found, expected) in gradient.as_slice().iter().zip(&row.gradient) {
            close(found.as_f64(), *expected);
        }
        let each = loss.each(outputs.view(), target).unwrap();
        assert!(each.as_slice().iter().all(|value| value.is_finite()), "{text}: {each:?}");
    }
}

#[test]
fn losses_are_stable_where_exp_overflows() {
    losses_are_stable::<f32>(1e-6);
    losses_are_stable::<f64>(1e-14);
}

fn probabilities_are_stable<T: Scalar>() {
    let predict = |model: &Sequential<T>, x: &[f64]| {
        let found = model.predict(&to::<T>(x)).unwrap();
        found.as_slice().iter().map(|value| value.as_f64()).collect::<Vec<_>>()
    };
    let softmax = Sequential::builder([3]).softmax().build(&mut seeded(0)).unwrap();
    let log_softmax = Sequential::builder([3]).log_softmax().build(&mut seeded(0)).unwrap();
    for (x, probabilities, logarithms) in [
        ([1e4, -1e4, -1e4], [1.0, 0.0, 0.0], [0.0, -2e4, -2e4]),
        ([1e38, -1e38, 0.0], [1.0, 0.0, 0.0], [0.0, -2e38, -1e38]),
        ([800.0, 800.0, -800.0], [0.5, 0.5, 0.0], [-LN_2, -LN_2, -1600.0 - LN_2]),
        ([-1e4, -1e4, -2e4], [0.5, 0.5, 0.0], [-LN_2, -LN_2, -1e4 - LN_2]),
    ] {
        assert_eq!(predict(&softmax, &x), probabilities, "{x:?}, {}", T::NAME);
        for (found, expected) in predict(&log_softmax, &x).into_iter().zip(logarithms) {
            assert_relative_eq!(found, expected, max_relative = 1e-6);
        }
    }
    let third = predict(&softmax, &[1e4; 3]);
    assert!(third.iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-7), "{third:?}");
    let sum: f64 = predict(&softmax, &[3.0, -1.0, 0.5]).iter().sum();
    assert!((sum - 1.0).abs() < 1e-6);
}

#[test]
fn probabilities_are_stable_where_exp_overflows() {
    probabilities_are_stable::<f32>();
    probabilities_are_stable::<f64>();
}

const ACTIVATIONS: [Activation; 23] = [
    Activation::Relu,
    Activation::LeakyRelu { slope: -0.5 },
    Activation::Elu { alpha: 1.5 },
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Softplus,
    Activation::Relu6,
    Activation::HardTanh { min: -0.5, max: 0.5 },
    Activation::HardSigmoid { alpha: 0.2, beta: 0.5 },
    Activation::HardSwish,
    Activation::HardShrink { lambda: 0.05 },
    Activation::SoftShrink { lambda: 0.05 },
    Activation::TanhShrink,
    Activation::Threshold { threshold: 0.01, value: -0.5 },
    Activation::Celu { alpha: 0.5 },
    Activation::Selu,
    Activation::Mish,
    Activation::LogSigmoid,
    Activation::Softsign,
    Activation::ScaledSoftplus { beta: 2.0, threshold: 20.0 },
];

/// Every layer that comes after the product: outputs and gradients stay finite with weights of 1e4.
fn passes_are_finite<T: Scalar>() {
    let dense = || {
        let weight = Tensor::from_fn([1, 4], |i| T::of([1e4, -1e4, 100.0, -100.0][i])).unwrap();
        Sequential::builder([1]).layer(Dense::from_parts(&weight, None).unwrap())
    };
    let activations = ACTIVATIONS.into_iter().map(|activation| dense().activation(activation));
    for builder in activations.chain([dense().softmax(), dense().log_softmax()]) {
        let mut model = builder.build(&mut seeded(0)).unwrap();
        let (x, target) = (to::<T>(&[1.0]), to::<T>(&[0.5; 4]));
        let mut workspace = model.workspace(Mode::Train, 1).unwrap();
        let mut gradients = GradientStore::new(&mut model);
        let outputs = model.forward_pass(&x, &mut workspace).unwrap().to_tensor();
        assert!(outputs.as_slice().iter().all(|y| y.is_finite()), "{model:?}, {}: {outputs:?}", T::NAME);
        workspace.loss(&MeanAbsoluteError::new(), &target).unwrap();
        model.backward_pass(&x, &mut workspace, &mut gradients).unwrap();
        let gradient = gradients.get(model.param("0.weight").unwrap()).unwrap();
        assert!(gradient.as_slice().iter().all(|g| g.is_finite()), "{model:?}, {}: {gradient:?}", T::NAME);
    }
}

#[test]
fn passes_are_finite_where_exp_overflows() {
    passes_are_finite::<f32>();
    passes_are_finite::<f64>();
}

fn other_losses_are_finite<T: Scalar>() {
    let points = [1e4, -1e4, 100.0, -100.0, 17.0, -17.0, 0.0, 1.0];
    let outputs = Tensor::from_fn([8, 2], |i| T::of([points[i / 2], 0.5][i % 2])).unwrap();
    let sides = Tensor::from_fn([8, 2], |i| T::of([1.0, -1.0][(i + i / 2) % 2])).unwrap();
    let shares = sides.clone().map(|side| if side > T::zero() { T::one() } else { T::zero() });
    for gamma in [0.0, 0.3, 1.0, 2.0] {
        let binary = BinaryFocal::new().with_gamma(gamma).unwrap();
        let categorical = CategoricalFocal::new().with_gamma(gamma).unwrap();
        for loss in [&binary as &dyn Loss<T>, &categorical, &SoftMargin::new(), &LogCosh::new()] {
            // Shares for the losses of shares, sides for those of sides; values take both.
            let takes_sides = loss.check_target([8, 2].into(), (&sides).into()).is_ok();
            for target in [&sides, &shares].into_iter().skip(usize::from(!takes_sides)) {
                let mut gradient = Tensor::full([8, 2], T::nan()).unwrap();
                let value =
                    loss.value_and_gradient(outputs.view(), target.into(), gradient.view_mut()).unwrap();
                let slopes = gradient.as_slice();
                assert!(value.is_finite(), "{loss:?}, {}: {value}", T::NAME);
                assert!(slopes.iter().all(|slope| slope.is_finite()), "{loss:?}, {}: {slopes:?}", T::NAME);
            }
        }
    }
}

#[test]
fn other_losses_are_finite_where_exp_overflows() {
    other_losses_are_finite::<f32>();
    other_losses_are_finite::<f64>();
}

/// Losses, outputs and weights of some training.
fn train<T: Scalar>(
    activation: Activation,
    loss: impl Loss<T> + 'static,
    optimizer: Optimizer<T>,
) -> Vec<f64> {
    let builder = Sequential::<T>::builder([5]).dense(37).activation(activation).dropout(0.2).dense(3);
    let mut model = builder.build(&mut seeded(3)).unwrap();
    let mut trainer = Trainer::new(&mut model, loss, optimizer);
    let x = Tensor::from_fn([4, 5], |i| T::of((i % 7) as f64 / 4.0 - 0.75)).unwrap();
    let target = Tensor::from_fn([4, 3], |i| T::of((i % 5) as f64 / 8.0 + 0.1)).unwrap();
    let mut found: Vec<f64> = (0..5).map(|_| trainer.step(&x, &target).unwrap().as_f64()).collect();
    found.extend(model.predict(&x).unwrap().as_slice().iter().map(|y| y.as_f64()));
    model.params(&mut |param| found.extend(param.to_tensor().as_slice().iter().map(|w| w.as_f64())));
    found
}

fn agree<L: Loss<f32> + Loss<f64> + Clone + 'static, R: Rule<f32> + Rule<f64> + Clone + 'static>(
    loss: &L,
    rule: &R,
) {
    for activation in ACTIVATIONS {
        let single = train::<f32>(activation, loss.clone(), Optimizer::new(rule.clone()));
        let double = train::<f64>(activation, loss.clone(), Optimizer::new(rule.clone()));
        assert_eq!(single.len(), double.len());
        for (single, double) in single.iter().zip(&double) {
            let off = (single - double).abs();
            let bound = 1e-5 * (1.0 + double.abs());
            assert!(off < bound, "{activation:?}, {loss:?}, {rule:?}: {single}, {double}");
        }
    }
}

#[test]
fn single_and_double_precision_agree() {
    let sgd = Sgd::new(0.01).unwrap().with_momentum(0.9).unwrap();
    agree(&CrossEntropy::new(), &Adam::new(0.01).unwrap());
    agree(&CrossEntropy::new().with_label_smoothing(0.1).unwrap(), &sgd);
    agree(&BinaryCrossEntropy::new().with_positive_weight(&[3.0]).unwrap(), &sgd);
    agree(&KlDivergence::new(), &RmsProp::new(0.001).unwrap());
    agree(&MeanSquaredError::new(), &Adagrad::new(0.01).unwrap());
    agree(&MeanAbsoluteError::new(), &sgd);
    agree(&Huber::new(0.5).unwrap(), &AdamW::new(0.01).unwrap());
    agree(&LogCosh::new(), &NAdam::new(0.01).unwrap());
    agree(&BinaryFocal::new(), &Adamax::new(0.01).unwrap());
    agree(&CosineSimilarity::new(), &Asgd::new(0.01).unwrap().with_start(2.0).unwrap());
    agree(&CategoricalFocal::new(), &RAdam::new(0.01).unwrap());
    agree(&Poisson::new(), &Adadelta::new(0.1).unwrap());
}
