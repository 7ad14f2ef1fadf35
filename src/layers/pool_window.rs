//! The window of a pool.

use super::pool_geometry::PoolGeometry;
use super::{Padding, Sides, Window};
use crate::kernels::Axis;
use crate::{Error, Result, Shape};

/// The window of a pool: it moves by its own size unless a stride was set, and a border is at most half of it. Where each side
/// has padding of its own, it is smaller than the window.
///
/// # Errors
/// [`Error::Setting`] where a side, stride or dilation is 0, or there is more padding.
pub(super) fn pool_window(window: Window) -> Result<Window> {
    let window = window.checked(window.kernel)?;
    let half = Sides { height: window.kernel.height / 2, width: window.kernel.width / 2 };
    match window.padding {
        Padding::Border(border) if border.height > half.height || border.width > half.width => {
            Err(Error::setting("padding", "at most half of the window, undilated", border))
        }
        Padding::Each { before, after }
            if before.height.max(after.height) >= window.kernel.height
                || before.width.max(after.width) >= window.kernel.width =>
        {
            Err(Error::setting("padding", "less than the window, undilated, on each side", window.padding))
        }
        _ => Ok(window),
    }
}

/// How the window of a pool slides over an image.
///
/// # Errors
/// [`Error::Shape`] where the input is no image, the window does not fit, or all of it can fall beside the image.
pub(super) fn pool_geometry(window: &Window, input: &Shape) -> Result<PoolGeometry> {
    let geometry = window.over(input)?;
    if misses(&geometry.rows) || misses(&geometry.columns) {
        let expected = format!("that every place of the window meets, {window}");
        return Err(Error::shape("input", expected, input.batch_pattern()));
    }
    Ok(geometry.into())
}

/// The same, over a batch of images that [`pool_geometry`] agreed to.
pub(super) fn of_batch(window: &Window, batch: &Shape) -> PoolGeometry {
    let (_, image) = batch.split_batch().expect("a batch");
    window.over(&image).expect("`output_shape` agreed").into()
}

/// Whether the window of some output has no tap inside of the image. Then its taps are farther apart than the image is
/// long, and the last tap before the image is at most `dilation − inputs` away from it. The first output for which that can
/// hold is looked at: an image may be far too long to look at all of them.
fn misses(axis: &Axis) -> bool {
    let Some(gap) = axis.dilation.checked_sub(axis.inputs) else { return false };
    let output = (axis.before % axis.dilation).saturating_sub(gap).div_ceil(axis.stride);
    output < axis.outputs && axis.taps(output).is_empty()
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
                let each = (0..kernel * kernel).map(|sides| Padding::Each {
                    before: [sides / kernel, 0].into(),
                    after: [sides % kernel, 0].into(),
                });
                let paddings = borders.chain(each).chain([Padding::Same, Padding::SameLower]);
                for (padding, ceil) in paddings.flat_map(|padding| [(padding, false), (padding, true)]) {
                    let window = Window::new([kernel, 1]).with_stride(stride).with_padding(padding);
                    let window = if ceil { window.with_ceil_mode() } else { window };
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
