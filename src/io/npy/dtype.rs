//! The dtypes that are read.

use std::ffi::c_long;

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

/// Which byte of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// That of this machine.
    const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };
}

impl Dtype {
    /// What a header calls `descr`: all the names that NumPy has for such numbers. A byte order may stand before a code;
    /// `=`, `|` and none at all are that of this machine, as there.
    ///
    /// <https://numpy.org/doc/stable/reference/arrays.dtypes.html>
    pub(super) fn parse(descr: &str) -> Option<(Self, ByteOrder)> {
        let (order, code) = match descr.split_at_checked(1) {
            Some(("<", code)) => (ByteOrder::Little, code),
            Some((">", code)) => (ByteOrder::Big, code),
            Some(("=" | "|", code)) => (ByteOrder::NATIVE, code),
            _ => (ByteOrder::NATIVE, descr),
        };
        let dtype = Self::of_code(code).or_else(|| Self::of_name(descr))?;
        Some((dtype, order))
    }

    /// A kind and a number of bytes, or a single letter.
    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "b1" | "?" => Self::Bool,
            "i1" | "b" => Self::Int8,
            "i2" | "h" => Self::Int16,
            "i4" | "i" => Self::Int32,
            "i8" | "q" => Self::Int64,
            "u1" | "B" => Self::Uint8,
            "u2" | "H" => Self::Uint16,
            "u4" | "I" => Self::Uint32,
            "u8" | "Q" => Self::Uint64,
            "f2" | "e" => Self::Float16,
            "f4" | "f" => Self::Float32,
            "f8" | "d" => Self::Float64,
            "l" => Self::signed(size_of::<c_long>()),
            "L" => Self::unsigned(size_of::<c_long>()),
            "p" | "n" => Self::signed(size_of::<isize>()),
            "P" | "N" => Self::unsigned(size_of::<usize>()),
            _ => return None,
        })
    }

    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "bool" | "bool_" => Self::Bool,
            "int8" | "byte" => Self::Int8,
            "int16" | "short" => Self::Int16,
            "int32" | "intc" => Self::Int32,
            "int64" | "longlong" => Self::Int64,
            "uint8" | "ubyte" => Self::Uint8,
            "uint16" | "ushort" => Self::Uint16,
            "uint32" | "uintc" => Self::Uint32,
            "uint64" | "ulonglong" => Self::Uint64,
            "float16" | "half" => Self::Float16,
            "float32" | "single" => Self::Float32,
            "float64" | "double" | "float" => Self::Float64,
            "long" => Self::signed(size_of::<c_long>()),
            "ulong" => Self::unsigned(size_of::<c_long>()),
            "int" | "int_" | "intp" => Self::signed(size_of::<isize>()),
            "uint" | "uintp" => Self::unsigned(size_of::<usize>()),
            _ => return None,
        })
    }

    /// A type that is as wide as the machine has it.
    fn signed(bytes: usize) -> Self {
        if bytes == 8 { Self::Int64 } else { Self::Int32 }
    }

    fn unsigned(bytes: usize) -> Self {
        if bytes == 8 { Self::Uint64 } else { Self::Uint32 }
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
