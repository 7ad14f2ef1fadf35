//! The window of a pool: its places inside of the image.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use super::{Padding, Sides, Window};
use crate::kernels::{Axis, Geometry};
use crate::{Error, Result, Scalar, Shape};

/// The window of a pool: it moves by its own size unless a stride was set, and a border is at most half of it.
///
/// # Errors
/// [`Error::Setting`] where a side, stride or dilation is 0, or the border is wider.
pub(super) fn pool_window(window: Window) -> Result<Window> {
    let window = window.checked(window.kernel)?;
    let half = Sides { height: window.kernel.height / 2, width: window.kernel.width / 2 };
    match window.padding {
        Padding::Border(border) if border.height > half.height || border.width > half.width => {
            Err(Error::setting("padding", "at most half of the window, undilated", border))
        }
        _ => Ok(window),
    }
}

/// How the window of a pool slides over an image.
///
/// # Errors
/// [`Error::Shape`] where the input is no image, the window does not fit, or all of it can fall beside the image.
pub(super) fn pool_geometry(window: &Window, input: &Shape) -> Result<Geometry> {
    let geometry = window.over(input)?;
    if misses(&geometry.rows) || misses(&geometry.columns) {
        let expected = format!("that every place of the window meets, {window}");
        return Err(Error::shape("input", expected, input.batch_pattern()));
    }
    Ok(geometry)
}

/// Whether the window of some output has no tap inside of the image. Then its taps are farther apart than the image is
/// long, and the last tap before the image is at most `dilation − inputs` away from it. The first output for which that can
/// hold is looked at: an image may be far too long to look at all of them.
fn misses(axis: &Axis) -> bool {
    let Some(gap) = axis.dilation.checked_sub(axis.inputs) else { return false };
    let output = (axis.before % axis.dilation).saturating_sub(gap).div_ceil(axis.stride);
    output < axis.outputs && axis.taps(output).is_empty()
}

/// The places of a window that lie inside of the image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patch {
    /// Where the first of them begins, in elements.
    start: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    row_step: usize,
    column_step: usize,
}

impl Patch {
    /// Those of the output in this row and column.
    #[inline(always)]
    pub(super) fn of(geometry: &Geometry, row: usize, column: usize) -> Self {
        let Geometry { rows, columns, channels } = geometry;
        let (row_taps, column_taps) = (rows.taps(row), columns.taps(column));
        let first_row = rows.input(row, row_taps.start);
        let first_column = columns.input(column, column_taps.start);
        Self {
            start: (first_row * columns.inputs + first_column) * channels,
            rows: row_taps.len(),
            columns: column_taps.len(),
            row_step: rows.dilation * columns.inputs * channels,
            column_step: columns.dilation * channels,
        }
    }

    /// Where one of them begins.
    #[inline(always)]
    pub(super) fn place(&self, row: usize, column: usize) -> usize {
        self.start + row * self.row_step + column * self.column_step
    }

    /// The same, from this channel on.
    #[inline(always)]
    pub(super) fn at_channel(mut self, channel: usize) -> Self {
        self.start += channel;
        self
    }
}

/// The rows of dx that no window has added to yet are set to zero just before they are, while they are in cache.
pub(super) struct Zeroed {
    row: usize,
    len: usize,
}

impl Zeroed {
    /// None is, in an image of rows of this length.
    pub(super) fn none(len: usize) -> Self {
        Self { row: 0, len }
    }

    /// So many are now.
    #[inline(always)]
    pub(super) fn up_to<T: Scalar>(&mut self, rows: usize, dx: &mut [T]) {
        if rows > self.row {
            dx[self.row * self.len..rows * self.len].fill(T::zero());
            self.row = rows;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_beside_the_image_are_found() {
        let mut missing = 0;
        for (inputs, kernel, stride) in (1..8).flat_map(|inputs| {
            (1..5).flat_map(move |kernel| (1..5).map(move |stride| (inputs, kernel, stride)))
        }) {
            for dilation in 1..12 {
                let borders = (0..=kernel / 2).map(|border| Padding::from([border, 0]));
                for padding in borders.chain([Padding::Same]) {
                    let window = Window::new([kernel, 1]).with_stride(stride).with_padding(padding);
                    let window = pool_window(window.with_dilation([dilation, 1])).unwrap();
                    let Ok(geometry) = window.over(&Shape::from([inputs, 1, 1])) else { continue };
                    let rows = geometry.rows;
                    let expected = (0..rows.outputs).any(|output| rows.taps(output).is_empty());
                    assert_eq!(misses(&rows), expected, "{rows:?}");
                    missing += usize::from(expected);
                }
            }
        }
        assert!(missing > 20, "only {missing}");
    }
}
