//! PNG files of a folder as samples of a model.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use png::{ColorType, Decoder, Transformations};
use taper::{Shape, Tensor};

use super::png_files;

/// How a model takes pictures.
#[derive(Debug, Clone, Copy)]
struct Form {
    height: usize,
    width: usize,
    /// One for shades of gray, three for red, green and blue.
    channels: usize,
    is_channels_first: bool,
}

impl Form {
    fn of(sample: &Shape) -> Result<Self, String> {
        let is_color = |channels: usize| channels == 1 || channels == 3;
        let form = |height, width, channels, is_channels_first| {
            Ok(Self { height, width, channels, is_channels_first })
        };
        match *sample.axes() {
            [height, width] => form(height, width, 1, false),
            [height, width, channels] if is_color(channels) && !is_color(height) => {
                form(height, width, channels, false)
            }
            [channels, height, width] if is_color(channels) && !is_color(width) => {
                form(height, width, channels, true)
            }
            _ => Err(format!(
                "expected a model that takes pictures, [rows, columns] or with 1 or 3 channels as first or last axis, \
                 got one that takes {sample}; its samples can be given as an `.npy`"
            )),
        }
    }

    /// The pixels of a PNG file, of which white is this number.
    fn read(self, path: &Path, white: f32) -> Result<Vec<f32>, String> {
        let problem = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
        let file = File::open(path).map_err(|error| problem(&error))?;
        let mut decoder = Decoder::new(BufReader::new(file));
        // Eight bits a channel, whatever the file has.
        decoder.set_transformations(Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(|error| problem(&error))?;
        let Self { height, width, channels, is_channels_first } = self;
        let got = (reader.info().width as usize, reader.info().height as usize);
        if got != (width, height) {
            let text =
                format!("expected {width}×{height} pixels, as the model takes, got {}×{}", got.0, got.1);
            return Err(problem(&text));
        }
        let mut bytes = vec![0; reader.output_buffer_size().unwrap_or_default()];
        let frame = reader.next_frame(&mut bytes).map_err(|error| problem(&error))?;
        // Behind the color of a pixel may come how much of it is seen, which is left out.
        let colors = match frame.color_type {
            ColorType::Grayscale | ColorType::GrayscaleAlpha => 1,
            _ => 3,
        };
        if colors > channels {
            return Err(problem(&"expected shades of gray, as the model takes, got a picture in color"));
        }
        let per_pixel = frame.color_type.samples();
        let at = |pixel: usize, channel: usize| {
            white * f32::from(bytes[pixel * per_pixel + channel % colors]) / 255.0
        };
        let count = height * width;
        Ok(if is_channels_first {
            (0..channels)
                .flat_map(|channel| (0..count).map(move |pixel| (pixel, channel)))
                .map(|(p, c)| at(p, c))
                .collect()
        } else {
            (0..count * channels).map(|place| at(place / channels, place % channels)).collect()
        })
    }
}

/// All PNG files of a folder, in the order of their names, as samples of this shape.
pub(crate) fn read_all(folder: &Path, sample: &Shape, white: f32) -> Result<Tensor<f32>, String> {
    let form = Form::of(sample)?;
    let paths = png_files::in_folder(folder)?;
    let mut pixels = Vec::new();
    for path in &paths {
        pixels.extend(form.read(path, white)?);
    }
    let axes: Vec<usize> = [paths.len()].into_iter().chain(sample.axes().iter().copied()).collect();
    let images = Shape::new(&axes).and_then(|shape| Tensor::from_vec(shape, pixels));
    images.map_err(|error| format!("{}: {error}", folder.display()))
}
