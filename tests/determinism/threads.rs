//! One, two or eight threads: the same bits.

use std::sync::Arc;

use taper::layers::Window;
use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::{Adam, Clip, Sgd};
use taper::train::{Dataset, Fit};
use taper::{
    GradientStore, Layer, Mode, Optimizer, Parallelism, Scalar, Sequential, Tensor, Trainer, seeded,
};

use super::{all_layers, bits, inputs, random, weights};

const BATCH: usize = 8;

/// Wide enough that its products and updates are split: the first takes 2.7 million multiply-adds.
fn wide<T: Scalar>() -> Sequential<T> {
    let builder = Sequential::builder([640]).dense(529).relu().dropout(0.3).dense(3);
    builder.build(&mut seeded(7)).unwrap()
}

fn in_pool<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn infer_and_train<T: Scalar>(parallelism: Parallelism) -> (Vec<u64>, Vec<u64>, Vec<u64>) {
    let (mut model, x) = (wide::<T>(), random::<T>([BATCH, 640], 1));
    let labels: Vec<usize> = (0..BATCH).map(|sample| sample % 3).collect();
    let mut workspace = model.workspace(Mode::Infer, BATCH).unwrap().with_parallelism(parallelism);
    let outputs = bits(model.infer(&x, &mut workspace).unwrap().as_slice());
    let adam = Optimizer::new(Adam::new(0.01).unwrap()).with_clip(Clip::GlobalNorm(0.5)).unwrap();
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), adam).with_seed(3);
    let mut trainer = trainer.with_parallelism(parallelism);
    let losses: Vec<T> = (0..2).map(|_| trainer.step(&x, &labels).unwrap()).collect();
    (outputs, bits(&losses), weights(&model))
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let one = infer_and_train::<f32>(Parallelism::Threads(1));
    for threads in [1, 2, 8] {
        let found = in_pool(threads, || infer_and_train::<f32>(Parallelism::Pool));
        assert!(found == one, "{threads} threads");
    }
    let found = in_pool(8, || infer_and_train::<f32>(Parallelism::Threads(3)));
    assert!(found == one, "3 of 8 threads");
}

#[test]
fn any_number_of_threads_gives_the_same_bits_in_double_precision() {
    let one = in_pool(1, || infer_and_train::<f64>(Parallelism::Pool));
    assert!(in_pool(8, || infer_and_train::<f64>(Parallelism::Pool)) == one);
}

/// Wide enough that what is shared among threads at all is shared.
#[test]
fn every_layer_gives_the_same_bits() {
    let pass = |model: &Sequential<f32>| {
        let (mut model, x) = (model.clone(), inputs(model, 33, 1));
        let mut workspace = model.workspace(Mode::Train, 33).unwrap();
        let mut gradients = GradientStore::new(&mut model);
        let y = model.forward_pass(&x, &mut workspace).unwrap().to_tensor();
        workspace.loss(&MeanSquaredError::new(), &Tensor::zeros(y.shape()).unwrap()).unwrap();
        model.backward_pass(&x, &mut workspace, &mut gradients).unwrap();
        let mut found = bits(y.as_slice());
        model.params(&mut |param| {
            found.extend(gradients.get(param).iter().flat_map(|gradient| bits(gradient.as_slice())));
        });
        (found, weights(&model))
    };
    for (name, layer) in all_layers::layers(2051) {
        let sample = layer.input();
        let model = if layer.vocabulary().is_some() {
            layer
        } else {
            // What flows through the layer arrives at weights.
            let builder = Sequential::builder([3]).dense(sample.len()).reshape(sample).layer(layer);
            builder.build(&mut seeded(1)).unwrap()
        };
        let one = in_pool(1, || pass(&model));
        assert!(in_pool(8, || pass(&model)) == one, "{name}");
    }
}

/// A mask is seen where dropout meets ones. It depends on the seed and the step, and not on threads.
#[test]
fn dropout_masks_do_not_depend_on_threads() {
    let model = Sequential::<f32>::builder([100_000]).dropout(0.5).build(&mut seeded(0)).unwrap();
    let ones = Tensor::full([2, 100_000], 1.0).unwrap();
    let masks = |seed: u64| {
        let mut workspace = model.workspace(Mode::Train, 2).unwrap();
        workspace.set_random(seed, 0);
        [0, 1].map(|_| bits(model.forward_pass(&ones, &mut workspace).unwrap().as_slice()))
    };
    let first = in_pool(1, || masks(7));
    assert!(in_pool(8, || masks(7)) == first);
    assert!(masks(7) == first);
    assert!(first[0] != first[1], "each step has a mask of its own");
    assert!(masks(8)[0] != first[0], "each seed has masks of its own");
}

/// Convolutions share out positions forward, images or positions for dx, and taps or channels for dW.
#[test]
fn convolutions_give_the_same_bits() {
    const BATCH: usize = 6;
    let train = || {
        let strided = Window::new(3).with_stride(2);
        let builder = Sequential::<f32>::builder([40, 41, 3]).conv2d(24, 3).relu().conv2d(48, strided).tanh();
        let builder = builder.conv2d(64, 1).relu().conv2d(32, 3).groups(4).batch_norm();
        let builder = builder.conv2d(7, Window::new(3).with_padding(1)).flatten().dense(3);
        let mut model = builder.build(&mut seeded(7)).unwrap();
        let (x, labels) = (random::<f32>([BATCH, 40, 41, 3], 1), vec![1; BATCH]);
        let outputs = bits(model.predict(&x).unwrap().as_slice());
        let mut trainer =
            Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Sgd::new(0.5).unwrap()));
        trainer.step(&x, &labels).unwrap();
        trainer.step(&x, &labels).unwrap();
        (outputs, weights(&model))
    };
    let expected = in_pool(1, train);
    for threads in [2, 3, 8] {
        assert!(in_pool(threads, train) == expected, "other bits on {threads} threads");
    }
}

/// A thread's taps may take more room than all of them do: rows of 1024 bytes are packed, those of 1280 are not.
#[test]
fn a_part_of_the_taps_has_room() {
    let step = || {
        let builder = Sequential::<f32>::builder([12, 12, 832]).conv2d(208, [1, 5]).groups(13);
        let mut model = builder.global_avg_pool2d().dense(3).build(&mut seeded(7)).unwrap();
        let (x, labels) = (random::<f32>([6, 12, 12, 832], 1), vec![1; 6]);
        let optimizer = Optimizer::new(Sgd::new(0.5).unwrap());
        Trainer::new(&mut model, CrossEntropy::new(), optimizer).step(&x, &labels).unwrap();
        weights(&model)
    };
    assert!(in_pool(16, step) == in_pool(1, step));
}

/// Pools and transpositions are split over samples here. The gradients that flow through them reach the dense layer.
#[test]
fn pools_give_the_same_bits() {
    const BATCH: usize = 17;
    let train = || {
        let window = |size: usize| Window::new(size).with_stride(1).with_padding(1);
        let builder = Sequential::<f32>::builder([2]).dense(19 * 64 * 65).reshape([19, 64, 65]);
        let builder = builder.channels_last().max_pool2d(window(3)).avg_pool2d(window(2)).dropout2d(0.2);
        let builder = builder.channels_first().channels_last().global_avg_pool2d().dense(3);
        let mut model = builder.build(&mut seeded(7)).unwrap();
        let (x, labels) = (random::<f32>([BATCH, 2], 1), vec![1; BATCH]);
        let outputs = bits(model.predict(&x).unwrap().as_slice());
        let mut trainer =
            Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Sgd::new(0.5).unwrap()));
        trainer.step(&x, &labels).unwrap();
        (outputs, weights(&model))
    };
    let one = in_pool(1, train);
    for threads in [2, 8] {
        assert!(in_pool(threads, train) == one, "{threads} threads");
    }
}

#[test]
fn one_model_serves_many_threads() {
    let model = Arc::new(wide::<f32>());
    let expected = Arc::new(model.predict(&random([BATCH, 640], 1)).unwrap());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (model, expected) = (Arc::clone(&model), Arc::clone(&expected));
            std::thread::spawn(move || {
                let mut workspace = model.workspace(Mode::Infer, BATCH).unwrap();
                for _ in 0..3 {
                    let outputs = model.infer(&random([BATCH, 640], 1), &mut workspace).unwrap();
                    assert!(bits(outputs.as_slice()) == bits(expected.as_slice()));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Large enough that sums over the batch, what comes of them, and rows are split.
fn normalised<T: Scalar>(parallelism: Parallelism) -> (Vec<u64>, Vec<u64>) {
    let builder = Sequential::<T>::builder([40, 40, 9]).batch_norm().layer_norm().relu();
    let mut model = builder.batch_norm().flatten().dense(3).build(&mut seeded(3)).unwrap();
    let x = random::<T>([50, 40, 40, 9], 4);
    let labels: Vec<usize> = (0..50).map(|sample| sample % 3).collect();
    let sgd = Optimizer::new(Sgd::new(0.1).unwrap());
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd).with_parallelism(parallelism);
    let losses: Vec<T> = (0..2).map(|_| trainer.step(&x, &labels).unwrap()).collect();
    (bits(&losses), weights(&model))
}

#[test]
fn normalisations_do_not_depend_on_threads() {
    let one = normalised::<f32>(Parallelism::Threads(1));
    for threads in [2, 8] {
        assert!(in_pool(threads, || normalised::<f32>(Parallelism::Pool)) == one, "{threads} threads");
    }
    let one = normalised::<f64>(Parallelism::Threads(1));
    assert!(in_pool(8, || normalised::<f64>(Parallelism::Pool)) == one);
}

/// Fitting shuffles, gathers and evaluates: all of it the same in a pool and out of it.
#[test]
fn fitting_gives_the_same_bits() {
    let (inputs, labels) = (random::<f32>([50, 64], 2), (0..50).map(|i| i % 3).collect::<Vec<_>>());
    let fit = || {
        let builder = Sequential::builder([64]).dense(600).relu().dropout(0.1).dense(3);
        let mut model = builder.build(&mut seeded(1)).unwrap();
        let sgd = Optimizer::new(Sgd::new(0.1).unwrap().with_momentum(0.9).unwrap());
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd).with_seed(5);
        let data = Dataset::new(&inputs, &labels).unwrap();
        let history = trainer.fit(data, Fit::epochs(2).with_validation(data)).unwrap();
        let losses: Vec<f64> = history.epochs.iter().map(|epoch| epoch.train.loss).collect();
        (bits(&losses), weights(&model))
    };
    let one = in_pool(1, fit);
    assert!(in_pool(8, fit) == one);
    assert!(fit() == one);
}
