//! The header of a `.npy` file: a magic string, a version, and a Python dictionary with dtype, order and shape.

use std::io::Read;

use super::super::Verdict;
use super::super::recognise::{NUMPY_ARRAY, START, recognise};
use super::dtype::{ByteOrder, Dtype};
use super::literal::Literal;
use super::origin::Origin;
use crate::{Result, Shape};

const MAGIC: &[u8] = b"\x93NUMPY";

/// NumPy's own limit for files that it does not trust. A header of plain numbers has some hundred bytes.
const MOST_BYTES: usize = 10_000;

/// NumPy leaves room for a first axis of so many digits.
const GROWTH: usize = 21;

/// NumPy lets the numbers begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// A header that has been read: all that stands before the numbers.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) dtype: Dtype,
    pub(super) byte_order: ByteOrder,
    /// Whether the numbers lie in column-major order: the first axis fastest.
    pub(super) is_fortran: bool,
    pub(super) shape: Shape,
    /// The bytes up to the numbers.
    pub(super) len: usize,
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
            read(START, &mut bytes)?;
            let another = "expected a NumPy array, which begins with `\\x93NUMPY`, got another file";
            return Err(origin.problem(recognise(&bytes, NUMPY_ARRAY).unwrap_or_else(|| another.to_owned())));
        }
        let version = bytes.get(MAGIC.len()..).unwrap_or_default().to_vec();
        if complete && !matches!(version[..], [1..=3, 0]) {
            let problem = format!("expected a header of NumPy's version 1.0, 2.0 or 3.0, got {version:?}");
            return Err(origin.problem(problem));
        }
        // From version 2 on the length of the dictionary has four bytes.
        let length = if version.first() == Some(&1) { 2 } else { 4 };
        complete = complete && read(length, &mut bytes)?;
        let lengths = bytes.iter().skip(MAGIC.len() + 2).rev();
        let dictionary = lengths.fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        if complete && dictionary > MOST_BYTES {
            let problem = format!("expected a header of at most {MOST_BYTES} bytes, got one of {dictionary}");
            return Err(origin.problem(problem));
        }
        let start = bytes.len();
        if !complete || !read(dictionary, &mut bytes)? {
            return Err(origin.problem("expected a complete header, got the end of the file"));
        }
        Self::parse(version[0], &bytes[start..], bytes.len()).map_err(|problem| origin.problem(problem))
    }

    /// Parses the dictionary.
    fn parse(version: u8, dictionary: &[u8], len: usize) -> Verdict<Self> {
        let another = |problem: &str| format!("expected a header of NumPy's, got another ({problem})");
        let text = match version {
            // Latin-1, of which each byte is the character of its number.
            1 | 2 => dictionary.iter().copied().map(char::from).collect(),
            _ => String::from_utf8(dictionary.to_vec()).map_err(|_| another("text that is not UTF-8"))?,
        };
        let literal = Literal::parse(&text, version < 3).map_err(|problem| another(&problem))?;
        let Literal::Dictionary(pairs) = literal else { return Err(another("no dictionary")) };
        let (mut descr, mut order, mut shape) = (None, None, None);
        for (key, value) in pairs {
            let Literal::Text(key) = key else { return Err(another("a key that is no text")) };
            // Of equal keys Python takes the last.
            match &*key {
                "descr" => descr = Some(value),
                "fortran_order" => order = Some(value),
                "shape" => shape = Some(value),
                _ => return Err(another(&format!("unknown key `{key}`"))),
            }
        }
        let missing = |key| another(&format!("missing key `{key}`"));
        let (dtype, byte_order) = numbers(descr.ok_or_else(|| missing("descr"))?)?;
        let Literal::Truth(is_fortran) = order.ok_or_else(|| missing("fortran_order"))? else {
            return Err(another("`fortran_order` is neither True nor False"));
        };
        let axes = lengths(shape.ok_or_else(|| missing("shape"))?);
        let axes =
            axes.ok_or_else(|| another(&format!("`shape` is no tuple of lengths from 0 to {}", usize::MAX)))?;
        let shape = Shape::new(&axes).map_err(|error| error.to_string())?;
        Ok(Self { dtype, byte_order, is_fortran, shape, len })
    }
}

/// The type that `descr` tells.
fn numbers(descr: Literal) -> Verdict<(Dtype, ByteOrder)> {
    match descr {
        Literal::Text(descr) => Dtype::parse(&descr).ok_or_else(|| {
            let objects = descr.trim_start_matches(['<', '>', '=', '|']);
            if ["O", "O4", "O8", "object", "object_"].contains(&objects) {
                "expected real numbers, got Python objects".to_owned()
            } else {
                format!("expected real numbers, got `{descr}`")
            }
        }),
        Literal::List(_) | Literal::Tuple(_) => {
            Err("expected an array of plain numbers, got one of structures".to_owned())
        }
        _ => Err("expected real numbers, got a `descr` that is no text".to_owned()),
    }
}

/// A tuple of whole numbers from 0.
fn lengths(shape: Literal) -> Option<Vec<usize>> {
    let Literal::Tuple(axes) = shape else { return None };
    let length = |axis| match axis {
        Literal::Whole(length) => usize::try_from(length).ok(),
        _ => None,
    };
    axes.into_iter().map(length).collect()
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
