//! Reads photographs of 32×32 pixels, with their class in the name of the file.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use png::{ColorType, Decoder, Transformations};
use taper::Tensor;

use super::network::{HOW_TO_GET, IMAGE};
use super::png_files;

/// What the labels 0 to 9 are.
pub(crate) const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// A photograph of a class that is known.
pub(crate) struct Photograph {
    /// The name of the file.
    pub(crate) name: String,
    /// `[1, 32, 32, 3]`, from 0 to 255.
    pub(crate) pixels: Tensor<f32>,
    pub(crate) label: usize,
}

/// All photographs of a folder, in the order of their names.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Photograph>, String> {
    let paths = png_files::in_folder(folder).map_err(|problem| format!("{problem}; {HOW_TO_GET}"))?;
    let photograph = |path: &PathBuf| {
        let label = label(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Photograph { name, pixels: read(path)?, label })
    };
    paths.iter().map(photograph).collect()
}

/// The 3 of `cifar10_00_3.png`.
fn label(path: &Path) -> Result<usize, String> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let label = stem.rsplit_once('_').and_then(|(_, label)| label.parse().ok());
    label.filter(|&label| label < CLASSES.len()).ok_or_else(|| {
        let expected = "expected a name that ends with _ and a class from 0 to 9, as cifar10_00_3.png";
        format!("{}: {expected}; a photograph of another name can be read by `--one`", path.display())
    })
}

/// The pixels of a PNG file, `[1, 32, 32, 3]`, from 0 to 255.
pub(crate) fn read(path: &Path) -> Result<Tensor<f32>, String> {
    let problem = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    let file = File::open(path).map_err(|error| problem(&error))?;
    let mut decoder = Decoder::new(BufReader::new(file));
    // Eight bits a channel, whatever the file has.
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| problem(&error))?;
    let [height, width, channels] = IMAGE;
    let got = [reader.info().height as usize, reader.info().width as usize];
    if got != [height, width] {
        let text =
            format!("expected {width}×{height} pixels, got {}×{}; scale the picture first", got[1], got[0]);
        return Err(problem(&text));
    }
    let mut bytes = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let frame = reader.next_frame(&mut bytes).map_err(|error| problem(&error))?;
    // What a pixel begins with is its color; behind that comes how much of it is seen.
    let color = |pixel: &[u8]| match frame.color_type {
        ColorType::Grayscale | ColorType::GrayscaleAlpha => [pixel[0]; 3],
        _ => [pixel[0], pixel[1], pixel[2]],
    };
    let pixels = bytes[..frame.buffer_size()].chunks_exact(frame.color_type.samples());
    let pixels = pixels.flat_map(color).map(f32::from).collect();
    Tensor::from_vec([1, height, width, channels], pixels).map_err(|error| problem(&error))
}
