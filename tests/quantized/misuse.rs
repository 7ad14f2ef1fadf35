//! What is wrong is told.

use taper::layers::{
    Backward, Channels, Conv2d, Forward, GradientSink, Memory, QuantizedConv2d, QuantizedDense,
};
use taper::losses::MeanSquaredError;
use taper::optimizers::Sgd;
use taper::sequential::Quantization;
use taper::train::{Dataset, Fit};
use taper::{
    Dense, Layer, Mode, Optimizer, Param, Sequential, Shape, Tensor, TensorView, TensorViewMut, Trainer,
    seeded,
};

fn model() -> Sequential<f32> {
    let builder = Sequential::builder([6]).dense(8).named("fc1").relu().dense(3).named("fc2");
    builder.build(&mut seeded(1)).unwrap()
}

#[test]
fn training_is_refused_and_told_where() {
    let mut small = model().quantized(&Quantization::int8().without("fc1")).unwrap();
    let expected = "layer 2 `fc2` (quantized_dense 8 -> 3): mode: expected `Mode::Infer` (weights of eight bits have no \
                    gradients; train the model that they were made of), got `Mode::Train`";
    assert_eq!(small.workspace(Mode::Train, 4).unwrap_err().to_string(), expected);
    let x = Tensor::zeros([4, 6]).unwrap();
    let gradient = small.input_gradient(&x, |_, _| Ok(())).unwrap_err();
    assert_eq!(gradient.to_string(), expected);
    let (before, y) = (small.state(), Tensor::zeros([4, 3]).unwrap());
    let mut trainer =
        Trainer::new(&mut small, MeanSquaredError::new(), Optimizer::new(Sgd::new(0.1).unwrap()));
    assert_eq!(trainer.step(&x, &y).unwrap_err().to_string(), expected);
    let data = Dataset::new(&x, &y).unwrap();
    assert_eq!(trainer.fit(data, Fit::epochs(1)).unwrap_err().to_string(), expected);
    drop(trainer);
    assert_eq!(small.state(), before);
    // Inside of another model it is told where there.
    let outer = Sequential::builder([6]).layer(small).named("inner").build(&mut seeded(0)).unwrap();
    let error = outer.workspace(Mode::Train, 1).unwrap_err().to_string();
    assert!(error.contains("`inner`") && error.contains("`fc2`"), "{error}");
}

#[test]
fn names_that_are_none_and_models_without_a_layer_to_quantize_are_refused() {
    let told = |model: &Sequential<f32>, quantization: &Quantization| {
        model.quantized(quantization).unwrap_err().to_string()
    };
    let error = told(&model(), &Quantization::int8().without("fc3"));
    assert!(error.contains("`fc1`, `fc2`") && error.contains("`fc3`"), "{error}");
    let error = told(&model(), &Quantization::int8().without("fc"));
    assert!(error.contains("`fc`"), "{error}");
    let error = told(&model(), &Quantization::int8().without("fc1").without("fc2"));
    assert!(error.starts_with("quantization: expected a model with a dense layer"), "{error}");
    let relu = Sequential::builder([3]).relu().build(&mut seeded(0)).unwrap();
    assert!(told(&relu, &Quantization::int8()).starts_with("quantization: expected"));
}

#[test]
fn calibrations_that_do_not_fit_are_refused() {
    let told = |inputs: &Tensor<f32>| {
        model().quantized(&Quantization::int8().calibrated(inputs)).unwrap_err().to_string()
    };
    assert_eq!(told(&Tensor::zeros([5, 7]).unwrap()), "expected input [batch, 6], got [5, 7]");
    assert_eq!(
        told(&Tensor::zeros([0, 6]).unwrap()),
        "samples of the batch: expected at least one, got none"
    );
    let mut inputs = Tensor::zeros([2, 6]).unwrap();
    inputs.as_mut_slice()[7] = f32::NAN;
    let error = told(&inputs);
    assert!(error.starts_with("layer 0 `fc1` (dense 6 -> 8): what `fc1` gets in the calibration"), "{error}");
}

#[test]
fn weights_that_cannot_be_whole_numbers_are_refused() {
    let mut broken = model();
    let mut weight = broken.param("fc2.weight").unwrap().to_tensor();
    weight.as_mut_slice()[5] = f32::INFINITY;
    broken.param_mut("fc2.weight").unwrap().set(&weight).unwrap();
    let error = broken.quantized(&Quantization::int8()).unwrap_err().to_string();
    assert!(error.starts_with("layer 2 `fc2` (dense 8 -> 3): `fc2.weight`"), "{error}");
    let wide = Dense::<f32>::from_parts(&Tensor::zeros([65_794, 1]).unwrap(), None).unwrap();
    let error = QuantizedDense::from_float(&wide).unwrap_err().to_string();
    assert_eq!(
        error,
        "inputs: expected at most 65793 inputs of an output, whose sum fits into 32 bits, got 65794"
    );
    let most = Dense::<f32>::from_parts(&Tensor::full([65_793, 1], 1.0).unwrap(), None).unwrap();
    let layer = QuantizedDense::from_float(&most).unwrap();
    let model = Sequential::builder([65_793]).layer(layer).build(&mut seeded(0)).unwrap();
    let y = model.predict(&Tensor::full([1, 65_793], 1.0).unwrap()).unwrap();
    assert!((y.as_slice()[0] - 65_793.0).abs() < 1.0, "{y:?}");
    let each = Conv2d::<f32>::new(Channels::new(4, 4).with_groups(4), 3, &mut seeded(0)).unwrap();
    let error = QuantizedConv2d::from_float(&each).unwrap_err().to_string();
    assert!(error.starts_with("groups: expected groups of more than one channel"), "{error}");
}

#[test]
fn only_whole_numbers_become_a_weight_of_eight_bits() {
    let mut small = model().quantized(&Quantization::int8()).unwrap();
    let before = small.state();
    for value in [0.5, 128.0, -129.0, f32::NAN] {
        let weight = Tensor::full([6, 8], value).unwrap();
        let error = small.param_mut("fc1.weight").unwrap().set(&weight).unwrap_err().to_string();
        assert!(error.starts_with("parameter: expected whole numbers from -128 to 127"), "{error}");
        let mut state = before.clone();
        state.insert("fc1.weight", Tensor::full([8, 6], value).unwrap());
        assert!(small.set_state(&state).is_err());
    }
    assert_eq!(small.state(), before);
    small.param_mut("fc1.weight").unwrap().set(&Tensor::full([6, 8], -128.0).unwrap()).unwrap();
    small.param_mut("fc1.weight").unwrap().unfreeze();
    assert!(small.param("fc1.weight").unwrap().is_frozen());
    for range in [[1.0, 0.0], [f32::NAN, 1.0], [0.0, f32::INFINITY]] {
        let dense = QuantizedDense::from_float(&Dense::new(2, 2, &mut seeded(0)).unwrap()).unwrap();
        let error = dense.with_input_range(range[0], range[1]).unwrap_err().to_string();
        assert!(error.starts_with("input range: expected two finite numbers"), "{error}");
    }
}

/// Whoever gets hold of a parameter can put another in its place.
#[test]
fn parameters_that_were_exchanged_are_found() {
    let layer = || {
        let dense = Dense::new(6, 8, &mut seeded(0)).unwrap();
        QuantizedDense::from_float(&dense).unwrap().with_input_range(-1.0, 1.0).unwrap()
    };
    let x = Tensor::zeros([2, 6]).unwrap();
    let mut names = Vec::new();
    layer().params(&mut |param| names.push(param.name().to_owned()));
    assert_eq!(names, ["weight", "weight_scale", "bias", "input_scale", "input_zero_point"]);
    for name in ["weight", "input_zero_point"] {
        let exchange = |param: &mut Param<f32>| {
            if param.name().ends_with(name) {
                *param = Param::new(param.name(), &Tensor::zeros(param.shape()).unwrap());
            }
        };
        let mut broken = layer();
        broken.params_mut(&mut |param| exchange(param));
        let built = Sequential::builder([6]).layer(broken).build(&mut seeded(0));
        let error = built.unwrap_err().to_string();
        assert!(error.contains("of whole numbers of eight bits, of the layer, got one of f32"), "{error}");
        let mut model = Sequential::builder([6]).layer(layer()).build(&mut seeded(0)).unwrap();
        model.params_mut(&mut |param| exchange(param));
        let error = model.predict(&x).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("another in its place"), "{error}");
    }
    let mut broken = layer();
    broken.params_mut(&mut |param| {
        if param.name() == "weight_scale" {
            param.buffer_mut()[3] = -1.0;
        }
    });
    let error = Sequential::builder([6]).layer(broken).build(&mut seeded(0)).unwrap_err().to_string();
    assert!(error.contains("scale: expected finite numbers above 0, got -1 in `weight_scale`"), "{error}");
}

/// A layer of one's own that runs another without asking whether it can be used so.
#[derive(Debug, Clone)]
struct Around(Box<dyn Layer<f32>>);

impl Layer<f32> for Around {
    fn kind(&self) -> &'static str {
        "around"
    }
    fn output_shape(&self, input: &Shape) -> taper::Result<Shape> {
        self.0.output_shape(input)
    }
    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        self.0.memory(input, batch, mode)
    }
    fn forward(
        &self,
        x: TensorView<'_, f32>,
        y: TensorViewMut<'_, f32>,
        context: &mut Forward<'_, f32>,
    ) -> taper::Result<()> {
        self.0.forward(x, y, context)
    }
    fn backward(&mut self, pass: Backward<'_, f32>, sink: &mut dyn GradientSink<f32>) -> taper::Result<()> {
        self.0.backward(pass, sink)
    }
    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f32>)) {
        self.0.params(visit);
    }
    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f32>)) {
        self.0.params_mut(visit);
    }
}

#[test]
fn a_pass_of_training_is_refused_inside_of_a_layer_that_does_not_ask() {
    let images =
        || Sequential::<f32>::builder([4, 4, 2]).conv2d(3, 2).named("c").build(&mut seeded(1)).unwrap();
    let rows = || Sequential::<f32>::builder([4, 6]).conv1d(3, 2).named("c").build(&mut seeded(1)).unwrap();
    let flat = || Sequential::<f32>::builder([6]).dense(3).named("c").build(&mut seeded(1)).unwrap();
    for (model, quantization) in [images(), rows(), flat()]
        .into_iter()
        .flat_map(|model| [Quantization::int8(), Quantization::bf16()].map(|q| (model.clone(), q)))
    {
        let small = model.quantized(&quantization).unwrap();
        let (_, inner) = small.layers().next().unwrap();
        let inner = Around(inner.clone_layer());
        let mut outer =
            Sequential::builder(model.input()).layer(inner).named("own").build(&mut seeded(0)).unwrap();
        let x = Tensor::full(model.input().with_batch(2).unwrap(), 0.5).unwrap();
        assert_eq!(outer.predict(&x).unwrap(), small.predict(&x).unwrap());
        let mut workspace = outer.workspace(Mode::Train, 2).unwrap();
        let error = outer.forward_pass(&x, &mut workspace).unwrap_err().to_string();
        let expected =
            "layer 0 `own` (around): the layer of `own.c.weight`: mode: expected `Mode::Infer` (weights ";
        assert!(
            error.starts_with(expected) && error.ends_with("got `Mode::Train`"),
            "{quantization:?}: {error}"
        );
        let y = Tensor::zeros(model.output().with_batch(2).unwrap()).unwrap();
        let mut trainer =
            Trainer::new(&mut outer, MeanSquaredError::new(), Optimizer::new(Sgd::new(0.1).unwrap()));
        assert_eq!(trainer.step(&x, &y).unwrap_err().to_string(), error);
    }
}
