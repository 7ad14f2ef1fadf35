//! Whoever gets hold of a parameter can put another in its place, of another shape, layout or name.

use taper::layers::{
    BatchNorm, Channels, Conv1d, Conv2d, ConvTranspose2d, Embedding, GroupNorm, InstanceNorm, LayerNorm,
    Momentum, Normalization, RmsNorm, Window,
};
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Callback, Control, Dataset, EarlyStopping, Epoch, Fit, Training};
use taper::{
    Dense, GradientStore, Layer, Mode, Optimizer, Param, Result, Sequential, Shape, Tensor, Trainer,
};

fn model() -> Sequential<f32> {
    let inputs = inputs();
    let builder = Sequential::builder([4, 4, 2]).normalization(&inputs).conv2d(3, 3).batch_norm().relu();
    let builder = builder.residual(|block| block.conv2d(3, Window::new(3).with_padding(1)));
    builder.flatten().layer_norm().dense(3).build(&mut taper::seeded(1)).unwrap()
}

fn inputs() -> Tensor<f32> {
    Tensor::from_fn([6, 4, 4, 2], |i| ((i * 29) % 31) as f32 / 31.0).unwrap()
}

fn names() -> Vec<(String, Shape)> {
    let (model, mut names) = (model(), Vec::new());
    Layer::params(&model, &mut |param| names.push((param.name().to_owned(), param.shape())));
    names
}

/// Parameters that somebody may think fit in the place of this one: of another shape, of another name, and as they are told.
fn others(name: &str, shape: Shape) -> [Param<f32>; 3] {
    let param = |name: &str, shape: Shape| Param::new(name, &Tensor::full(shape, 0.5).unwrap());
    [param(name, [2, 2].into()), param("other", shape), param(name, shape)]
}

#[test]
fn the_next_pass_says_so() {
    for (name, shape) in names() {
        for (index, other) in others(&name, shape).into_iter().enumerate() {
            let (mut model, x) = (model(), inputs());
            let mut infer = model.workspace(Mode::Infer, 6).unwrap();
            let mut train = model.workspace(Mode::Train, 6).unwrap();
            let mut gradients = GradientStore::new(&mut model);
            model.forward_pass(&x, &mut train).unwrap();
            train.loss(&CrossEntropy::new(), &[0, 1, 2, 0, 1, 2]).unwrap();
            let before = std::mem::replace(model.param_mut(&name).unwrap(), other);
            // What a layer keeps row by row may as well be another of the same name and shape, if it learns as that one does.
            if index == 2 && model.infer(&x, &mut infer).is_ok() {
                assert!(shape.rank() == 1 && !before.is_statistic(), "{name}");
                continue;
            }
            let is_told = |result: Result<()>| {
                let text = result.unwrap_err().to_string();
                assert!(
                    text.starts_with(&format!("expected parameter `{name}` {shape}, got another")),
                    "{text}"
                );
            };
            is_told(model.infer(&x, &mut infer).map(drop));
            is_told(model.predict(&x).map(drop));
            is_told(model.forward_pass(&x, &mut train).map(drop));
            is_told(model.input_gradient(&x, |_, _| Ok(())).map(drop));
            is_told(model.for_inference().map(drop));
            #[cfg(feature = "safetensors")]
            is_told(model.to_bytes(&taper::io::Save::new()).map(drop));
            is_told(model.backward_pass(&x, &mut train, &mut gradients));
            // Put back, all is as it was.
            let name = if index == 1 { "other" } else { &name };
            *model.param_mut(name).unwrap() = before;
            assert_eq!(model.predict(&x).unwrap(), self::model().predict(&x).unwrap());
        }
    }
}

/// Exchanges a parameter after the second step or epoch.
struct Exchange(&'static str, bool);

impl Exchange {
    fn exchange(&self, training: &mut Training<'_, f32>) -> Result<Control> {
        *training.param_mut(self.0)? = Param::new("weight", &Tensor::full([2, 2], 0.5)?);
        Ok(Control::Continue)
    }
}

impl Callback<f32> for Exchange {
    fn after_step(
        &mut self,
        step: &taper::train::StepReport,
        training: &mut Training<'_, f32>,
    ) -> Result<Control> {
        if self.1 && step.number == 1 { self.exchange(training) } else { Ok(Control::Continue) }
    }

    fn after_epoch(&mut self, epoch: &Epoch, training: &mut Training<'_, f32>) -> Result<Control> {
        if !self.1 && epoch.epoch == 1 { self.exchange(training) } else { Ok(Control::Continue) }
    }
}

#[test]
fn a_training_ends_with_an_error() {
    let (inputs, labels) = (inputs(), [0, 1, 2, 0, 1, 2]);
    let data = Dataset::new(&inputs, &labels).unwrap();
    for name in ["0.mean", "1.weight", "2.running_var", "4.0.bias", "7.weight"] {
        for after_step in [true, false] {
            for epochs in [2, 3] {
                let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
                let trainer = Trainer::owning(model(), CrossEntropy::new(), optimizer).with_batch(3).unwrap();
                let mut trainer = trainer.with_moving_average(0.5).unwrap();
                let fit =
                    Fit::epochs(epochs).with_validation(data).with_early_stopping(EarlyStopping::new(1));
                let error = trainer.fit(data, fit.with_callback(Exchange(name, after_step))).unwrap_err();
                let text = error.to_string();
                assert!(text.starts_with(&format!("expected parameter `{name}`")), "{text}");
            }
        }
    }
}

#[test]
fn longer_names_are_no_other_parameters() {
    // A model inside of another is asked by its own names.
    let model = model();
    let before = model.predict(&inputs()).unwrap();
    let outer =
        Sequential::builder([4, 4, 2]).layer(model).named("inner").build(&mut taper::seeded(1)).unwrap();
    let (_, layer) = outer.layers().next().unwrap();
    let any: &dyn std::any::Any = layer;
    let inner = any.downcast_ref::<Sequential<f32>>().unwrap();
    assert_eq!(inner.predict(&inputs()).unwrap(), before);
    let mut named = outer.clone().with_prefix("a").unwrap();
    assert_eq!(named.predict(&inputs()).unwrap(), before);
    named.freeze("a.inner").unwrap();
    assert_eq!(named.predict(&inputs()).unwrap(), before);
}

#[test]
fn a_layer_with_another_parameter_goes_into_no_model() {
    let rng = &mut taper::seeded(1);
    let other = || Param::new("weight", &Tensor::full([2, 2], 0.5_f32).unwrap());
    let mut cases: Vec<(Box<dyn Layer<f32>>, Shape)> = vec![
        (Box::new(Dense::new(12, 3, rng).unwrap()), [12].into()),
        (Box::new(Conv2d::new(Channels::new(2, 3), 3, rng).unwrap()), [4, 4, 2].into()),
        (Box::new(ConvTranspose2d::new(Channels::new(2, 3), 3, rng).unwrap()), [4, 4, 2].into()),
        (Box::new(Conv1d::new(Channels::new(2, 3), 3, rng).unwrap()), [4, 2].into()),
        (Box::new(BatchNorm::new(3).unwrap()), [3].into()),
        (Box::new(BatchNorm::new(3).unwrap().with_momentum(Momentum::Cumulative).unwrap()), [3].into()),
        (Box::new(LayerNorm::new([3]).unwrap()), [3].into()),
        (Box::new(GroupNorm::new(1, 3).unwrap()), [3].into()),
        (Box::new(InstanceNorm::new(3).unwrap().with_affine().unwrap()), [2, 3].into()),
        (Box::new(RmsNorm::new([3]).unwrap()), [3].into()),
        (Box::new(Embedding::new(5, 3, rng).unwrap()), [3].into()),
        (Box::new(Normalization::new(&[0.0; 3], &[1.0; 3]).unwrap()), [3].into()),
    ];
    for (layer, input) in &mut cases {
        let output = layer.output_shape(input).unwrap();
        let mut count = 0;
        layer.params(&mut |_| count += 1);
        for place in 0..count {
            let mut copy = layer.clone();
            let mut index = 0;
            copy.params_mut(&mut |param| {
                if index == place {
                    *param = other();
                }
                index += 1;
            });
            let text = copy.output_shape(input).unwrap_err().to_string();
            assert!(text.starts_with("expected ") && text.contains("[2, 2]"), "{text}");
        }
        assert_eq!(layer.output_shape(input).unwrap(), output);
    }
    // Of the right shape, but not as the kernels want it.
    let mut dense = Dense::<f32>::new(3, 2, rng).unwrap();
    *dense.weight_mut() = Param::new("weight", &Tensor::zeros([3, 2]).unwrap());
    let text = Sequential::builder([3]).layer(dense).build(rng).unwrap_err().to_string();
    assert!(
        text.contains("expected parameter `weight` of the layer, got one made with `Param::new`"),
        "{text}"
    );
}
