//! Which places of an image each output of a pool is of.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use crate::Scalar;
use crate::kernels::{Axis, Geometry};

/// Where the outputs of a pool come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolGeometry {
    pub(super) rows: Reach,
    pub(super) columns: Reach,
    pub(super) channels: usize,
}

impl PoolGeometry {
    /// The axes of an output.
    pub(super) fn output(&self) -> [usize; 3] {
        [self.rows.outputs(), self.columns.outputs(), self.channels]
    }

    /// The elements of a row of outputs.
    pub(super) fn row_len(&self) -> usize {
        self.columns.outputs() * self.channels
    }

    /// The elements of an output.
    pub(super) fn output_len(&self) -> usize {
        self.rows.outputs() * self.row_len()
    }

    /// The elements of an image.
    pub(super) fn image_len(&self) -> usize {
        self.rows.inputs() * self.columns.inputs() * self.channels
    }
}

impl From<Geometry> for PoolGeometry {
    fn from(Geometry { rows, columns, channels }: Geometry) -> Self {
        Self { rows: Reach::Window(rows), columns: Reach::Window(columns), channels }
    }
}

/// What each output sees along one axis.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    /// A window that slides.
    Window(Axis),
    /// One of so many parts, as equal as they can be: from ⌊o·inputs / outputs⌋ up to ⌈(o + 1)·inputs / outputs⌉. Where the parts
    /// do not come out even, neighbours share an input.
    Parts { inputs: usize, outputs: usize },
}

impl Reach {
    pub(super) fn inputs(&self) -> usize {
        match self {
            Self::Window(axis) => axis.inputs,
            Self::Parts { inputs, .. } => *inputs,
        }
    }

    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::Window(axis) => axis.outputs,
            Self::Parts { outputs, .. } => *outputs,
        }
    }

    /// So many of the outputs of windows that lie side by side, of no more inputs than they see.
    pub(super) fn first(self, outputs: usize) -> Self {
        match self {
            Self::Window(axis) => {
                Self::Window(Axis { inputs: outputs * axis.kernel, outputs, after: 0, ..axis })
            }
            Self::Parts { .. } => self,
        }
    }

    /// The inputs of an output.
    #[inline(always)]
    pub(super) fn places(&self, output: usize) -> Places {
        match self {
            Self::Window(axis) => {
                let taps = axis.taps(output);
                Places { first: axis.input(output, taps.start), count: taps.len(), step: axis.dilation }
            }
            Self::Parts { inputs, outputs } => {
                let first = output * inputs / outputs;
                Places { first, count: ((output + 1) * inputs).div_ceil(*outputs) - first, step: 1 }
            }
        }
    }

    /// How many places an output sees, with those in the padding.
    pub(super) fn padded_places(&self, output: usize) -> usize {
        match self {
            Self::Window(axis) => axis.padded_taps(output),
            Self::Parts { .. } => self.places(output).count,
        }
    }
}

/// Places along one axis of an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) step: usize,
}

impl Places {
    /// The one behind the last.
    #[inline(always)]
    pub(super) fn end(self) -> usize {
        self.first + (self.count - 1) * self.step + 1
    }
}

/// The places of one output that lie inside of the image, of one channel.
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
    /// Those in these rows and columns.
    #[inline(always)]
    pub(super) fn of(geometry: &PoolGeometry, rows: Places, columns: Places) -> Self {
        let (width, channels) = (geometry.columns.inputs(), geometry.channels);
        Self {
            start: (rows.first * width + columns.first) * channels,
            rows: rows.count,
            columns: columns.count,
            row_step: rows.step * width * channels,
            column_step: columns.step * channels,
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
