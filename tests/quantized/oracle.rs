//! What layers of 8-bit weights compute, as one plain loop over whole numbers of 64 bits.

/// A sample in bytes.
pub(crate) struct Bytes {
    pub(crate) q: Vec<i64>,
    pub(crate) scale: f32,
    pub(crate) zero: i64,
}

/// A sample with a scale of its own, from its smallest and largest number and 0.
pub(crate) fn quantize(x: &[f32]) -> Bytes {
    let least = x.iter().copied().fold(0.0_f32, f32::min);
    let largest = x.iter().copied().fold(0.0_f32, f32::max);
    let scale = (largest / 255.0 - least / 255.0).max(f32::MIN_POSITIVE);
    let zero = -128 - nearest(least * (1.0 / scale));
    with_scale(x, scale, zero)
}

/// A sample with a scale that is given.
pub(crate) fn with_scale(x: &[f32], scale: f32, zero: i64) -> Bytes {
    let q = x.iter().map(|x| (nearest((x * (1.0 / scale)).clamp(-1e6, 1e6)) + zero).clamp(-128, 127));
    let q = q.collect();
    let scale = if x.iter().all(|x| x.is_finite()) { scale } else { f32::NAN };
    Bytes { q, scale, zero }
}

/// The nearest whole number, the even one of two.
fn nearest(value: f32) -> i64 {
    let value = f64::from(value);
    let (below, off) = (value.floor(), value - value.floor());
    let is_up = off > 0.5 || off == 0.5 && below % 2.0 != 0.0;
    below as i64 + i64::from(is_up)
}

/// One output: the exact sum of products, then each step rounded once.
pub(crate) fn output(
    x: &Bytes,
    products: impl Iterator<Item = (i64, i64)>,
    scale: f32,
    bias: Option<f32>,
) -> f32 {
    let sum: i64 = products.map(|(q, weight)| (q - x.zero) * weight).sum();
    let scaled = sum as f32 * scale;
    let y = scaled * x.scale;
    bias.map_or(y, |bias| y + bias)
}
