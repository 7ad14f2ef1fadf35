//! The geometry of a window that slides over an image.

use core::ops::Range;

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
    /// The padding behind the last input.
    pub(crate) after: usize,
}

/// What lies around the inputs of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Around {
    /// Just so much padding that the outputs are ⌈inputs / stride⌉, and where it is an odd number, one more behind.
    Same,
    /// The same, and where it is an odd number, one more before.
    SameLower,
    /// So many on each side.
    Zeros { before: usize, after: usize },
}

impl Around {
    /// So much padding, in two.
    fn halves(self, padding: usize) -> [usize; 2] {
        let [less, more] = [padding / 2, padding.div_ceil(2)];
        if self == Self::SameLower { [more, less] } else { [less, more] }
    }
}

impl Axis {
    /// `None` where the window does not fit. With `ceil`, the number of outputs is rounded up, as long as the last window
    /// begins in front of the padding behind.
    pub(crate) fn new(
        inputs: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        around: Around,
        ceil: bool,
    ) -> Option<Self> {
        let span = (kernel - 1).checked_mul(dilation)?.checked_add(1)?;
        let (outputs, before, after) = match around {
            Around::Same | Around::SameLower => {
                let outputs = inputs.div_ceil(stride);
                let reach = outputs.checked_sub(1)?.checked_mul(stride)?.checked_add(span)?;
                let [before, after] = around.halves(reach.saturating_sub(inputs));
                (outputs, before, after)
            }
            Around::Zeros { before, after } => {
                let more = if ceil { stride - 1 } else { 0 };
                let padded = inputs.checked_add(before)?.checked_add(after)?.checked_add(more)?;
                let outputs = padded.checked_sub(span)? / stride + 1;
                let is_behind = ceil && (outputs - 1) * stride >= inputs + before;
                (outputs - usize::from(is_behind), before, after)
            }
        };
        Some(Self { inputs, outputs, kernel, stride, dilation, before, after })
    }

    /// That of images over which a window slides that has so many places: the way back through a convolution, with `more` inputs
    /// than the window reaches. `None` where nothing is left of the padding.
    pub(crate) fn of_places(
        places: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        around: Around,
        more: usize,
    ) -> Option<Self> {
        let span = (kernel - 1).checked_mul(dilation)?.checked_add(1)?;
        let reach = places.checked_sub(1)?.checked_mul(stride)?.checked_add(span)?;
        let (inputs, before, after) = match around {
            Around::Same | Around::SameLower => {
                let inputs = places.checked_mul(stride)?;
                let [before, after] = around.halves(reach.saturating_sub(inputs));
                (inputs, before, after)
            }
            Around::Zeros { before, after } => {
                let padding = before.checked_add(after)?;
                (reach.checked_add(more)?.checked_sub(padding)?, before, after)
            }
        };
        (inputs > 0).then_some(Self { inputs, outputs: places, kernel, stride, dilation, before, after })
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

    /// How many taps of an output lie inside of the image or of its padding.
    pub(crate) fn padded_taps(&self, output: usize) -> usize {
        let room = (self.before + self.inputs + self.after).saturating_sub(output * self.stride);
        room.div_ceil(self.dilation).min(self.kernel)
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

    /// Paddings of all kinds, rounded down and up.
    fn all_around() -> Vec<(Around, bool)> {
        let zeros = |(before, after)| Around::Zeros { before, after };
        let zeros = [(0, 0), (1, 1), (2, 2), (4, 4), (0, 3), (2, 1)].map(zeros);
        let kinds = zeros.into_iter().chain([Around::Same, Around::SameLower]);
        kinds.flat_map(|around| [(around, false), (around, true)]).collect()
    }

    #[test]
    fn images_of_places_have_these_places() {
        let mut compared = 0;
        for (places, kernel) in (1..7).flat_map(|places| (1..5).map(move |kernel| (places, kernel))) {
            for (stride, dilation) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3)] {
                for (around, _) in all_around() {
                    for more in 0..if matches!(around, Around::Zeros { .. }) { stride } else { 1 } {
                        let axis = Axis::of_places(places, kernel, stride, dilation, around, more);
                        let Some(axis) = axis else { continue };
                        let same = Axis::new(axis.inputs, kernel, stride, dilation, around, false);
                        assert_eq!(Some(axis), same, "{more} more");
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 1000, "{compared}");
    }

    #[test]
    fn taps_are_those_that_an_enumeration_finds() {
        for inputs in 1..9 {
            for kernel in 1..5 {
                for (stride, dilation) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3)] {
                    for (around, ceil) in all_around() {
                        let Some(axis) = Axis::new(inputs, kernel, stride, dilation, around, ceil) else {
                            let Around::Zeros { before, after } = around else { panic!("it always fits") };
                            let span = (kernel - 1) * dilation + 1;
                            let more = if ceil { stride - 1 } else { 0 };
                            assert!(inputs + before + after + more < span);
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
                            let end = (inputs + axis.after).cast_signed();
                            let padded = (0..kernel).filter(|&tap| place(tap) < end).count();
                            assert_eq!(axis.padded_taps(output), padded, "{axis:?}, output {output}");
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
