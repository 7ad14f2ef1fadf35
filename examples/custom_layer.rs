//! A layer of one's own: its gradient is checked, then it is trained among others.
//!
//! ```sh
//! cargo run --release --example custom_layer
//! ```

#[path = "common/spirals.rs"]
mod spirals;

use taper::layers::{Backward, Forward, GradientSink, Whole};
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Dataset, Fit};
use taper::{
    Layer, Optimizer, Param, Result, Scalar, Sequential, Shape, Tensor, TensorView, TensorViewMut, Trainer,
    gradcheck,
};

/// A rectifier that learns its slope below zero (He et al., 2015): y = x where x > 0, else slope·x.
/// So dx is dy or slope·dy, and the slope's gradient is the sum of x·dy over all x ≤ 0.
#[derive(Debug, Clone)]
struct PRelu<T>(Param<T>);

impl<T: Scalar> Layer<T> for PRelu<T> {
    fn kind(&self) -> &'static str {
        "prelu"
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }
    fn forward(&self, x: TensorView<T>, mut y: TensorViewMut<T>, _: &mut Forward<T>) -> Result<()> {
        let slope = self.0.buffer()[0];
        for (&x, y) in x.as_slice().iter().zip(y.as_mut_slice()) {
            *y = if x > T::zero() { x } else { slope * x };
        }
        Ok(())
    }
    fn backward(&mut self, mut pass: Backward<T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        let (slope, mut gradient) = (self.0.buffer()[0], T::zero());
        for (&x, dy) in pass.x.as_slice().iter().zip(pass.dy.as_mut_slice()).filter(|(x, _)| **x <= T::zero())
        {
            gradient += x * *dy;
            *dy *= slope;
        }
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
        }
        sink.take(&mut self.0, &Whole(&[gradient]))
    }
    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        visit(&self.0);
    }
    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        visit(&mut self.0);
    }
}

/// A layer with this slope at the start.
fn prelu<T: Scalar>(slope: f64) -> PRelu<T> {
    PRelu(Param::new("slope", &Tensor::from([T::of(slope)])))
}

fn main() -> Result<()> {
    // Alone, and between layers of the crate. No element is near 0, where there is no gradient to compare with.
    let x = Tensor::from([[0.7, -0.4, 1.3], [-1.1, 0.2, -0.6]]);
    gradcheck::layer(&mut prelu(0.25), &x)?;
    let model = Sequential::builder([3]).dense(4).layer(prelu(0.25)).dense(2);
    gradcheck::layer(&mut model.build(&mut taper::seeded(7))?, &x)?;
    println!("the gradients agree with finite differences\n");

    let (points, arms) = spirals::spirals(600)?;
    let data = Dataset::new(&points, &arms)?;
    let model = Sequential::builder([2]).dense(32).layer(prelu(0.25)).named("bend1");
    let model = model.dense(32).layer(prelu(0.25)).named("bend2").dense(spirals::ARMS);
    let mut model = model.build(&mut taper::seeded(7))?;
    println!("{}", model.summary());

    let optimizer = Optimizer::new(Adam::new(0.01)?);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer).with_batch(30)?.with_seed(7);
    trainer.fit(data, Fit::epochs(60))?;
    let accuracy = trainer.evaluate(data)?.accuracy.unwrap_or(f64::NAN);
    for name in ["bend1.slope", "bend2.slope"] {
        println!("{name} went from 0.25 to {:.3}", model.param(name)?.to_tensor().as_slice()[0]);
    }
    println!("accuracy {accuracy:.3}");
    Ok(())
}
