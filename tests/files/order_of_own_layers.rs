//! What lies along features in a layer of one's own: its author knows in which order, and nobody else does.

use taper::io::{Load, Orientation, Save};
use taper::layers::{Along, Backward, Forward, GradientSink, Layer, Param, Whole};
use taper::{Result, Sequential, Shape, Tensor, TensorView, TensorViewMut};

use crate::hand_made::HandMade;
use crate::pytorch::tensor;

/// A number for each feature, of somebody's own.
#[derive(Debug, Clone)]
struct Scale(Param<f64>);

impl Layer<f64> for Scale {
    fn kind(&self) -> &'static str {
        "scale"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        x: TensorView<'_, f64>,
        mut y: TensorViewMut<'_, f64>,
        _: &mut Forward<'_, f64>,
    ) -> Result<()> {
        for (y, x) in y.samples_mut().zip(x.samples()) {
            y.iter_mut().zip(x).zip(self.0.buffer()).for_each(|((y, x), scale)| *y = x * scale);
        }
        Ok(())
    }

    fn backward(&mut self, mut pass: Backward<'_, f64>, sink: &mut dyn GradientSink<f64>) -> Result<()> {
        let mut gradient = vec![0.0; self.0.count()];
        for (x, dy) in pass.x.samples().zip(pass.dy.samples_mut()) {
            gradient.iter_mut().zip(x).zip(dy).for_each(|((g, x), dy)| *g += x * *dy);
        }
        sink.take(&mut self.0, &Whole(&gradient))
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
        visit(&self.0);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
        visit(&mut self.0);
    }
}

#[test]
fn what_lies_along_features_in_a_layer_of_ones_own_is_told_by_whoever_wrote_it() {
    let values = Tensor::from_fn([24], |place| place as f64).unwrap();
    let with = |param: Param<f64>| {
        let builder = Sequential::<f64>::builder([2, 3, 4]).flatten().layer(Scale(param)).named("own");
        builder.dense(2).named("fc").build(&mut taper::seeded(7)).unwrap()
    };
    let model = with(Param::new("scale", &values));
    let error = model.to_bytes(&Save::new()).unwrap_err().to_string();
    assert!(error.contains("`own.scale`") && error.contains("in_model_order(\"own.scale\")"), "{error}");
    assert!(!error.contains("fc.weight"), "{error}");
    model.to_bytes(&Save::new().with_orientation(Orientation::Keras)).unwrap();
    // Right as it is, says the user.
    let bytes = model.to_bytes(&Save::new().in_model_order("own.scale")).unwrap();
    assert_eq!(tensor::<f64>(&bytes, "own.scale"), values);
    let mut again = with(Param::new("scale", &Tensor::zeros([24]).unwrap()));
    again.load_bytes(&bytes, &Load::new()).unwrap();
    assert_eq!(again.state(), model.state());
    // Another's file, without a description.
    let mut plain = HandMade::new();
    for (name, tensor) in model.state().iter() {
        plain = plain.f64(name, tensor.shape().axes(), tensor.as_slice());
    }
    let error = again
        .load_bytes(&plain.bytes(), &Load::new().from_channels_first([4, 2, 3]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("`own.scale`") && error.contains("in_model_order"), "{error}");
    again
        .load_bytes(&plain.bytes(), &Load::new().from_channels_first([4, 2, 3]).in_model_order("own.scale"))
        .unwrap();
    assert_eq!(again.state(), model.state());
    for save in [Save::<f64>::new().in_model_order("own"), Save::new().in_model_order("other.scale")] {
        assert!(model.to_bytes(&save).is_err());
    }
    // A layer that says what its parameter lies along is put in order.
    let known = with(Param::new("scale", &values).with_along(Along::LastAxes));
    let bytes = known.to_bytes(&Save::new()).unwrap();
    let expected = Tensor::from_fn([24], |place| (place % 6 * 4 + place / 6) as f64).unwrap();
    assert_eq!(tensor::<f64>(&bytes, "own.scale"), expected);
}

/// PyTorch makes another image of a row than this crate does.
#[test]
fn what_makes_an_image_of_a_row_is_told_by_whoever_wrote_it() {
    let builder =
        Sequential::<f64>::builder([5]).dense(24).named("up").reshape([2, 3, 4]).conv2d(2, 1).named("conv");
    let model = builder.build(&mut taper::seeded(8)).unwrap();
    let error = model.to_bytes(&Save::new()).unwrap_err().to_string();
    assert!(
        error.contains("`up.weight`") && error.contains("`up.bias`") && !error.contains("conv"),
        "{error}"
    );
    let bytes = model.to_bytes(&Save::new().in_model_order("up.weight").in_model_order("up.bias")).unwrap();
    assert_eq!(Sequential::<f64>::open_bytes(&bytes).unwrap().state(), model.state());
}
