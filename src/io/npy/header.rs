//! What stands before the numbers of a `.npy` file: a magic word, a version, and a Python dictionary with the type
//! of the numbers, their order and the shape.

use std::io::Read;

use ndarray_npy::npy::header::Header as Parsed;

use super::dtype::Dtype;
use super::origin::Origin;
use crate::{Result, Shape};

const MAGIC: &[u8] = b"\x93NUMPY";

/// NumPy's own limit for files that it does not trust. A header of plain numbers has some hundred bytes.
const MOST_BYTES: usize = 10_000;

/// The brackets around the numbers of a shape: its own and the dictionary's.
///
/// The parser, which is `py_literal`'s, tries each level in several ways: 14 braces keep it busy for 25 seconds, each
/// further one more than twice as long. So it never sees more than plain numbers need.
const DEEPEST: usize = 2;

/// NumPy leaves room for a first axis of so many digits.
const GROWTH: usize = 21;

/// NumPy lets the numbers begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// A header that has been read.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) dtype: Dtype,
    pub(super) shape: Shape,
    /// The header as it stands in the file, up to the numbers.
    pub(super) bytes: Vec<u8>,
}

impl Header {
    pub(super) fn read(reader: &mut dyn Read, origin: &Origin) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut read = |count: usize, bytes: &mut Vec<u8>| {
            let read = reader.take(count as u64).read_to_end(bytes).map_err(|error| origin.failed(&error))?;
            Ok(read == count)
        };
        let mut complete = read(MAGIC.len() + 2, &mut bytes)?;
        if !bytes.starts_with(MAGIC) {
            return Err(
                origin.problem("expected a NumPy array, which begins with `\\x93NUMPY`, got another file")
            );
        }
        // From version 2 on the length of the dictionary has four bytes.
        let length = if bytes.get(MAGIC.len()) == Some(&1) { 2 } else { 4 };
        complete = complete && read(length, &mut bytes)?;
        let lengths = bytes.iter().skip(MAGIC.len() + 2).rev();
        let dictionary = lengths.fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        if complete && dictionary > MOST_BYTES {
            let problem = format!("expected a header of at most {MOST_BYTES} bytes, got one of {dictionary}");
            return Err(origin.problem(problem));
        }
        if !complete || !read(dictionary, &mut bytes)? {
            return Err(origin.problem("expected a complete header, got the end of the file"));
        }
        Self::parse(bytes, origin)
    }

    fn parse(bytes: Vec<u8>, origin: &Origin) -> Result<Self> {
        if depth(&bytes) > DEEPEST {
            return Err(origin.problem("expected an array of plain numbers, got one of structures"));
        }
        let parsed = Parsed::from_reader(&mut &bytes[..]).map_err(|error| {
            let first = error.to_string().lines().next().unwrap_or_default().to_owned();
            origin.problem(format!("expected a header of NumPy's, got another ({first})"))
        })?;
        let descr = parsed.type_descriptor.as_string().map_or("", String::as_str);
        let Some(dtype) = Dtype::parse(descr) else {
            let got = if descr.ends_with('O') { "Python objects".to_owned() } else { format!("`{descr}`") };
            return Err(origin.problem(format!("expected real numbers, got {got}")));
        };
        let shape = Shape::new(&parsed.shape).map_err(|error| origin.problem(error))?;
        Ok(Self { dtype, shape, bytes })
    }
}

/// How many brackets are open at most at once.
fn depth(bytes: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for byte in bytes {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// The header that NumPy writes before an array in row-major order.
pub(super) fn header(descr: &str, shape: Shape) -> Vec<u8> {
    let tuple = match shape.axes() {
        [length] => format!("({length},)"),
        axes => format!("({})", axes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    let dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple}, }}");
    let growth = shape.axes().first().map_or(0, |first| GROWTH - first.to_string().len());
    let mut bytes = [MAGIC, b"\x01\x00\x00\x00", dictionary.as_bytes()].concat();
    // One byte for the end of the line, and at least one space before it.
    let end = ((bytes.len() + growth + 1) / ALIGNMENT + 1) * ALIGNMENT;
    bytes.resize(end - 1, b' ');
    bytes.push(b'\n');
    let prefix = MAGIC.len() + 4;
    // Six axes of twenty digits: some 200 bytes, never 65536.
    let length = u16::try_from(end - prefix).expect("a header of a few hundred bytes");
    bytes[prefix - 2..prefix].copy_from_slice(&length.to_le_bytes());
    bytes
}
