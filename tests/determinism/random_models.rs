//! All ways through a model come to the same numbers, whatever its layers: models of any layers that fit, on any shapes, from a row of
//! bytes that chooses them.

use taper::layers::{Padding, Sides, Window};
use taper::losses::MeanSquaredError;
use taper::optimizers::Sgd;
use taper::sequential::{Builder, Join};
use taper::{
    Activation, GradientStore, Layer, Mode, Optimizer, Parallelism, Scalar, Sequential, Shape, Tensor,
    Trainer, seeded,
};

use super::{bits, random};

/// Bytes, one for each choice, and zeros when they are used up.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    /// One of the numbers below `count`.
    fn of(&mut self, count: usize) -> usize {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(first) % count
    }
}

/// What adds a layer to a builder: the same one however often it is called.
type Addition<T> = Box<dyn Fn(Builder<T>) -> Builder<T>>;

fn boxed<T: Scalar>(add: impl Fn(Builder<T>) -> Builder<T> + 'static) -> Addition<T> {
    Box::new(add)
}

const ACTIVATIONS: [Activation; 12] = [
    Activation::Relu,
    Activation::Relu6,
    Activation::LeakyRelu { slope: 0.1 },
    Activation::HardSwish,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Softplus,
    Activation::Elu { alpha: 1.0 },
    Activation::Selu,
];

/// A window of 1 to 4 by 1 to 4, with any stride, dilation and padding.
fn window(choices: &mut Choices) -> Window {
    let kernel = [choices.of(4) + 1, choices.of(4) + 1];
    let stride = [1, 1, 2, 3][choices.of(4)];
    let dilation = [1, 1, 1, 2][choices.of(4)];
    let padding = match choices.of(5) {
        0 | 1 => Padding::Valid,
        2 => Padding::Same,
        3 => Padding::SameLower,
        _ => Padding::Border(Sides::from(kernel.map(|side| side / 2))),
    };
    let window = Window::new(kernel).with_stride(stride).with_dilation(dilation).with_padding(padding);
    if choices.of(5) == 4 { window.with_ceil_mode() } else { window }
}

/// Some layer. It need not fit the shape before it.
fn addition<T: Scalar>(choices: &mut Choices, depth: usize) -> Addition<T> {
    let outputs = [1, 2, 3, 4, 5, 8, 12, 16, 17, 24, 32, 33, 64, 65][choices.of(14)];
    match choices.of(if depth < 2 { 24 } else { 21 }) {
        0 | 1 => boxed(move |builder| builder.dense(outputs)),
        2 => boxed(move |builder| builder.dense(outputs).without_bias()),
        3..=5 => {
            let activation = ACTIVATIONS[choices.of(ACTIVATIONS.len())];
            boxed(move |builder| builder.activation(activation))
        }
        6..=8 => {
            let (window, groups) = (window(choices), [1, 1, 1, 2, 4][choices.of(5)]);
            boxed(move |builder| builder.conv2d(outputs, window).groups(groups))
        }
        9 => {
            let window = window(choices);
            boxed(move |builder| builder.conv_transpose2d(outputs, window))
        }
        10 => {
            let window = window(choices);
            boxed(move |builder| builder.max_pool2d(window))
        }
        11 => {
            let window = window(choices);
            boxed(move |builder| builder.avg_pool2d(window))
        }
        12 => boxed(Builder::batch_norm),
        13 => boxed(Builder::layer_norm),
        14 => boxed(|builder| builder.group_norm(2)),
        15 => boxed(Builder::instance_norm),
        16 => boxed(Builder::rms_norm),
        17 => boxed(Builder::flatten),
        18 => {
            let kind = choices.of(4);
            boxed(move |builder| match kind {
                0 => builder.global_avg_pool2d(),
                1 => builder.adaptive_avg_pool2d([2, 1]),
                2 => builder.adaptive_max_pool2d([1, 2]),
                _ => builder.prelu(),
            })
        }
        19 => boxed(|builder| builder.dropout(0.5)),
        20 => {
            let kind = choices.of(5);
            boxed(move |builder| match kind {
                0 => builder.glu(),
                1 => builder.softmax(),
                2 => builder.log_softmax(),
                3 => builder.channels_last(),
                _ => builder.channels_first(),
            })
        }
        21 => {
            let block = additions::<T>(choices, depth + 1);
            boxed(move |builder| builder.residual(|inner| block.iter().fold(inner, |inner, add| add(inner))))
        }
        kind => {
            let join = if kind == 22 { Join::Add } else { Join::Concat };
            let (first, second) = (additions::<T>(choices, depth + 1), additions::<T>(choices, depth + 1));
            boxed(move |builder| {
                let add_all =
                    |path, additions: &[Addition<T>]| additions.iter().fold(path, |path, add| add(path));
                builder.branches(join, |paths| {
                    paths.path(|path| add_all(path, &first)).path(|path| add_all(path, &second)).input()
                })
            })
        }
    }
}

fn additions<T: Scalar>(choices: &mut Choices, depth: usize) -> Vec<Addition<T>> {
    (0..=choices.of(3)).map(|_| addition(choices, depth)).collect()
}

/// A model of the layers that fit. None where none does.
fn model<T: Scalar>(choices: &mut Choices, seed: u64) -> Option<Sequential<T>> {
    let side = |choices: &mut Choices| [1, 2, 3, 4, 6, 7, 9, 12, 16][choices.of(9)];
    let input: Shape = match choices.of(4) {
        0 => [side(choices) * side(choices) + choices.of(3)].into(),
        1 => [side(choices), side(choices)].into(),
        _ => [side(choices), side(choices), [1, 2, 3, 4, 8, 16, 20][choices.of(7)]].into(),
    };
    let mut fitting: Vec<Addition<T>> = Vec::new();
    let mut shape = input;
    for _ in 0..=choices.of(7) {
        let next = addition(choices, 0);
        if let Ok(piece) = next(Sequential::builder(shape)).build(&mut seeded(seed))
            && piece.output().len() <= 1 << 14
            && piece.multiply_adds(&shape) <= 1 << 24
        {
            shape = piece.output();
            fitting.push(next);
        }
    }
    if fitting.is_empty() {
        return None;
    }
    let builder = fitting.iter().fold(Sequential::builder(input), |builder, add| add(builder));
    Some(builder.build(&mut seeded(seed)).expect("layers that fit one by one"))
}

/// The layers of a model as a model each.
fn pieces<T: Scalar>(model: &Sequential<T>) -> Vec<Sequential<T>> {
    let names: Vec<String> = model.layers().skip(1).map(|(name, _)| name.to_owned()).collect();
    let (mut rest, mut pieces) = (model.clone(), Vec::new());
    for name in names {
        let (piece, others) = rest.split_at(&name).unwrap();
        pieces.push(piece);
        rest = others;
    }
    pieces.push(rest);
    pieces
}

/// The outputs of a training pass and the gradient of each parameter; none where a pass is refused.
fn gradient_bits<T: Scalar>(
    model: &mut Sequential<T>,
    x: &Tensor<T>,
    target: &Tensor<T>,
    threads: usize,
) -> Option<Vec<Vec<u64>>> {
    let batch = x.shape().axes()[0];
    let mut workspace =
        model.workspace(Mode::Train, batch).ok()?.with_parallelism(Parallelism::Threads(threads));
    workspace.set_random(3, 5);
    let mut store = GradientStore::new(model).with_parallelism(Parallelism::Threads(threads));
    let outputs = bits(model.forward_pass(x, &mut workspace).ok()?.as_slice());
    workspace.loss(&MeanSquaredError::new(), target).ok()?;
    model.backward_pass(x, &mut workspace, &mut store).unwrap();
    let mut gradients = vec![outputs];
    model.params(&mut |param| {
        if let Some(gradient) = store.get(param) {
            gradients.push(bits(gradient.as_slice()));
        }
    });
    Some(gradients)
}

/// All ways through a model come to what its layers come to one after another. The fuzz target `passes` calls it as well.
///
/// # Panics
/// Where they do not.
pub(crate) fn check<T: Scalar>(bytes: &[u8], tolerance: f64) -> bool {
    let choices = &mut Choices(bytes);
    let batch = choices.of(9) + 1;
    let threads = choices.of(4) + 1;
    let Some(mut model) = model::<T>(choices, 7) else { return false };
    let x = random::<T>(model.input().with_batch(batch).unwrap(), 1);
    // Statistics and weights that are not those of the beginning.
    let target = random::<T>(model.output().with_batch(batch).unwrap(), 2);
    if choices.of(2) == 1 {
        let mut trained = model.clone();
        let mut trainer =
            Trainer::new(&mut trained, MeanSquaredError::new(), Optimizer::new(Sgd::new(1e-3).unwrap()));
        let done = trainer.step(&x, &target);
        drop(trainer);
        if done.is_ok() {
            model = trained;
        }
    }
    let about = format!("{}batch {batch}, {threads} threads", model.summary());

    let plain = pieces(&model).iter().fold(x.clone(), |x, piece| piece.predict(&x).unwrap());
    let expected = bits(plain.as_slice());
    assert_eq!(bits(model.predict(&x).unwrap().as_slice()), expected, "predict: {about}");
    let mut workspace =
        model.workspace(Mode::Infer, batch).unwrap().with_parallelism(Parallelism::Threads(threads));
    assert_eq!(bits(model.infer(&x, &mut workspace).unwrap().as_slice()), expected, "infer: {about}");

    // Each sample by itself.
    let single = model.input().with_batch(1).unwrap();
    let alone: Vec<u64> = x
        .view()
        .samples()
        .flat_map(|sample| {
            bits(model.predict(&Tensor::from_vec(single, sample.to_vec()).unwrap()).unwrap().as_slice())
        })
        .collect();
    assert_eq!(alone, expected, "sample by sample: {about}");

    // Models in a model.
    let nested = |model: &Sequential<T>| {
        let mut builder = Sequential::builder(model.input());
        let middle =
            model.layers().nth(model.len() / 2).map(|(name, _)| name.to_owned()).filter(|_| model.len() > 1);
        match middle {
            Some(name) => {
                let (first, second) = model.split_at(&name).unwrap();
                builder = builder.layer(first).layer(second);
            }
            None => builder = builder.layer(model.clone()),
        }
        builder.build(&mut seeded(0)).unwrap()
    };
    let mut inside = nested(&model);
    assert_eq!(bits(inside.predict(&x).unwrap().as_slice()), expected, "nested: {about}");

    // Normalisations folded.
    let folded = model.for_inference().unwrap().predict(&x).unwrap();
    let largest = plain.as_slice().iter().fold(1.0_f64, |largest, y| largest.max(y.as_f64().abs()));
    if largest.is_finite() {
        for (found, expected) in folded.as_slice().iter().zip(plain.as_slice()) {
            let (found, expected) = (found.as_f64(), expected.as_f64());
            assert!((found - expected).abs() <= tolerance * largest, "folded: {found} {expected}: {about}");
        }
    }

    // Training: any number of threads, and nested. Dropout goes by the place of a layer, which nesting changes.
    let gradients = gradient_bits(&mut model, &x, &target, 1);
    assert_eq!(gradient_bits(&mut model, &x, &target, threads), gradients, "gradients: {about}");
    let drops = about.contains("dropout");
    if !drops {
        assert_eq!(gradient_bits(&mut inside, &x, &target, threads), gradients, "nested gradients: {about}");
    }
    true
}

/// Models of which each choice is a byte of a generator; some more of them with `TAPER_RANDOM_MODELS`, a range of seeds.
#[test]
fn all_ways_through_random_models_agree() {
    use rand::Rng;
    let range = std::env::var("TAPER_RANDOM_MODELS").unwrap_or_else(|_| "0-100".to_owned());
    let (first, end) = range.split_once('-').expect("a range of seeds as 0-100");
    let (first, end): (u64, u64) = (first.parse().unwrap(), end.parse().unwrap());
    let mut checked = 0;
    for seed in first..end {
        let mut rng = taper::seeded(seed);
        let bytes: Vec<u8> = (0..96).map(|_| rng.next_u64() as u8).collect();
        let failed = std::panic::catch_unwind(|| {
            let ran = check::<f32>(&bytes, 1e-3);
            check::<f64>(&bytes, 1e-9);
            ran
        });
        checked += u64::from(failed.unwrap_or_else(|_| panic!("the model of seed {seed}")));
    }
    assert!(checked > (end - first) / 2, "{checked} models of {}", end - first);
}
