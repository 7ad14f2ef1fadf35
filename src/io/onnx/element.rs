//! The types of numbers in a file.

use crate::io::half::half;

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F32,
    F64,
    F16,
    Bf16,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    Bool,
    /// Four bits, which are two to a byte in a file, and one here.
    I4,
    U4,
}

impl Element {
    /// That of ONNX's number for it.
    pub(super) fn of(number: i64) -> Option<Self> {
        Some(match number {
            1 => Self::F32,
            2 => Self::U8,
            3 => Self::I8,
            4 => Self::U16,
            5 => Self::I16,
            6 => Self::I32,
            7 => Self::I64,
            9 => Self::Bool,
            10 => Self::F16,
            11 => Self::F64,
            12 => Self::U32,
            13 => Self::U64,
            16 => Self::Bf16,
            21 => Self::U4,
            22 => Self::I4,
            _ => return None,
        })
    }

    /// What ONNX calls a type of this number, where it is one that is not read.
    pub(super) fn name(number: i64) -> String {
        match number {
            8 => "texts".to_owned(),
            14 | 15 => "complex numbers".to_owned(),
            17..=20 => "numbers of 8 bits (float8)".to_owned(),
            number => format!("elements of the type {number}"),
        }
    }

    /// Bytes of an element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool | Self::I4 | Self::U4 => 1,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// Bytes of so many elements in a file.
    pub(super) fn in_file(self, len: usize) -> Option<usize> {
        if self.is_packed() { Some(len.div_ceil(2)) } else { len.checked_mul(self.size()) }
    }

    /// Whether two of them are in a byte of a file.
    pub(super) fn is_packed(self) -> bool {
        matches!(self, Self::I4 | Self::U4)
    }

    /// So many elements that are two to a byte, as bytes; the first is in the lower bits.
    pub(super) fn unpacked(self, bytes: &[u8], len: usize) -> Vec<u8> {
        let of = |byte: u8| [byte & 15, byte >> 4];
        // The sign is the highest of the four bits.
        let signed = |four: u8| if self == Self::I4 && four >= 8 { four | 0xf0 } else { four };
        bytes.iter().copied().flat_map(of).map(signed).take(len).collect()
    }

    pub(super) fn is_whole(self) -> bool {
        !matches!(self, Self::F32 | Self::F64 | Self::F16 | Self::Bf16)
    }

    /// Whether it is one whose bits a tensor may have as whole numbers.
    pub(super) fn is_half(self) -> bool {
        matches!(self, Self::F16 | Self::Bf16)
    }

    /// The number at a place.
    pub(super) fn float(self, bytes: &[u8], place: usize) -> f64 {
        match self {
            Self::F32 => f64::from(f32::from_le_bytes(at(bytes, place))),
            Self::F64 => f64::from_le_bytes(at(bytes, place)),
            Self::F16 => f64::from(half(u16::from_le_bytes(at(bytes, place)))),
            Self::Bf16 => f64::from(f32::from_bits(u32::from(u16::from_le_bytes(at(bytes, place))) << 16)),
            Self::U64 => u64::from_le_bytes(at(bytes, place)) as f64,
            _ => self.integer(bytes, place) as f64,
        }
    }

    /// The whole number at a place; of another number its whole part.
    pub(super) fn integer(self, bytes: &[u8], place: usize) -> i64 {
        match self {
            Self::I8 | Self::I4 => i64::from(i8::from_le_bytes(at(bytes, place))),
            Self::U8 | Self::U4 => i64::from(bytes[place]),
            Self::Bool => i64::from(bytes[place] != 0),
            Self::I16 => i64::from(i16::from_le_bytes(at(bytes, place))),
            Self::U16 => i64::from(u16::from_le_bytes(at(bytes, place))),
            Self::I32 => i64::from(i32::from_le_bytes(at(bytes, place))),
            Self::U32 => i64::from(u32::from_le_bytes(at(bytes, place))),
            Self::I64 => i64::from_le_bytes(at(bytes, place)),
            // Beyond the signed ones it is no length of anything.
            Self::U64 => i64::try_from(u64::from_le_bytes(at(bytes, place))).unwrap_or(i64::MAX),
            _ => self.float(bytes, place) as i64,
        }
    }
}

fn at<const N: usize>(bytes: &[u8], place: usize) -> [u8; N] {
    let (bytes, _) = bytes[place * N..].split_first_chunk().expect("the number of bytes was looked at");
    *bytes
}
