//! The sizes of a convolution, and how its work is cut up.

use core::ops::Range;

use super::padded::Padded;
use super::patches::Patches;
use super::runs::Split;
use super::{Axis, DenseSize, Element, Geometry, Panels, Parallelism};

/// The bytes of a block of patches: with what else a product reads, they stay in the cache (L2).
const BLOCK_BYTES: usize = 128 * 1024;

/// The least positions of a block, so that a weight larger than the cache is not read for a few of them.
const LEAST_POSITIONS: usize = 64;

/// The longest patch of windows that are read where they lie: a panel of 288 KiB.
pub(super) const DIRECT_PATCH: usize = 2304;

/// The least places side by side of such windows.
const DIRECT_PLACES: usize = 4;

/// The bytes of rows of images that are read at a time.
const SLAB_BYTES: usize = 256 * 1024;

/// The most threads that one convolution uses: each needs scratch of its own, and that is there before their number is
/// known.
pub(super) const MOST_PIECES: usize = 16;

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvolutionSize {
    pub(crate) batch: usize,
    pub(crate) geometry: Geometry,
    pub(crate) outputs: usize,
    pub(crate) groups: usize,
}

impl ConvolutionSize {
    /// Multiply-adds of one of the products.
    pub(crate) fn multiply_adds(self) -> u64 {
        self.positions() as u64 * self.patch() as u64 * self.outputs as u64
    }

    /// Whether each channel goes by itself.
    pub(crate) fn is_depthwise(self) -> bool {
        self.groups > 1 && self.matrices() == 1
    }

    /// How many matrices the weight is.
    fn matrices(self) -> usize {
        weight_matrices(self.groups, self.group_inputs(), self.outputs)
    }

    /// Whether the window is a pixel, so that the patches are the pixels as they lie.
    pub(super) fn is_pointwise(self) -> bool {
        let is_same = |axis: Axis| axis.kernel == 1 && axis.stride == 1 && axis.before == 0;
        let Geometry { rows, columns, .. } = self.geometry;
        self.groups == 1
            && is_same(rows)
            && is_same(columns)
            && rows.outputs == rows.inputs
            && columns.outputs == columns.inputs
    }

    /// Whether windows are read where they lie: rows of a window are runs of the image, there are places enough for a tile, and a panel
    /// stays in the cache.
    pub(super) fn is_direct(self) -> bool {
        let columns = self.geometry.columns;
        columns.dilation == 1
            && self.patch() <= DIRECT_PATCH
            && columns.outputs >= DIRECT_PLACES
            && !self.is_pointwise()
    }

    /// The rows of images as the windows of a group see them.
    pub(super) fn padded(self) -> Padded {
        Padded::new(self.geometry, self.group_inputs())
    }

    /// The rows of outputs whose windows are read at a time, at most.
    pub(super) fn lines<T: Element>(self) -> usize {
        let rows = self.geometry.rows;
        let padded = self.padded();
        let fit = SLAB_BYTES / size_of::<T>() / padded.row_len();
        let more = fit.saturating_sub(padded.rows(1)) / rows.stride;
        (1 + more).min(rows.outputs)
    }

    /// The elements of a row of outputs.
    pub(super) fn line_len(self) -> usize {
        self.geometry.columns.outputs * self.outputs
    }

    /// The elements of all groups' panels.
    pub(super) fn weight_len<T: Element>(self) -> usize {
        self.matrices() * self.panels::<T>().len()
    }

    pub(super) fn taps(self) -> usize {
        self.geometry.rows.kernel * self.geometry.columns.kernel
    }

    pub(super) fn group_inputs(self) -> usize {
        self.geometry.channels / self.groups
    }

    pub(super) fn group_outputs(self) -> usize {
        self.outputs / self.groups
    }

    /// The elements of a group's patch.
    pub(super) fn patch(self) -> usize {
        self.taps() * self.group_inputs()
    }

    pub(super) fn positions(self) -> usize {
        self.batch * self.geometry.positions()
    }

    /// How each matrix of the weight lies.
    pub(super) fn panels<T: Element>(self) -> Panels {
        Panels::new::<T>(self.patch(), self.outputs / self.matrices())
    }

    /// The positions of a block.
    pub(super) fn block<T: Element>(self) -> usize {
        (BLOCK_BYTES / size_of::<T>() / self.patch()).max(LEAST_POSITIONS).min(self.positions())
    }

    /// A group's product for so many positions, with some of its taps.
    pub(super) fn product(self, positions: usize, taps: usize) -> DenseSize {
        DenseSize { batch: positions, inputs: taps * self.group_inputs(), outputs: self.group_outputs() }
    }

    pub(super) fn patches(self, group: usize, taps: Range<usize>) -> Patches {
        let channels = group * self.group_inputs()..(group + 1) * self.group_inputs();
        Patches { geometry: self.geometry, channels, taps }
    }

    /// Elements for a block of patches, and for a block of a group's outputs where they do not lie side by side.
    pub(super) fn block_len<T: Element>(self) -> usize {
        let outputs = if self.groups > 1 { self.group_outputs() } else { 0 };
        self.block::<T>() * (self.patch() + outputs)
    }

    /// In how many pieces to do work of this many units.
    pub(super) fn pieces(self, parallelism: Parallelism, units: usize) -> usize {
        parallelism.pieces(self.multiply_adds()).min(MOST_PIECES).min(units).max(1)
    }
}

/// How many matrices the weight of a convolution is: one for each group, or one for all where each channel goes by itself.
pub(crate) fn weight_matrices(groups: usize, group_inputs: usize, outputs: usize) -> usize {
    if group_inputs == 1 && groups == outputs { 1 } else { groups }
}

/// Rows of a matrix, with the place of the first.
pub(super) struct Rows<'a, T> {
    pub(super) first: usize,
    /// The elements of a row.
    pub(super) len: usize,
    pub(super) values: &'a mut [T],
}

impl<T: Send> Split for Rows<'_, T> {
    fn len(&self) -> usize {
        self.values.len() / self.len
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let Self { first, len, values } = self;
        let (left, right) = values.split_at_mut(middle * len);
        (Self { first, len, values: left }, Self { first: first + middle, len, values: right })
    }
}

/// A group's columns of some rows of outputs, copied together where there are several groups.
pub(super) fn columns_of<'a, T: Element>(
    rows: &'a [T],
    size: ConvolutionSize,
    group: usize,
    own: &'a mut [T],
) -> &'a [T] {
    if size.groups == 1 {
        return rows;
    }
    let outputs = size.group_outputs();
    let own = &mut own[..rows.len() / size.groups];
    for (own, row) in own.chunks_exact_mut(outputs).zip(rows.chunks_exact(size.outputs)) {
        own.copy_from_slice(&row[group * outputs..][..outputs]);
    }
    own
}
