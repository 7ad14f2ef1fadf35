//! A layer that calls its inner models' `forward` and `backward` as they stand.

use taper::layers::{Backward, Forward, GradientSink, Memory};
use taper::{
    Layer, Mode, Param, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, gradcheck, seeded,
};

fn x() -> Tensor<f64> {
    Tensor::from([[0.7, -0.4, 1.3], [-1.1, 0.2, -0.6]])
}

/// y = −inner(x).
#[derive(Debug, Clone)]
struct Negative {
    inner: Sequential<f64>,
    /// Whether the gradient forgets the sign.
    is_wrong: bool,
}

impl Negative {
    fn new(is_wrong: bool) -> Result<Self> {
        let inner = Sequential::builder([3]).dense(4).gelu().batch_norm().dense(2).build(&mut seeded(5))?;
        Ok(Self { inner, is_wrong })
    }
}

impl Layer<f64> for Negative {
    fn kind(&self) -> &'static str {
        "negative"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.inner.output_shape(input)
    }

    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        self.inner.memory(input, batch, mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, f64>,
        mut y: TensorViewMut<'_, f64>,
        context: &mut Forward<'_, f64>,
    ) -> Result<()> {
        let place = TensorViewMut::new(y.shape(), y.as_mut_slice())?;
        self.inner.forward(x, place, context)?;
        y.as_mut_slice().iter_mut().for_each(|y| *y = -*y);
        Ok(())
    }

    fn backward(&mut self, mut pass: Backward<'_, f64>, sink: &mut dyn GradientSink<f64>) -> Result<()> {
        if !self.is_wrong {
            pass.dy.as_mut_slice().iter_mut().for_each(|dy| *dy = -*dy);
        }
        self.inner.backward(pass, sink)
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
        self.inner.params(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
        self.inner.params_mut(visit);
    }
}

#[test]
fn a_layer_that_is_a_model_and_a_function_of_its_output() -> Result<()> {
    gradcheck::layer(&mut Negative::new(false)?, &x())?;
    let builder = Sequential::builder([3]).dense(3).tanh().layer(Negative::new(false)?).named("negative");
    let mut model = builder.softmax().build(&mut seeded(1))?;
    gradcheck::layer(&mut model, &x())?;
    model.freeze("negative.0")?;
    gradcheck::layer(&mut model, &x())?;
    let error = gradcheck::layer(&mut Negative::new(true)?, &x()).unwrap_err().to_string();
    assert!(error.starts_with("gradient: "), "{error}");
    Ok(())
}

/// Two passes with one context keep what they need side by side.
#[test]
fn two_models_with_one_context() -> Result<()> {
    let mut models = [1, 2].map(|seed| {
        Sequential::builder([3]).dense(4).tanh().dense(2).build(&mut seeded(seed)).expect("the shapes fit")
    });
    let inputs = x();
    let [a, b] = [&models[0], &models[1]].map(|model| model.memory(&[3].into(), 2, Mode::Train));
    let both = a.and(b);
    let (mut cache, mut scratch) = (vec![f64::NAN; both.cache], vec![f64::NAN; both.scratch]);
    let mut outputs = [Tensor::zeros([2, 2])?, Tensor::zeros([2, 2])?];
    let mut context = Forward::new(Mode::Train, &mut cache, &mut scratch);
    for (model, y) in models.iter().zip(&mut outputs) {
        model.forward(inputs.view(), y.view_mut(), &mut context)?;
        assert_eq!(*y, model.predict(&inputs)?);
    }
    let error = models[0].forward(inputs.view(), outputs[0].view_mut(), &mut context).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("workspace: expected cache for "), "{text}");

    let starts = [0, a.and(Memory::default()).cache];
    for ((model, y), start) in models.iter_mut().zip(&outputs).zip(starts) {
        let expected = model.input_gradient(&inputs, |_, mut dy| {
            dy.as_mut_slice().fill(1.0);
            Ok(())
        })?;
        let (mut dy, mut dx) = (Tensor::full([2, 2], 1.0)?, Tensor::zeros([2, 3])?);
        let mut gradients = taper::GradientStore::new(model);
        let cache = &cache[start..];
        let mut pass = Backward::new(inputs.view(), y.view(), dy.view_mut(), cache, &mut scratch);
        pass.dx = Some(dx.view_mut());
        model.backward(pass, &mut gradients)?;
        assert_eq!(dx, expected);
    }
    Ok(())
}

/// Memory and shapes that do not fit are told, and nothing panics.
#[test]
fn what_does_not_fit_is_told() -> Result<()> {
    let mut model = Sequential::builder([3]).dense(4).tanh().dense(2).build(&mut seeded(1))?;
    let inputs = x();
    let Memory { cache, scratch } = model.memory(&[3].into(), 2, Mode::Train);
    let (mut cache, mut scratch) = (vec![0.0; cache], vec![0.0; scratch]);
    let (mut y, mut narrow) = (Tensor::zeros([2, 2])?, Tensor::zeros([2, 3])?);
    let mut told = |x: &Tensor<f64>,
                    y: TensorViewMut<'_, f64>,
                    cache: usize,
                    scratch_len: usize,
                    mode,
                    expected: &str| {
        let mut kept = vec![0.0; cache];
        let mut context = Forward::new(mode, &mut kept, &mut scratch[..scratch_len]);
        let text = model.forward(x.view(), y, &mut context).unwrap_err().to_string();
        assert!(text.starts_with(expected), "{text}");
    };
    let whole = cache.len();
    told(&inputs, narrow.view_mut(), whole, 1, Mode::Infer, "expected output [2, 2], got [2, 3]");
    told(&inputs, y.view_mut(), whole, 0, Mode::Infer, "workspace: expected scratch for ");
    told(&inputs, y.view_mut(), whole, 0, Mode::Train, "workspace: expected scratch for ");
    told(
        &Tensor::zeros([2, 2])?,
        y.view_mut(),
        whole,
        0,
        Mode::Train,
        "expected input [batch, 3], got [2, 2]",
    );

    model.forward(inputs.view(), y.view_mut(), &mut Forward::new(Mode::Train, &mut cache, &mut scratch))?;
    let mut gradients = taper::GradientStore::new(&mut model);
    let (mut dy, mut dx) = (Tensor::full([2, 2], 1.0)?, Tensor::zeros([2, 2])?);
    let pass = Backward::new(inputs.view(), y.view(), dy.view_mut(), &cache[..1], &mut scratch);
    let text = model.backward(pass, &mut gradients).unwrap_err().to_string();
    assert!(text.starts_with("workspace: expected cache for "), "{text}");
    let pass = Backward::new(inputs.view(), y.view(), dy.view_mut(), &cache, &mut scratch[..1]);
    let text = model.backward(pass, &mut gradients).unwrap_err().to_string();
    assert!(text.starts_with("workspace: expected scratch for "), "{text}");
    let mut pass = Backward::new(inputs.view(), y.view(), dy.view_mut(), &cache, &mut scratch);
    pass.dx = Some(dx.view_mut());
    let text = model.backward(pass, &mut gradients).unwrap_err().to_string();
    assert_eq!(text, "expected input gradient [2, 3], got [2, 2]");
    let pass = Backward::new(inputs.view(), y.view(), narrow.view_mut(), &cache, &mut scratch);
    let text = model.backward(pass, &mut gradients).unwrap_err().to_string();
    assert_eq!(text, "expected output gradient [2, 2], got [2, 3]");
    Ok(())
}
