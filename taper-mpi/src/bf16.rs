//! Numbers of 16 bits: the upper half of an `f32`.

/// The nearest number of 16 bits, of two that are equally near the even one.
pub(crate) fn rounded(value: f32) -> u16 {
    let bits = value.to_bits();
    let half = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1)) >> 16;
    // A bit of the upper half that says NaN, should all others be in the lower one. Both are computed: so a loop takes several at a time.
    let nan = (bits >> 16) | 0x40;
    (if value.is_nan() { nan } else { half }) as u16
}

pub(crate) fn widened(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_the_nearest_and_to_even() {
        for (value, expected) in [
            (1.0, 1.0),
            (-0.0, -0.0),
            (1.0 + 0.003_906_25, 1.0),               // half a step above an even one
            (1.007_812_5 + 0.003_906_25, 1.015_625), // half a step above an odd one
            (1.0 + 0.004, 1.007_812_5),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
        ] {
            assert_eq!(widened(rounded(value)).to_bits(), f32::to_bits(expected), "{value}");
        }
        for nan in [f32::NAN, -f32::NAN, f32::from_bits(0x7F80_0001)] {
            assert!(widened(rounded(nan)).is_nan());
        }
    }
}
