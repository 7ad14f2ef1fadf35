//! Keras's `Normalization`, and scikit-learn's `StandardScaler` where samples weigh differently.

use approx::assert_relative_eq;
use serde_json::Value;
use taper::layers::Normalization;
use taper::train::{Dataset, Pixels};
use taper::{Result, Sequential, Shape, Tensor};

use crate::common::{list, numbers};

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/keras/normalization.json")).unwrap()
}

/// Keras computes its statistics in single precision.
const SINGLE: f64 = 2e-6;

fn assert_close(found: &[f64], expected: &[f64], off: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_relative_eq!(found, expected, max_relative = off, epsilon = off);
    }
}

#[test]
fn fitted_layers_are_keras() -> Result<()> {
    for case in list(&fixture()["cases"]) {
        let shape: Vec<usize> = numbers(&case["shape"]).iter().map(|&axis| axis as usize).collect();
        let shape = Shape::new(&shape)?;
        let [fitted, x] = ["fitted", "x"].map(|key| Tensor::from_vec(shape, numbers(&case[key])).unwrap());
        let norm = Normalization::fit(&fitted)?;
        assert_close(norm.mean().to_tensor().as_slice(), &numbers(&case["mean"]), SINGLE);
        assert_close(norm.variance().to_tensor().as_slice(), &numbers(&case["variance"]), SINGLE);
        let (_, sample) = shape.split_batch().unwrap();
        let model = Sequential::builder(sample).normalization(&fitted).build(&mut taper::seeded(0))?;
        assert_close(model.predict(&x)?.as_slice(), &numbers(&case["y"]), SINGLE);
        // The same from a data set, of bytes too.
        let labels = vec![0; shape.axes()[0]];
        assert_eq!(
            Dataset::new(&fitted, &labels)?.normalization()?.mean().to_tensor(),
            norm.mean().to_tensor()
        );
        if shape.rank() == 4 {
            let bytes: Vec<u8> = fitted.as_slice().iter().map(|&pixel| pixel as u8).collect();
            let pixels = Pixels::new(shape, &bytes)?.with_rescaling(1.0, 0.0)?;
            let norm = Dataset::<f64>::new(pixels, &labels)?.normalization()?;
            assert_close(norm.variance().to_tensor().as_slice(), &numbers(&case["variance"]), SINGLE);
        }
    }
    Ok(())
}

#[test]
fn weighted_statistics_are_scikit_learns() -> Result<()> {
    let fixture = fixture();
    let x = Tensor::from_vec([12, 4], numbers(&fixture["cases"][0]["x"]))?;
    let (labels, weights) = (vec![0; 12], numbers(&fixture["weights"]));
    let data = Dataset::new(&x, &labels)?;
    let norm = data.with_weights(&weights)?.normalization()?;
    assert_close(norm.mean().to_tensor().as_slice(), &numbers(&fixture["weighted_mean"]), 1e-11);
    assert_close(norm.variance().to_tensor().as_slice(), &numbers(&fixture["weighted_variance"]), 1e-11);
    // A subset is its samples, those that come several times too.
    let repeated: Vec<usize> = (0..12).flat_map(|sample| vec![sample; weights[sample] as usize]).collect();
    let norm = data.subset(&repeated)?.normalization()?;
    assert_close(norm.mean().to_tensor().as_slice(), &numbers(&fixture["weighted_mean"]), 1e-11);
    assert_close(norm.variance().to_tensor().as_slice(), &numbers(&fixture["weighted_variance"]), 1e-11);
    let error = data.with_weights(&[0.0; 12])?.normalization().unwrap_err().to_string();
    assert_eq!(error, "samples to normalise by: expected at least one, got none");
    Ok(())
}
