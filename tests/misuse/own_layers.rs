//! Layers of one's own that fail, or claim what is not so.

use taper::layers::{Backward, Forward, GradientSink, Whole};
use taper::losses::MeanSquaredError;
use taper::{
    Activation, Error, GradientStore, Layer, Mode, Param, Result, Sequential, Shape, Tensor, TensorView,
    TensorViewMut, seeded,
};

use super::{Case, error};

/// A layer that copies, or does something wrong.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    fault: Fault,
    weight: Param<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    None,
    Forward,
    Backward,
    NoGradient,
    /// Says that it only reshapes, and gives one element more.
    GrowingReshape,
    /// Says that it is an activation, and gives one element more.
    GrowingActivation,
    /// Visits its parameter in one of the two visitors only.
    OneVisitor,
    /// Gives samples without elements.
    EmptyOutput,
}

impl Own {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, weight: Param::new("scale", &Tensor::from([1.0])) }
    }

    fn refuse(&self, fault: Fault) -> Result<()> {
        if self.fault != fault {
            return Ok(());
        }
        Err(Error::NotFinite { what: "pressure".into(), got: f64::INFINITY })
    }
}

impl Layer<f32> for Own {
    fn kind(&self) -> &'static str {
        "own"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let mut axes = input.axes().to_vec();
        match self.fault {
            Fault::GrowingReshape | Fault::GrowingActivation => axes[0] += 1,
            Fault::EmptyOutput => axes[0] = 0,
            _ => {}
        }
        Shape::new(&axes)
    }

    fn forward(
        &self,
        x: TensorView<'_, f32>,
        mut y: TensorViewMut<'_, f32>,
        _: &mut Forward<'_, f32>,
    ) -> Result<()> {
        self.refuse(Fault::Forward)?;
        y.as_mut_slice().copy_from_slice(x.as_slice());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, f32>, sink: &mut dyn GradientSink<f32>) -> Result<()> {
        self.refuse(Fault::Backward)?;
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().copy_from_slice(pass.dy.as_slice());
        }
        if self.fault == Fault::NoGradient { Ok(()) } else { sink.take(&mut self.weight, &Whole(&[1.0])) }
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f32>)) {
        visit(&self.weight);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f32>)) {
        if self.fault != Fault::OneVisitor {
            visit(&mut self.weight);
        }
    }

    fn is_reshape(&self) -> bool {
        self.fault == Fault::GrowingReshape
    }

    fn activation(&self) -> Option<Activation> {
        (self.fault == Fault::GrowingActivation).then_some(Activation::Relu)
    }
}

/// A model of 4 → 3 with such a layer in a model inside of it.
pub(crate) fn nested(fault: Fault) -> Sequential<f32> {
    let inner = Sequential::builder([3]).relu().layer(Own::new(fault)).named("valve");
    let inner = inner.build(&mut seeded(1)).unwrap();
    Sequential::builder([4]).dense(3).layer(inner).named("engine").build(&mut seeded(2)).unwrap()
}

fn build(fault: Fault) -> String {
    error(Sequential::builder([4]).dense(3).layer(Own::new(fault)).build(&mut seeded(1)))
}

/// A pass through the nested model: forward, loss, backward, and a step.
fn train(fault: Fault) -> Result<()> {
    let mut model = nested(fault);
    let mut workspace = model.workspace(Mode::Train, 2)?;
    let mut gradients = GradientStore::new(&mut model);
    let mut optimizer = taper::Optimizer::new(taper::optimizers::Sgd::new(0.1)?);
    let (x, target) = (Tensor::full([2, 4], 1.0)?, Tensor::zeros([2, 3])?);
    model.forward_pass(&x, &mut workspace)?;
    workspace.loss(&MeanSquaredError::new(), &target)?;
    model.backward_pass(&x, &mut workspace, &mut gradients)?;
    optimizer.step(&mut model, &mut gradients)
}

#[test]
fn the_layer_without_a_fault_trains() {
    train(Fault::None).unwrap();
}

pub(crate) const CASES: &[Case] = &[
    (
        "forward fails inside of a nested model",
        || error(nested(Fault::Forward).predict(&Tensor::full([1, 4], 1.0).unwrap())),
        "layer 1 `engine` (sequential of 2 layers): layer 1 `valve` (own): pressure: expected a finite value, got inf",
    ),
    (
        "forward fails in training",
        || error(train(Fault::Forward)),
        "layer 1 `engine` (sequential of 2 layers): layer 1 `valve` (own): pressure: expected a finite value, got inf",
    ),
    (
        "backward fails inside of a nested model",
        || error(train(Fault::Backward)),
        "layer 1 `engine` (sequential of 2 layers): layer 1 `valve` (own): pressure: expected a finite value, got inf",
    ),
    (
        "a gradient that is not handed on",
        || error(train(Fault::NoGradient)),
        "parameter `engine.valve.scale`: expected a gradient, got none since the last step; freeze it, or hand its gradient to the sink in `backward`",
    ),
    (
        "a reshape that grows",
        || build(Fault::GrowingReshape),
        "layer 1 `1` (own): expected output of 3 elements a sample from a layer that only reshapes, got [batch, 4]",
    ),
    (
        "an activation that grows",
        || build(Fault::GrowingActivation),
        "layer 1 `1` (own): expected output [batch, 3] from an activation, got [batch, 4]",
    ),
    (
        "visitors that differ",
        || build(Fault::OneVisitor),
        "layer 1 `1` (own): params_mut: expected the parameters of `params` in the same order, got [] instead of [\"scale\"]",
    ),
    (
        "an output without elements",
        || build(Fault::EmptyOutput),
        "layer 1 `1` (own): expected output of 0 to 5 axes that are not empty (one more is the batch), got [batch, 0]",
    ),
];
