//! The geometry of a window that slides over an image.

use std::ops::Range;

/// How a window slides over an image of given size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) rows: Axis,
    pub(crate) columns: Axis,
    pub(crate) channels: usize,
}

impl Geometry {
    /// The axes of an output with so many channels.
    pub(crate) fn output(&self, channels: usize) -> [usize; 3] {
        [self.rows.outputs, self.columns.outputs, channels]
    }

    /// The number of places that the window has in an image.
    pub(crate) fn positions(&self) -> usize {
        self.rows.outputs * self.columns.outputs
    }

    /// The number of elements of an image.
    pub(crate) fn image_len(&self) -> usize {
        self.rows.inputs * self.columns.inputs * self.channels
    }
}

/// How a window slides along one axis of an image: tap t of output o is input `o·stride + t·dilation − before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    /// The padding before the first input.
    pub(crate) before: usize,
}

impl Axis {
    /// `None` where the window does not fit. Without a border, there is just so much padding that the outputs are
    /// ⌈inputs / stride⌉, and where it is an odd number, one more behind than before.
    pub(crate) fn new(
        inputs: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        border: Option<usize>,
    ) -> Option<Self> {
        let span = (kernel - 1).checked_mul(dilation)?.checked_add(1)?;
        let (outputs, before) = match border {
            None => {
                let outputs = inputs.div_ceil(stride);
                let reach = outputs.checked_sub(1)?.checked_mul(stride)?.checked_add(span)?;
                (outputs, reach.saturating_sub(inputs) / 2)
            }
            Some(border) => {
                let room = border.checked_mul(2)?.checked_add(inputs)?.checked_sub(span)?;
                (room / stride + 1, border)
            }
        };
        Some(Self { inputs, outputs, kernel, stride, dilation, before })
    }

    /// The taps of an output that lie inside of the image.
    #[inline]
    pub(crate) fn taps(&self, output: usize) -> Range<usize> {
        let start = output * self.stride;
        // Nearly all, and without a division.
        let last = start + (self.kernel - 1) * self.dilation;
        if start >= self.before && last < self.inputs + self.before {
            return 0..self.kernel;
        }
        let first = self.before.saturating_sub(start).div_ceil(self.dilation);
        let end = (self.inputs + self.before).saturating_sub(start).div_ceil(self.dilation);
        let end = end.min(self.kernel);
        first.min(end)..end
    }

    /// The outputs of which all these taps lie inside of the image; there is at least one tap.
    pub(crate) fn outputs_inside(&self, taps: Range<usize>) -> Range<usize> {
        let first = self.before.saturating_sub(taps.start * self.dilation).div_ceil(self.stride);
        let room = (self.inputs + self.before).saturating_sub((taps.end - 1) * self.dilation);
        let end = room.div_ceil(self.stride).min(self.outputs);
        first.min(end)..end
    }

    /// The input of a tap that lies inside.
    #[inline]
    pub(crate) fn input(&self, output: usize, tap: usize) -> usize {
        output * self.stride + tap * self.dilation - self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_are_those_that_an_enumeration_finds() {
        for inputs in 1..9 {
            for kernel in 1..5 {
                for (stride, dilation) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3)] {
                    for border in [None, Some(0), Some(1), Some(2), Some(4)] {
                        let Some(axis) = Axis::new(inputs, kernel, stride, dilation, border) else {
                            let span = (kernel - 1) * dilation + 1;
                            assert!(border.is_some_and(|border| inputs + 2 * border < span));
                            continue;
                        };
                        for output in 0..axis.outputs {
                            let place = |tap: usize| {
                                (output * stride + tap * dilation).cast_signed() - axis.before.cast_signed()
                            };
                            let inside = |tap: &usize| (0..inputs.cast_signed()).contains(&place(*tap));
                            let expected: Vec<usize> = (0..kernel).filter(inside).collect();
                            let taps: Vec<usize> = axis.taps(output).collect();
                            assert_eq!(taps, expected, "{axis:?}, output {output}");
                            for end in 1..=kernel {
                                for start in 0..end {
                                    let all = (start..end).all(|tap| inside(&tap));
                                    let found = axis.outputs_inside(start..end).contains(&output);
                                    assert_eq!(found, all, "{axis:?}, output {output}, {start}..{end}");
                                }
                            }
                            for tap in taps {
                                assert_eq!(axis.input(output, tap).cast_signed(), place(tap));
                            }
                        }
                    }
                }
            }
        }
    }
}
