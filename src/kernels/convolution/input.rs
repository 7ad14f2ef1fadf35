//! The input gradient, from dP = dy·Wᵀ or as a convolution of dy.

use super::ConvolutionForward;
use crate::kernels::convolution_size::{ConvolutionSize, MOST_PIECES, Rows, columns_of};
use crate::kernels::depthwise_input::DepthwiseInputGradient;
use crate::kernels::runs::split_with_scratch;
use crate::kernels::{Axis, DenseInputGradient, Element, Finish, Geometry, Panels, Parallelism, Products};

/// dx from dy.
pub(crate) struct ConvolutionInputGradient<'a, T> {
    pub(crate) size: ConvolutionSize,
    pub(crate) dy: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) parallelism: Parallelism,
}

impl<T: Products> ConvolutionInputGradient<'_, T> {
    /// Elements of scratch that [`ConvolutionInputGradient::run`] needs.
    pub(crate) fn scratch(size: ConvolutionSize) -> usize {
        match turned::<T>(size) {
            Some(turned) => turned.weight_len::<T>() + ConvolutionForward::<T>::scratch(turned, None),
            None if size.is_depthwise() => 0,
            None => size.batch.min(MOST_PIECES) * Self::piece(size),
        }
    }

    /// Elements of scratch of a thread: a block of patches, of a group's outputs, and for the product.
    fn piece(size: ConvolutionSize) -> usize {
        let block = size.product(size.block::<T>(), size.taps());
        size.block_len::<T>() + DenseInputGradient::<T>::scratch(block)
    }

    pub(crate) fn run(self, dx: &mut [T], scratch: &mut [T]) {
        let Self { size, dy, weight, .. } = self;
        let image = size.geometry.image_len();
        assert_eq!(
            (dx.len(), dy.len()),
            (size.batch * image, size.positions() * size.outputs),
            "other images"
        );
        assert_eq!(weight.len(), size.weight_len::<T>(), "a weight of another size");
        let scratch = &mut scratch[..Self::scratch(size)];
        if let Some(turned) = turned::<T>(size) {
            let (turned_weight, scratch) = scratch.split_at_mut(turned.weight_len::<T>());
            turn(size, weight, turned, turned_weight);
            let product = ConvolutionForward {
                size: turned,
                x: dy,
                weight: turned_weight,
                bias: None,
                finish: Finish::Nothing,
                pool: None,
                parallelism: self.parallelism,
            };
            return product.run(dx, scratch);
        }
        if size.is_depthwise() {
            let parallelism = self.parallelism;
            return T::depthwise_input_gradient(DepthwiseInputGradient { size, dy, weight, parallelism }, dx);
        }
        let pieces = size.pieces(self.parallelism, size.batch);
        // Whole images, so many that a block is full.
        let images = (size.block::<T>() / size.geometry.positions()).max(1);
        let whole = Rows { first: 0, len: image, values: dx };
        split_with_scratch(whole, images, pieces, scratch, &|rows: Rows<'_, T>, scratch| {
            let mut first = rows.first;
            for dx in rows.values.chunks_mut(images * image) {
                self.images(first, dx, scratch);
                first += images;
            }
        });
    }

    /// The gradient of a few images, of which the first is that of the number.
    fn images(&self, first: usize, dx: &mut [T], scratch: &mut [T]) {
        let size = self.size;
        let panels = size.panels::<T>().len();
        let (patches_of_block, scratch) = scratch.split_at_mut(size.block::<T>() * size.patch());
        let (own_outputs, scratch) =
            scratch.split_at_mut(size.block_len::<T>() - size.block::<T>() * size.patch());
        let of_image = size.geometry.positions();
        let all = dx.len() / size.geometry.image_len() * of_image;
        dx.fill(T::zero());
        for start in (0..all).step_by(size.block::<T>()) {
            let positions = start..all.min(start + size.block::<T>());
            let dy = &self.dy[(first * of_image + start) * size.outputs..][..positions.len() * size.outputs];
            for group in 0..size.groups {
                let product = DenseInputGradient {
                    size: size.product(positions.len(), size.taps()),
                    dy: columns_of(dy, size, group, own_outputs),
                    weight: &self.weight[group * panels..][..panels],
                    parallelism: Parallelism::Threads(1),
                };
                let patches = size.patches(group, 0..size.taps());
                let dx_of_block = &mut patches_of_block[..positions.len() * patches.len()];
                product.run(dx_of_block, scratch);
                patches.scatter(dx_of_block, positions.clone(), dx);
            }
        }
    }
}

/// Where each pixel of dx is a sum over what the window gives when it is turned by half, the sizes of that convolution:
///
/// ```text
/// dx[r, c, k] = Σ dy[r + p − i·d, c + p − j·d, o] · W[i, j, k, o]     over i, j and o
/// ```
///
/// A stride leaves gaps in dy, a few channels would fill a small part of a vector, and a window that stays inside of a small
/// image has fewer places than the image has pixels: then patches are added up.
fn turned<T: Element>(size: ConvolutionSize) -> Option<ConvolutionSize> {
    let Geometry { rows, columns, channels } = size.geometry;
    let axis = |axis: Axis| {
        let before = ((axis.kernel - 1) * axis.dilation).checked_sub(axis.before)?;
        let turned = Axis { inputs: axis.outputs, outputs: axis.inputs, before, ..axis };
        (axis.stride == 1).then_some(turned)
    };
    let fills = channels / size.groups >= T::PANEL_COLUMNS / 4;
    let has_places = 3 * rows.inputs * columns.inputs <= 4 * size.geometry.positions();
    let geometry = Geometry { rows: axis(rows)?, columns: axis(columns)?, channels: size.outputs };
    (size.is_depthwise() || fills && has_places).then_some(ConvolutionSize {
        geometry,
        outputs: channels,
        ..size
    })
}

/// The weight of the turned convolution: taps from the last to the first, inputs and outputs exchanged.
fn turn<T: Element>(size: ConvolutionSize, weight: &[T], turned: ConvolutionSize, turned_weight: &mut [T]) {
    let (panels, turned_panels) = (size.panels::<T>(), turned.panels::<T>());
    if size.is_depthwise() {
        let rows = |panels: &Panels| panels.panel_len();
        for (weight, turned_weight) in
            weight.chunks_exact(rows(&panels)).zip(turned_weight.chunks_exact_mut(rows(&panels)))
        {
            let taps = weight.rchunks_exact(T::PANEL_COLUMNS);
            turned_weight
                .chunks_exact_mut(T::PANEL_COLUMNS)
                .zip(taps)
                .for_each(|(turned, tap)| turned.copy_from_slice(tap));
        }
        return;
    }
    let (inputs, outputs, taps) = (size.group_inputs(), size.group_outputs(), size.taps());
    let groups = weight.chunks_exact(panels.len()).zip(turned_weight.chunks_exact_mut(turned_panels.len()));
    for (weight, turned_weight) in groups {
        turned_weight.fill(T::zero());
        turned_panels.fill(turned_weight, |row, input| {
            let (tap, output) = (taps - 1 - row / outputs, row % outputs);
            let (panel, column) = (output / T::PANEL_COLUMNS, output % T::PANEL_COLUMNS);
            weight[panel * panels.panel_len() + (tap * inputs + input) * T::PANEL_COLUMNS + column]
        });
    }
}
