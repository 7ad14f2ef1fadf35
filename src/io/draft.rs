//! The container to be written: named tensors and a text about them, as a safetensors file.

use std::collections::BTreeMap;
use std::io::{self, Write};

use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::Verdict;
use super::header::{LENGTH_BYTES, MOST_HEADER_BYTES, MOST_NAME_BYTES, MOST_TENSORS, TEXT};

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
    use super::super::archive::Archive;
    use super::*;

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
}
