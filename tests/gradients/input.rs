//! The gradient with respect to the input of a model.

use taper::layers::{BatchNorm, GradientSink, GradientSource, Momentum};
use taper::losses::CrossEntropy;
use taper::{Error, GradientStore, Layer, Loss, Mode, Param, Result, Sequential, Tensor, seeded};

/// Normalisations that are folded and ones that are not, dropouts, a residual block, and a flatten in front.
fn model() -> Result<Sequential<f64>> {
    let builder =
        Sequential::builder([2, 3]).flatten().batch_norm().named("first").dense(7).batch_norm().tanh();
    let builder = builder.residual(|block| block.dense(7).batch_norm().sigmoid().dropout(0.4)).batch_norm();
    let mut model = builder.dropout(0.5).dense(4).build(&mut seeded(7))?;
    let mut index = 0;
    model.params_mut(&mut |param| {
        if param.is_statistic() {
            index += 3;
            let value = |i: usize| 0.3 + ((i * 7 + index) % 5) as f64 / 4.0;
            param.set(&Tensor::from_fn(param.shape(), value).unwrap()).unwrap();
        }
    });
    Ok(model)
}

fn x() -> Tensor<f64> {
    Tensor::from_fn([3, 2, 3], |i| ((i * 37 + 11) % 101) as f64 / 50.0 - 0.997).unwrap()
}

/// Against central differences of what `predict` says.
fn compare(model: &Sequential<f64>, gradient: &Tensor<f64>, value: impl Fn(&Tensor<f64>) -> f64) {
    assert_eq!(gradient.shape(), x().shape());
    for (index, &got) in gradient.as_slice().iter().enumerate() {
        let at = |by: f64| {
            let mut moved = x();
            moved.as_mut_slice()[index] += by;
            value(&model.predict(&moved).unwrap())
        };
        let expected = (at(1e-6) - at(-1e-6)) / 2e-6;
        assert!(
            (got - expected).abs() < 1e-8 + 1e-6 * expected.abs(),
            "{index}: expected {expected}, got {got}"
        );
    }
}

#[test]
fn of_a_logit_and_of_a_loss() -> Result<()> {
    let model = model()?;
    let bits = |model: &Sequential<f64>| {
        let mut bits = Vec::new();
        model.params(&mut |param| bits.push(param.to_tensor()));
        bits
    };
    let before = bits(&model);
    let logit = model.input_gradient(&x(), |outputs, mut dy| {
        assert_eq!(outputs.shape().axes(), [3, 4]);
        dy.samples_mut().for_each(|logits| logits[1] = 1.0);
        Ok(())
    })?;
    compare(&model, &logit, |outputs| outputs.view().samples().map(|logits| logits[1]).sum());
    let (loss, labels) = (CrossEntropy::new(), [0, 3, 1]);
    let gradient = model.input_gradient(&x(), |outputs, dy| loss.backward(outputs, (&labels).into(), dy))?;
    compare(&model, &gradient, |outputs| loss.forward(outputs.view(), (&labels).into()).unwrap());
    assert!(bits(&model) == before);

    let nothing = Error::Empty { what: "a reason" };
    let error = model.input_gradient(&x(), |_, _| Err(nothing.clone())).unwrap_err();
    assert_eq!(error, nothing);
    let wrong = model.input_gradient(&Tensor::zeros([2, 4])?, |_, _| Ok(())).unwrap_err();
    assert_eq!(wrong.to_string(), "expected input [batch, 2, 3], got [2, 4]");
    Ok(())
}

/// Counts what it gets.
struct Counts(usize);

impl GradientSink<f64> for Counts {
    fn take(&mut self, _: &mut Param<f64>, _: &dyn GradientSource<f64>) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
}

/// In training, with the gradients of the parameters beside it; these are what they are without it.
#[test]
fn in_training() -> Result<()> {
    let mut model = model()?;
    let loss = CrossEntropy::new();
    let mut pass = |dx: Option<&mut Tensor<f64>>| -> Result<Vec<Option<Tensor<f64>>>> {
        let mut workspace = model.workspace(Mode::Train, 3)?;
        let mut gradients = GradientStore::new(&mut model);
        model.forward_pass(&x(), &mut workspace)?;
        workspace.loss(&loss, &[0, 3, 1])?;
        match dx {
            Some(dx) => model.backward_to_input(&x(), &mut workspace, &mut gradients, dx)?,
            None => model.backward_pass(&x(), &mut workspace, &mut gradients)?,
        }
        let mut found = Vec::new();
        model.params(&mut |param| found.push(gradients.get(param)));
        Ok(found)
    };
    let (mut dx, mut wrong) = (Tensor::full([3, 2, 3], f64::NAN)?, Tensor::zeros([3, 6])?);
    let error = pass(Some(&mut wrong)).unwrap_err().to_string();
    assert_eq!(error, "expected input gradient [3, 2, 3], got [3, 6]");
    assert!(pass(Some(&mut dx))? == pass(None)?);
    assert!(dx.as_slice().iter().all(|gradient| gradient.is_finite() && *gradient != 0.0));

    // Of a model in which nothing learns it is all that there is to compute.
    let norm = BatchNorm::new(3)?.with_momentum(Momentum::Keras(0.9))?;
    let mut frozen = Sequential::builder([2, 3]).layer(norm).flatten().dense(2).build(&mut seeded(1))?;
    frozen.params_mut(&mut Param::freeze);
    let (mut workspace, mut counts) = (frozen.workspace(Mode::Train, 3)?, Counts(0));
    frozen.forward_pass(&x(), &mut workspace)?;
    workspace.loss(&loss, &[0, 1, 1])?;
    frozen.backward_to_input(&x(), &mut workspace, &mut counts, &mut dx)?;
    assert_eq!(counts.0, 0);
    compare(&frozen, &dx, |outputs| loss.forward(outputs.view(), (&[0, 1, 1]).into()).unwrap());
    Ok(())
}

#[test]
fn numbers_that_stand_for_something_have_none() {
    let rng = &mut seeded(7);
    let model =
        Sequential::<f64>::builder([3]).embedding(5, 2).named("words").flatten().named("rest").dense(2);
    let mut model = model.build(rng).unwrap();
    let (x, expected) =
        (Tensor::from([[1.0, 2.0, 4.0]]), "input gradient: expected a model whose inputs have a gradient");
    let error = model.input_gradient(&x, |_, _| Ok(())).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
    let (mut workspace, mut gradients) =
        (model.workspace(Mode::Train, 1).unwrap(), GradientStore::new(&mut model));
    model.forward_pass(&x, &mut workspace).unwrap();
    workspace.loss(&CrossEntropy::new(), &[1]).unwrap();
    let mut dx = Tensor::zeros([1, 3]).unwrap();
    let error = model.backward_to_input(&x, &mut workspace, &mut gradients, &mut dx).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
    model.backward_pass(&x, &mut workspace, &mut gradients).unwrap();
    let (words, rest) = model.split_at("rest").unwrap();
    let gradient = rest.input_gradient(&words.predict(&x).unwrap(), |_, mut dy| {
        dy.as_mut_slice().fill(1.0);
        Ok(())
    });
    assert!(gradient.unwrap().as_slice().iter().all(|&gradient| gradient != 0.0));
}
