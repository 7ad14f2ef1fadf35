//! The header of a safetensors file: which tensors there are, where they lie, and texts.

use alloc::collections::BTreeMap;
use core::ops::Range;

use safetensors::tensor::{Dtype, Metadata};

use super::{Verdict, unique_keys};
use crate::Shape;
use crate::prelude::*;

/// The most bytes of a header. The constant by which reading a file may take more memory than the file has follows from
/// this and from [`MOST_TENSORS`].
pub(super) const MOST_HEADER_BYTES: usize = 4 << 20;
/// The most tensors in a file.
pub(super) const MOST_TENSORS: usize = 1 << 14;
/// The most bytes of a tensor's name.
pub(super) const MOST_NAME_BYTES: usize = 1024;

/// The most values of any kind in a header: what is parsed takes more memory than the text, but not more than this
/// many times some bytes. A tensor of six axes has twelve.
pub(super) const MOST_VALUES: usize = 16 * MOST_TENSORS;

/// The entry of the metadata that this crate writes.
pub(super) const TEXT: &str = "taper";

/// The bytes of the header's length, in front of it.
pub(super) const LENGTH_BYTES: usize = 8;

/// What a header says, checked.
#[derive(Debug)]
pub(super) struct Header {
    /// In the order in which they lie in the file.
    pub(super) tensors: Vec<(String, Described)>,
    /// The metadata.
    pub(super) texts: BTreeMap<String, String>,
}

/// What a header says of a tensor.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub(super) dtype: Dtype,
    pub(super) shape: Shape,
    /// Where it lies, counted from behind the header.
    pub(super) place: Range<usize>,
}

impl Header {
    /// Of a file with so many bytes behind the header.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn parse(header: &str, data_len: usize) -> Verdict<Self> {
        let keys = unique_keys::count(header, MOST_VALUES)?;
        // One more may be the metadata.
        if keys > MOST_TENSORS + 1 {
            return Err(format!("expected at most {MOST_TENSORS} tensors, got {keys}"));
        }
        let metadata: Metadata = serde_json::from_str(header).map_err(|error| error.to_string())?;
        // Compared here, since `SafeTensors::read_metadata` adds to an end that may be the largest there is.
        if metadata.data_len() != data_len {
            return Err(format!("expected {} bytes of tensors, got {data_len}", metadata.data_len()));
        }
        let texts = metadata.metadata().iter().flatten().map(|(key, text)| (key.clone(), text.clone()));
        let texts = texts.collect();
        let mut tensors = Vec::with_capacity(keys);
        for name in metadata.offset_keys() {
            let Some(info) = metadata.info(&name) else { unreachable!("the names of the same header") };
            if name.is_empty() || name.len() > MOST_NAME_BYTES {
                return Err(format!(
                    "expected tensor names of 1 to {MOST_NAME_BYTES} bytes, got one of {}",
                    name.len()
                ));
            }
            let shape = Shape::new(&info.shape).map_err(|error| format!("tensor `{name}`: {error}"))?;
            let (start, end) = info.data_offsets;
            tensors.push((name, Described { dtype: info.dtype, shape, place: start..end }));
        }
        Ok(Self { tensors, texts })
    }
}

/// The length of a header, of the first bytes of a file.
///
/// # Errors
/// Where it begins with none.
pub(super) fn header_len(start: &[u8]) -> Verdict<usize> {
    let Some(length) = start.first_chunk::<LENGTH_BYTES>() else {
        return Err(format!("expected a safetensors file, got {} bytes", start.len()));
    };
    let length = u64::from_le_bytes(*length);
    if length > MOST_HEADER_BYTES as u64 {
        return Err(format!(
            "expected a safetensors file, which begins with the length of its header, at most {MOST_HEADER_BYTES}, got {length}"
        ));
    }
    Ok(length as usize)
}

/// The JSON at the beginning of a file.
pub(super) fn header(bytes: &[u8]) -> Verdict<&str> {
    let (length, rest) = (header_len(bytes)?, &bytes[LENGTH_BYTES..]);
    let Some(header) = rest.get(..length) else {
        return Err(format!("expected a header of {length} bytes, got only {} bytes", rest.len()));
    };
    core::str::from_utf8(header).map_err(|error| format!("expected a header of text: {error}"))
}
