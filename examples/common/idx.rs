//! Reads gzipped IDX files, the format of MNIST and of the sets that follow it.
//!
//! ```text
//! 0 0 8 rank | for each axis its length, 4 bytes, big-endian | for each element a byte
//! ```

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use taper::Shape;

/// Images as bytes, and the class of each.
#[derive(Debug)]
pub(crate) struct Idx {
    /// Of the images, samples first.
    pub(crate) shape: Shape,
    /// From 0 to 255.
    pub(crate) pixels: Vec<u8>,
    pub(crate) labels: Vec<usize>,
}

impl Idx {
    /// Reads `{part}-images-idx3-ubyte.gz` and `{part}-labels-idx1-ubyte.gz`.
    pub(crate) fn read(folder: &Path, part: &str, classes: usize) -> Result<Self, IdxError> {
        let images_path = folder.join(format!("{part}-images-idx3-ubyte.gz"));
        let labels_path = folder.join(format!("{part}-labels-idx1-ubyte.gz"));
        let (axes, pixels) = read(&images_path, 3)?;
        let (_, labels) = read(&labels_path, 1)?;
        if labels.len() != axes[0] {
            let problem = format!("expected a label for each of {} images, got {}", axes[0], labels.len());
            return Err(malformed(&labels_path, problem));
        }
        if let Some(label) = labels.iter().find(|&&label| usize::from(label) >= classes) {
            return Err(malformed(&labels_path, format!("expected labels below {classes}, got {label}")));
        }
        let shape = Shape::new(&axes).map_err(|error| malformed(&images_path, error.to_string()))?;
        Ok(Self { shape, pixels, labels: labels.into_iter().map(usize::from).collect() })
    }
}

/// Why a file could not be read. The text names the file and is one line.
#[derive(Debug)]
pub(crate) enum IdxError {
    Missing { path: PathBuf },
    Malformed { path: PathBuf, problem: String },
}

impl fmt::Display for IdxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "{}: no such file", path.display()),
            Self::Malformed { path, problem } => write!(f, "{}: {problem}", path.display()),
        }
    }
}

impl std::error::Error for IdxError {}

fn malformed(path: &Path, problem: String) -> IdxError {
    IdxError::Malformed { path: path.to_owned(), problem }
}

/// The axes and the elements of a file that must have so many axes.
fn read(path: &Path, rank: u8) -> Result<(Vec<usize>, Vec<u8>), IdxError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => IdxError::Missing { path: path.to_owned() },
        _ => malformed(path, error.to_string()),
    })?;
    let mut file = GzDecoder::new(file);
    let mut fill = |bytes: &mut [u8]| {
        file.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => malformed(path, "expected a whole header, got less".into()),
            _ => malformed(path, error.to_string()),
        })
    };

    let mut magic = [0; 4];
    fill(&mut magic)?;
    if magic != [0, 0, 8, rank] {
        let problem = format!("expected an IDX file of bytes with {rank} axes, got magic {magic:?}");
        return Err(malformed(path, problem));
    }
    let mut axes = Vec::new();
    for _ in 0..rank {
        let mut length = [0; 4];
        fill(&mut length)?;
        axes.push(u32::from_be_bytes(length) as usize);
    }
    let Some(expected) = axes.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis)) else {
        return Err(malformed(path, format!("expected axes that fit into memory, got {axes:?}")));
    };

    // One byte more than there should be tells whether there are too many; the header alone reserves nothing.
    let mut elements = Vec::new();
    let limit = (expected as u64).saturating_add(1);
    match file.take(limit).read_to_end(&mut elements) {
        Ok(got) if got == expected => Ok((axes, elements)),
        Ok(got) if got > expected => {
            Err(malformed(path, format!("expected {expected} elements for axes {axes:?}, got more")))
        }
        Ok(got) => Err(malformed(path, format!("expected {expected} elements for axes {axes:?}, got {got}"))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let got = elements.len();
            Err(malformed(path, format!("cut off after {got} of {expected} elements")))
        }
        Err(error) => Err(malformed(path, error.to_string())),
    }
}
