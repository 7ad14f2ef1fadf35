//! Numbers of a sample as bytes.
//!
//! ```text
//! x[k] ≈ scale · (q[k] − zero)      q[k] = clamp(round(x[k] / scale) + zero, −128, 127)
//! ```
//!
//! with 0 exact, as q = zero.

/// How the inputs become bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ByteInput {
    /// For each sample from its own smallest and largest number, and 0 if it lies outside of them: scale = (largest − smallest)
    /// / 255. A sample that is never negative so has all 256 steps.
    PerSample,
    /// With a scale, above 0 and finite, and a zero point, −128 to 127, that are known before. What lies outside of their range
    /// is moved to its end.
    Static { scale: f32, zero: i32 },
}

/// What is known of a sample in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// NaN where one of the numbers is not finite, so that all outputs become NaN.
    pub(super) scale: f32,
    pub(super) zero: i32,
}

/// 1 / scale with a few digits more than the largest number of steps, so that what is far outside can be rounded.
const FAR: f32 = 1024.0;

impl ByteInput {
    /// Writes the bytes of a sample.
    pub(super) fn quantize(self, x: &[f32], bytes: &mut [i8]) -> Sample {
        let is_finite = x.iter().all(|x| x.is_finite());
        let (scale, zero) = match self {
            Self::PerSample => of_range(
                x.iter().fold(0.0, |least: f32, &x| least.min(x)),
                x.iter().fold(0.0, |most: f32, &x| most.max(x)),
            ),
            Self::Static { scale, zero } => (scale, zero),
        };
        for (byte, &x) in bytes.iter_mut().zip(x) {
            let steps = (x * scale.recip()).clamp(-FAR, FAR).round_ties_even() as i32;
            *byte = (steps + zero).clamp(-128, 127) as i8;
        }
        Sample { scale: if is_finite { scale } else { f32::NAN }, zero }
    }
}

/// Scale and zero point of the numbers between two, of which the first is not above 0 and the second not below.
fn of_range(least: f32, most: f32) -> (f32, i32) {
    // The difference itself might be infinite, and 1 / scale where it is tiny.
    let scale = (most / 255.0 - least / 255.0).max(f32::MIN_POSITIVE);
    (scale, -128 - (least * scale.recip()).round_ties_even() as i32)
}
