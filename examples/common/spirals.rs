//! A small task that no linear model can do: points of three spirals, to be told apart.

use std::f32::consts::TAU;

use taper::{Result, Tensor};

pub(crate) const ARMS: usize = 3;

/// Points of the plane, `[points, 2]`, and the arm of each; the arms take turns.
pub(crate) fn spirals(points: usize) -> Result<(Tensor<f32>, Vec<usize>)> {
    let coordinates = Tensor::from_fn([points, 2], |index| {
        let point = index / 2;
        let radius = 0.1 + 0.9 * point as f32 / points as f32;
        let angle = TAU * (radius + (point % ARMS) as f32 / ARMS as f32);
        radius * if index % 2 == 0 { angle.cos() } else { angle.sin() }
    })?;
    Ok((coordinates, (0..points).map(|point| point % ARMS).collect()))
}
