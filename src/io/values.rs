//! Numbers as bytes and back.

use super::archive::Dtype;
use super::half::half;
use crate::Scalar;

/// How a number of this type is called in a file.
pub(super) fn dtype_of<T: Scalar>() -> Dtype {
    if T::NAME == "f32" { Dtype::F32 } else { Dtype::F64 }
}

/// Whether numbers of this type can be read: the floating-point types of 16 bits and more.
pub(super) fn is_read(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16)
}

/// The numbers, little-endian.
pub(super) fn encode<T: Scalar>(values: &[T]) -> Vec<u8> {
    match dtype_of::<T>() {
        Dtype::F32 => values.iter().flat_map(|value| (value.as_f64() as f32).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|value| value.as_f64().to_le_bytes()).collect(),
    }
}

/// The numbers of a tensor whose type [is read](is_read), each rounded to the nearest of `T`. Bytes that do not make a
/// whole number are left out.
pub(super) fn decode<T: Scalar>(dtype: Dtype, bytes: &[u8]) -> Vec<T> {
    match dtype {
        Dtype::F64 => numbers(bytes, f64::from_le_bytes),
        Dtype::F32 => numbers(bytes, |bytes| f64::from(f32::from_le_bytes(bytes))),
        Dtype::F16 => numbers(bytes, |bytes| f64::from(half(u16::from_le_bytes(bytes)))),
        Dtype::BF16 => numbers(bytes, |bytes| brain(u16::from_le_bytes(bytes))),
        _ => unreachable!("the type was checked"),
    }
}

fn numbers<T: Scalar, const SIZE: usize>(bytes: &[u8], number: impl Fn([u8; SIZE]) -> f64) -> Vec<T> {
    bytes.as_chunks::<SIZE>().0.iter().map(|&bytes| T::of(number(bytes))).collect()
}

/// A number of bfloat16: the upper half of an `f32`.
fn brain(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let back: Vec<f32> = decode(Dtype::F32, &encode(&values));
        assert!(values.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()), "{back:?}");
        let values = [0.1, -0.0, f64::MAX, 5e-324];
        let back: Vec<f64> = decode(Dtype::F64, &encode(&values));
        assert!(values.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()), "{back:?}");
        // From any address, and rounded.
        let bytes = [&[9][..], &encode(&[0.1_f64])].concat();
        assert_eq!(decode::<f32>(Dtype::F64, &bytes[1..]), [0.1_f32]);
    }
}
