//! Gradients applied as they come, against gradients in memory.

use taper::layers::{Backward, Forward, GradientSink, Whole};
use taper::losses::MeanSquaredError;
use taper::optimizers::{Adam, Clip, MovingAverage, Sgd};
use taper::{
    GradientStore, Layer, Mode, Optimizer, Parallelism, Param, Result, Scalar, Sequential, Shape, Tensor,
    TensorView, TensorViewMut, Trainer, seeded,
};

use super::{optimizers, random, weights};

const BATCHES: [usize; 4] = [5, 1, 3, 5];

/// Weights of several blocks and of less than one, with panels that are not full; a layer that is frozen, and
/// parameters with shares of their own.
fn model<T: Scalar>() -> Sequential<T> {
    let builder = Sequential::builder([45]).dense(70).named("fc1").tanh().dense(7).named("fc2").relu();
    let mut model = builder.dense(9).named("fc3").dense(3).named("fc4").build(&mut seeded(7)).unwrap();
    model.freeze("fc2").unwrap();
    model.param_mut("fc1.weight").unwrap().set_learning_rate_scale(0.3).unwrap();
    model.param_mut("fc3.bias").unwrap().set_weight_decay_scale(0.0).unwrap();
    model
}

/// The weights and their average after each step, with gradients in memory or without.
fn train<T: Scalar>(mut optimizer: Optimizer<T>, applied: bool, parallelism: Parallelism) -> Vec<Vec<u64>> {
    let mut model = model::<T>();
    let mut average = MovingAverage::new(&model, 0.9).unwrap();
    let mut workspace = model.workspace(Mode::Train, 5).unwrap().with_parallelism(parallelism);
    let mut gradients = GradientStore::new(&mut model).with_parallelism(parallelism);
    let mut found = Vec::new();
    for (step, batch) in (0..).zip(BATCHES) {
        let (x, target) = (random::<T>([batch, 45], step), random::<T>([batch, 3], step + 50));
        model.forward_pass(&x, &mut workspace).unwrap();
        workspace.loss(&MeanSquaredError::new(), &target).unwrap();
        if applied {
            let apply = optimizer.apply(&model).unwrap().with_parallelism(parallelism);
            let mut apply = apply.with_average(&mut average, &model).unwrap();
            model.backward_pass(&x, &mut workspace, &mut apply).unwrap();
            apply.finish(&model).unwrap();
        } else {
            model.backward_pass(&x, &mut workspace, &mut gradients).unwrap();
            optimizer.step(&mut model, &mut gradients).unwrap();
            average.update(&model).unwrap();
        }
        found.push(weights(&model));
        average.swap(&mut model).unwrap();
        found.push(weights(&model));
        average.swap(&mut model).unwrap();
    }
    found
}

fn applied_gradients_give_the_same_bits<T: Scalar>() {
    for clip in [None, Some(Clip::Value(0.01))] {
        let with_clip = |optimizer: Optimizer<T>| match clip {
            Some(clip) => optimizer.with_clip(clip).unwrap(),
            None => optimizer,
        };
        for ((name, stored), (_, applied)) in optimizers::<T>().into_iter().zip(optimizers()) {
            let stored = train(with_clip(stored), false, Parallelism::Threads(1));
            let applied = train(with_clip(applied), true, Parallelism::Pool);
            assert!(stored == applied, "{name}, {clip:?}, {}", T::NAME);
        }
    }
}

#[test]
fn applied_gradients_give_the_same_bits_in_single_precision() {
    applied_gradients_give_the_same_bits::<f32>();
}

#[test]
fn applied_gradients_give_the_same_bits_in_double_precision() {
    applied_gradients_give_the_same_bits::<f64>();
}

/// A weight large enough to be shared out among threads.
#[test]
fn blocks_on_several_threads_give_the_same_bits() {
    let train = |adam: bool, parallelism: Parallelism| {
        let mut model = Sequential::<f32>::builder([500]).dense(900).build(&mut seeded(1)).unwrap();
        let optimizer = if adam {
            Optimizer::new(Adam::new(0.01).unwrap())
        } else {
            Optimizer::new(Sgd::new(0.01).unwrap())
        };
        let trainer = Trainer::new(&mut model, MeanSquaredError::new(), optimizer);
        let mut trainer = trainer.with_parallelism(parallelism);
        for step in 0..2 {
            trainer.step(&random([16, 500], step), &random([16, 900], step + 9)).unwrap();
        }
        weights(&model)
    };
    for adam in [false, true] {
        let one = train(adam, Parallelism::Threads(1));
        for threads in [2, 3] {
            assert!(train(adam, Parallelism::Threads(threads)) == one, "{threads} threads, adam {adam}");
        }
    }
}

/// The trainer measures gradients without computing them; by hand, they are computed and measured.
fn a_global_limit_gives_the_same_step<T: Scalar>(tolerance: f64) {
    for (limit, batch) in [(0.05, 5), (0.05, 1), (0.05, 40), (1e9, 5)] {
        let optimizer = || Optimizer::new(Sgd::new(1.0).unwrap()).with_clip(Clip::GlobalNorm(limit)).unwrap();
        let (mut measured, mut computed) = (model::<T>(), model::<T>());
        let mut trainer = Trainer::new(&mut measured, MeanSquaredError::new(), optimizer());
        let mut workspace = computed.workspace(Mode::Train, batch).unwrap();
        let mut gradients = GradientStore::new(&mut computed);
        let mut by_hand = optimizer();
        for step in 0..3 {
            let (x, target) = (random::<T>([batch, 45], step), random::<T>([batch, 3], step + 50));
            trainer.step(&x, &target).unwrap();
            computed.forward_pass(&x, &mut workspace).unwrap();
            workspace.loss(&MeanSquaredError::new(), &target).unwrap();
            computed.backward_pass(&x, &mut workspace, &mut gradients).unwrap();
            by_hand.step(&mut computed, &mut gradients).unwrap();
        }
        let start = model::<T>();
        for name in ["fc1.weight", "fc1.bias", "fc3.weight", "fc4.weight", "fc4.bias"] {
            let values = |model: &Sequential<T>| model.param(name).unwrap().to_tensor().into_vec();
            let (start, measured, computed) = (values(&start), values(&measured), values(&computed));
            let mut moved = 0.0_f64;
            for ((start, measured), computed) in start.iter().zip(&measured).zip(&computed) {
                let off = (*measured - *computed).as_f64().abs();
                moved = moved.max((*measured - *start).as_f64().abs());
                assert!(off < tolerance, "{name}, limit {limit}, batch {batch}: off by {off:e}");
            }
            assert!(moved > 100.0 * tolerance, "{name} has not moved");
        }
    }
}

#[test]
fn a_global_limit_gives_the_same_step_in_single_precision() {
    a_global_limit_gives_the_same_step::<f32>(1e-6);
}

#[test]
fn a_global_limit_gives_the_same_step_in_double_precision() {
    a_global_limit_gives_the_same_step::<f64>(1e-14);
}

/// Adds a number that is learned, and hands out its gradient as often as it was told.
#[derive(Debug, Clone)]
struct Shift<T> {
    by: Param<T>,
    gradients: usize,
}

impl<T: Scalar> Layer<T> for Shift<T> {
    fn kind(&self) -> &'static str {
        "shift"
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }
    fn forward(&self, x: TensorView<T>, mut y: TensorViewMut<T>, _: &mut Forward<T>) -> Result<()> {
        let by = self.by.buffer()[0];
        x.as_slice().iter().zip(y.as_mut_slice()).for_each(|(&x, y)| *y = x + by);
        Ok(())
    }
    fn backward(&mut self, pass: Backward<T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let sum: T = pass.dy.as_slice().iter().copied().sum();
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
        }
        (0..self.gradients).try_for_each(|_| sink.take(&mut self.by, &Whole(&[sum])))
    }
    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        visit(&self.by);
    }
    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        visit(&mut self.by);
    }
}

#[test]
fn a_gradient_that_is_missing_or_repeated_changes_nothing() {
    for (gradients, expected) in [
        (
            0,
            "parameter `1.by`: expected a gradient, got none since the last step; freeze it, or hand its gradient to the sink in `backward`",
        ),
        (
            2,
            "layer 1 `1` (shift): parameter `1.by`: expected one gradient in a pass that applies gradients at once, got another",
        ),
    ] {
        let shift = Shift { by: Param::new("by", &Tensor::from([0.5])), gradients };
        let builder = Sequential::<f64>::builder([5]).dense(3).layer(shift).dense(3);
        let mut model = builder.build(&mut seeded(7)).unwrap();
        let before = weights(&model);
        let sgd = Optimizer::new(Sgd::new(0.1).unwrap());
        let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), sgd);
        let error = trainer.step(&random([4, 5], 1), &random([4, 3], 2)).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(weights(&model), before);
    }
}

#[test]
fn what_cannot_be_applied_is_an_error() {
    let model = model::<f32>();
    for clip in [Clip::Norm(1.0), Clip::GlobalNorm(1.0)] {
        let mut optimizer = Optimizer::new(Sgd::new(0.1).unwrap()).with_clip(clip).unwrap();
        let error = optimizer.apply(&model).unwrap_err().to_string();
        let expected = "clip: expected no limit or one for each element, for gradients that are applied as they come, got";
        assert_eq!(error, format!("{expected} {clip:?}"));
    }
    let mut optimizer = Optimizer::new(Sgd::new(0.1).unwrap());
    optimizer.apply(&model).unwrap();
    let other = Sequential::<f32>::builder([4]).dense(3).build(&mut seeded(1)).unwrap();
    let mut average = MovingAverage::new(&other, 0.9).unwrap();
    let with_average = optimizer.apply(&model).unwrap().with_average(&mut average, &other).map(drop);
    let finish = optimizer.apply(&model).unwrap().finish(&other);
    for result in [optimizer.apply(&other).map(drop), with_average, finish] {
        assert_eq!(
            result.unwrap_err().to_string(),
            "parameter `0.weight`: expected one that the optimizer was made for, got another"
        );
    }
}
