//! Layers of one's own in a model that is opened.

use taper::io::{Load, Open, Orientation, Save};
use taper::layers::{Backward, Forward, GradientSink, Padding, Param, Setting, Settings, Window};
use taper::{Error, Layer, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut};

#[path = "../../examples/gate.rs"]
#[allow(dead_code, reason = "the example has a main function")]
mod gate;

/// y = factor·s∘x, with a number s for each feature that is learned.
#[derive(Debug, Clone)]
struct Scale {
    kind: &'static str,
    settings: Settings,
    weight: Param<f32>,
}

impl Scale {
    fn new(kind: &'static str, factor: f64, values: &[f32]) -> Self {
        let settings = Settings::new().with("factor", factor).with("features", values.len());
        Self {
            kind,
            settings,
            weight: Param::new("scale", &Tensor::from_vec([values.len()], values.to_vec()).unwrap()),
        }
    }

    /// As somebody reads it from a file.
    fn of(settings: &Settings) -> Result<Self> {
        let features = settings.count("features")?;
        if features > 1000 {
            return Err(Error::Length { what: "features".into(), expected: 1000, got: features });
        }
        Ok(Self::new("scale", settings.number("factor")?, &vec![0.0; features]))
    }
}

impl Layer<f32> for Scale {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn settings(&self) -> Settings {
        self.settings.clone()
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
        let factor = self.settings.number("factor")? as f32;
        for ((y, x), scale) in
            y.as_mut_slice().iter_mut().zip(x.as_slice()).zip(self.weight.buffer().iter().cycle())
        {
            *y = factor * scale * x;
        }
        Ok(())
    }

    fn backward(&mut self, _: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
        unreachable!("nothing is trained here")
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f32>)) {
        visit(&self.weight);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f32>)) {
        visit(&mut self.weight);
    }
}

fn with(layer: impl Layer<f32>) -> Sequential<f32> {
    Sequential::builder([3]).layer(layer).named("own").dense(2).build(&mut taper::seeded(1)).unwrap()
}

fn scale() -> Sequential<f32> {
    with(Scale::new("scale", 2.5, &[1.0, -2.0, 3.0]))
}

fn open() -> Open<f32> {
    Open::new().with_layer("scale", Scale::of).unwrap()
}

fn bytes(model: &Sequential<f32>) -> Vec<u8> {
    model.to_bytes(&Save::new()).unwrap()
}

#[test]
fn a_layer_comes_back_with_settings_and_parameters_in_models_in_models_too() {
    let inner = scale();
    let outer = Sequential::builder([3]).layer(inner.clone()).named("inner").layer(Scale::new(
        "scale",
        0.5,
        &[1.0, 2.0],
    ));
    let x = Tensor::from([[0.5, 0.25, -1.0]]);
    let block = Sequential::builder([3])
        .residual(|block| block.layer(Scale::new("scale", 0.5, &[1.0, 2.0, 3.0])).dense(3));
    let models =
        [inner, outer.build(&mut taper::seeded(1)).unwrap(), block.build(&mut taper::seeded(1)).unwrap()];
    for model in models {
        for orientation in [Orientation::PyTorch, Orientation::Keras] {
            let save = Save::new().with_check(&x).with_orientation(orientation);
            let bytes = model.to_bytes(&save).unwrap();
            let opened = Sequential::open_bytes_with(&bytes, &open()).unwrap();
            assert_eq!(opened.state(), model.state());
            assert_eq!(opened.predict(&x).unwrap(), model.predict(&x).unwrap());
            assert_eq!(opened.to_bytes(&save).unwrap(), bytes);
        }
    }
    let path = std::env::temp_dir().join(format!("taper-reopened-{}.safetensors", std::process::id()));
    scale().save(&path).unwrap();
    assert_eq!(Sequential::open_with(&path, &open()).unwrap().state(), scale().state());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn every_kind_of_setting_comes_back() {
    let settings = Settings::new()
        .with("nothing", None::<f64>)
        .with("flag", true)
        .with("count", usize::MAX)
        .with("number", -0.1)
        .with("whole", 2.0)
        .with("zero", -0.0)
        .with("tiny", 5e-324)
        .with("text", "größer \"als\"\nalles")
        .with("shape", Shape::from([2, 3]))
        .with("scalar", Shape::from([0; 0]))
        .with("window", Window::new([2, 3]).with_stride(2).with_padding(Padding::Same));
    let mut original = Scale::new("scale", 1.0, &[1.0; 3]);
    original.settings = settings.clone();
    let open = Open::new().with_layer("scale", move |read| {
        assert_eq!(read.iter().len(), settings.iter().len());
        for (name, value) in settings.iter() {
            assert_eq!(read.get(name), Some(value));
        }
        assert!(read.number("zero")?.is_sign_negative());
        Ok(Scale::new("scale", 1.0, &[1.0; 3]))
    });
    Sequential::open_bytes_with(&bytes(&with(original)), &open.unwrap()).unwrap();
    // JSON has no such numbers.
    for value in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let mut original = Scale::new("scale", value, &[1.0; 3]);
        original.settings = original.settings.with("value", value);
        let open = Open::new().with_layer("scale", move |read| {
            let read = read.number("value")?;
            assert!(read.to_bits() == value.to_bits() || read.is_nan() && value.is_nan(), "{read}");
            Ok(Scale::new("scale", 1.0, &[1.0; 3]))
        });
        Sequential::open_bytes_with(&bytes(&with(original)), &open.unwrap()).unwrap();
    }
    // A layer without settings writes none.
    let mut bare = Scale::new("scale", 1.0, &[1.0; 3]);
    bare.settings = Settings::new();
    assert!(!String::from_utf8_lossy(&bytes(&with(bare))).contains("settings"));
}

#[test]
fn what_cannot_be_made_says_why() {
    let text =
        |file: &[u8], open: &Open<f32>| Sequential::open_bytes_with(file, open).unwrap_err().to_string();
    let file = bytes(&scale());
    for (open, expected) in [
        (
            Open::new(),
            "layer `own` (scale): expected a layer of this crate, got one that it does not know; tell how it is made with `Open::with_layer(\"scale\", …)` and `Sequential::open_with`, or build",
        ),
        (Open::new().with_layer("scales", Scale::of).unwrap(), "`Open::with_layer(\"scale\", …)`"),
        (
            Open::new()
                .with_layer("scale", |settings| Ok(Scale::new("scale", settings.number("slope")?, &[])))
                .unwrap(),
            "layer `own` (scale): setting: expected one of `factor`, `features`; got `slope`",
        ),
        (
            Open::new()
                .with_layer("scale", |settings| {
                    Ok(Scale::new("scale", settings.count("factor")? as f64, &[]))
                })
                .unwrap(),
            "layer `own` (scale): setting: expected a whole number, got `factor` Number(2.5)",
        ),
        (
            Open::new().with_layer("scale", |_| Ok(taper::Activation::Relu)).unwrap(),
            "layer `own` (scale): expected a layer of this kind to be made, got `relu`",
        ),
        (
            Open::new().with_layer("scale", |_| Ok(Scale::new("scale", 1.0, &[0.0; 4]))).unwrap(),
            "`own.scale`: expected [4], got [3]",
        ),
    ] {
        let error = text(&file, &open);
        assert!(error.contains(expected), "{error}");
    }
    // A size that the file claims and does not have.
    let liar = with(Scale {
        settings: Settings::new().with("factor", 1.0).with("features", usize::MAX),
        ..Scale::new("scale", 1.0, &[1.0; 3])
    });
    let error = text(&bytes(&liar), &open());
    assert!(error.contains("layer `own` (scale): features: expected 1000 values"), "{error}");
    // Parameters of the file that the layer made does not have.
    let error = text(&file, &Open::new().with_layer("scale", |_| Ok(Bare)).unwrap());
    assert!(error.contains("`own.scale` [3] is left over"), "{error}");
}

/// A layer without parameters and settings.
#[derive(Debug, Clone)]
struct Bare;

impl Layer<f32> for Bare {
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
        y.as_mut_slice().copy_from_slice(x.as_slice());
        Ok(())
    }

    fn backward(&mut self, _: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
        unreachable!("nothing is trained here")
    }
}

#[test]
fn a_kind_has_one_maker_and_none_that_is_of_this_crate() {
    for kind in ["dense", "relu", "sequential", "branches", "conv2d", ""] {
        let error = Open::<f32>::new().with_layer(kind, Scale::of).unwrap_err();
        assert!(matches!(error, Error::Setting { name: "with_layer", .. }), "{error}");
    }
    let error = open().with_layer("scale", Scale::of).unwrap_err().to_string();
    assert_eq!(error, "with_layer: expected a kind of one's own that was not told yet, got `scale`");
    // A layer of one's own that has such a kind is not taken for one of this crate, and the error does not send in a circle.
    let file = bytes(&with(Scale::new("dense", 1.0, &[1.0; 3])));
    let error = Sequential::open_bytes_with(&file, &open()).unwrap_err().to_string();
    assert!(error.contains("its kind is that of another layer of this crate"), "{error}");
    let mut model = with(Scale::new("dense", 1.0, &[0.0; 3]));
    model.load_bytes(&file, &Load::new()).unwrap();
    assert_eq!(format!("{:?}", open()), "Open with layers [\"scale\"]");
}

/// Whatever stands for a layer's settings in a file is an error or settings.
#[test]
fn settings_that_are_none_are_refused() {
    let file = bytes(&scale());
    let from = r#"\"settings\":{\"factor\":2.5,\"features\":3}"#;
    let place = file.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
    for (settings, text) in [
        ("[1]", "settings: expected a JSON object, got [1]"),
        ("null", "settings: expected a JSON object, got null"),
        (r#"{\"factor\":{\"k\":1}}"#, "window of layer `own`: expected `kernel`"),
        (r#"{\"factor\":[1.5]}"#, "expected `factor`, a list of whole numbers"),
        (r#"{\"factor\":[1,1,1,1,1,1,1]}"#, "at most 6 axes"),
        (r#"{\"features\":-3}"#, "expected a whole number, got `features` Number(-3.0)"),
    ] {
        let to = format!("{:<length$}", format!(r#"\"settings\":{settings}"#), length = from.len());
        let file = [&file[..place], to.as_bytes(), &file[place + from.len()..]].concat();
        let error = Sequential::open_bytes_with(&file, &open()).unwrap_err().to_string();
        assert!(error.contains(text), "{settings}: {error}");
    }
    assert_eq!(Setting::from("a"), Setting::Text("a".into()));
}

/// It makes its models of its settings, and their parameters come from the file.
#[test]
fn a_layer_that_holds_models_comes_back() {
    let builder = Sequential::<f32>::builder([3]).dense(4).layer(gate::gate(4, 5, 7).unwrap()).named("gate");
    let model = builder.dense(2).build(&mut taper::seeded(1)).unwrap();
    let open = Open::new().with_layer("gate", |settings| {
        gate::gate(settings.count("inputs")?.min(1000), settings.count("outputs")?.min(1000), 0)
    });
    let opened = Sequential::open_bytes_with(&bytes(&model), &open.unwrap()).unwrap();
    assert_eq!(opened.state(), model.state());
    assert_eq!(opened.state().get("gate.b.0.bias").unwrap().len(), 5);
    let x = Tensor::from([[0.5, 0.25, -1.0]]);
    assert_eq!(opened.predict(&x).unwrap(), model.predict(&x).unwrap());
}
