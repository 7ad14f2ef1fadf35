//! A sample's output does not depend on its company.

use taper::losses::{CrossEntropy, Loss, MeanSquaredError};
use taper::optimizers::Sgd;
use taper::{
    Activation, GradientStore, Mode, Optimizer, Parallelism, Scalar, Sequential, Tensor, Trainer, seeded,
};

use super::{all_layers, bits, inputs, narrow, random, weights};

/// A model of widths that depend on the number, so that all edges of panels and row tiles are met.
fn model<T: Scalar>(case: usize) -> Sequential<T> {
    let widths = [1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97];
    let width = |i: usize| widths[(case * 5 + i * 3) % widths.len()];
    let activation = [Activation::Relu, Activation::Gelu, Activation::Tanh, Activation::Softplus][case % 4];
    let builder = Sequential::builder([width(0)]).dense(width(1)).activation(activation);
    let builder = if case.is_multiple_of(3) { builder.softmax() } else { builder };
    builder.dropout(0.5).dense(width(2)).log_softmax().build(&mut seeded(case as u64)).unwrap()
}

fn a_sample_has_the_same_bits_in_any_batch<T: Scalar>() {
    let models = (0..26).map(|case| (format!("model {case}"), model::<T>(case)));
    let layers = [1, 4, 17, 37].into_iter().flat_map(all_layers::layers::<T>);
    for (name, model) in models.chain(layers) {
        let (own, len) = (inputs(&model, 1, 3), model.input().len());
        let alone = bits(model.predict(&own).unwrap().as_slice());
        for batch in [2, 3, 7, 8, 9, 16, 17, 33] {
            let mut x = inputs(&model, batch, 99);
            for place in [0, batch / 2, batch - 1] {
                let before = x.view().sample(place).to_vec();
                let run = place * len..(place + 1) * len;
                x.as_mut_slice()[run.clone()].copy_from_slice(own.as_slice());
                let outputs = model.predict(&x).unwrap();
                let found = bits(outputs.view().sample(place));
                assert_eq!(found, alone, "{name}, {}, place {place} of {batch}", T::NAME);
                x.as_mut_slice()[run].copy_from_slice(&before);
            }
        }
    }
}

#[test]
fn a_sample_has_the_same_bits_in_any_batch_in_single_precision() {
    a_sample_has_the_same_bits_in_any_batch::<f32>();
}

#[test]
fn a_sample_has_the_same_bits_in_any_batch_in_double_precision() {
    a_sample_has_the_same_bits_in_any_batch::<f64>();
}

/// A workspace that is larger than the batch, or was used before, makes no difference; nor does the mode, where
/// there is no dropout.
#[test]
fn the_workspace_makes_no_difference() {
    let model = narrow::<f32>();
    let x = random([3, 5], 1);
    let expected = bits(model.predict(&x).unwrap().as_slice());
    for (mode, capacity) in [(Mode::Infer, 3), (Mode::Infer, 50), (Mode::Train, 3), (Mode::Train, 50)] {
        let workspace = model.workspace(mode, capacity).unwrap();
        let mut workspace = workspace.with_parallelism(Parallelism::Threads(1));
        model.infer(&random([3, 5], 2), &mut workspace).unwrap();
        assert_eq!(bits(model.infer(&x, &mut workspace).unwrap().as_slice()), expected);
        if mode == Mode::Train {
            assert_eq!(bits(model.forward_pass(&x, &mut workspace).unwrap().as_slice()), expected);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let train = |seed: u64, order: u64| {
        let builder = Sequential::<f32>::builder([5]).dense(37).relu().dropout(0.5).dense(3);
        let mut model = builder.build(&mut seeded(seed)).unwrap();
        let sgd = Optimizer::new(Sgd::new(0.1).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd).with_seed(order);
        for step in 0..5 {
            trainer.step(&random([4, 5], step), &[0, 1, 2, 0]).unwrap();
        }
        weights(&model)
    };
    assert_eq!(train(7, 1), train(7, 1));
    assert_ne!(train(7, 1), train(8, 1));
    assert_ne!(train(7, 1), train(7, 2), "dropout follows the trainer's seed");
}

/// Backward passes add up: over parts of a batch, each by its share, to the gradient of the whole.
#[test]
fn micro_batches_add_up_to_the_large_batch() {
    let (x, target) = (random::<f64>([10, 5], 1), random::<f64>([10, 3], 2));
    let mut model = narrow::<f64>();
    let mut workspace = model.workspace(Mode::Train, 10).unwrap();
    let mut gradients = |parts: &[usize]| {
        let mut store = GradientStore::new(&mut model);
        let mut start = 0;
        for &part in parts {
            let rows = |tensor: &Tensor<f64>, width: usize| {
                Tensor::from_slice([part, width], &tensor.as_slice()[start * width..][..part * width])
                    .unwrap()
            };
            let (x, target) = (rows(&x, 5), rows(&target, 3));
            model.forward_pass(&x, &mut workspace).unwrap();
            workspace.loss(&MeanSquaredError::new(), &target).unwrap();
            let (_, mut gradient) = workspace.outputs_and_gradient().unwrap();
            gradient.as_mut_slice().iter_mut().for_each(|g| *g *= part as f64 / 10.0);
            model.backward_pass(&x, &mut workspace, &mut store).unwrap();
            start += part;
        }
        ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
            .map(|name| store.get(model.param(name).unwrap()).unwrap().into_vec())
    };
    let whole = gradients(&[10]);
    for parts in [&[5, 5][..], &[1; 10], &[3, 3, 4]] {
        for (found, expected) in gradients(parts).iter().flatten().zip(whole.iter().flatten()) {
            assert!((found - expected).abs() <= 1e-12, "{parts:?}: {found}, expected {expected}");
        }
    }
}

#[test]
fn a_mean_loss_is_the_mean_of_the_samples() {
    let (outputs, labels) = (random::<f64>([7, 4], 3), [0, 1, 2, 3, 0, 1, 2]);
    let loss = CrossEntropy::new();
    let mean: f64 = loss.forward(outputs.view(), (&labels).into()).unwrap();
    let each = loss.each(outputs.view(), (&labels).into()).unwrap();
    assert!((mean - each.as_slice().iter().sum::<f64>() / 7.0).abs() < 1e-15);
}
