//! The types of numbers that are read.

/// A type of numbers in a file, without its byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dtype {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Float16,
    Float32,
    Float64,
}

impl Dtype {
    /// What a header calls `descr`: the byte order, the kind and the number of bytes.
    pub(super) fn parse(descr: &str) -> Option<Self> {
        Some(match descr {
            "|b1" => Self::Bool,
            "|i1" => Self::Int8,
            "|u1" => Self::Uint8,
            _ => match descr.strip_prefix(['<', '>'])? {
                "i2" => Self::Int16,
                "i4" => Self::Int32,
                "i8" => Self::Int64,
                "u2" => Self::Uint16,
                "u4" => Self::Uint32,
                "u8" => Self::Uint64,
                "f2" => Self::Float16,
                "f4" => Self::Float32,
                "f8" => Self::Float64,
                _ => return None,
            },
        })
    }

    /// NumPy's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Float16 => "float16",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }

    /// The number of bytes of one number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::Uint8 => 1,
            Self::Int16 | Self::Uint16 | Self::Float16 => 2,
            Self::Int32 | Self::Uint32 | Self::Float32 => 4,
            Self::Int64 | Self::Uint64 | Self::Float64 => 8,
        }
    }
}

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
