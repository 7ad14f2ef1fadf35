//! The work that is measured: a model, its input, and one call.

use taper::losses::CrossEntropy;
use taper::optimizers::{Adam, Sgd};
use taper::train::Precision;
use taper::{Dense, Mode, Optimizer, Parallelism, Result, Scalar, Sequential, Tensor, Trainer, Workspace};

use super::arguments::{Arguments, Dtype, Optimizer as Kind, Pass};

const LEARNING_RATE: f64 = 1e-3;
const ADAM_LEARNING_RATE: f64 = 1e-4;

/// One call, and how much it has to do at least.
pub(crate) struct Work<T: Scalar> {
    pub(crate) pass: &'static str,
    pub(crate) dtype: &'static str,
    pub(crate) widths: Vec<usize>,
    pub(crate) batch: usize,
    /// Multiply-adds of the matrix products.
    pub(crate) multiply_adds: u64,
    /// Bytes of the weights.
    pub(crate) weight_bytes: usize,
    /// Bytes of weights and of the optimizer's state that have to be read or written.
    pub(crate) moved_bytes: usize,
    x: Tensor<T>,
    call: Call<T>,
}

/// What is done.
enum Call<T: Scalar> {
    Infer(Sequential<T>, Workspace<T>),
    Train(Sequential<T>, Workspace<T>, Training<T>),
    /// Products of bf16 are a trainer's affair.
    TrainInBf16(Box<Trainer<'static, T>>, Vec<usize>),
}

/// Makes the model that is measured of that of the arguments.
pub(crate) type Prepare<T> = fn(Sequential<T>) -> Result<Sequential<T>>;

struct Training<T: Scalar> {
    labels: Vec<usize>,
    optimizer: Optimizer<T>,
    parallelism: Parallelism,
}

impl<T: Scalar> Work<T> {
    /// Work of a network on a batch; for `--pass gemm`, of a layer without bias on as many samples.
    pub(crate) fn new(
        arguments: &Arguments,
        prepare: Prepare<T>,
        widths: &[usize],
        row: usize,
        threads: usize,
    ) -> Result<Self> {
        let pass = arguments.pass;
        let stream = if pass == Pass::Gemm { 2 } else { 1 };
        let model = prepare(model(widths, pass)?)?;
        let mode = if pass == Pass::Train { Mode::Train } else { Mode::Infer };
        let parallelism = Parallelism::Threads(threads);
        let summary = model.summary();
        let weight_bytes = summary.rows.iter().map(|row| row.bytes).sum();
        let products = summary.multiply_adds();
        let first = (widths[0] * widths[1]) as u64;
        let (each, moved) = match (pass, arguments.optimizer) {
            (Pass::Infer | Pass::Gemm, _) => (products, weight_bytes),
            // Forward, the weight's gradient, and the input's except in the first layer. The weight is read once on the
            // way down; on the way up it is read and written, as is the optimizer's state.
            (Pass::Train, Kind::Sgd) => (3 * products - first, 3 * weight_bytes),
            (Pass::Train, Kind::Momentum) => (3 * products - first, 5 * weight_bytes),
            (Pass::Train, Kind::Adam) => (3 * products - first, 7 * weight_bytes),
        };
        let optimizer = match arguments.optimizer {
            Kind::Sgd => Optimizer::new(Sgd::new(LEARNING_RATE)?),
            Kind::Momentum => Optimizer::new(Sgd::new(LEARNING_RATE)?.with_momentum(0.9)?),
            Kind::Adam => Optimizer::new(Adam::new(ADAM_LEARNING_RATE)?),
        };
        let classes = widths[widths.len() - 1];
        let labels = (0..row).map(|sample| sample % classes).collect();
        let call = if pass == Pass::Train && arguments.dtype == Dtype::Bf16 {
            let trainer =
                Trainer::owning(model, CrossEntropy::new(), optimizer).with_parallelism(parallelism);
            Call::TrainInBf16(Box::new(trainer.with_precision(Precision::Bf16)?), labels)
        } else {
            let workspace = model.workspace(mode, row)?.with_parallelism(parallelism);
            if pass == Pass::Train {
                Call::Train(model, workspace, Training { labels, optimizer, parallelism })
            } else {
                Call::Infer(model, workspace)
            }
        };
        Ok(Self {
            pass: pass.name(),
            dtype: arguments.dtype.name(),
            batch: row,
            multiply_adds: each * row as u64,
            weight_bytes,
            moved_bytes: moved,
            x: numbers(stream, [row, widths[0]], 1.0)?,
            call,
            widths: widths.to_vec(),
        })
    }

    /// The call whose time is taken. For training, the loss of the step.
    pub(crate) fn call(&mut self) -> Result<Option<T>> {
        let x = &self.x;
        let (model, workspace, training) = match &mut self.call {
            Call::Infer(model, workspace) => {
                model.infer(x, workspace)?;
                return Ok(None);
            }
            Call::TrainInBf16(trainer, labels) => return trainer.step(x, &labels[..]).map(Some),
            Call::Train(model, workspace, training) => (model, workspace, training),
        };
        let Training { labels, optimizer, parallelism } = training;
        model.forward_pass(x, workspace)?;
        let loss = workspace.loss(&CrossEntropy::new(), &labels[..])?;
        let mut apply = optimizer.apply(model)?.with_parallelism(*parallelism);
        model.backward_pass(x, workspace, &mut apply)?;
        apply.finish(model)?;
        Ok(Some(loss))
    }

    /// A number that another implementation of the same work has to come to as well: the loss of the last call; the
    /// sum of the outputs; or that of the probabilities, each times its class counted from 1.
    pub(crate) fn checksum(&self, loss: Option<T>) -> f64 {
        let workspace = match (&self.call, loss) {
            (Call::Infer(_, workspace), None) => workspace,
            (_, loss) => return loss.map_or(f64::NAN, T::as_f64),
        };
        let classes = if self.widths.len() > 2 { self.widths[self.widths.len() - 1] } else { 1 };
        let outputs = workspace.outputs();
        let weighted = |(i, y): (usize, &T)| y.as_f64() * (i % classes + 1) as f64;
        outputs.as_slice().iter().enumerate().map(weighted).sum()
    }
}

/// The dense layers, with weights that depend on nothing but their place.
fn model<T: Scalar>(widths: &[usize], pass: Pass) -> Result<Sequential<T>> {
    let mut builder = Sequential::<T>::builder([widths[0]]);
    for (layer, width) in widths.windows(2).enumerate() {
        let &[inputs, outputs] = width else { unreachable!("windows of two") };
        if pass == Pass::Gemm {
            builder = builder.layer(Dense::from_parts(&numbers(3, [inputs, outputs], 1.0)?, None)?);
            continue;
        }
        let stream = 10 + 2 * layer as u32;
        let weight = numbers(stream, [inputs, outputs], (3.0 / inputs as f64).sqrt())?;
        let bias = numbers(stream + 1, [outputs], 0.1)?;
        builder = builder.layer(Dense::from_parts(&weight, Some(&bias))?);
        let is_last = layer + 2 == widths.len();
        if !is_last || layer == 0 {
            builder = builder.relu();
        } else if pass == Pass::Infer {
            builder = builder.softmax();
        }
    }
    builder.build(&mut taper::seeded(0))
}

/// Numbers between −scale and scale, from a hash of stream and index.
fn numbers<T: Scalar>(stream: u32, shape: impl Into<taper::Shape>, scale: f64) -> Result<Tensor<T>> {
    let scale = T::of(scale);
    Tensor::from_fn(shape, |i| {
        let mut hash = (i as u32).wrapping_mul(0x9e37_79b1).wrapping_add(stream.wrapping_mul(0x85eb_ca6b));
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x21f0_aaad);
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x735a_2d97);
        hash ^= hash >> 15;
        // 24 bits, which f32 holds exactly.
        let number = f64::from(hash >> 8) / f64::from(1 << 23) - 1.0;
        T::of(number) * scale
    })
}
