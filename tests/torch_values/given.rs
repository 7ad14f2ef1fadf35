//! Gradients with respect to an input, through the public way alone.

use taper::layers::{Backward, Forward, GradientSink, Whole};
use taper::{
    GradientStore, Layer, Mode, Param, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut,
};

/// A layer whose output is its parameter, whatever comes in. As the first of a model it makes the input a
/// parameter, and the gradient with respect to the input one that the sink gets.
#[derive(Debug, Clone)]
struct Given {
    input: Param<f64>,
}

impl Layer<f64> for Given {
    fn kind(&self) -> &'static str {
        "given"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        _: TensorView<'_, f64>,
        mut y: TensorViewMut<'_, f64>,
        _: &mut Forward<'_, f64>,
    ) -> Result<()> {
        y.as_mut_slice().copy_from_slice(self.input.buffer());
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, f64>, sink: &mut dyn GradientSink<f64>) -> Result<()> {
        sink.take(&mut self.input, &Whole(pass.dy.as_slice()))
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
        visit(&self.input);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
        visit(&mut self.input);
    }
}

/// What a pass through one layer gave.
pub(crate) struct Pass {
    pub(crate) y: Tensor<f64>,
    pub(crate) dx: Tensor<f64>,
    model: Sequential<f64>,
    gradients: GradientStore<f64>,
}

impl Pass {
    /// The gradient of a parameter of the layer.
    pub(crate) fn gradient(&self, name: &str) -> Result<Tensor<f64>> {
        let param = self.model.param(&format!("layer.{name}"))?;
        Ok(self.gradients.get(param).expect("backward hands every gradient over"))
    }

    /// A parameter or a statistic of the layer, after the pass.
    pub(crate) fn value(&self, name: &str) -> Result<Tensor<f64>> {
        Ok(self.model.param(&format!("layer.{name}"))?.to_tensor())
    }
}

/// Runs x through a layer and dy back.
pub(crate) fn run(layer: impl Layer<f64> + 'static, x: &Tensor<f64>, dy: &Tensor<f64>) -> Result<Pass> {
    let (batch, sample) = x.shape().split_batch().expect("the input has a batch");
    let given = Given { input: Param::new("input", x) };
    let builder = Sequential::builder(sample).layer(given).named("given").layer(layer).named("layer");
    let mut model = builder.build(&mut taper::seeded(0))?;
    let mut workspace = model.workspace(Mode::Train, batch)?;
    let mut gradients = GradientStore::new(&mut model);

    let nothing = Tensor::zeros(x.shape())?;
    let y = model.forward_pass(&nothing, &mut workspace)?.to_tensor();
    workspace.outputs_and_gradient()?.1.as_mut_slice().copy_from_slice(dy.as_slice());
    model.backward_pass(&nothing, &mut workspace, &mut gradients)?;
    let dx = gradients.get(model.param("given.input")?).expect("backward hands every gradient over");
    Ok(Pass { y, dx, model, gradients })
}
