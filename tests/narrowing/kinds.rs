//! Models of every kind: with layers of one's own, in eight bits, from ONNX files; and of the least sizes.

use taper::layers::{Backward, Forward, GradientSink, Units};
use taper::narrow::{Agreement, LowRank, Narrowing};
use taper::sequential::Quantization;
use taper::{Layer, Param, Result, Scalar, Sequential, Shape, Tensor, TensorView, TensorViewMut};

use super::networks::{dense, inputs};

/// Gives twice what it takes; it may say that units go through alone, or say nothing.
#[derive(Debug, Clone)]
struct Twice {
    tells: bool,
}

impl<T: Scalar> Layer<T> for Twice {
    fn kind(&self) -> &'static str {
        "twice"
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }
    fn forward(&self, x: TensorView<T>, mut y: TensorViewMut<T>, _: &mut Forward<T>) -> Result<()> {
        y.as_mut_slice().iter_mut().zip(x.as_slice()).for_each(|(y, &x)| *y = x + x);
        Ok(())
    }
    fn backward(&mut self, pass: Backward<T>, _: &mut dyn GradientSink<T>) -> Result<()> {
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().iter_mut().zip(pass.dy.as_slice()).for_each(|(dx, &dy)| *dx = dy + dy);
        }
        Ok(())
    }
    fn params<'a>(&'a self, _: &mut dyn FnMut(&'a Param<T>)) {}
    fn params_mut<'a>(&'a mut self, _: &mut dyn FnMut(&'a mut Param<T>)) {}
    fn units_through(&self, _: &Shape, units: Units) -> Option<Units> {
        self.tells.then_some(units)
    }
}

#[test]
fn a_layer_of_ones_own_ends_a_chain_unless_it_tells() -> Result<()> {
    let x = inputs(&[100, 6], 2);
    let model = |tells: bool| {
        let model =
            Sequential::<f64>::builder([6]).dense(12).named("fc1").layer(Twice { tells }).named("twice");
        model.dense(8).named("fc2").relu().dense(3).named("fc3").build(&mut taper::seeded(1))
    };
    let narrowed = Narrowing::new().to_share(&model(false)?, &x, 0.5)?;
    assert_eq!(narrowed.report.layers.len(), 1, "{}", narrowed.report);
    assert!(
        narrowed
            .report
            .to_string()
            .contains("`fc1` stays as wide as it is: its units meet in `twice` (twice")
    );
    let narrowed = Narrowing::new().to_share(&model(true)?, &x, 0.5)?;
    assert_eq!(narrowed.model.param("fc1.weight")?.shape().axes(), [6, 6]);
    // Six directions of the inputs are all that there is.
    assert!(narrowed.report.layers[0].error < 1e-2, "{}", narrowed.report);
    Ok(())
}

#[test]
fn what_has_fewer_bits_says_so() -> Result<()> {
    let (model, x) = (dense::<f32>(&[4, 64, 32, 3], 1), inputs::<f32>(&[200, 4], 2));
    for (settings, numbers) in [(Quantization::int8(), "i8"), (Quantization::bf16(), "bf16")] {
        let small = model.quantized(&settings)?;
        let error = Narrowing::new().to_share(&small, &x, 0.5).unwrap_err().to_string();
        let reason = format!("layer `fc1`: its weight is in {numbers}: narrow it before it gets fewer bits");
        assert!(
            error.starts_with("model to narrow: expected a layer whose units another layer takes, got none"),
            "{error}"
        );
        assert!(error.contains(&reason), "{error}");
        assert!(LowRank::new().within_error(&small, &x, 0.1).is_err());
        // One layer that is left as it was can be narrowed into another one that was left too.
        let mixed = model.quantized(&settings.without("fc2").without("fc3"))?;
        let narrowed = Narrowing::new().to_widths(&mixed, &x, [("fc2", 16)])?;
        assert_eq!(narrowed.report.others[0].0, "fc1", "{}", narrowed.report);
        let error = Narrowing::new().to_widths(&mixed, &x, [("fc1", 16)]).unwrap_err().to_string();
        assert!(error.contains("`fc1`, but its weight is in"), "{error}");
    }
    let narrowed = Narrowing::new().to_widths(&model, &x, [("fc1", 32), ("fc2", 16)])?.model;
    let both = narrowed.quantized(&Quantization::int8())?;
    assert!(Agreement::between(&narrowed, &both, &x)?.error < 1e-3);
    Ok(())
}

#[test]
fn a_model_with_nothing_to_narrow_is_an_error() -> Result<()> {
    let x = inputs::<f32>(&[20, 4], 2);
    let one = Sequential::builder([4]).dense(3).named("fc").build(&mut taper::seeded(1))?;
    let error = Narrowing::new().within_error(&one, &x, 0.5).unwrap_err().to_string();
    let expected = "model to narrow: expected a layer whose units another layer takes, \
                    got none (layer `fc`: its units are the outputs of the model)";
    assert_eq!(error, expected);
    let none = Sequential::<f32>::builder([4]).relu().build(&mut taper::seeded(1))?;
    assert!(Narrowing::new().to_share(&none, &x, 0.5).unwrap_err().to_string().ends_with("got none"));
    assert!(LowRank::new().within_error(&none, &x, 0.5).is_err());
    Ok(())
}

#[test]
fn the_least_sizes() -> Result<()> {
    let one = dense::<f64>(&[1, 1, 1], 1);
    let narrowed = Narrowing::new().to_share(&one, &inputs(&[1, 1], 2), 1.0)?;
    assert_eq!(narrowed.report.agreement.same_classes, None);
    // As many units as samples, one more and one less.
    for samples in [7, 8, 9] {
        let (model, x) = (dense::<f64>(&[20, 8, 5], 1), inputs(&[samples, 20], 2));
        let narrowed = Narrowing::new().to_share(&model, &x, 0.5)?;
        let row = &narrowed.report.layers[0];
        assert!((row.error - narrowed.report.agreement.error).abs() < 1e-9, "{}", narrowed.report);
        assert!(row.errors.windows(2).all(|pair| pair[0] >= pair[1]));
    }
    // Inputs that are all the same: nothing varies, so a single unit and the bias say all.
    let same = Tensor::full([30, 20], 0.3)?;
    let model = dense::<f64>(&[20, 8, 5], 1);
    let narrowed = Narrowing::new().within_error(&model, &same, 0.0)?;
    assert_eq!(narrowed.report.layers[0].width, 1, "{}", narrowed.report);
    assert!(narrowed.report.agreement.largest_difference < 1e-12, "{}", narrowed.report);
    Ok(())
}

#[test]
fn numbers_too_large_for_the_model_are_an_error() -> Result<()> {
    // Outputs of `fc1` are finite, their squares are not in f32: all is computed in double precision.
    let mut model = dense::<f32>(&[4, 16, 3], 1);
    let large = model.param("fc1.weight")?.to_tensor();
    let large = Tensor::from_fn(large.shape(), |place| large.as_slice()[place] * 1e30)?;
    model.param_mut("fc1.weight")?.set(&large)?;
    let small = model.param("fc2.weight")?.to_tensor();
    let small = Tensor::from_fn(small.shape(), |place| small.as_slice()[place] * 1e-30)?;
    model.param_mut("fc2.weight")?.set(&small)?;
    let x = inputs(&[100, 4], 2);
    let narrowed = Narrowing::new().to_share(&model, &x, 0.5)?;
    let agreement = narrowed.report.agreement;
    assert!(agreement.error < 0.5 && agreement.largest_difference.is_finite(), "{}", narrowed.report);
    // A copy of a unit that has to be taken 1e20 times: there is no such number in f32 beyond its largest.
    let mut model = dense::<f32>(&[4, 2, 3], 1);
    model.param_mut("fc1.weight")?.set(&Tensor::full([4, 2], 3e38)?)?;
    assert!(Narrowing::new().to_share(&model, &x, 0.5).is_err());
    Ok(())
}

#[cfg(feature = "onnx")]
#[test]
fn models_of_onnx_files_are_narrowed() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/onnx");
    for name in
        ["mlp_dynamo", "lenet_script", "resnet_script", "keras_vgg", "mobilenet_dynamo", "sklearn_mlp"]
    {
        let model = Sequential::<f32>::from_onnx(format!("{folder}/{name}.onnx"))?;
        let axes: Vec<usize> = [40].into_iter().chain(model.input().axes().iter().copied()).collect();
        let x = inputs::<f32>(&axes, 2);
        let narrowed = Narrowing::new().to_share(&model, &x, 0.75)?;
        assert!(narrowed.model.parameters() < model.parameters(), "{name}: {}", narrowed.report);
        let agreement = Agreement::between(&model, &narrowed.model, &x)?;
        assert!(agreement.error < 0.5, "{name}: {}", narrowed.report);
        assert_eq!(agreement, narrowed.report.agreement);
    }
    Ok(())
}

/// Each unit has more rows than there are samples; as many samples again, time after time, have the same moments.
#[test]
fn few_samples_of_units_of_many_rows() {
    for filters in [2, 3] {
        let builder = Sequential::<f64>::builder([10, 10, 1]).conv2d(filters, [3, 3]).named("conv");
        let model = builder.relu().flatten().dense(3).build(&mut taper::seeded(7)).unwrap();
        for samples in [1, 5, 20] {
            let x = inputs::<f64>(&[samples, 10, 10, 1], 2);
            let times = 100_usize.div_ceil(samples);
            let many = Tensor::from_vec([times * samples, 10, 10, 1], x.as_slice().repeat(times)).unwrap();
            let of = |x: &Tensor<f64>| Narrowing::new().to_widths(&model, x, [("conv", 1)]).unwrap();
            let (few, many) = (of(&x), of(&many));
            let [few_errors, many_errors] = [&few, &many].map(|narrowed| &narrowed.report.layers[0].errors);
            for (few, many) in few_errors.iter().zip(many_errors) {
                assert!((few - many).abs() < 1e-7, "{filters} filters, {samples} samples: {few} and {many}");
            }
            let (few, many) = (few.model.predict(&x).unwrap(), many.model.predict(&x).unwrap());
            for (few, many) in few.as_slice().iter().zip(many.as_slice()) {
                assert!((few - many).abs() < 1e-6, "{filters} filters, {samples} samples: {few} and {many}");
            }
        }
    }
}
