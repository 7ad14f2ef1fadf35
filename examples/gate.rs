//! A layer of one's own that has models inside: a gate, y = σ(a(x)) · b(x) (Dauphin et al., 2017). Its gradient is checked, then it is
//! trained.
//!
//! ```sh
//! cargo run --release --example gate
//! ```

#[path = "common/spirals.rs"]
mod spirals;

use taper::layers::{Backward, Forward, GradientSink, Memory, Settings};
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Dataset, Fit};
use taper::{
    Activation, Layer, Mode, Optimizer, Param, Result, Scalar, Sequential, Shape, Tensor, TensorView,
    TensorViewMut, Trainer, gradcheck,
};

/// Two models on the same input: one makes values, the other says how much of each goes on.
#[derive(Debug, Clone)]
pub(crate) struct Gate<T: Scalar> {
    a: Sequential<T>,
    b: Sequential<T>,
}

impl<T: Scalar> Layer<T> for Gate<T> {
    fn kind(&self) -> &'static str {
        "gate"
    }
    /// Of which `gate` makes it again: `Open::new().with_layer("gate", …)`.
    fn settings(&self) -> Settings {
        Settings::new().with("inputs", self.a.input().len()).with("outputs", self.a.output().len())
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.a.output_shape(input).and(self.b.output_shape(input))
    }
    /// What both models need, two gradients with respect to their outputs, and one with respect to x.
    fn memory(&self, x: &Shape, batch: usize, mode: Mode) -> Memory {
        let parts = Memory::of_part(&self.a, x, batch, mode).and(Memory::of_part(&self.b, x, batch, mode));
        let y = batch * self.a.output().len();
        parts.with_scratch(y).with_scratch(y).with_scratch(batch * x.len())
    }
    fn forward(&self, x: TensorView<T>, mut y: TensorViewMut<T>, context: &mut Forward<T>) -> Result<()> {
        let (a, b) = (context.run(&self.a, x)?, context.run(&self.b, x)?);
        y.as_mut_slice().copy_from_slice(a.as_slice());
        Activation::Sigmoid.apply(y.as_mut_slice());
        y.as_mut_slice().iter_mut().zip(b.as_slice()).for_each(|(y, &b)| *y *= b);
        Ok(())
    }
    /// With s = σ(a): da = dy·b·s·(1 − s) and db = dy·s; dx is the sum of what both models make of them.
    fn backward(&mut self, mut pass: Backward<T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (a, b) = (pass.part(&self.a, pass.x)?, pass.part(&self.b, pass.x)?);
        let (mut da, mut db) = (pass.take_scratch(pass.y.shape())?, pass.take_scratch(pass.y.shape())?);
        da.as_mut_slice().copy_from_slice(a.output().as_slice());
        Activation::Sigmoid.apply(da.as_mut_slice());
        let values = b.output().as_slice().iter().zip(pass.dy.as_slice());
        for ((da, db), (&b, &dy)) in da.as_mut_slice().iter_mut().zip(db.as_mut_slice()).zip(values) {
            let s = *da;
            (*da, *db) = (dy * b * s * (T::one() - s), dy * s);
        }
        pass.run_from_input(a, &mut self.a, da, sink)?;
        pass.run_from_input(b, &mut self.b, db, sink)
    }
    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.a.params(visit);
        self.b.params(visit);
    }
    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.a.params_mut(visit);
        self.b.params_mut(visit);
    }
}

/// A gate of two dense layers, whose parameters are called `a.0.weight` and so on.
pub(crate) fn gate<T: Scalar>(inputs: usize, outputs: usize, seed: u64) -> Result<Gate<T>> {
    let mut rng = taper::seeded(seed);
    let mut model = |name| Sequential::builder([inputs]).dense(outputs).build(&mut rng)?.with_prefix(name);
    Ok(Gate { a: model("a")?, b: model("b")? })
}

fn main() -> Result<()> {
    let x = Tensor::from([[0.7, -0.4, 1.3], [-1.1, 0.2, -0.6]]);
    gradcheck::layer(&mut gate(3, 4, 7)?, &x)?;
    println!("the gradients agree with finite differences\n");

    let (points, arms) = spirals::spirals(600)?;
    let data = Dataset::new(&points, &arms)?;
    let model =
        Sequential::builder([2]).layer(gate(2, 32, 1)?).named("gate1").layer(gate(32, 32, 2)?).named("gate2");
    let mut model = model.dense(spirals::ARMS).build(&mut taper::seeded(7))?;
    println!("{}", model.summary());
    let optimizer = Optimizer::new(Adam::new(0.01)?);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer).with_batch(30)?.with_seed(7);
    trainer.fit(data, Fit::epochs(60))?;
    println!("accuracy {:.3}", trainer.evaluate(data)?.accuracy.unwrap_or(f64::NAN));
    Ok(())
}
