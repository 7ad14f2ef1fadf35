//! Conversion between numbers and the bytes of a tensor in a file.

use super::archive::Dtype;
use super::half::half;
use crate::Scalar;
use crate::prelude::*;

/// How a number of this type is called in a file.
pub(super) fn dtype_of<T: Scalar>() -> Dtype {
    if T::NAME == "f32" { Dtype::F32 } else { Dtype::F64 }
}

/// The numbers, little-endian.
pub(super) fn encode<T: Scalar>(values: &[T]) -> Vec<u8> {
    match dtype_of::<T>() {
        Dtype::F32 => values.iter().flat_map(|value| (value.as_f64() as f32).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|value| value.as_f64().to_le_bytes()).collect(),
    }
}

/// The numbers of a tensor where they lie, at any address: the floating-point types of 16 bits and more.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numbers<'a> {
    F64(&'a [[u8; 8]]),
    F32(&'a [[u8; 4]]),
    F16(&'a [[u8; 2]]),
    Bf16(&'a [[u8; 2]]),
    I64(&'a [[u8; 8]]),
    I8(&'a [u8]),
}

impl<'a> Numbers<'a> {
    /// `None` for other types, and for bytes that do not make a whole number.
    pub(super) fn new(dtype: Dtype, bytes: &'a [u8]) -> Option<Self> {
        Some(match dtype {
            Dtype::F64 => Self::F64(whole(bytes)?),
            Dtype::F32 => Self::F32(whole(bytes)?),
            Dtype::F16 => Self::F16(whole(bytes)?),
            Dtype::BF16 => Self::Bf16(whole(bytes)?),
            _ => return None,
        })
    }

    /// Whole numbers, as PyTorch counts in; `None` for others.
    pub(super) fn counts(dtype: Dtype, bytes: &'a [u8]) -> Option<Self> {
        if dtype == Dtype::I64 { Some(Self::I64(whole(bytes)?)) } else { None }
    }

    /// Whole numbers of eight bits; `None` for others.
    pub(super) fn bytes(dtype: Dtype, bytes: &'a [u8]) -> Option<Self> {
        if dtype == Dtype::I8 { Some(Self::I8(bytes)) } else { None }
    }

    fn len(self) -> usize {
        match self {
            Self::I8(numbers) => numbers.len(),
            Self::F64(numbers) | Self::I64(numbers) => numbers.len(),
            Self::F32(numbers) => numbers.len(),
            Self::F16(numbers) | Self::Bf16(numbers) => numbers.len(),
        }
    }

    /// A number, rounded to the nearest of `T`.
    #[inline]
    pub(super) fn at<T: Scalar>(self, place: usize) -> T {
        T::of(match self {
            Self::F64(numbers) => f64::from_le_bytes(numbers[place]),
            Self::F32(numbers) => f64::from(f32::from_le_bytes(numbers[place])),
            Self::F16(numbers) => f64::from(half(u16::from_le_bytes(numbers[place]))),
            Self::I64(numbers) => i64::from_le_bytes(numbers[place]) as f64,
            Self::Bf16(numbers) => brain(u16::from_le_bytes(numbers[place])),
            Self::I8(numbers) => numbers[place].cast_signed().into(),
        })
    }

    pub(super) fn to_vec<T: Scalar>(self) -> Vec<T> {
        (0..self.len()).map(|place| self.at(place)).collect()
    }

    /// The first that is NaN or infinite, as it is written or because what it goes into has none so large, and its place.
    pub(super) fn not_finite<T: Scalar>(self, is_finite: impl Fn(T) -> bool) -> Option<(usize, T)> {
        (0..self.len()).map(|place| (place, self.at(place))).find(|&(_, value)| !is_finite(value))
    }
}

fn whole<const SIZE: usize>(bytes: &[u8]) -> Option<&[[u8; SIZE]]> {
    let (numbers, rest) = bytes.as_chunks();
    rest.is_empty().then_some(numbers)
}

/// A number of bfloat16: the upper half of an `f32`.
fn brain(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded<T: Scalar>(dtype: Dtype, bytes: &[u8]) -> Vec<T> {
        Numbers::new(dtype, bytes).unwrap().to_vec()
    }

    /// Values that PyTorch gives for these bits.
    #[test]
    fn narrow_numbers_are_read() {
        for (bits, value) in [
            (0x3f80, 1.0),
            (0xc049, -3.140_625),
            (0x0080, f64::from(f32::MIN_POSITIVE)),
            (0x7f80, f64::INFINITY),
        ] {
            assert_eq!(brain(bits), value, "{bits:#06x}");
        }
    }

    #[test]
    fn numbers_come_back_to_the_bit() {
        let values = [0.0_f32, -0.0, 1.5, f32::MIN_POSITIVE, f32::MAX, 1e-45, f32::INFINITY];
        let back: Vec<f32> = decoded(Dtype::F32, &encode(&values));
        assert!(values.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()), "{back:?}");
        let values = [0.1, -0.0, f64::MAX, 5e-324];
        let back: Vec<f64> = decoded(Dtype::F64, &encode(&values));
        assert!(values.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()), "{back:?}");
        // From any address, and rounded.
        let bytes = [&[9][..], &encode(&[0.1_f64])].concat();
        assert_eq!(decoded::<f32>(Dtype::F64, &bytes[1..]), [0.1_f32]);
    }
}
