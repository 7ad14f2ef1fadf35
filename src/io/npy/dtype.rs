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
