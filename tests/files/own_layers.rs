//! Layers of one's own, and models in models.

use taper::io::{Load, Save};
use taper::layers::{Backward, Forward, GradientSink, Param};
use taper::{Error, Layer, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut};

/// Multiplies each element by a number that is learned; knows nothing of files.
#[derive(Debug, Clone)]
struct Scale {
    scale: Param<f32>,
}

impl Scale {
    fn new(values: [f32; 3]) -> Self {
        Self { scale: Param::new("scale", &Tensor::from(values)) }
    }
}

impl Layer<f32> for Scale {
    fn kind(&self) -> &'static str {
        "scale"
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
        let scales = self.scale.buffer().iter().cycle();
        for ((y, x), scale) in y.as_mut_slice().iter_mut().zip(x.as_slice()).zip(scales) {
            *y = scale * x;
        }
        Ok(())
    }

    fn backward(&mut self, _: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
        unreachable!("nothing is trained here")
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f32>)) {
        visit(&self.scale);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f32>)) {
        visit(&mut self.scale);
    }
}

fn with_scale(values: [f32; 3], seed: u64) -> Sequential<f32> {
    let builder = Sequential::builder([3]).layer(Scale::new(values)).named("own");
    builder.dense(2).named("fc").build(&mut taper::seeded(seed)).unwrap()
}

#[test]
fn a_layer_of_ones_own_is_saved_and_loaded_without_further_code() {
    let original = with_scale([1.0, -2.0, 3.0], 1);
    let x = Tensor::from([[0.5, 0.25, -1.0]]);
    let bytes = original.to_bytes(&Save::new().with_check(&x)).unwrap();
    let mut other = with_scale([0.0; 3], 2);
    other.load_bytes(&bytes, &Load::new()).unwrap();
    assert_eq!(other.state(), original.state());
    assert_eq!(other.state().get("own.scale").unwrap(), &Tensor::from([1.0, -2.0, 3.0]));
    assert_eq!(other.predict(&x).unwrap(), original.predict(&x).unwrap());
}

#[test]
fn opening_tells_which_layer_is_not_known() {
    let inner = with_scale([1.0; 3], 1);
    let outer = Sequential::builder([3]).layer(inner.clone()).named("inner").build(&mut taper::seeded(1));
    for (model, name) in [(inner, "own"), (outer.unwrap(), "inner.own")] {
        let error = Sequential::<f32>::open_bytes(&model.to_bytes(&Save::new()).unwrap()).unwrap_err();
        let expected = format!("layer `{name}` (scale): expected a layer of this crate");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

/// A model in so many models.
fn nested(depth: usize, seed: u64) -> Sequential<f32> {
    let builder = Sequential::builder([2, 3]).flatten().dense(6).named("fc").tanh();
    let mut model = builder.build(&mut taper::seeded(seed)).unwrap();
    for level in 0..depth {
        let builder =
            Sequential::builder([2, 3]).relu().layer(model).named("in").reshape([2, 3]).dropout(0.5);
        let builder = if level + 1 == depth { builder.flatten().dense(2) } else { builder };
        model = builder.build(&mut taper::seeded(seed + 1)).unwrap();
    }
    model
}

#[test]
fn models_in_models_come_back() {
    for depth in 0..=8 {
        let original = nested(depth, 1);
        let x = Tensor::from_fn([2, 2, 3], |place| place as f32 - 4.0).unwrap();
        let bytes = original.to_bytes(&Save::new().with_check(&x)).unwrap();
        let opened = Sequential::<f32>::open_bytes(&bytes).unwrap();
        assert_eq!(opened.state(), original.state());
        assert_eq!(opened.predict(&x).unwrap(), original.predict(&x).unwrap());
        assert_eq!(format!("{opened:?}"), format!("{original:?}"));
        let mut loaded = nested(depth, 5);
        loaded.load_bytes(&bytes, &Load::new()).unwrap();
        assert_eq!(loaded.state(), original.state());
    }
}

#[test]
fn too_deep_a_model_is_loaded_but_not_opened_and_far_too_deep_a_one_not_even_written() {
    let original = nested(9, 1);
    let bytes = original.to_bytes(&Save::new()).unwrap();
    let mut loaded = nested(9, 5);
    loaded.load_bytes(&bytes, &Load::new()).unwrap();
    assert_eq!(loaded.state(), original.state());
    let error = Sequential::<f32>::open_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("expected models in models 8 deep at most"), "{error}");
    // What could not be read again is not written.
    let error = nested(60, 1).to_bytes(&Save::new()).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
}
