//! The container: named tensors and a text about them, as a safetensors file.
//!
//! A file is untrusted. What the `safetensors` crate checks (offsets without overlap or hole, sizes that do not overflow
//! and fit the shapes) is checked by it; the limits and what it lets pass are checked here, before and after.

pub(super) use safetensors::tensor::Dtype;

use super::Verdict;
use super::header::{Described, Header, LENGTH_BYTES, TEXT, header};
use super::recognise::{SAFETENSORS, recognise};
use crate::Shape;
use crate::prelude::*;

/// What a file holds.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    /// In the order in which they lie in the file.
    pub(super) entries: Vec<Entry<'a>>,
    /// What this crate wrote beside them.
    pub(super) text: Option<String>,
}

/// A tensor in a file.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Shape,
    /// Little-endian, at any address.
    pub(super) bytes: &'a [u8],
}

impl<'a> Archive<'a> {
    /// Checks a file's bytes from the first to the last.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn parse(bytes: &'a [u8]) -> Verdict<Self> {
        Self::checked(bytes).map_err(|problem| recognise(bytes, SAFETENSORS).unwrap_or(problem))
    }

    fn checked(bytes: &'a [u8]) -> Verdict<Self> {
        let header = header(bytes)?;
        let data = &bytes[LENGTH_BYTES + header.len()..];
        let Header { tensors, mut texts } = Header::parse(header, data.len())?;
        let entry = |(name, described): (String, Described)| Entry {
            name,
            dtype: described.dtype,
            shape: described.shape,
            bytes: &data[described.place],
        };
        Ok(Self { entries: tensors.into_iter().map(entry).collect(), text: texts.remove(TEXT) })
    }

    /// The tensor of this name.
    pub(super) fn entry(&self, name: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::{MOST_HEADER_BYTES, MOST_NAME_BYTES, MOST_TENSORS, MOST_VALUES};
    use super::*;

    /// A file with this header and these bytes behind it.
    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    fn tensor(name: &str, dtype: &str, shape: &str, offsets: &str) -> String {
        format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}"#)
    }

    #[test]
    fn hostile_headers_are_refused() {
        let a = tensor("a", "F32", "[2]", "[0,8]");
        let long = "n".repeat(MOST_NAME_BYTES + 1);
        let many: Vec<String> =
            (0..MOST_TENSORS + 2).map(|i| tensor(&i.to_string(), "F32", "[0]", "[0,0]")).collect();
        let endless = |i: u64| {
            let (len, rest) = ((1 << 61) - 1, 7 * u64::from(i == 7));
            let offsets = format!("[{},{}]", i * len, (i + 1) * len + rest);
            tensor(&i.to_string(), "U8", &format!("[{}]", len + rest), &offsets)
        };
        let cases = [
            ("nothing", Vec::new()),
            ("no header", vec![0; 7]),
            ("a header that is too long", (MOST_HEADER_BYTES as u64 + 1).to_le_bytes().to_vec()),
            ("a header that is longer than the file", 9_u64.to_le_bytes().to_vec()),
            ("no JSON", file("{", 0)),
            ("no object", file("[]", 0)),
            ("no text", { [&1_u64.to_le_bytes()[..], &[0xff]].concat() }),
            ("a rest", file(&format!("{{{a}}}"), 9)),
            ("too little", file(&format!("{{{a}}}"), 7)),
            ("an overlap", file(&format!("{{{a},{}}}", tensor("b", "F32", "[2]", "[4,12]")), 12)),
            ("a hole", file(&format!("{{{a},{}}}", tensor("b", "F32", "[1]", "[12,16]")), 16)),
            ("a size that does not fit", file(&format!("{{{}}}", tensor("a", "F32", "[3]", "[0,8]")), 8)),
            ("a backward run", file(&format!("{{{}}}", tensor("a", "F32", "[0]", "[4,0]")), 4)),
            (
                "an overflow of elements",
                file(&format!("{{{}}}", tensor("a", "F32", &format!("[{0},{0}]", u64::MAX / 2), "[0,8]")), 8),
            ),
            (
                "an overflow of bytes",
                file(&format!("{{{}}}", tensor("a", "F64", &format!("[{}]", u64::MAX / 4), "[0,8]")), 8),
            ),
            ("a negative size", file(&format!("{{{}}}", tensor("a", "F32", "[-2]", "[0,8]")), 8)),
            ("an unknown type", file(&format!("{{{}}}", tensor("a", "F99", "[2]", "[0,8]")), 8)),
            ("seven axes", file(&format!("{{{}}}", tensor("a", "F32", "[1,1,1,1,1,1,2]", "[0,8]")), 8)),
            ("a long name", file(&format!("{{{}}}", tensor(&long, "F32", "[2]", "[0,8]")), 8)),
            ("an empty name", file(&format!("{{{}}}", tensor("", "F32", "[2]", "[0,8]")), 8)),
            ("a name twice", file(&format!("{{{a},{a}}}"), 8)),
            ("metadata twice", file(r#"{"__metadata__":{"taper":"1","taper":"2"}}"#, 0)),
            ("metadata that are no text", file(r#"{"__metadata__":{"taper":1}}"#, 0)),
            ("many tensors", file(&format!("{{{}}}", many.join(",")), 0)),
            ("a deep header", file(&"[".repeat(100_000), 0)),
            ("a header of many values", file(&format!("{{{a},\"b\":[{}1]}}", "1,".repeat(MOST_VALUES)), 8)),
            (
                "an end that is the largest number",
                file(&format!("{{{}}}", (0..8).map(endless).collect::<Vec<_>>().join(",")), 0),
            ),
        ];
        for (what, bytes) in cases {
            assert!(Archive::parse(&bytes).is_err(), "{what} was accepted");
        }
        assert!(Archive::parse(&file(&format!("{{{a}}}"), 8)).is_ok());
    }

    /// Names are names and never paths.
    #[test]
    fn a_name_may_look_like_a_path() {
        let bytes = file(&format!("{{{}}}", tensor("../../x", "F32", "[2]", "[0,8]")), 8);
        assert_eq!(Archive::parse(&bytes).unwrap().entries[0].name, "../../x");
    }
}
