//! Normalisations and embeddings.

use serde_json::Value;
use taper::layers::{BatchNorm, Embedding, LayerNorm, Momentum};
use taper::{Layer, Result, Sequential, Shape, Tensor};

use crate::common::{fixture, list, tensor};
use crate::given::run;
use crate::{Report, SUMS};

/// dx is a small difference of numbers that are divided by a deviation, which may be small too.
const DIFFERENCES: f64 = 1e-13;

fn batch_norm(case: &Value) -> Result<BatchNorm<f64>> {
    let (weight, settings) = (tensor(&case["weight"]), &case["settings"]);
    let mut norm = BatchNorm::new(weight.len())?;
    if let Some(momentum) = settings["momentum"].as_f64() {
        norm = norm.with_momentum(Momentum::PyTorch(momentum))?;
    }
    if let Some(epsilon) = settings["eps"].as_f64() {
        norm = norm.with_epsilon(epsilon)?;
    }
    norm.weight_mut().expect("there is one").set(&weight)?;
    norm.bias_mut().expect("there is one").set(&tensor(&case["bias"]))?;
    Ok(norm)
}

#[test]
fn batch_norm_in_two_steps_and_inference() -> Result<()> {
    let file = fixture("torch/norms.json");
    let mut report = Report::new(SUMS);
    for (index, case) in list(&file["batch_norm"]).iter().enumerate() {
        let mut norm = batch_norm(case)?;
        for (step, expected) in list(&case["steps"]).iter().enumerate() {
            let x = tensor(&expected["x"]);
            let what = |what: &str| format!("case {index}, {}, step {step}, {what}", x.shape());
            let pass = run(norm.clone(), &x, &tensor(&expected["dy"]))?;
            report.compare(&what("y"), pass.y.as_slice(), &expected["y"]);
            report.compare_within(DIFFERENCES, &what("dx"), pass.dx.as_slice(), &expected["dx"]);
            for name in ["weight", "bias"] {
                let gradient = pass.gradient(name)?;
                report.compare_within(DIFFERENCES, &what(name), gradient.as_slice(), &expected[name]);
            }
            for name in ["running_mean", "running_var"] {
                report.compare(&what(name), pass.value(name)?.as_slice(), &expected[name]);
            }
            norm.running_mean_mut().set(&pass.value("running_mean")?)?;
            norm.running_var_mut().set(&pass.value("running_var")?)?;
        }
        let (expected, what) = (&case["eval"], |what: &str| format!("case {index}, inference, {what}"));
        let (x, dy) = (tensor(&expected["x"]), tensor(&expected["dy"]));
        let (_, sample) = x.shape().split_batch().expect("the input has a batch");
        let model = Sequential::builder(sample).layer(norm.clone()).build(&mut taper::seeded(0))?;
        report.compare(&what("y"), model.predict(&x)?.as_slice(), &expected["y"]);
        // Frozen, it does in training what it does in inference.
        norm.weight_mut().expect("there is one").freeze();
        norm.bias_mut().expect("there is one").freeze();
        let pass = run(norm, &x, &dy)?;
        report.compare(&what("y, frozen"), pass.y.as_slice(), &expected["y"]);
        report.compare(&what("dx, frozen"), pass.dx.as_slice(), &expected["dx"]);
    }
    report.finish(9 * (2 * 6 + 3));
    Ok(())
}

/// Without parameters, and with the mean of all batches.
#[test]
fn batch_norm_without_affine_and_cumulative() -> Result<()> {
    let file = fixture("torch/group_norms.json");
    let mut report = Report::new(SUMS);
    for (index, case) in list(&file["batch_norm"]).iter().enumerate() {
        let settings = &case["settings"];
        let channels = tensor(&case["steps"][0]["running_mean"]).len();
        let mut norm = BatchNorm::new(channels)?;
        let is_cumulative = settings.get("momentum").is_some_and(Value::is_null);
        if let Some(momentum) = settings["momentum"].as_f64() {
            norm = norm.with_momentum(Momentum::PyTorch(momentum))?;
        } else if is_cumulative {
            norm = norm.with_momentum(Momentum::Cumulative)?;
        }
        if let Some(epsilon) = settings["eps"].as_f64() {
            norm = norm.with_epsilon(epsilon)?;
        }
        if settings["affine"].as_bool() == Some(false) {
            norm = norm.without_affine();
        }
        for (step, expected) in list(&case["steps"]).iter().enumerate() {
            let x = tensor(&expected["x"]);
            let what = |what: &str| format!("case {index}, {}, step {step}, {what}", x.shape());
            let pass = run(norm.clone(), &x, &tensor(&expected["dy"]))?;
            report.compare(&what("y"), pass.y.as_slice(), &expected["y"]);
            report.compare_within(DIFFERENCES, &what("dx"), pass.dx.as_slice(), &expected["dx"]);
            let names = ["running_mean", "running_var", "num_batches_tracked"];
            for name in &names[..if is_cumulative { 3 } else { 2 }] {
                report.compare(&what(name), pass.value(name)?.as_slice(), &expected[name]);
            }
            let mut pairs = Vec::new();
            norm.params(&mut |param| pairs.push(param.name().to_owned()));
            let mut values = pairs.iter().map(|name| pass.value(name).expect("the same parameters"));
            let mut outcome = Ok(());
            norm.params_mut(&mut |param| {
                let value = values.next().expect("one for each");
                if outcome.is_ok() {
                    outcome = param.set(&value);
                }
            });
            outcome?;
        }
        let (x, what) = (tensor(&case["eval"]["x"]), format!("case {index}, inference"));
        let (_, sample) = x.shape().split_batch().expect("the input has a batch");
        let model = Sequential::builder(sample).layer(norm).build(&mut taper::seeded(0))?;
        report.compare(&what, model.predict(&x)?.as_slice(), &case["eval"]["y"]);
    }
    report.finish(2 * (3 * 4 + 1) + 2 * (3 * 5 + 1));
    Ok(())
}

#[test]
fn layer_norm() -> Result<()> {
    let file = fixture("torch/norms.json");
    let mut report = Report::new(SUMS);
    for (index, case) in list(&file["layer_norm"]).iter().enumerate() {
        let weight = tensor(&case["weight"]);
        let mut norm = LayerNorm::new(weight.shape())?;
        if let Some(epsilon) = case["settings"]["eps"].as_f64() {
            norm = norm.with_epsilon(epsilon)?;
        }
        norm.weight_mut().set(&weight)?;
        norm.bias_mut().set(&tensor(&case["bias"]))?;
        let x = tensor(&case["x"]);
        let what = |what: &str| format!("case {index}, {} over {}, {what}", x.shape(), weight.shape());
        let pass = run(norm, &x, &tensor(&case["dy"]))?;
        report.compare(&what("y"), pass.y.as_slice(), &case["y"]);
        report.compare_within(DIFFERENCES, &what("dx"), pass.dx.as_slice(), &case["dx"]);
        let gradient = pass.gradient("weight")?;
        report.compare_within(DIFFERENCES, &what("weight"), gradient.as_slice(), &case["weight_gradient"]);
        report.compare(&what("bias"), pass.gradient("bias")?.as_slice(), &case["bias_gradient"]);
    }
    report.finish(8 * 4);
    Ok(())
}

#[test]
fn embedding() -> Result<()> {
    let file = fixture("torch/norms.json");
    let mut report = Report::new(SUMS);
    for (index, case) in list(&file["embedding"]).iter().enumerate() {
        let mut embedding = Embedding::from_rows(&tensor(&case["weight"]))?;
        if let Some(padding) = case["padding"].as_u64() {
            embedding = embedding.with_padding(padding as usize)?;
        }
        let x = tensor(&case["x"]);
        let what = |what: &str| format!("case {index}, {}, {what}", x.shape());
        let pass = run(embedding, &x, &tensor(&case["dy"]))?;
        report.compare(&what("y"), pass.y.as_slice(), &case["y"]);
        report.compare(&what("weight"), pass.gradient("weight")?.as_slice(), &case["weight_gradient"]);
        report.compare(&what("the row of padding"), pass.value("weight")?.as_slice(), &case["weight"]);
        assert!(pass.dx.as_slice().iter().all(|&dx| dx == 0.0), "{}", what("dx"));
    }
    report.finish(5 * 3);
    Ok(())
}

/// Rows are drawn from a normal distribution of variance 1, and the row of padding is 0.
#[test]
fn embedding_starts_as_pytorch_s_does() -> Result<()> {
    let embedding = Embedding::<f64>::new(500, 20, &mut taper::seeded(5))?.with_padding(3)?;
    let rows: Tensor<f64> = embedding.weight().to_tensor();
    assert_eq!(rows.shape(), Shape::from([500, 20]));
    assert_eq!(rows.as_slice()[60..80], [0.0; 20]);
    let count = (rows.len() - 20) as f64;
    let (sum, squares) = rows.as_slice().iter().fold((0.0, 0.0), |(a, b), x| (a + x, b + x * x));
    // Four standard deviations, of a mean and of a variance.
    assert!((sum / count).abs() < 4.0 / count.sqrt(), "mean {}", sum / count);
    assert!((squares / count - 1.0).abs() < 4.0 * (2.0 / count).sqrt(), "variance {}", squares / count);
    Ok(())
}
