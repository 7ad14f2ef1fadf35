//! Numbers of a sample as bytes.
//!
//! ```text
//! x[k] ≈ scale · (q[k] − zero)      q[k] = clamp(round(x[k] · (1 / scale)) + zero, −128, 127)
//! ```
//!
//! with 0 exact, as q = zero. All is done in arrays of lanes, which the compiler turns into vector instructions; they round alike
//! everywhere.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

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

/// How the numbers of one sample become bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    scale: f32,
    pub(super) zero: i32,
    is_finite: bool,
}

/// The numbers that are worked on side by side.
const LANES: usize = 64;

/// Beyond the range of bytes whatever the zero point.
const FAR: f32 = 1024.0;

/// 1.5 · 2²³: next to it a number has no digits behind the point.
const WHOLE: f32 = 12_582_912.0;

impl ByteInput {
    /// Looks at a sample.
    #[inline(always)]
    pub(super) fn steps(self, x: &[f32]) -> Steps {
        match self {
            Self::PerSample => {
                let (least, most, is_finite) = range(x);
                // The difference itself might be infinite, and 1 / scale where it is tiny.
                let scale = (most / 255.0 - least / 255.0).max(f32::MIN_POSITIVE);
                let zero = -128 - (least * scale.recip()).round_ties_even() as i32;
                Steps { scale, zero, is_finite }
            }
            Self::Static { scale, zero } => Steps { scale, zero, is_finite: range(x).2 },
        }
    }
}

impl Steps {
    /// The scale, or NaN where a number of the sample is not finite.
    pub(super) fn scale(self) -> f32 {
        if self.is_finite { self.scale } else { f32::NAN }
    }

    /// Writes the bytes of some numbers.
    #[inline(always)]
    pub(super) fn quantize(self, x: &[f32], bytes: &mut [i8]) {
        let inverse = self.scale.recip();
        let (x, x_rest) = x.as_chunks::<LANES>();
        let (bytes, bytes_rest) = bytes.as_chunks_mut::<LANES>();
        for (x, bytes) in x.iter().zip(bytes) {
            self.quantize_lanes(inverse, x, bytes);
        }
        if !x_rest.is_empty() {
            let (mut x, mut bytes) = ([0.0; LANES], [0; LANES]);
            x[..x_rest.len()].copy_from_slice(x_rest);
            self.quantize_lanes(inverse, &x, &mut bytes);
            bytes_rest.copy_from_slice(&bytes[..bytes_rest.len()]);
        }
    }

    #[inline(always)]
    fn quantize_lanes(self, inverse: f32, x: &[f32; LANES], bytes: &mut [i8; LANES]) {
        for lane in 0..LANES {
            let steps = x[lane] * inverse;
            let steps = if steps > -FAR { steps } else { -FAR };
            let steps = if steps < FAR { steps } else { FAR };
            let whole = (steps + WHOLE).to_bits().cast_signed() - WHOLE.to_bits().cast_signed();
            bytes[lane] = (whole + self.zero).clamp(-128, 127) as i8;
        }
    }
}

/// The least and the largest number, 0 among them, and whether all are finite.
#[inline(always)]
fn range(x: &[f32]) -> (f32, f32, bool) {
    let (mut least, mut most, mut sums) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    let mut add = |x: &[f32; LANES]| {
        for lane in 0..LANES {
            least[lane] = if x[lane] < least[lane] { x[lane] } else { least[lane] };
            most[lane] = if x[lane] > most[lane] { x[lane] } else { most[lane] };
            // 0, or NaN for ever.
            sums[lane] += x[lane] * 0.0;
        }
    };
    let (x, rest) = x.as_chunks::<LANES>();
    x.iter().for_each(&mut add);
    if !rest.is_empty() {
        let mut x = [0.0; LANES];
        x[..rest.len()].copy_from_slice(rest);
        add(&x);
    }
    let least = least.into_iter().fold(0.0, f32::min);
    let most = most.into_iter().fold(0.0, f32::max);
    (least, most, sums.into_iter().all(|sum| sum == 0.0))
}
