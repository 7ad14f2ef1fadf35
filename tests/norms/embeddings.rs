//! Embeddings that learn.

use taper::layers::Embedding;
use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::{Clip, Sgd, WeightDecay};
use taper::{GradientStore, Mode, Optimizer, Sequential, Tensor, Trainer, seeded};

use super::{bits, numbers, sgd, values};

/// Numbers as a tensor of words, and a model over them.
fn words() -> (Tensor<f32>, Sequential<f32>) {
    let embedding = Embedding::new(300, 5, &mut seeded(3)).unwrap().with_padding(2).unwrap();
    let builder = Sequential::builder([7]).layer(embedding).named("words").flatten();
    let model = builder.dense(3).named("fc").build(&mut seeded(4)).unwrap();
    (Tensor::from_fn([4, 7], |i| ((i * 53 + i / 9) % 11 * 29 % 300) as f32).unwrap(), model)
}

/// Applied as they come, in blocks that begin anywhere in a row, gradients give the bits of those in memory.
#[test]
fn rows_learn_the_same_with_and_without_gradients_in_memory() {
    for decay in [WeightDecay::None, WeightDecay::Decoupled(0.1), WeightDecay::Coupled(0.1)] {
        for momentum in [0.0, 0.9] {
            let rule = || Sgd::new(0.1).unwrap().with_momentum(momentum).unwrap();
            let optimizer = || Optimizer::<f32>::new(rule().with_weight_decay(decay).unwrap());
            let (x, mut applied) = words();
            let (_, mut stored) = words();
            let (mut first, mut second) = (optimizer(), optimizer());
            let mut store = GradientStore::new(&mut stored);
            let target = numbers([4, 3], 9, 0.0, 1.0);
            let mut workspaces = [&applied, &stored].map(|model| model.workspace(Mode::Train, 4).unwrap());
            for _ in 0..3 {
                applied.forward_pass(&x, &mut workspaces[0]).unwrap();
                workspaces[0].loss(&MeanSquaredError::new(), &target).unwrap();
                let mut apply = first.apply(&applied).unwrap();
                applied.backward_pass(&x, &mut workspaces[0], &mut apply).unwrap();
                apply.finish(&applied).unwrap();
                stored.forward_pass(&x, &mut workspaces[1]).unwrap();
                workspaces[1].loss(&MeanSquaredError::new(), &target).unwrap();
                stored.backward_pass(&x, &mut workspaces[1], &mut store).unwrap();
                second.step(&mut stored, &mut store).unwrap();
                assert_eq!(bits(&applied, "words.weight"), bits(&stored, "words.weight"));
            }
        }
    }
}

#[test]
fn the_row_of_padding_stays_and_the_norm_is_that_of_the_gradient() {
    let (mut x, mut model) = words();
    x.as_mut_slice()[..10].fill(2.0);
    let before = values(&model, "words.weight");
    let limited = sgd().with_clip(Clip::GlobalNorm(0.01)).unwrap();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), limited);
    trainer.step(&x, &[0, 1, 2, 0]).unwrap();
    let after = values(&model, "words.weight");
    assert_eq!(after[10..15], [0.0; 5]);
    // A step of plain descent along a gradient of length 0.01.
    let (mut square, mut moved) = (0.0, Vec::new());
    let (_, untouched) = words();
    for (name, after) in ["fc.weight", "fc.bias"].map(|name| (name, values(&model, name))) {
        moved.extend(after.iter().zip(values(&untouched, name)).map(|(a, b)| f64::from(a - b)));
    }
    moved.extend(after.iter().zip(&before).map(|(a, b)| f64::from(a - b)));
    square += moved.iter().map(|by| by * by).sum::<f64>();
    assert!((square.sqrt() / (0.05 * 0.01) - 1.0).abs() < 1e-3, "{}", square.sqrt());
}
