//! A step that fails leaves no trace: a training that goes on after it comes to the bits of one that has not failed.

use std::sync::atomic::{AtomicBool, Ordering};

use taper::layers::{Backward, Forward, GradientSink};
use taper::losses::CrossEntropy;
use taper::optimizers::{Adam, Clip};
use taper::schedules::Schedule;
use taper::train::{Dataset, Fit, Samples};
use taper::{Error, Layer, Optimizer, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, Trainer};

use super::{error, model, weights};

const SAMPLES: usize = 30;

fn inputs() -> Tensor<f32> {
    Tensor::from_fn([SAMPLES, 6], |i| ((i * 37) % 23) as f32 / 11.0 - 1.0).unwrap()
}

fn labels() -> Vec<usize> {
    (0..SAMPLES).map(|i| i * i % 3).collect()
}

/// Samples of which one cannot be read at first, or is far off.
struct Loose(Tensor<f32>, usize, AtomicBool, Option<f32>);

impl Samples<f32> for Loose {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn read(&self, index: usize, into: &mut [f32]) -> Result<()> {
        into.copy_from_slice(self.0.view().sample(index));
        if index != self.1 || !self.2.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.3 {
            Some(number) => into.fill(number),
            None => return Err(Error::other("bad sector")),
        }
        Ok(())
    }
}

#[test]
fn a_batch_that_fails_behind_others_of_its_step() {
    // Sample 17 is in the fourth batch of 5: the first of the second step with three batches each, the last of the first step with four.
    for (accumulation, far) in [(2, None), (3, None), (4, None), (4, Some(3e38)), (6, Some(3e38))] {
        let labels = labels();
        let mut trained = [true, false].map(|fails| {
            let samples = Loose(inputs(), 17, AtomicBool::new(fails), far);
            let data = Dataset::new(&samples, &labels).unwrap();
            let mut model = model(7);
            let before = weights(&model);
            let mut trainer =
                Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01).unwrap()))
                    .with_batch(5)
                    .unwrap()
                    .with_accumulation(accumulation)
                    .unwrap()
                    .with_schedule(Rates(false));
            let mut steps = Vec::new();
            if fails {
                let text = error(trainer.fit(
                    data,
                    Fit::epochs(1).in_order().after_step(|step, training| {
                        steps.push((step.number, weights(training.model())));
                        Ok(())
                    }),
                ));
                assert!(text.contains(if far.is_some() { "finite" } else { "bad sector" }), "{text}");
                let whole = 3 / accumulation;
                assert_eq!(steps.len(), whole);
                let last = steps.last().map_or(&before, |(_, weights)| weights);
                assert_eq!(&weights(trainer.model()), last, "as after the last step, with {accumulation}");
                let rate = if whole > 0 { 0.02 } else { 0.01 };
                assert_eq!(trainer.optimizer().learning_rate().to_bits(), f64::to_bits(rate));
                samples.2.store(false, Ordering::Relaxed);
            }
            if fails && accumulation < 4 {
                return None;
            }
            trainer.fit(data, Fit::epochs(2).in_order()).unwrap();
            Some(weights(trainer.model()))
        });
        if let [Some(failed), Some(alone)] = &mut trained {
            assert_eq!(failed, alone, "dropout and statistics go on as if nothing had been");
        }
    }
}

/// A schedule that may end in the third step.
#[derive(Debug)]
struct Rates(bool);

impl Schedule for Rates {
    fn learning_rate(&self, step: u64) -> f64 {
        if self.0 && step == 2 { f64::NAN } else { 0.02 }
    }
}

/// Passes everything on, and fails on the way back once it is told so.
#[derive(Debug, Clone)]
struct Gate(&'static AtomicBool);

impl Layer<f32> for Gate {
    fn kind(&self) -> &'static str {
        "gate"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        x: TensorView<'_, f32>,
        mut y: TensorViewMut<'_, f32>,
        _: &mut Forward<'_, f32>,
    ) -> Result<()> {
        y.as_mut_slice().copy_from_slice(x.as_slice());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Error::other("the gate is shut"));
        }
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
        }
        Ok(())
    }
}

#[test]
fn a_pass_back_that_fails_below_a_norm() {
    static IS_SHUT: AtomicBool = AtomicBool::new(false);
    let (inputs, labels) = (inputs(), labels());
    let model = Sequential::builder([6]).dense(8).layer(Gate(&IS_SHUT)).batch_norm().relu().dense(3);
    let mut model = model.build(&mut taper::seeded(7)).unwrap();
    // A limit of each norm keeps gradients in memory, so nothing moves before all of them are there.
    let optimizer = Optimizer::new(Adam::new(0.01).unwrap()).with_clip(Clip::Norm(0.5)).unwrap();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer).with_schedule(Rates(true));
    let step = |trainer: &mut Trainer<'_, f32>| error(trainer.step(&inputs, &labels[..]));
    assert_eq!(step(&mut trainer), "no error");
    let before = weights(trainer.model());
    IS_SHUT.store(true, Ordering::Relaxed);
    assert!(step(&mut trainer).ends_with("the gate is shut"));
    assert_eq!(weights(trainer.model()), before);
    IS_SHUT.store(false, Ordering::Relaxed);
    assert_eq!(step(&mut trainer), "no error");
    // The schedule's own error comes when the gradients are there.
    let before = weights(trainer.model());
    assert!(step(&mut trainer).contains("learning_rate"));
    assert_eq!(weights(trainer.model()), before);
    assert_eq!(trainer.optimizer().learning_rate().to_bits(), 0.02_f64.to_bits());
}
