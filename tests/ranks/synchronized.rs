//! Batch normalisation over the whole batch: what k ranks compute with it is what one computes.

use taper::layers::{
    Backward, BatchNorm, Channels, Conv2d, Forward, GradientSink, Memory, Mode, Momentum, Param,
};
use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::{Adam, Sgd};
use taper::sequential::Builder;
use taper::train::{Communicator, Dataset, Fit, Threads};
use taper::{Layer, Optimizer, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, Trainer};

use super::{all_of, inputs, labels, off, weights};

/// In batches of 7 the last one has 2: of three ranks one has none of them.
const SAMPLES: usize = 44;

#[derive(Clone, Copy)]
struct Case {
    build: fn(Builder<f64>) -> Builder<f64>,
    optimizer: fn() -> Optimizer<f64>,
    accumulation: usize,
    batch: usize,
    epochs: usize,
}

const CASE: Case = Case {
    // A bias in front of a norm has a gradient of nothing but rounding errors, which Adam would make large.
    build: |model| {
        let model = model.dense(16).without_bias().batch_norm().relu();
        model.dense(9).without_bias().batch_norm().tanh().dense(3)
    },
    optimizer: || Optimizer::new(Adam::new(0.01).unwrap()),
    accumulation: 1,
    batch: 7,
    epochs: 9,
};

/// The weights and statistics after a training on this rank, or alone.
fn train(case: Case, rank: Option<Threads>) -> Vec<f64> {
    let (inputs, labels) = (inputs(SAMPLES), labels(SAMPLES));
    let mut model = (case.build)(Sequential::builder([6])).build(&mut taper::seeded(7)).unwrap();
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), (case.optimizer)())
        .with_batch(case.batch)
        .unwrap()
        .with_accumulation(case.accumulation)
        .unwrap()
        .with_synchronized_batch_norm();
    if let Some(rank) = rank {
        trainer = trainer.with_communicator(rank);
    }
    trainer.fit(Dataset::new(&inputs, &labels).unwrap(), Fit::epochs(case.epochs)).unwrap();
    weights(trainer.model())
}

fn check(name: &str, case: Case) {
    let alone = train(case, None);
    for size in 1..=3 {
        let ranks = all_of(size, move |rank| train(case, Some(rank)));
        let again = all_of(size, move |rank| train(case, Some(rank)));
        assert_eq!(ranks, again, "{name}: the same bits in another run");
        for own in &ranks {
            assert_eq!(own, &ranks[0], "{name}: the same bits on all of {size} ranks");
            assert!(off(own, &alone) <= 1e-12, "{name} on {size} ranks: off by {:e}", off(own, &alone));
        }
    }
}

#[test]
fn sixty_steps_are_those_of_one_rank() {
    let momentum = || Optimizer::new(Sgd::new(0.05).unwrap().with_momentum(0.9).unwrap());
    check("adam", CASE);
    check("momentum", Case { optimizer: momentum, ..CASE });
    check("accumulation", Case { accumulation: 3, epochs: 3, ..CASE });
}

#[test]
fn gradients_are_those_of_one_rank() {
    // A step of plain descent at a rate of 1 moves each weight by its gradient.
    let descent = || Optimizer::new(Sgd::new(1.0).unwrap());
    check("descent", Case { optimizer: descent, batch: SAMPLES, epochs: 1, ..CASE });
    // More channels than go in one sum.
    let wide = |model: Builder<f64>| model.dense(600).batch_norm().silu().dense(3);
    check("wide", Case { build: wide, optimizer: descent, batch: SAMPLES, epochs: 1, ..CASE });
    // What lies in front of the first layer that learns.
    let first = |model: Builder<f64>| model.layer(BatchNorm::new(6).unwrap().without_affine()).dense(3);
    check("first", Case { build: first, optimizer: descent, ..CASE });
}

#[test]
fn layers_inside_and_images() {
    let inside = |model: Builder<f64>| {
        let inner = Sequential::builder([8]).dense(8).without_bias().batch_norm();
        let inner = inner.build(&mut taper::seeded(3)).unwrap();
        model
            .dense(8)
            .tanh()
            .residual(|block| block.dense(8).without_bias().batch_norm().gelu())
            .layer(inner)
            .dense(3)
    };
    check("inside", Case { build: inside, epochs: 3, ..CASE });
    let images = |model: Builder<f64>| {
        let convolution = Conv2d::new(Channels::new(2, 5), 2, &mut taper::seeded(4)).unwrap();
        let norm = BatchNorm::new(5).unwrap().with_momentum(Momentum::Cumulative).unwrap();
        model.dense(24).reshape([3, 4, 2]).layer(convolution).tanh().layer(norm).relu().flatten().dense(3)
    };
    check("images", Case { build: images, epochs: 3, ..CASE });
}

#[test]
fn parts_may_have_a_single_value_and_batches_not() {
    // Of three ranks two have a sample each.
    check("single values", Case { batch: 4, epochs: 2, ..CASE });
    let errors = all_of(2, |rank| {
        let (inputs, labels, own) = (inputs(9), labels(9), rank.rank());
        let mut model = (CASE.build)(Sequential::builder([6])).build(&mut taper::seeded(7)).unwrap();
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), (CASE.optimizer)())
            .with_batch(4)
            .unwrap()
            .with_synchronized_batch_norm()
            .with_communicator(rank);
        let error = trainer.fit(Dataset::new(&inputs, &labels).unwrap(), Fit::epochs(1)).unwrap_err();
        // By hand it is found in the pass: rank 1 has the only sample.
        let samples = Tensor::from_vec([own, 6], vec![0.5; 6 * own]).unwrap();
        let by_hand = trainer.step(&samples, &vec![0; own][..]).unwrap_err();
        (error.to_string(), by_hand.to_string())
    });
    let expected = "batch: expected at least 2 values a channel in training, where the running variance is unbiased, got 1";
    for (error, by_hand) in &errors {
        assert!(error.starts_with("rank 0: last batch of an epoch, 1 of 9 samples"), "{error}");
        assert!(error.ends_with(expected), "{error}");
        assert!(by_hand.starts_with("rank 1: ") && by_hand.ends_with(expected), "{by_hand}");
    }
}

#[test]
fn steps_by_hand_are_those_of_one_rank() {
    let step = |samples: &[usize], rank: Option<Threads>| {
        let all = inputs(SAMPLES);
        let values: Vec<f64> =
            samples.iter().flat_map(|&sample| all.view().sample(sample).to_vec()).collect();
        let targets = Tensor::from_fn([samples.len(), 3], |i| (samples[i / 3] % 5) as f64).unwrap();
        let mut model = (CASE.build)(Sequential::builder([6])).build(&mut taper::seeded(7)).unwrap();
        let mut trainer = Trainer::new(&mut model, MeanSquaredError::new(), (CASE.optimizer)())
            .with_synchronized_batch_norm();
        if let Some(rank) = rank {
            trainer = trainer.with_communicator(rank);
        }
        let values = Tensor::from_vec([samples.len(), 6], values).unwrap();
        for _ in 0..5 {
            trainer.step(&values, &targets).unwrap();
        }
        weights(trainer.model())
    };
    let alone = step(&[1, 2, 3, 4, 5, 6], None);
    let ranks = all_of(3, move |rank| {
        let parts: [&[usize]; 3] = [&[1], &[2, 3, 4, 5, 6], &[]];
        step(parts[rank.rank()], Some(rank))
    });
    for own in &ranks {
        assert_eq!(own, &ranks[0]);
        assert!(off(own, &alone) <= 1e-12, "{:e}", off(own, &alone));
    }
}

#[test]
fn a_setting_of_one_rank_is_told() {
    let errors = all_of(2, |rank| {
        let is_other = rank.rank() == 1;
        let mut model = (CASE.build)(Sequential::builder([6])).build(&mut taper::seeded(7)).unwrap();
        let trainer = Trainer::new(&mut model, CrossEntropy::new(), (CASE.optimizer)());
        let trainer = if is_other { trainer.with_synchronized_batch_norm() } else { trainer };
        assert_eq!(trainer.synchronizes_batch_norm(), is_other);
        let mut trainer = trainer.with_communicator(rank);
        trainer.step(&inputs(4), &labels(4)[..]).unwrap_err().to_string()
    });
    let expected = "rank 1: expected `synchronized batch norm: false`, as rank 0 has it, got `synchronized batch norm: true`";
    assert_eq!(errors, [expected; 2]);
}

/// When a layer of one's own does not do as on the other ranks, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Forward,
    Backward,
    PanicForward,
    PanicBackward,
    /// It leaves out the layer inside.
    Skips,
}

/// A normalisation that may fail behind it, forward and backward.
#[derive(Debug, Clone)]
struct Faulty(BatchNorm<f64>, Option<Fault>);

impl Layer<f64> for Faulty {
    fn kind(&self) -> &'static str {
        "faulty"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.0.output_shape(input)
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        Layer::memory(&self.0, input, batch, mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, f64>,
        mut y: TensorViewMut<'_, f64>,
        context: &mut Forward<'_, f64>,
    ) -> Result<()> {
        match self.1.filter(|_| context.mode == Mode::Train) {
            Some(Fault::Skips) => {
                y.as_mut_slice().copy_from_slice(x.as_slice());
                return Ok(());
            }
            Some(Fault::Forward) => return Err(taper::Error::other("no way forward")),
            Some(Fault::PanicForward) => panic!("no way forward"),
            _ => {}
        }
        self.0.forward(x, y, context)
    }

    fn backward(&mut self, pass: Backward<'_, f64>, sink: &mut dyn GradientSink<f64>) -> Result<()> {
        match self.1 {
            Some(Fault::Backward) => return Err(taper::Error::other("no way back")),
            Some(Fault::PanicBackward) => panic!("no way back"),
            _ => {}
        }
        self.0.backward(pass, sink)
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
        Layer::params(&self.0, visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
        Layer::params_mut(&mut self.0, visit);
    }
}

/// What each of three ranks is told where rank 1 has such a fault, in place 0, 1 or 2 of three norms; and whether the model
/// is as before.
fn ends(fault: Fault, place: usize, accumulation: usize) -> Vec<(std::result::Result<String, String>, bool)> {
    all_of(3, move |rank| {
        let (inputs, labels, number) = (inputs(22), labels(22), rank.rank());
        let norm = |at: usize, channels| {
            let fault = Some(fault).filter(|_| number == 1 && at == place);
            Faulty(BatchNorm::new(channels).unwrap(), fault)
        };
        let model = Sequential::builder([6]).dense(5).layer(norm(0, 5)).relu().layer(norm(1, 5)).dense(4);
        let mut model = model.layer(norm(2, 4)).dense(3).build(&mut taper::seeded(7)).unwrap();
        let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), (CASE.optimizer)())
            .with_batch(10)
            .unwrap()
            .with_accumulation(accumulation)
            .unwrap()
            .with_synchronized_batch_norm()
            .with_communicator(rank);
        let before = weights(trainer.model());
        let data = Dataset::new(&inputs, &labels).unwrap();
        let fit = std::panic::AssertUnwindSafe(|| trainer.fit(data, Fit::epochs(1)));
        let told = match std::panic::catch_unwind(fit) {
            Ok(result) => Ok(result.unwrap_err().to_string()),
            Err(panic) => Err((*panic.downcast_ref::<&str>().unwrap()).to_owned()),
        };
        // The ranks are still together.
        assert!(trainer.evaluate(data).is_ok());
        (told, weights(trainer.model()) == before)
    })
}

#[test]
fn a_pass_that_fails_on_one_rank_ends_on_all() {
    for accumulation in [1, 3] {
        for place in 0..3 {
            for (fault, text) in [(Fault::Forward, "no way forward"), (Fault::Backward, "no way back")] {
                for (told, is_as_before) in ends(fault, place, accumulation) {
                    let told = told.unwrap();
                    assert!(told.starts_with("rank 1: ") && told.ends_with(text), "{told}");
                    assert!(is_as_before);
                }
            }
            for (fault, text) in
                [(Fault::PanicForward, "no way forward"), (Fault::PanicBackward, "no way back")]
            {
                let ranks = ends(fault, place, accumulation);
                assert!(ranks.iter().all(|&(_, is_as_before)| is_as_before));
                assert_eq!(ranks[0].0, Ok(format!("rank 1: panic: {text}")));
                assert_eq!(ranks[1].0, Err(text.to_owned()));
                assert_eq!(ranks[2].0, ranks[0].0);
            }
        }
    }
}

#[test]
fn ranks_that_ask_for_other_sums_are_told() {
    for place in 0..3 {
        for (told, is_as_before) in ends(Fault::Skips, place, 1) {
            let told = told.unwrap();
            assert!(told.contains("pass: expected one that asks for the same sums on every rank"), "{told}");
            assert!(is_as_before);
        }
    }
}
