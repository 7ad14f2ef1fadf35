//! Checks of parameters alone, of a model with its loss, and in `f32`.

use taper::layers::{Backward, Embedding, Forward, GradientSink};
use taper::losses::{
    BinaryCrossEntropy, CrossEntropy, Huber, KlDivergence, MeanAbsoluteError, MeanSquaredError, Reduction,
};
use taper::{
    Dense, Layer, Loss, Param, Result, Scalar, Sequential, Shape, Target, Tensor, TensorView, TensorViewMut,
    gradcheck, seeded,
};

use crate::all_layers;

/// A layer that is right but for its gradients, which are multiplied.
#[derive(Debug, Clone)]
struct Spoiled<T: Scalar> {
    inner: Dense<T>,
    input: f64,
    weights: f64,
}

/// A sink of the layer's that multiplies what goes by.
struct Times<'a, T>(&'a mut dyn GradientSink<T>, f64);

impl<T: Scalar> GradientSink<T> for Times<'_, T> {
    fn take(&mut self, param: &mut Param<T>, gradient: &dyn taper::layers::GradientSource<T>) -> Result<()> {
        let mut whole = vec![T::zero(); param.buffer().len()];
        gradient.write(0..whole.len(), T::of(self.1), T::zero(), &mut whole);
        self.0.take(param, &taper::layers::Whole(&whole))
    }

    fn only_looks(&self) -> bool {
        self.0.only_looks()
    }
}

impl<T: Scalar> Layer<T> for Spoiled<T> {
    fn kind(&self) -> &'static str {
        "spoiled"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.inner.output_shape(input)
    }

    fn memory(&self, input: &Shape, batch: usize, mode: taper::Mode) -> taper::layers::Memory {
        self.inner.memory(input, batch, mode)
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
        pass: &mut Forward<'_, T>,
    ) -> Result<()> {
        self.inner.forward(x, y, pass)
    }

    fn backward(&mut self, mut pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        // The derivative of a product of 1 row is known: dx = dy·Wᵀ.
        let (weight, factor) = (self.inner.weight().to_tensor(), T::of(self.input));
        let outputs = weight.shape().axes()[1];
        if let Some(dx) = &mut pass.dx {
            for (dx, dy) in
                dx.as_mut_slice().chunks_mut(weight.shape().axes()[0]).zip(pass.dy.as_slice().chunks(outputs))
            {
                for (dx, row) in dx.iter_mut().zip(weight.as_slice().chunks(outputs)) {
                    *dx = factor * row.iter().zip(dy).map(|(&w, &dy)| w * dy).sum::<T>();
                }
            }
        }
        pass.dx = None;
        self.inner.backward(pass, &mut Times(sink, self.weights))
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.inner.params(visit);
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.inner.params_mut(visit);
    }
}

fn spoiled<T: Scalar>(input: f64, weights: f64) -> Spoiled<T> {
    Spoiled { inner: Dense::new(3, 2, &mut seeded(1)).unwrap(), input, weights }
}

fn x<T: Scalar>() -> Tensor<T> {
    let numbers = [0.1, -0.2, 0.3, 0.4, 0.5, -0.6];
    Tensor::from_fn([2, 3], |i| T::of(numbers[i])).unwrap()
}

fn text<V>(result: Result<V>) -> String {
    result.map_or_else(|error| error.to_string(), |_| "right".into())
}

fn each_type<T: Scalar>() {
    let check = |input, weights| text(gradcheck::layer(&mut spoiled::<T>(input, weights), &x()));
    assert_eq!(check(1.0, 1.0), "right");
    assert!(check(1.05, 1.0).starts_with("gradient: `input` [2, 3], element [0, 0]: expected "));
    assert!(check(1.0, 1.05).starts_with("gradient: `weight` [3, 2], element [0, 0]: expected "));
    assert!(check(1.0, f64::NAN).contains("got NaN"));
    let alone = |input, weights| text(gradcheck::parameters(&mut spoiled::<T>(input, weights), &x()));
    assert_eq!(alone(7.0, 1.0), "right");
    assert!(alone(7.0, 0.95).starts_with("gradient: `weight` [3, 2], element [0, 0]"));
    // Below a layer the input gradient is what its parameters learn by.
    let model = |input, weights| {
        let builder = Sequential::builder([3]).dense(3).tanh().layer(spoiled::<T>(input, weights));
        let mut model = builder.build(&mut seeded(2)).unwrap();
        let loss = CrossEntropy::new().with_class_weights(&[0.5, 2.0]).unwrap();
        text(gradcheck::model(&mut model, &x(), &loss, &[0, 1]))
    };
    assert_eq!(model(1.0, 1.0), "right");
    assert!(model(1.5, 1.0).starts_with("gradient: `0.weight` [3, 3]"), "{}", model(1.5, 1.0));
    assert!(model(1.0, 1.5).starts_with("gradient: `2.weight` [3, 2]"), "{}", model(1.0, 1.5));
}

#[test]
fn an_error_is_found_in_either_type() {
    each_type::<f64>();
    each_type::<f32>();
}

#[test]
fn words_have_no_gradient_and_their_rows_have() {
    let words = Tensor::from([[1.0, 7.0, 0.0, 7.0], [9.0, 7.0, 2.0, 1.0]]);
    let rng = &mut seeded(3);
    let words_first = |rng: &mut _| {
        let embedding = Embedding::<f64>::new(10, 3, rng).unwrap();
        Sequential::builder([4]).layer(embedding).flatten().dense(2).build(rng).unwrap()
    };
    gradcheck::parameters(&mut words_first(rng), &words).unwrap();
    gradcheck::layer(&mut words_first(rng), &words).unwrap();
    gradcheck::layer(&mut Embedding::<f64>::new(10, 3, rng).unwrap(), &words).unwrap();
    gradcheck::model(&mut words_first(rng), &words, &CrossEntropy::new(), &[1, 0]).unwrap();
    let spoiled = Spoiled { inner: Dense::new(12, 2, rng).unwrap(), input: 1.01, weights: 1.0 };
    let embedding = Embedding::<f64>::new(10, 3, rng).unwrap();
    let builder = Sequential::builder([4]).layer(embedding).flatten().layer(spoiled);
    let error = gradcheck::layer(&mut builder.build(rng).unwrap(), &words).unwrap_err().to_string();
    assert!(error.starts_with("gradient: `0.weight` [10, 3], element [0, 0]: expected "), "{error}");
}

#[test]
fn nothing_to_learn_is_an_error() {
    let mut model = Sequential::builder([3]).dense(2).build(&mut seeded(1)).unwrap();
    model.freeze("0").unwrap();
    let expected = "parameters that are not frozen: expected at least one, got none";
    assert_eq!(text(gradcheck::parameters(&mut model, &x::<f64>())), expected);
    assert_eq!(text(gradcheck::model(&mut model, &x(), &CrossEntropy::new(), &[0, 1])), expected);
    assert_eq!(text(gradcheck::layer(&mut model, &x())), "right");
}

#[test]
fn every_layer_passes_in_single_precision() {
    let mut failures = Vec::new();
    for width in [1, 3, 17] {
        for (name, mut model) in all_layers::layers::<f32>(width) {
            // That the row of padding has no gradient is a rule, and no derivative.
            if name == "embedding with padding" {
                continue;
            }
            let words = model.vocabulary();
            let number = |i: usize| words.map_or(all_layers::number(i), |words| (i * 7 % words) as f64);
            let x = Tensor::from_fn(model.input().with_batch(3).unwrap(), |i| number(i) as f32).unwrap();
            if let Err(error) = gradcheck::layer(&mut model, &x) {
                failures.push(format!("{name} of width {width}: {error}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// With a loss, dropout, statistics and units with kinks.
fn deep<T: Scalar>() -> Sequential<T> {
    let builder = Sequential::builder([6, 6, 2]).conv2d(4, 3).batch_norm().relu().max_pool2d(2).flatten();
    builder.dense(8).relu().dropout(0.3).dense(6).gelu().dense(3).build(&mut seeded(5)).unwrap()
}

fn pixels<T: Scalar>() -> Tensor<T> {
    Tensor::from_fn([4, 6, 6, 2], |i| T::of(((i * i * 31 + 7 * i) % 103) as f64 / 51.0 - 1.0)).unwrap()
}

fn with_every_loss<T: Scalar>() {
    let values = Tensor::from_fn([4, 3], |i| T::of([0.2, 0.5, 0.3][(i / 3 + i) % 3])).unwrap();
    let weighted = CrossEntropy::new().with_class_weights(&[0.3, 1.0, 2.0]).unwrap();
    let labels: [Box<dyn Loss<T>>; 3] = [
        Box::new(CrossEntropy::new()),
        Box::new(weighted.clone().with_ignored(1)),
        Box::new(weighted.with_label_smoothing(0.1).unwrap().with_reduction(Reduction::Sum)),
    ];
    let of_values: [Box<dyn Loss<T>>; 6] = [
        Box::new(CrossEntropy::new()),
        Box::new(BinaryCrossEntropy::new()),
        Box::new(KlDivergence::new()),
        Box::new(MeanSquaredError::new()),
        Box::new(MeanAbsoluteError::new()),
        Box::new(Huber::new(1.0).unwrap()),
    ];
    let mut model = deep::<T>();
    let mut bits = Vec::new();
    model.params(&mut |param| bits.push(param.to_tensor()));
    let targets = labels.iter().map(|loss| (loss, Target::Classes(&[0, 1, 2, 1])));
    for (loss, target) in targets.chain(of_values.iter().map(|loss| (loss, Target::from(&values)))) {
        assert_eq!(text(gradcheck::model(&mut model, &pixels(), &**loss, target)), "right", "{loss:?}");
        let outputs = Tensor::from_fn([4, 3], |i| T::of(all_layers::number(i))).unwrap();
        assert_eq!(text(gradcheck::loss(&**loss, &outputs, target)), "right", "{loss:?} in {}", T::NAME);
    }
    // Parameters and statistics are as before.
    let mut after = Vec::new();
    model.params(&mut |param| after.push(param.to_tensor()));
    assert_eq!(after, bits);
}

#[test]
fn a_deep_model_passes_with_every_loss() {
    with_every_loss::<f64>();
    with_every_loss::<f32>();
}

/// Two losses of the same outputs, the second with a share; its gradient may be wrong.
#[derive(Debug)]
struct Both(CrossEntropy, BinaryCrossEntropy, f64);

impl Loss<f64> for Both {
    fn kind(&self) -> &'static str {
        "both"
    }

    fn each(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<Tensor<f64>> {
        Loss::<f64>::each(&self.0, outputs, target)
    }

    fn forward(&self, outputs: TensorView<'_, f64>, target: Target<'_, f64>) -> Result<f64> {
        Ok(self.0.forward(outputs, target)? + 0.3 * self.1.forward(outputs, target)?)
    }

    fn backward(
        &self,
        outputs: TensorView<'_, f64>,
        target: Target<'_, f64>,
        mut gradient: TensorViewMut<'_, f64>,
    ) -> Result<()> {
        let mut second = Tensor::zeros(outputs.shape())?;
        self.1.backward(outputs, target, second.view_mut())?;
        self.0.backward(outputs, target, TensorViewMut::new(outputs.shape(), gradient.as_mut_slice())?)?;
        let both = gradient.as_mut_slice().iter_mut().zip(second.as_slice());
        both.for_each(|(first, second)| *first += self.2 * second);
        Ok(())
    }
}

#[test]
fn several_losses_pass_together() {
    let values = Tensor::from_fn([4, 3], |i| [0.2, 0.5, 0.3][(i / 3 + i) % 3]).unwrap();
    let both = |share| Both(CrossEntropy::new(), BinaryCrossEntropy::new(), share);
    let mut model = deep();
    let mut check = |share| text(gradcheck::model(&mut model, &pixels(), &both(share), &values));
    assert_eq!(check(0.3), "right");
    assert!(check(0.31).starts_with("gradient: `0.weight`"));
}
