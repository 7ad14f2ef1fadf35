//! Images under a linear map about their centre.

use super::image::image_size;
use crate::{Result, Scalar, TensorViewMut};

/// y[p] = x[centre + matrix·(p − centre)] with p = (row, column): linear between the four pixels around, where pixels outside are
/// the fill value.
pub(super) fn resample<T: Scalar>(
    sample: TensorViewMut<'_, T>,
    scratch: &mut [T],
    matrix: [[f64; 2]; 2],
    fill: f64,
) -> Result<()> {
    let [height, width, channels] = image_size(sample.shape())?;
    let image = sample.into_slice();
    scratch.copy_from_slice(image);
    let centre = [height, width].map(|length| (length as f64 - 1.0) / 2.0);
    let mut pixels = image.chunks_exact_mut(channels.max(1));
    for row in 0..height {
        for column in 0..width {
            let off = [row as f64 - centre[0], column as f64 - centre[1]];
            let [from_row, from_column] =
                [0, 1].map(|axis| centre[axis] + matrix[axis][0] * off[0] + matrix[axis][1] * off[1]);
            let pixel = pixels.next().expect("a pixel for each place");
            let taps = taps(from_row, from_column, height, width);
            for (channel, value) in pixel.iter_mut().enumerate() {
                let read = |place: Option<usize>| {
                    place.map_or(fill, |place| scratch[place * channels + channel].as_f64())
                };
                *value = T::of(taps.iter().map(|&(place, share)| share * read(place)).sum());
            }
        }
    }
    Ok(())
}

/// The four pixels around a place, where they are in the image, and their shares.
fn taps(row: f64, column: f64, height: usize, width: usize) -> [(Option<usize>, f64); 4] {
    let (top, left) = (row.floor(), column.floor());
    let (down, right) = (row - top, column - left);
    let place = |row: f64, column: f64| {
        let is_inside = row >= 0.0 && column >= 0.0 && row < height as f64 && column < width as f64;
        is_inside.then(|| row as usize * width + column as usize)
    };
    [
        (place(top, left), (1.0 - down) * (1.0 - right)),
        (place(top, left + 1.0), (1.0 - down) * right),
        (place(top + 1.0, left), down * (1.0 - right)),
        (place(top + 1.0, left + 1.0), down * right),
    ]
}
