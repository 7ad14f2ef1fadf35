//! Numbers of a sample as bytes.
//!
//! ```text
//! x[k] ≈ scale · (q[k] − zero)      q[k] = clamp(round(x[k] · (1 / scale)) + zero, −128, 127)
//! ```
//!
//! with 0 exact, as q = zero. A byte is q + 128, as the instructions want one factor without a sign, and a weight may do without
//! what that would add to a sum. Every instruction set rounds alike.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::cmp::Ordering;

use super::rows::{LINE_BYTES, Sample};
use super::simd::{ByteSimd, Numbers, NumbersChunk};
use crate::kernels::Simd;
#[cfg(not(feature = "std"))]
use crate::prelude::*;

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
pub(super) struct Quantization {
    scale: f32,
    /// The byte of 0.
    zero: i32,
}

/// The vectors that are worked on side by side.
const VECTORS: usize = 4;

impl ByteInput {
    /// How a sample is quantized.
    #[inline(always)]
    pub(super) fn of<S: ByteSimd>(self, simd: S, x: &[f32]) -> Quantization {
        match self {
            Self::PerSample => self.of_range(range(simd, x)),
            Self::Static { .. } => self.of_range((0.0, 0.0)),
        }
    }

    /// The same of its least and its largest number.
    #[inline(always)]
    pub(super) fn of_range(self, (least, most): (f32, f32)) -> Quantization {
        match self {
            Self::PerSample => {
                // The difference itself might be infinite, and 1 / scale where it is tiny.
                let scale = (most / 255.0 - least / 255.0).max(f32::MIN_POSITIVE);
                let zero = -(least * scale.recip()).round_ties_even() as i32;
                Quantization { scale, zero }
            }
            Self::Static { scale, zero } => Quantization { scale, zero: zero + 128 },
        }
    }
}

impl Quantization {
    /// Writes the bytes of the numbers of a sample; there is room up to the end of a line.
    #[inline(always)]
    pub(super) fn quantize<S: ByteSimd>(self, simd: S, x: &[f32], bytes: &mut [u8]) -> Sample {
        let numbers = simd.numbers();
        let mut sums = [numbers.splat(0.0); VECTORS];
        let (chunks, _) = S::Numbers::split(x);
        let (groups, _) = chunks.as_chunks::<VECTORS>();
        let group_len = VECTORS * S::LANES;
        for (group, bytes) in groups.iter().zip(bytes.chunks_exact_mut(group_len)) {
            self.quantize_group(simd, group, &mut sums, bytes);
        }
        let done = groups.len() * group_len;
        if done < x.len() {
            let mut padded = [0.0; LINE_BYTES];
            padded[..x.len() - done].copy_from_slice(&x[done..]);
            let (group, _) = S::Numbers::split(&padded[..group_len]);
            let group = group.first_chunk().expect("so many vectors");
            self.quantize_group(simd, group, &mut sums, &mut bytes[done..][..group_len]);
        }
        let sum = numbers.add(numbers.add(sums[0], sums[1]), numbers.add(sums[2], sums[3]));
        self.sample(numbers.sum(sum) == 0.0)
    }

    /// What is known of the row.
    #[inline(always)]
    pub(super) fn sample(self, is_finite: bool) -> Sample {
        // Of a sample with a number that is not finite, all outputs become NaN.
        Sample { scale: if is_finite { self.scale } else { f32::NAN }, zero: self.zero }
    }

    #[inline(always)]
    fn quantize_group<S: ByteSimd>(
        self,
        simd: S,
        x: &[NumbersChunk<S>; VECTORS],
        sums: &mut [Numbers<S>; VECTORS],
        bytes: &mut [u8],
    ) {
        let numbers = simd.numbers();
        let nothing = numbers.splat(0.0);
        let inverse = numbers.splat(self.scale.recip());
        let (least, most) = (numbers.splat(-self.zero as f32), numbers.splat((255 - self.zero) as f32));
        let zero = simd.splat(self.zero);
        let mut whole = [zero; VECTORS];
        for vector in 0..VECTORS {
            let x = numbers.load(&x[vector]);
            // 0, or NaN for ever.
            sums[vector] = numbers.mul_add(x, nothing, sums[vector]);
            let steps = numbers.mul(x, inverse);
            let steps = simd.max(simd.min(steps, most), least);
            whole[vector] = simd.add(simd.rounded(steps), zero);
        }
        simd.narrow(whole, bytes);
    }
}

/// The least and the largest number, 0 among them.
#[inline(always)]
pub(super) fn range<S: ByteSimd>(simd: S, x: &[f32]) -> (f32, f32) {
    let numbers = simd.numbers();
    let nothing = numbers.splat(0.0);
    let (mut least, mut most) = ([nothing; VECTORS], [nothing; VECTORS]);
    let (chunks, rest) = S::Numbers::split(x);
    let (groups, chunks) = chunks.as_chunks::<VECTORS>();
    for group in groups {
        for vector in 0..VECTORS {
            let x = numbers.load(&group[vector]);
            least[vector] = simd.min(least[vector], x);
            most[vector] = simd.max(most[vector], x);
        }
    }
    for vector in 0..VECTORS {
        let x = match vector.cmp(&chunks.len()) {
            Ordering::Less => numbers.load(&chunks[vector]),
            Ordering::Equal => numbers.load_part(rest),
            Ordering::Greater => nothing,
        };
        least[vector] = simd.min(least[vector], x);
        most[vector] = simd.max(most[vector], x);
    }
    let lowest = simd.min(simd.min(least[0], least[1]), simd.min(least[2], least[3]));
    let highest = simd.max(simd.max(most[0], most[1]), simd.max(most[2], most[3]));
    let (mut least, mut most) = (S::Numbers::zeros(), S::Numbers::zeros());
    numbers.store(lowest, &mut least);
    numbers.store(highest, &mut most);
    // Four side by side, as one after another would wait for each other.
    let (mut lowest, mut highest) = ([0.0_f32; 4], [0.0_f32; 4]);
    for lane in 0..S::LANES {
        let (low, high) = (least.as_ref()[lane], most.as_ref()[lane]);
        lowest[lane % 4] = if low < lowest[lane % 4] { low } else { lowest[lane % 4] };
        highest[lane % 4] = if high > highest[lane % 4] { high } else { highest[lane % 4] };
    }
    let least = lowest.into_iter().fold(0.0, |a: f32, b| if b < a { b } else { a });
    let most = highest.into_iter().fold(0.0, |a: f32, b| if b > a { b } else { a });
    (least, most)
}
