//! Models with paths side by side: what holds for a model holds for those inside of it.

use taper::layers::{Dropout, Window};
use taper::losses::MeanSquaredError;
use taper::optimizers::Sgd;
use taper::sequential::{Branches, Builder, Join};
use taper::train::{Dataset, Fit};
use taper::{GradientStore, Layer, Mode, Optimizer, Scalar, Sequential, Tensor, Trainer, seeded};

use super::{error, weights};

fn same() -> Window {
    Window::new(3).with_padding(1)
}

/// Two residual blocks, the second with a short way of its own, and a fire module.
fn deep<T: Scalar>(seed: u64) -> Sequential<T> {
    let block = |outputs: usize| {
        move |block: Builder<T>| {
            let block = block.conv2d(outputs, same()).without_bias().named("conv1").batch_norm().relu();
            block.dropout(0.2).conv2d(outputs, same()).named("conv2").batch_norm()
        }
    };
    Sequential::builder([4, 5, 2])
        .residual(block(2))
        .named("block1")
        .relu()
        .residual_with_shortcut(block(3), |short| short.conv2d(3, 1).batch_norm())
        .named("block2")
        .relu()
        .branches(Join::Concat, |paths| {
            paths.path(|path| path.conv2d(2, 1).relu()).path(|path| path.conv2d(3, same()).relu()).input()
        })
        .named("fire")
        .global_avg_pool2d()
        .dense(3)
        .named("fc")
        .build(&mut seeded(seed))
        .unwrap()
}

fn pictures<T: Scalar>(batch: usize) -> Tensor<T> {
    Tensor::from_fn([batch, 4, 5, 2], |i| T::of(((i * 37 + 11) % 101) as f64 / 50.0 - 0.997)).unwrap()
}

fn frozen<T: Scalar>(model: &Sequential<T>) -> Vec<String> {
    let mut names = Vec::new();
    model.params(&mut |param| {
        if param.is_frozen() && !param.is_statistic() {
            names.push(param.name().to_owned());
        }
    });
    names
}

#[test]
fn names_lead_into_branches_and_models() {
    let mut model = deep::<f32>(1);
    for (name, axes) in [
        ("block1.conv1.weight", &[3, 3, 2, 2][..]),
        ("block1.1.running_mean", &[2]),
        ("block2.shortcut.0.weight", &[1, 1, 2, 3]),
        ("block2.shortcut.1.bias", &[3]),
        ("fire.1.0.bias", &[3]),
        ("fc.weight", &[8, 3]),
    ] {
        assert_eq!(model.param(name).unwrap().shape().axes(), axes, "{name}");
        assert_eq!(model.param_mut(name).unwrap().name(), name);
    }
    model.freeze("block1.conv2").unwrap();
    assert_eq!(frozen(&model), ["block1.conv2.weight", "block1.conv2.bias"]);
    model.freeze("block2.shortcut").unwrap();
    model.unfreeze("block1").unwrap();
    assert_eq!(frozen(&model).len(), 4);
    model.unfreeze("block2.shortcut.1").unwrap();
    assert_eq!(frozen(&model), ["block2.shortcut.0.weight", "block2.shortcut.0.bias"]);
    for name in ["block1.con", "block1.conv2.weight", "block", "", "block1.", "nothing"] {
        let text = error(model.freeze(name));
        assert!(text.starts_with("name of a layer with parameters: expected one of `block1`, `block2`, `fire`, `fc`, `block1.conv1`"), "{text}");
    }
    assert_eq!(frozen(&model).len(), 2);

    let inner = Sequential::<f32>::builder([3]).dense(3).named("a").dense(3).build(&mut seeded(1)).unwrap();
    let mut outer = Sequential::builder([3]).layer(inner).named("inner").build(&mut seeded(1)).unwrap();
    outer.freeze("inner.a").unwrap();
    assert_eq!(frozen(&outer), ["inner.a.weight", "inner.a.bias"]);
}

/// The layers draw from one generator in their order, as if they stood one behind another.
#[test]
fn paths_are_initialised_in_order() {
    let plain = Sequential::<f64>::builder([4]).dense(4).dense(5).dense(4).dense(4).dense(3);
    let branched = Sequential::<f64>::builder([4]).dense(4);
    let branched =
        branched.residual_with_shortcut(|long| long.dense(5).dense(4), |short| short.dense(4)).dense(3);
    let [plain, branched] = [plain, branched].map(|builder| builder.build(&mut seeded(5)).unwrap());
    assert!(weights(&plain) == weights(&branched));
}

/// Gradients go to what learns, and what is frozen stays to the byte, also where a path is frozen as a whole or the rest is.
#[test]
fn what_is_frozen_in_a_path_stays() {
    for layers in [
        &["block1"][..],
        &["block2.shortcut", "fire"],
        &["block1", "block2.conv1", "block2.1"],
        &["block1", "block2", "fire"],
    ] {
        let mut model = deep::<f64>(3);
        layers.iter().for_each(|layer| model.freeze(layer).unwrap());
        let before = model.clone();
        let sgd = Optimizer::new(Sgd::new(0.1).unwrap());
        let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), sgd);
        let target = Tensor::full([4, 3], 0.7).unwrap();
        let losses = [0, 1, 2].map(|_| trainer.step(&pictures(4), &target).unwrap());
        assert!(losses[2] < losses[0], "{losses:?}");
        before.params(&mut |before| {
            let name = before.name();
            let is_frozen = layers.iter().any(|layer| name.starts_with(&format!("{layer}.")));
            let is_same = model.param(name).unwrap().to_tensor() == before.to_tensor();
            // A bias before a normalisation has no effect.
            let is_right = if is_frozen { is_same } else { !is_same || name.ends_with("bias") };
            assert!(before.is_statistic() || is_right, "{name} with {layers:?} frozen");
        });
    }
}

/// A path draws random numbers of its own.
#[test]
fn dropouts_in_two_paths_drop_different_elements() {
    let dropout = || Dropout::new(0.5).unwrap();
    let model = Sequential::<f32>::builder([64]).branches(Join::Concat, |paths| {
        paths.path(|path| path.layer(dropout())).path(|path| path.layer(dropout()))
    });
    let model = model.build(&mut seeded(1)).unwrap();
    let mut workspace = model.workspace(Mode::Train, 1).unwrap();
    let ones = Tensor::full([1, 64], 1.0).unwrap();
    let outputs = model.forward_pass(&ones, &mut workspace).unwrap();
    let (left, right) = outputs.as_slice().split_at(64);
    assert!(left != right && left.contains(&0.0) && right.contains(&0.0));
}

#[test]
fn normalisations_and_dropouts_inside_are_left_out_for_inference() {
    let mut model = deep::<f64>(4);
    let sgd = Optimizer::new(Sgd::new(0.05).unwrap());
    let target = Tensor::full([5, 3], 0.3).unwrap();
    Trainer::new(&mut model, MeanSquaredError::new(), sgd).step(&pictures(5), &target).unwrap();
    let lean = model.for_inference().unwrap();
    let mut statistics = 0;
    lean.params(&mut |param| statistics += usize::from(param.is_statistic()));
    assert_eq!(statistics, 0);
    assert!(lean.param("block1.conv1.bias").is_ok(), "{lean:?}");
    assert!(!lean.summary().to_string().contains("dropout"));
    let (expected, found) = (model.predict(&pictures(3)).unwrap(), lean.predict(&pictures(3)).unwrap());
    for (expected, found) in expected.as_slice().iter().zip(found.as_slice()) {
        assert!((expected - found).abs() < 1e-12, "{expected} {found}");
    }
    // A path that does nothing else is the input.
    let nothing = Sequential::<f64>::builder([3]).residual(|block| block.dropout(0.5).named("drop"));
    let nothing = nothing.build(&mut seeded(1)).unwrap().for_inference().unwrap();
    let mut workspace = nothing.workspace(Mode::Train, 1).unwrap();
    let x = Tensor::from([[1.0, 2.0, 3.0]]);
    assert_eq!(nothing.forward_pass(&x, &mut workspace).unwrap().as_slice(), [2.0, 4.0, 6.0]);
}

#[test]
fn inner_layers_are_indented_in_the_summary() {
    let builder =
        Sequential::<f32>::builder([4]).residual(|block| block.dense(3).named("fc1").dense(4)).named("block");
    let builder = builder
        .branches(Join::Concat, |paths| paths.path(|path| path.dense(2)).named("head").input().named("rest"));
    let model = builder.build(&mut seeded(1)).unwrap();
    let summary = model.summary();
    let expected = "\
name        layer                   output  parameters    share  multiply-adds  bytes
            input                   [4]
block       branches of 2, add      [4]             31   75.6 %             24    124
  fc1       dense 4 -> 3            [3]             15   36.6 %             12     60
  1         dense 3 -> 4            [4]             16   39.0 %             12     64
  shortcut  input                   [4]              0    0.0 %              0      0
1           branches of 2, concat   [6]             10   24.4 %              8     40
  head      sequential of 1 layers  [2]             10   24.4 %              8     40
    0       dense 4 -> 2            [2]             10   24.4 %              8     40
  rest      input                   [4]              0    0.0 %              0      0
            total                                   41  100.0 %             32    164
";
    assert_eq!(summary.to_string(), expected);
    assert_eq!((summary.parameters(), model.parameters()), (41, 41));
    assert_eq!(summary.rows[0].inner.len(), 3);
}

/// Inference keeps nothing: many blocks take the memory of one.
#[test]
fn memory_for_inference_does_not_grow_with_depth() {
    let of_blocks = |blocks: usize| {
        let builder = Sequential::<f32>::builder([16, 16, 8]);
        let add = |builder: Builder<f32>, _| {
            builder.residual(|block| block.conv2d(8, same()).relu().conv2d(8, same())).relu()
        };
        (0..blocks).fold(builder, add).build(&mut seeded(1)).unwrap()
    };
    let bytes = |blocks: usize| of_blocks(blocks).workspace(Mode::Infer, 4).unwrap().bytes();
    assert_eq!(bytes(12), bytes(3));
    // Two buffers between layers, two in a block, one of scratch each.
    let image = 4 * 16 * 16 * 8 * size_of::<f32>();
    let conv = Sequential::<f32>::builder([16, 16, 8]).conv2d(8, same()).build(&mut seeded(1)).unwrap();
    let conv = conv.workspace(Mode::Infer, 4).unwrap().bytes() - image;
    assert!(bytes(3) <= conv + 5 * image + 4096, "{} for {conv} and images of {image}", bytes(3));
}

#[cfg(feature = "safetensors")]
#[test]
fn branches_come_back_from_a_file() {
    use taper::io::{Load, Save};

    let mut model = deep::<f32>(6);
    model.freeze("block1.conv2").unwrap();
    let bytes = model.to_bytes(&Save::new()).unwrap();
    let opened = Sequential::<f32>::open_bytes(&bytes).unwrap();
    assert!(weights(&opened) == weights(&model));
    assert_eq!((frozen(&opened), opened.summary()), (frozen(&model), model.summary()));
    assert_eq!(opened.predict(&pictures(2)).unwrap(), model.predict(&pictures(2)).unwrap());
    let mut other = deep::<f32>(7);
    other.load_bytes(&bytes, &Load::new()).unwrap();
    assert!(weights(&other) == weights(&model));
}

/// One class of [`Branches`] is made by hand of models that there are.
#[test]
fn branches_of_models() {
    let path = |outputs: usize, seed| {
        Sequential::<f64>::builder([3]).dense(outputs).build(&mut seeded(seed)).unwrap()
    };
    let branches =
        Branches::new(Join::Concat, [("a", Some(path(2, 1))), ("b", Some(path(2, 2))), ("x", None)]).unwrap();
    let paths: Vec<_> = branches.paths().map(|(name, model)| (name.to_owned(), model.is_some())).collect();
    assert_eq!(paths, [("a".to_owned(), true), ("b".to_owned(), true), ("x".to_owned(), false)]);
    assert_eq!((branches.join(), branches.describe()), (Join::Concat, "branches of 3, concat".to_owned()));
    let model = Sequential::builder([3]).layer(branches).named("both").build(&mut seeded(0)).unwrap();
    let x = Tensor::from([[0.1, 0.2, 0.3]]);
    let expected = [path(2, 1).predict(&x).unwrap(), path(2, 2).predict(&x).unwrap(), x.clone()];
    let expected: Vec<f64> = expected.iter().flat_map(|part| part.as_slice().to_vec()).collect();
    assert_eq!(model.predict(&x).unwrap().as_slice(), expected);
    assert!(model.param("both.b.0.weight").is_ok());
    let residual = Branches::residual_with_shortcut(path(2, 1), path(2, 2)).unwrap();
    assert_eq!(format!("{residual:?}").matches("Sequential [3] -> [2]").count(), 2);
}

/// What a path takes as words, all of it is.
#[test]
fn words_are_checked_in_paths() {
    let model = Sequential::<f32>::builder([2]).branches(Join::Concat, |paths| {
        let paths = paths.path(|path| path.embedding(9, 2).flatten());
        paths.path(|path| path.embedding(5, 3).flatten())
    });
    let mut model = model.build(&mut seeded(1)).unwrap();
    assert_eq!(model.vocabulary(), Some(5));
    let (x, target) = (Tensor::from([[0.0, 4.0], [5.0, 1.0]]), Tensor::zeros([2, 10]).unwrap());
    let sgd = Optimizer::new(Sgd::new(0.1).unwrap());
    let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), sgd);
    let text = error(trainer.fit(Dataset::new(&x, &target).unwrap(), Fit::epochs(1)));
    assert_eq!(text, "input at [1, 0]: expected a whole number from 0 to 4, got 5");
}

/// The same gradients by a store as by a sink that applies them at once.
#[test]
fn a_part_of_a_model_ends_at_its_branches() {
    let model = deep::<f32>(8);
    let (body, head) = model.split_at("fire").unwrap();
    let features = body.features(&pictures(2)).unwrap();
    assert_eq!(head.predict(&features).unwrap(), model.predict(&pictures(2)).unwrap());
    let mut head = head;
    let mut gradients = GradientStore::new(&mut head);
    let mut workspace = head.workspace(Mode::Train, 2).unwrap();
    head.forward_pass(&features, &mut workspace).unwrap();
    workspace.loss(&MeanSquaredError::new(), &Tensor::zeros([2, 3]).unwrap()).unwrap();
    head.backward_pass(&features, &mut workspace, &mut gradients).unwrap();
    assert!(gradients.get(head.param("fire.1.0.weight").unwrap()).is_some());
}
