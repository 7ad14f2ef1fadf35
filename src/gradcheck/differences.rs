//! Central differences, and how near a gradient has to be to them.

use crate::layers::{GradientStore, Layer};
use crate::{Error, Result, Scalar, Tensor};

/// How far elements are moved, in the order in which it is tried, and how far gradients may be off.
struct Tolerance {
    steps: &'static [f64],
    absolute: f64,
    relative: f64,
}

fn tolerance<T: Scalar>() -> Tolerance {
    if is_double::<T>() {
        Tolerance { steps: &[1e-6], absolute: 1e-7, relative: 1e-5 }
    } else {
        // Far enough to be seen behind the rounding, and near enough for the kinks of many units.
        let steps = &[1.0 / 128.0, 1.0 / 512.0, 1.0 / 2048.0];
        Tolerance { steps, absolute: 1e-4, relative: 1e-3 }
    }
}

fn is_double<T: Scalar>() -> bool {
    T::epsilon().as_f64() < 1e-12
}

/// Whether a number is another one to rounding.
pub(super) fn is_same<T: Scalar>(got: f64, expected: f64) -> bool {
    let limit = if is_double::<T>() { 1e-9 } else { 1e-5 };
    (got - expected).abs() <= limit * (1.0 + expected.abs())
}

/// How far the rounding of these parts moves their sum: a few units in the last place of each, which are independent.
pub(super) fn rounding_of<T: Scalar>(parts: impl Iterator<Item = f64>) -> f64 {
    4.0 * T::epsilon().as_f64() * parts.map(|part| part * part).sum::<f64>().sqrt()
}

/// Compares each element of a gradient at a point with the central difference of `value(index, number)`, which is that with
/// this number in its place. How many there are.
pub(super) fn compare<T: Scalar>(
    what: &str,
    gradient: &Tensor<T>,
    at: &Tensor<T>,
    rounding: f64,
    mut value: impl FnMut(usize, T) -> Result<f64>,
) -> Result<usize> {
    let (shape, tolerance) = (gradient.shape(), tolerance::<T>());
    for (index, (&got, &number)) in gradient.as_slice().iter().zip(at.as_slice()).enumerate() {
        let got = got.as_f64();
        let mut closest = (f64::NAN, f64::INFINITY);
        let mut agrees = false;
        for &step in tolerance.steps {
            let (up, down) = (number + T::of(step), number - T::of(step));
            let distance = up.as_f64() - down.as_f64();
            let expected = (value(index, up)? - value(index, down)?) / distance;
            let off = (got - expected).abs();
            // Also where it is NaN.
            if off < closest.1 || closest.0.is_nan() {
                closest = (expected, off);
            }
            agrees = off <= tolerance.absolute + tolerance.relative * expected.abs() + rounding / step;
            if agrees {
                break;
            }
        }
        if !agrees {
            let (expected, off) = closest;
            return Err(Error::Gradient {
                mismatch: format!(
                    "`{what}` {shape}, element {:?}: expected {expected:e} by finite differences, got {got:e}, off by {off:e}",
                    shape.place(index)
                ),
            });
        }
    }
    Ok(gradient.len())
}

/// Compares the gradients of all parameters that are not frozen with differences of a value; how many elements they have.
pub(super) fn compare_parameters<T: Scalar, L: Layer<T> + ?Sized>(
    layer: &mut L,
    gradients: &GradientStore<T>,
    rounding: f64,
    mut value: impl FnMut(&mut L) -> Result<f64>,
) -> Result<usize> {
    let (mut names, mut count) = (Vec::new(), 0);
    layer.params(&mut |param| names.push((param.name().to_owned(), param.is_frozen())));
    for (slot, (name, _)) in names.iter().enumerate().filter(|(_, (_, is_frozen))| !is_frozen) {
        let mut gradient = None;
        layer.params(&mut |param| {
            if param.slot() == slot {
                gradient = gradients.get(param);
            }
        });
        let Some(gradient) = gradient else {
            return Err(Error::MissingGradient { parameter: format!("`{name}`") });
        };
        let original = value_of(layer, slot);
        let mut moved = original.clone();
        count += compare(name, &gradient, &original, rounding, |index, number| {
            moved.as_mut_slice()[index] = number;
            set_value(layer, slot, &moved);
            let value = value(layer);
            moved.as_mut_slice()[index] = original.as_slice()[index];
            set_value(layer, slot, &original);
            value
        })?;
    }
    Ok(count)
}

fn value_of<T: Scalar, L: Layer<T> + ?Sized>(layer: &L, slot: usize) -> Tensor<T> {
    let mut value = None;
    layer.params(&mut |param| {
        if param.slot() == slot {
            value = Some(param.to_tensor());
        }
    });
    value.expect("the slot was counted from the same parameters")
}

fn set_value<T: Scalar, L: Layer<T> + ?Sized>(layer: &mut L, slot: usize, value: &Tensor<T>) {
    layer.params_mut(&mut |param| {
        if param.slot() == slot {
            param.set(value).expect("a tensor that came from the parameter");
        }
    });
}
