//! Wrong input is an error that says what was expected, and changes nothing.

use taper::narrow::{Agreement, LowRank, Narrowing};
use taper::{Error, Result, Tensor};

use super::networks::{dense, inputs};

fn text<R>(result: Result<R>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn layers_and_widths_that_there_are_not() {
    let (model, x) = (dense::<f32>(&[4, 8, 6, 3], 1), inputs::<f32>(&[20, 4], 2));
    let to = |widths: &[(&str, usize)]| text(Narrowing::new().to_widths(&model, &x, widths.iter().copied()));
    assert_eq!(to(&[("fc9", 3)]), "layer to narrow: expected one of `fc1`, `fc2`; got `fc9`");
    assert!(
        to(&[("fc3", 3)]).contains("`fc3`, but its units are the outputs of the model"),
        "{}",
        to(&[("fc3", 3)])
    );
    for width in [0, 9] {
        let told = to(&[("fc1", width)]);
        assert!(told.contains(&format!("got {width} for layer `fc1`, which has 8")), "{told}");
    }
    assert!(to(&[("fc1", 3), ("fc1", 3)]).contains("two for `fc1`"));
    assert!(text(Narrowing::new().with_layers(["x"]).to_share(&model, &x, 0.5)).contains("`x`"));
}

#[test]
fn settings_out_of_range() {
    for damping in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            text(Narrowing::new().with_damping(damping))
                .starts_with("damping: expected a finite number above 0")
        );
    }
    assert!(Narrowing::new().with_multiple_of(0).is_err());
    let (model, x) = (dense::<f32>(&[4, 8, 3], 1), inputs::<f32>(&[20, 4], 2));
    for share in [0.0, 1.5, f64::NAN, -0.1] {
        assert!(Narrowing::new().to_share(&model, &x, share).is_err(), "{share}");
    }
    for error in [-0.1, 1.0, f64::NAN] {
        assert!(Narrowing::new().within_error(&model, &x, error).is_err(), "{error}");
    }
}

#[test]
fn inputs_of_another_shape_or_that_are_not_finite() {
    let model = dense::<f32>(&[4, 8, 3], 1);
    let with = |x: &Tensor<f32>| Narrowing::new().to_share(&model, x, 0.5);
    assert_eq!(text(with(&inputs(&[20, 5], 2))), "expected inputs [batch, 4], got [20, 5]");
    assert_eq!(text(with(&inputs(&[4], 2))), "expected inputs [batch, 4], got [4]");
    assert!(text(with(&Tensor::zeros([0, 4]).unwrap())).contains("inputs to narrow by"));
    for number in [f32::NAN, f32::INFINITY] {
        let mut x = inputs(&[20, 4], 2);
        x.as_mut_slice()[30] = number;
        let error = with(&x).unwrap_err();
        assert!(matches!(&error, Error::NotFinite { what, .. } if what == "input in sample 7"), "{error}");
    }
}

#[test]
fn a_model_whose_outputs_are_not_finite() -> Result<()> {
    let (mut model, x) = (dense::<f32>(&[4, 8, 3], 1), inputs::<f32>(&[20, 4], 2));
    model.param_mut("fc1.bias")?.set(&Tensor::full([8], f32::INFINITY)?)?;
    let error = Narrowing::new().to_share(&model, &x, 0.5).unwrap_err();
    assert!(error.to_string().contains("layer `fc2`"), "{error}");
    model.param_mut("fc1.bias")?.set(&Tensor::zeros([8])?)?;
    model.param_mut("fc2.weight")?.set(&Tensor::full([8, 3], f32::NAN)?)?;
    let error = Narrowing::new().to_share(&model, &x, 0.5).unwrap_err();
    assert!(error.to_string().contains("weight of layer `fc2`"), "{error}");
    Ok(())
}

#[test]
fn a_predicate_of_ones_own_ends_it_with_its_error() {
    let (model, x) = (dense::<f32>(&[4, 8, 3], 1), inputs::<f32>(&[20, 4], 2));
    let error = Narrowing::new().within(&model, &x, |_| Err(Error::Empty { what: "mine" })).unwrap_err();
    assert_eq!(error, Error::Empty { what: "mine" });
}

#[test]
fn covariances_that_take_more_than_the_limit_say_how_many_samples_do_not() {
    let (model, x) = (dense::<f32>(&[4, 300, 3], 1), inputs::<f32>(&[400, 4], 2));
    let limited = Narrowing::new().with_memory(1_000_000);
    assert_eq!(limited.memory(), 1_000_000);
    let error = text(limited.to_share(&model, &x, 0.5));
    assert!(
        error.starts_with("memory: expected a limit that covariances fit into, got 1000000 bytes"),
        "{error}"
    );
    assert!(
        error.contains("layer `fc1`") && error.contains("300 numbers") && error.contains("400 samples"),
        "{error}"
    );
    let most: usize = error.rsplit("; ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(limited.to_share(&model, &inputs(&[most, 4], 2), 0.5).is_ok(), "{error}");
    assert!(limited.to_share(&model, &inputs(&[most + 1, 4], 2), 0.5).is_err(), "{error}");
    // A layer that stays as it is needs nothing.
    assert!(limited.with_layers(Vec::<String>::new()).to_share(&model, &x, 0.5).is_ok());
}

#[test]
fn models_that_cannot_be_compared() -> Result<()> {
    let (model, x) = (dense::<f32>(&[4, 8, 3], 1), inputs::<f32>(&[20, 4], 2));
    let other_inputs = Agreement::between(&model, &dense(&[5, 8, 3], 1), &x).unwrap_err();
    assert_eq!(other_inputs.to_string(), "expected a model of the same inputs [batch, 4], got [batch, 5]");
    let other_outputs = Agreement::between(&model, &dense(&[4, 8, 2], 1), &x).unwrap_err();
    assert_eq!(other_outputs.to_string(), "expected a model of the same outputs [batch, 3], got [batch, 2]");
    assert_eq!(Agreement::between(&model, &model, &x)?.largest_difference, 0.0);
    Ok(())
}

/// Reports belong to whoever asked for them, and are printed whatever is left of them.
#[test]
fn a_report_that_was_changed_is_printed() {
    let (model, x) = (dense::<f32>(&[4, 8, 3], 1), inputs::<f32>(&[20, 4], 2));
    let mut report = Narrowing::new().to_widths(&model, &x, [("fc1", 5)]).unwrap().report;
    report.layers[0].errors.truncate(1);
    let row = report.to_string().lines().find(|line| line.starts_with("fc1")).unwrap().to_owned();
    let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells[4..7], ["-", "-", "-"], "{row}");

    let mut factored = LowRank::new().to_ranks(&model, &x, [("fc1", 2)]).unwrap();
    factored.layers[0].errors.clear();
    let row = factored.to_string().lines().find(|line| line.starts_with("fc1")).unwrap().to_owned();
    assert!(row.ends_with('-') && row.contains(" 2 "), "{row}");
}
