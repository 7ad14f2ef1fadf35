//! Numbers in bf16, in pairs.
//!
//! A bf16 is the upper half of an `f32`: its sign, its eight bits of exponent and seven of its fraction. Products take two
//! of them at once, as [`Pair`]s.

/// Two numbers in bf16: the first in the lower half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub(crate) struct Pair(u32);

const UPPER: u32 = 0xffff_0000;

impl Pair {
    /// Both numbers rounded: to the nearest, of two as near to the even one; beyond the largest to infinity, as numbers
    /// are in `f32`. NaN stays NaN.
    #[inline]
    pub(crate) fn round(first: f32, second: f32) -> Self {
        Self(round(first) >> 16 | round(second))
    }

    /// Both as `f32`; exact.
    #[inline]
    pub(super) fn widen(self) -> [f32; 2] {
        [f32::from_bits(self.0 << 16), f32::from_bits(self.0 & UPPER)]
    }

    /// Of the bits of two numbers.
    #[inline]
    pub(crate) fn of_bits([first, second]: [u16; 2]) -> Self {
        Self(u32::from(first) | u32::from(second) << 16)
    }

    #[inline]
    pub(crate) fn to_bits(self) -> [u16; 2] {
        [self.0 as u16, (self.0 >> 16) as u16]
    }

    /// The first numbers of two pairs, and their second ones.
    #[inline]
    pub(super) fn exchange(self, other: Self) -> [Self; 2] {
        [Self(self.0 & !UPPER | other.0 << 16), Self(self.0 >> 16 | other.0 & UPPER)]
    }
}

/// A number in bf16 as an `f32`, whose lower half is zero.
#[inline]
fn round(value: f32) -> u32 {
    let bits = value.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    // Rounded, a NaN could become infinite.
    let nan = bits | 0x0040_0000;
    (if value.is_nan() { nan } else { nearest }) & UPPER
}

/// The nearest number in bf16.
#[inline]
pub(super) fn rounded(value: f32) -> f32 {
    f32::from_bits(round(value))
}

/// The bits of a number in bf16, rounded as [`Pair::round`] does.
#[inline]
pub(crate) fn bf16_bits(value: f32) -> u16 {
    (round(value) >> 16) as u16
}

/// The number of bits in bf16; exact.
#[inline]
pub(crate) fn bf16_value(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// Pairs as the kernels take them: an `f32` is a place of 32 bits, and what is in it the affair of the instructions. It is moved
/// and never calculated with.
#[expect(unsafe_code, reason = "another type for the same bits")]
pub(super) fn as_elements(pairs: &[Pair]) -> &[f32] {
    // SAFETY: a pair is a `u32`, which has the size and the alignment of an `f32`, and all bits are an `f32`.
    unsafe { &*(core::ptr::from_ref(pairs) as *const [f32]) }
}

/// Room for pairs in scratch.
#[expect(unsafe_code, reason = "another type for the same bits")]
pub(super) fn as_pairs(elements: &mut [f32]) -> &mut [Pair] {
    // SAFETY: as above, and all bits are a `u32`.
    unsafe { &mut *(core::ptr::from_mut(elements) as *mut [Pair]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nearest of all numbers in bf16, found by looking through them.
    #[test]
    fn numbers_are_rounded_to_the_nearest() {
        let finite: Vec<f32> = (0..0x7f80).map(bf16_value).collect();
        let mut bits = 12345_u32;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = f32::from_bits(bits);
            if value.is_nan() {
                continue;
            }
            let above = finite.partition_point(|&number| number < value.abs());
            let expected = match (above.checked_sub(1), finite.get(above)) {
                (None, _) => finite[0],
                (Some(_), None) => continue,
                (Some(below), Some(&upper)) => {
                    let (down, up) = (value.abs() - finite[below], upper - value.abs());
                    if down < up || down == up && below % 2 == 0 { finite[below] } else { upper }
                }
            };
            assert_eq!(bf16_value(bf16_bits(value)), expected.copysign(value), "{value}");
        }
    }

    #[test]
    fn what_is_special_stays_so() {
        for (value, bits) in [
            (0.0_f32, 0),
            (-0.0, 0x8000),
            (1.0, 0x3f80),
            (f32::INFINITY, 0x7f80),
            (f32::NEG_INFINITY, 0xff80),
            (f32::MAX, 0x7f80),
            (1.0 + 0.5 / 128.0, 0x3f80), // halfway, to the even one
            (1.0 + 1.5 / 128.0, 0x3f82),
        ] {
            assert_eq!(bf16_bits(value), bits, "{value}");
        }
        for bits in [0x7f80_0001, 0x7fff_ffff, 0xffff_ffff, 0xff80_0001] {
            assert!(bf16_value(bf16_bits(f32::from_bits(bits))).is_nan(), "{bits:x}");
        }
    }

    #[test]
    fn pairs_hold_two_numbers() {
        let pair = Pair::round(1.0, -2.0);
        assert_eq!(pair.to_bits().map(bf16_value), [1.0, -2.0]);
        assert_eq!(Pair::of_bits(pair.to_bits()), pair);
        let [first, second] = pair.exchange(Pair::round(3.0, 4.0));
        assert_eq!((first, second), (Pair::round(1.0, 3.0), Pair::round(-2.0, 4.0)));
    }
}
