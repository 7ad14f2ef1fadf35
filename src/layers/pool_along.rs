//! A max pool that the convolution before it does in the same pass, row by row, while its outputs are in the cache.

use super::Window;
use super::pool_geometry::{PoolGeometry, Reach};
use super::pool_largest::largest_of_images;
use super::pool_window::pool_geometry;
use crate::kernels::{Axis, PoolSize};
use crate::{Scalar, Shape};

/// How windows that lie side by side, without padding, make rows of a pool of rows of an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolAlong {
    geometry: PoolGeometry,
}

impl PoolAlong {
    /// Where windows over images of this shape lie so.
    pub(crate) fn new(window: &Window, images: &Shape) -> Option<Self> {
        let geometry = pool_geometry(window, images).ok()?;
        (lies_apart(geometry.rows) && lies_apart(geometry.columns)).then_some(Self { geometry })
    }

    pub(crate) fn size(&self) -> PoolSize {
        let Reach::Window(Axis { kernel, outputs, .. }) = self.geometry.rows else {
            unreachable!("windows that lie side by side")
        };
        PoolSize { lines: kernel, rows: outputs, row_len: self.geometry.row_len() }
    }

    /// Some rows y of the rows x that they are of.
    pub(super) fn run<T: Scalar>(&self, x: &[T], y: &mut [T]) {
        let rows = y.len() / self.geometry.row_len();
        largest_of_images(&PoolGeometry { rows: self.geometry.rows.first(rows), ..self.geometry }, x, y);
    }
}

/// Whether each place is one window's, and none is in the padding.
fn lies_apart(reach: Reach) -> bool {
    match reach {
        Reach::Window(Axis { inputs, outputs, kernel, stride, dilation, before, .. }) => {
            stride == kernel && dilation == 1 && before == 0 && outputs * kernel <= inputs
        }
        Reach::Parts { .. } => false,
    }
}
