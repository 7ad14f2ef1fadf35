//! The container: named tensors and a text about them, as a safetensors file.
//!
//! A file is untrusted. What the `safetensors` crate checks (offsets without overlap or hole, sizes that do not overflow
//! and fit the shapes) is checked by it; the limits and what it lets pass are checked here, before and after.

use std::io::{self, Write};

use std::collections::BTreeMap;

pub(super) use safetensors::tensor::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::Verdict;
use super::header::{
    Described, Header, LENGTH_BYTES, MOST_HEADER_BYTES, MOST_NAME_BYTES, MOST_TENSORS, TEXT, header,
};
use super::recognise::{SAFETENSORS, recognise};
use crate::Shape;

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

/// A tensor to be written. Its bytes are made when their turn comes, so that no two tensors are copied at a time.
pub(super) struct Piece<'a> {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Box<dyn Fn() -> Vec<u8> + 'a>,
}

impl Piece<'_> {
    fn len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

/// Tensors to be written, with the header that describes them.
pub(super) struct Draft<'a> {
    header: Vec<u8>,
    pieces: Vec<Piece<'a>>,
}

impl<'a> Draft<'a> {
    /// Tensors, a text, and what else the metadata have; the wider numbers come first, so that all of them are aligned.
    ///
    /// # Errors
    /// Where reading the file would be refused.
    pub(super) fn new(
        mut pieces: Vec<Piece<'a>>,
        text: String,
        mut texts: BTreeMap<String, String>,
    ) -> Verdict<Self> {
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.dtype.bitsize()));
        check_names(&pieces)?;
        let (mut end, mut infos) = (0, Vec::with_capacity(pieces.len()));
        for piece in &pieces {
            let start = end;
            end += piece.len();
            let data_offsets = (start, end);
            let info = TensorInfo { dtype: piece.dtype, shape: piece.shape.clone(), data_offsets };
            infos.push((piece.name.clone(), info));
        }
        texts.insert(TEXT.to_owned(), text);
        let tensors = Metadata::new(None, infos).map_err(|error| error.to_string())?;
        let tensors = serde_json::to_string(&tensors).map_err(|error| error.to_string())?;
        // In order: the crate's own map of them has none, and the same model gives the same bytes.
        let texts = serde_json::to_string(&texts).map_err(|error| error.to_string())?;
        let comma = if pieces.is_empty() { "" } else { "," };
        let mut header = format!("{{\"__metadata__\":{texts}{comma}{}", &tensors[1..]).into_bytes();
        header.resize(header.len().next_multiple_of(LENGTH_BYTES), b' ');
        if header.len() > MOST_HEADER_BYTES || pieces.len() > MOST_TENSORS {
            return Err(format!(
                "expected at most {MOST_TENSORS} tensors and {MOST_HEADER_BYTES} bytes of names and texts, got {} and {}",
                pieces.len(),
                header.len()
            ));
        }
        Ok(Self { header, pieces })
    }

    /// The bytes of the whole file.
    pub(super) fn len(&self) -> usize {
        LENGTH_BYTES + self.header.len() + self.pieces.iter().map(Piece::len).sum::<usize>()
    }

    /// The whole file.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&(self.header.len() as u64).to_le_bytes())?;
        out.write_all(&self.header)?;
        self.pieces.iter().try_for_each(|piece| out.write_all(&(piece.bytes)()))
    }
}

/// Whether each tensor has a name of its own, which can be read again.
fn check_names(pieces: &[Piece<'_>]) -> Verdict<()> {
    let mut names: Vec<&str> = pieces.iter().map(|piece| &*piece.name).collect();
    names.sort_unstable();
    if let Some((name, _)) = names.iter().zip(&names[1.min(names.len())..]).find(|(a, b)| a == b) {
        return Err(format!("expected a name for each tensor, got two of `{name}`"));
    }
    if let Some(name) = names.iter().find(|name| name.len() > MOST_NAME_BYTES) {
        return Err(format!(
            "expected tensor names of at most {MOST_NAME_BYTES} bytes, got one of {}",
            name.len()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::header::MOST_VALUES;
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
    fn what_is_written_is_read() {
        let piece = |name: &str, dtype, value: u8, len: usize| Piece {
            name: name.to_owned(),
            dtype,
            shape: vec![len, 1],
            bytes: Box::new(move || vec![value; len * dtype.bitsize() / 8]),
        };
        let pieces = vec![piece("b", Dtype::F32, 1, 3), piece("a", Dtype::F64, 2, 2)];
        let mut bytes = Vec::new();
        Draft::new(pieces, "text".into(), BTreeMap::new()).unwrap().write(&mut bytes).unwrap();
        let archive = Archive::parse(&bytes).unwrap();
        assert_eq!(archive.text.as_deref(), Some("text"));
        let names: Vec<&str> = archive.entries.iter().map(|entry| &*entry.name).collect();
        assert_eq!(names, ["a", "b"]);
        let b = archive.entry("b").unwrap();
        assert_eq!((b.dtype, b.shape.axes(), b.bytes), (Dtype::F32, &[3, 1][..], &[1; 12][..]));
    }

    #[test]
    fn a_name_that_two_tensors_have_is_not_written() {
        let piece =
            || Piece { name: "a".into(), dtype: Dtype::F32, shape: vec![0], bytes: Box::new(Vec::new) };
        let error = Draft::new(vec![piece(), piece()], String::new(), BTreeMap::new()).err().unwrap();
        assert_eq!(error, "expected a name for each tensor, got two of `a`");
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
