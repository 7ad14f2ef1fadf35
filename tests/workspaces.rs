//! Workspaces that outlive a model or are shared by threads.

use std::sync::{Arc, RwLock};
use std::thread;

use taper::losses::MeanSquaredError;
use taper::sequential::WorkspacePool;
use taper::{GradientStore, Mode, Sequential, Tensor, seeded};

fn model(seed: u64) -> Sequential<f32> {
    let inner = Sequential::builder([30]).relu().dense(20).build(&mut seeded(seed + 100)).unwrap();
    let builder =
        Sequential::builder([4, 5]).flatten().dense(30).layer(inner).dropout(0.5).dense(3).softmax();
    builder.build(&mut seeded(seed)).unwrap()
}

fn samples(batch: usize) -> Tensor<f32> {
    Tensor::from_fn([batch, 4, 5], |i| (i % 17) as f32 / 17.0 - 0.3).unwrap()
}

#[test]
fn a_workspace_serves_every_model_of_the_same_layers() {
    let (first, x) = (model(1), samples(3));
    for mode in [Mode::Infer, Mode::Train] {
        let mut workspace = first.workspace(mode, 3).unwrap();
        for other in [&model(2), &first.clone(), &first, &model(3)] {
            assert_eq!(other.infer(&x, &mut workspace).unwrap(), other.predict(&x).unwrap().view());
        }
    }
}

#[cfg(feature = "safetensors")]
#[test]
fn a_workspace_serves_a_model_that_was_opened() {
    use taper::io::Save;

    let (first, x) = (model(1), samples(3));
    let mut workspace = first.workspace(Mode::Infer, 3).unwrap();
    let opened = Sequential::<f32>::open_bytes(&first.to_bytes(&Save::new()).unwrap()).unwrap();
    assert_eq!(opened.infer(&x, &mut workspace).unwrap(), first.predict(&x).unwrap().view());
}

#[test]
fn a_workspace_serves_no_model_of_other_layers() {
    let build = |width: usize, reshape: bool| {
        let builder = Sequential::<f32>::builder([4, 5]);
        let builder = if reshape { builder.reshape([20]) } else { builder.flatten() };
        builder.dense(width).dense(3).build(&mut seeded(1)).unwrap()
    };
    let mut workspace = build(30, false).workspace(Mode::Infer, 3).unwrap();
    for other in [build(29, false), build(31, false), build(30, true), model(1)] {
        let error = other.infer(&samples(3), &mut workspace).unwrap_err();
        assert_eq!(error.to_string(), "workspace: expected one made for this model, got another model's");
    }
}

/// A backward pass of another model would be wrong without a word.
#[test]
fn a_training_pass_stays_with_its_model() {
    let (mut first, mut second, x) = (model(1), model(2), samples(3));
    let mut gradients = GradientStore::new(&mut first);
    let mut workspace = first.workspace(Mode::Train, 3).unwrap();
    let target = Tensor::zeros([3, 3]).unwrap();
    second.forward_pass(&x, &mut workspace).unwrap();
    workspace.loss(&MeanSquaredError::new(), &target).unwrap();
    first.backward_pass(&x, &mut workspace, &mut gradients).unwrap_err();
    // The error has changed nothing.
    second.backward_pass(&x, &mut workspace, &mut gradients).unwrap();
}

#[test]
fn threads_share_workspaces_up_to_a_bound_while_the_model_is_exchanged() {
    let models = [model(1), model(2)].map(Arc::new);
    let current = RwLock::new(Arc::clone(&models[0]));
    let pool = WorkspacePool::new(&models[0], 4, 2).unwrap();
    thread::scope(|scope| {
        for number in 0..6 {
            let (models, current, pool) = (&models, &current, &pool);
            scope.spawn(move || {
                // More samples than a workspace holds, too.
                let x = samples(number + 1);
                let expected = [0, 1].map(|model| models[model].predict(&x).unwrap());
                let mut outputs = Tensor::zeros([number + 1, 3]).unwrap();
                for round in 0..200 {
                    let model = Arc::clone(&current.read().unwrap());
                    pool.infer(&model, &x, &mut outputs).unwrap();
                    assert!(outputs == expected[usize::from(Arc::ptr_eq(&model, &models[1]))]);
                    if number == 0 && round % 20 == 0 {
                        *current.write().unwrap() = Arc::clone(&models[round / 20 % 2]);
                    }
                }
            });
        }
    });
    assert!((1..=2).contains(&pool.made()), "{} workspaces", pool.made());
}

#[test]
fn what_fails_gives_its_workspace_back() {
    let (model, x) = (model(1), samples(2));
    let pool = WorkspacePool::new(&model, 2, 1).unwrap();
    let wrong = Sequential::<f32>::builder([4, 5]).flatten().dense(3).build(&mut seeded(1)).unwrap();
    let mut outputs = Tensor::zeros([2, 3]).unwrap();
    for _ in 0..3 {
        pool.infer(&wrong, &x, &mut outputs).unwrap_err();
        assert_eq!(outputs, Tensor::zeros([2, 3]).unwrap());
    }
    pool.infer(&model, &x, &mut outputs).unwrap();
    assert_eq!(outputs, model.predict(&x).unwrap());
    assert_eq!(pool.made(), 1);
}
