//! IEEE 754's binary16: one bit of sign, five of exponent, ten of fraction.

/// The number that a float16 stands for; every one is a number of `f32` too.
pub(super) fn half(bits: u16) -> f32 {
    const EXPONENT: u32 = 0x7c00;
    /// The exponent's zero is at 15 in a float16 and at 127 in a float32.
    const REBIAS: f32 = f32::from_bits((127 + 127 - 15) << 23);
    let (sign, rest) = (u32::from(bits & 0x8000) << 16, u32::from(bits & 0x7fff));
    let magnitude = if rest < EXPONENT {
        // The product is exact for subnormal numbers too.
        (f32::from_bits(rest << 13) * REBIAS).to_bits()
    } else {
        0x7f80_0000 | (rest & !EXPONENT) << 13
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_exact() {
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
            let magnitude = match exponent {
                0 => fraction * 2.0_f32.powi(-24),
                31 if fraction == 0.0 => f32::INFINITY,
                31 => f32::NAN,
                _ => (1024.0 + fraction) * 2.0_f32.powi(exponent - 25),
            };
            let expected = if bits >> 15 == 1 { -magnitude } else { magnitude };
            let got = half(bits);
            assert_eq!(got.is_nan(), expected.is_nan(), "{bits:#06x}");
            assert!(got.is_nan() || got.to_bits() == expected.to_bits(), "{bits:#06x}: {got} {expected}");
        }
    }
}
