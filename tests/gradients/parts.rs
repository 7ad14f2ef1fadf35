//! Layers that have layers inside.

use taper::layers::{Backward, Forward, GradientSink, Memory};
use taper::{
    Dense, GradientStore, Layer, Mode, Param, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut,
    gradcheck, seeded,
};

#[path = "../../examples/gate.rs"]
#[allow(dead_code, reason = "the example has a main function")]
mod gate;

fn x() -> Tensor<f64> {
    Tensor::from([[0.7, -0.4, 1.3], [-1.1, 0.2, -0.6], [0.3, 0.9, -0.8]])
}

#[test]
fn the_gate_of_the_example() -> Result<()> {
    gradcheck::layer(&mut gate::gate(3, 4, 7)?, &x())?;
    let builder = Sequential::builder([3]).dense(3).tanh().layer(gate::gate(3, 4, 7)?).named("gate").dense(2);
    let mut model = builder.build(&mut seeded(1))?;
    gradcheck::layer(&mut model, &x())?;
    assert_eq!(model.param("gate.b.0.weight")?.shape().axes(), [3, 4]);
    model.freeze("gate.a")?;
    gradcheck::layer(&mut model, &x())?;
    let outputs = model.predict(&x())?;
    let mut workspace = model.workspace(Mode::Train, 3)?;
    assert_eq!(model.forward_pass(&x(), &mut workspace)?, outputs.view());
    Ok(())
}

/// What is done wrong by a layer with parts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    /// Nothing is asked for.
    Memory,
    /// Scratch is not asked for.
    Scratch,
    /// Another order than forward.
    Order,
    /// The second part's gradient is left out.
    Gradient,
    /// dy of another shape.
    Shape,
}

/// y = second(first(x)²) + x: parts one after another, a buffer of one's own between them, and a way around both.
#[derive(Debug, Clone)]
struct Chain {
    first: Sequential<f64>,
    second: Dense<f64>,
    wrong: Wrong,
}

impl Chain {
    fn new(wrong: Wrong) -> Result<Self> {
        let mut rng = seeded(3);
        let first = Sequential::builder([3]).dense(5).tanh().dropout(0.3).dense(5).build(&mut rng)?;
        Ok(Self { first, second: Dense::new(5, 3, &mut rng)?, wrong })
    }
}

impl Layer<f64> for Chain {
    fn kind(&self) -> &'static str {
        "chain"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.second.output_shape(&self.first.output_shape(input)?)
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let middle = self.first.output();
        let parts = Memory::of_part(&self.first, input, batch, mode).with_cache(batch * middle.len());
        let parts = parts.and(Memory::of_part(&self.second, &middle, batch, mode));
        match self.wrong {
            Wrong::Memory => Memory::default(),
            Wrong::Scratch => parts,
            _ => parts.with_scratch(batch * middle.len()).with_scratch(batch * input.len()),
        }
    }

    fn forward(
        &self,
        x: TensorView<'_, f64>,
        mut y: TensorViewMut<'_, f64>,
        context: &mut Forward<'_, f64>,
    ) -> Result<()> {
        let first = context.run(&self.first, x)?;
        let mut square = context.take_cache(first.shape())?;
        square
            .as_mut_slice()
            .iter_mut()
            .zip(first.as_slice())
            .for_each(|(square, first)| *square = first * first);
        let second = context.run(&self.second, square.view())?;
        for ((y, second), x) in y.as_mut_slice().iter_mut().zip(second.as_slice()).zip(x.as_slice()) {
            *y = second + x;
        }
        Ok(())
    }

    fn backward(&mut self, mut pass: Backward<'_, f64>, sink: &mut dyn GradientSink<f64>) -> Result<()> {
        if self.wrong == Wrong::Order {
            let shape = self.first.output().with_batch(pass.x.batch())?;
            pass.take_cache(shape)?;
        }
        let first = pass.part(&self.first, pass.x)?;
        let square = pass.take_cache(first.output().shape())?;
        let second = pass.part(&self.second, square)?;
        let mut gradient = pass.take_scratch(square.shape())?;
        let mut dy = pass.dy.view().to_tensor();
        pass.add_to_dx(dy.as_slice())?;
        let place = TensorViewMut::new(gradient.shape(), gradient.as_mut_slice())?;
        pass.run(second, &mut self.second, dy.view_mut(), Some(place), sink)?;
        gradient
            .as_mut_slice()
            .iter_mut()
            .zip(first.output().as_slice())
            .for_each(|(g, first)| *g *= 2.0 * first);
        match self.wrong {
            Wrong::Gradient => Ok(()),
            Wrong::Shape => pass.run_from_input(first, &mut self.first, dy.view_mut(), sink),
            _ => pass.run_from_input(first, &mut self.first, gradient, sink),
        }
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
        self.first.params(visit);
        self.second.params(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
        self.first.params_mut(visit);
        self.second.params_mut(visit);
    }
}

#[test]
fn parts_one_after_another() -> Result<()> {
    gradcheck::layer(&mut Chain::new(Wrong::Nothing)?, &x())?;
    let builder = Sequential::builder([3]).dense(3).tanh().layer(Chain::new(Wrong::Nothing)?).dense(2);
    gradcheck::layer(&mut builder.build(&mut seeded(1))?, &x())
}

/// What is done wrong with parts is an error that tells it, or gradients that a check finds wrong; never a panic.
#[test]
fn mistakes_with_parts_are_found() -> Result<()> {
    for (wrong, expected) in [
        (Wrong::Memory, "workspace: expected cache for 32 elements, got 0; ask for it in `Layer::memory`"),
        (Wrong::Scratch, "workspace: expected scratch for "),
        (Wrong::Order, ""),
        (Wrong::Gradient, "gradient: `input` [3, 3], element [0, 0]: expected "),
        (Wrong::Shape, "expected output gradient [3, 5], got [3, 3]"),
    ] {
        let error = gradcheck::layer(&mut Chain::new(wrong)?, &x()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{wrong:?}: {error}");
    }
    Ok(())
}

/// The gradient with respect to the input of a layer alone, without a model around it.
#[test]
fn a_layer_runs_alone() -> Result<()> {
    let mut layer = gate::gate::<f64>(3, 2, 5)?;
    let Memory { cache, scratch } = layer.memory(&[3].into(), 3, Mode::Train);
    let (mut cache, mut scratch) = (vec![0.0; cache], vec![0.0; scratch]);
    let (mut y, mut dx) = (Tensor::zeros([3, 2])?, Tensor::zeros([3, 3])?);
    layer.forward(x().view(), y.view_mut(), &mut Forward::new(Mode::Train, &mut cache, &mut scratch))?;
    let mut dy = Tensor::full([3, 2], 1.0)?;
    let inputs = x();
    let mut pass = Backward::new(inputs.view(), y.view(), dy.view_mut(), &cache, &mut scratch);
    pass.dx = Some(dx.view_mut());
    let mut gradients = GradientStore::new(&mut layer);
    layer.backward(pass, &mut gradients)?;

    let model = Sequential::builder([3]).layer(layer).build(&mut seeded(0))?;
    let expected = model.input_gradient(&x(), |_, mut dy| {
        dy.as_mut_slice().fill(1.0);
        Ok(())
    })?;
    assert_eq!(dx, expected);
    Ok(())
}
