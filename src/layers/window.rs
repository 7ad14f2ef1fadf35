//! The window of a convolution or pool: size, stride, dilation and padding.

use core::fmt;

use super::{Padding, Sides};
use crate::getters::getters;
use crate::kernels::{Axis, Geometry};
use crate::prelude::*;
use crate::{Error, Result, Shape};

/// A window that slides over an image: that of a convolution, or of a pool. On sequences it has one number for each setting.
///
/// It is looked at when the layer is made: sides, strides and dilations have to be at least 1. Along an axis it has
/// ⌊(length + padding − dilation·(size − 1) − 1) / stride⌋ + 1 places, of the padding on both sides, and with `Same` ⌈length / stride⌉.
///
/// ```
/// use taper::Sequential;
/// use taper::layers::{Padding, Window};
///
/// let window = Window::new(3).with_stride(2).with_padding(Padding::Same);
/// let wide = Window::new([1, 5]).with_padding([0, 2]); // PyTorch's kernel_size=(1, 5), padding=(0, 2)
/// let model = Sequential::<f32>::builder([28, 28, 3]).conv2d(8, window).conv2d(8, wide).build(&mut taper::seeded(0))?;
/// assert_eq!(model.output().axes(), [14, 14, 8]);
/// assert_eq!(window.to_string(), "3x3 stride 2 padding same");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub(crate) kernel: Sides,
    /// Where it is not said, the layer has its own.
    pub(crate) stride: Option<Sides>,
    pub(crate) dilation: Sides,
    pub(crate) padding: Padding,
    pub(crate) ceil_mode: bool,
}

impl Window {
    /// A window of this size, without padding or dilation: PyTorch's `kernel_size`, Keras's `kernel_size` and `pool_size`. A convolution
    /// moves it by 1, a pool by its size.
    #[must_use]
    pub fn new(kernel: impl Into<Sides>) -> Self {
        Self {
            kernel: kernel.into(),
            stride: None,
            dilation: 1.into(),
            padding: Padding::Valid,
            ceil_mode: false,
        }
    }

    /// How far it moves from one output to the next.
    #[must_use]
    pub fn with_stride(mut self, stride: impl Into<Sides>) -> Self {
        self.stride = Some(stride.into());
        self
    }

    /// How far its places are from one another; 1 is side by side.
    #[must_use]
    pub fn with_dilation(mut self, dilation: impl Into<Sides>) -> Self {
        self.dilation = dilation.into();
        self
    }

    /// What is around the image; nothing unless set.
    #[must_use]
    pub fn with_padding(mut self, padding: impl Into<Padding>) -> Self {
        self.padding = padding.into();
        self
    }

    /// Rounds the number of outputs up and not down: the last window may reach beyond the padding, but it begins in the image or
    /// in the padding before it. For pools; PyTorch's and ONNX's `ceil_mode`.
    #[must_use]
    pub fn with_ceil_mode(mut self) -> Self {
        self.ceil_mode = true;
        self
    }

    /// The same window with a stride, which is `stride` unless it was set.
    ///
    /// # Errors
    /// [`Error::Setting`] where a side, stride or dilation is 0.
    pub(crate) fn checked(mut self, stride: Sides) -> Result<Self> {
        let stride = *self.stride.get_or_insert(stride);
        for (name, sides) in [("window size", self.kernel), ("stride", stride), ("dilation", self.dilation)] {
            if sides.height == 0 || sides.width == 0 {
                return Err(Error::setting(name, "at least 1", sides));
            }
        }
        Ok(self)
    }

    /// How it slides over an image `[height, width, channels]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the input is no image or the window does not fit into it.
    pub(crate) fn over(&self, input: &Shape) -> Result<Geometry> {
        let [height, width, channels] = image(input)?;
        let stride = self.stride.unwrap_or(self.kernel);
        let around = self.padding.around();
        let axis = |axis: usize, input: usize| {
            let of = |sides: Sides| <[usize; 2]>::from(sides)[axis];
            Axis::new(input, of(self.kernel), of(stride), of(self.dilation), around[axis], self.ceil_mode)
        };
        let (Some(rows), Some(columns)) = (axis(0, height), axis(1, width)) else {
            let expected = format!("at least as large as the window, {self}");
            return Err(Error::shape("input", expected, input.batch_pattern()));
        };
        Ok(Geometry { rows, columns, channels })
    }

    /// The window of a convolution: it moves by 1 unless a stride was set.
    ///
    /// # Errors
    /// As [`Window::checked`], and where it is one of ceil mode.
    pub(super) fn of_convolution(self) -> Result<Self> {
        let window = self.checked(1.into())?;
        if window.ceil_mode {
            return Err(Error::setting("window", "one without ceil_mode, which is for pools", window));
        }
        Ok(window)
    }

    /// How it slides over images of so many channels in which it has as many places as an image `[height, width, channels]` has
    /// pixels, with more rows and columns of which none is a place.
    ///
    /// # Errors
    /// [`Error::Shape`] where the input is no image padding leaves nothing, or the size is beyond all numbers.
    pub(super) fn places_over(&self, input: &Shape, more: Sides, channels: usize) -> Result<Geometry> {
        let [height, width, _] = image(input)?;
        let (stride, around) = (self.stride.unwrap_or(1.into()), self.padding.around());
        let axis = |axis: usize, places: usize| {
            let of = |sides: Sides| <[usize; 2]>::from(sides)[axis];
            let [kernel, stride, dilation] = [self.kernel, stride, self.dilation].map(of);
            Axis::of_places(places, kernel, stride, dilation, around[axis], of(more))
        };
        let (Some(rows), Some(columns)) = (axis(0, height), axis(1, width)) else {
            let expected =
                format!("whose output has rows and columns, and no more than can be counted, {self}");
            return Err(Error::shape("input", expected, input.batch_pattern()));
        };
        Ok(Geometry { rows, columns, channels })
    }

    /// The window of one row that this is on sequences.
    ///
    /// # Errors
    /// [`Error::Setting`] where two numbers that are one along a sequence are different.
    pub(crate) fn on_sequences(mut self) -> Result<Self> {
        let own = self;
        let row = |sides: &mut Sides, vertical: usize| {
            let is_one = sides.height == sides.width;
            sides.height = vertical;
            is_one
        };
        let stride = self.stride.as_mut().is_none_or(|stride| row(stride, 1));
        let padding = match &mut self.padding {
            Padding::Valid | Padding::Same | Padding::SameLower => true,
            Padding::Border(border) => row(border, 0),
            Padding::Each { before, after } => row(before, 0) && row(after, 0),
        };
        if row(&mut self.kernel, 1) && stride && row(&mut self.dilation, 1) && padding {
            return Ok(self);
        }
        Err(Error::setting("window", "one number for each setting, as sequences have one axis", own))
    }

    /// That of sequences, of which this is the window of one row.
    pub(super) fn of_sequences(mut self) -> Self {
        let both = |sides: Sides| Sides::from(sides.width);
        self.kernel = both(self.kernel);
        self.stride = self.stride.map(both);
        self.dilation = both(self.dilation);
        self.padding = match self.padding {
            Padding::Border(border) => Padding::Border(both(border)),
            Padding::Each { before, after } => Padding::Each { before: both(before), after: both(after) },
            padding => padding,
        };
        self
    }

    /// `3 stride 2`, of the window of one row.
    pub(super) fn describe_on_sequences(&self) -> String {
        let text = self.of_sequences().to_string();
        text.split_once('x').map_or(text.clone(), |(_, text)| text.to_owned())
    }

    getters! {
        /// How much it sees.
        kernel: Sides;
        /// How far it moves from one output to the next, where that is set.
        stride: Option<Sides>;
        /// How far its places are from one another.
        dilation: Sides;
        /// What is around the image.
        padding: Padding;
        /// Whether the number of outputs is rounded up.
        ceil_mode: bool;
    }
}

/// The axes of an image.
fn image(input: &Shape) -> Result<[usize; 3]> {
    let &[height, width, channels] = input.axes() else {
        let hint = "images have three axes, channels last; a reshape gives a matrix one channel";
        let (expected, got) = ("[batch, height, width, channels]".into(), input.batch_pattern());
        return Err(Error::Shape { what: "input", expected, got, hint });
    };
    Ok([height, width, channels])
}

impl<S: Into<Sides>> From<S> for Window {
    fn from(kernel: S) -> Self {
        Self::new(kernel)
    }
}

/// `3x3`, and what is not usual about it: `3x3 stride 2 padding same`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.kernel.height, self.kernel.width)?;
        if let Some(stride) = self.stride.filter(|&stride| stride != 1.into()) {
            write!(f, " stride {stride}")?;
        }
        if self.dilation != 1.into() {
            write!(f, " dilation {}", self.dilation)?;
        }
        if self.padding != Padding::Valid {
            write!(f, " padding {}", self.padding)?;
        }
        if self.ceil_mode { f.write_str(" ceil_mode") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(window: Window, height: usize, width: usize) -> Result<Geometry> {
        window.checked(1.into()).unwrap().over(&Shape::from([height, width, 2]))
    }

    #[test]
    fn outputs_are_those_of_the_others() {
        // (inputs, window) and the outputs that PyTorch gives, and for `Same`, Keras.
        for (inputs, window, outputs) in [
            (28, Window::new(3), 26),
            (28, Window::new(3).with_padding(1), 28),
            (28, Window::new(5).with_stride(2), 12),
            (7, Window::new(3).with_dilation(2), 3),
            (7, Window::new(2).with_stride(2), 3),
            (7, Window::new(3).with_stride(2).with_padding(Padding::Same), 4),
            (8, Window::new(3).with_stride(3).with_padding(Padding::Same), 3),
            (8, Window::new(3).with_stride(3).with_padding(Padding::SameLower), 3),
            (7, Window::new(2).with_padding(Padding::Each { before: 2.into(), after: 1.into() }), 9),
            (7, Window::new(2).with_stride(2).with_ceil_mode(), 4),
            (6, Window::new(2).with_stride(2).with_ceil_mode(), 3),
            (2, Window::new(3).with_stride(2).with_ceil_mode(), 1),
            // A third window would begin in the padding behind.
            (3, Window::new(3).with_stride(2).with_padding(1).with_ceil_mode(), 2),
            (2, Window::new(2).with_stride(3).with_padding(1).with_ceil_mode(), 1),
        ] {
            assert_eq!(over(window, inputs, inputs).unwrap().rows.outputs, outputs, "{window}");
        }
        // The odd row of padding comes after: of 8 inputs by a stride of 2, a window of 3 needs one more.
        let same = over(Window::new(3).with_stride(2).with_padding(Padding::Same), 8, 7).unwrap();
        assert_eq!((same.rows.before, same.columns.before), (0, 1));
        let lower = over(Window::new(3).with_stride(2).with_padding(Padding::SameLower), 8, 7).unwrap();
        assert_eq!((lower.rows.before, lower.columns.before), (1, 1));
    }

    #[test]
    fn a_window_on_sequences_is_one_row() {
        let each = Padding::Each { before: 1.into(), after: 0.into() };
        for (window, text) in [
            (Window::new(3), "3"),
            (
                Window::new(3).with_stride(2).with_padding(1).with_dilation(4),
                "3 stride 2 dilation 4 padding 1",
            ),
            (Window::new(3).with_padding(each).with_ceil_mode(), "3 padding 1 before 0 after ceil_mode"),
            (Window::new(2).with_padding(Padding::Same), "2 padding same"),
        ] {
            let row = window.on_sequences().unwrap();
            let geometry = row.checked(1.into()).unwrap().over(&Shape::from([1, 16, 2])).unwrap();
            let rows = geometry.rows;
            assert_eq!([rows.outputs, rows.kernel, rows.before, rows.after], [1, 1, 0, 0], "{window}");
            assert_eq!(geometry.columns, over(window, 16, 16).unwrap().columns);
            assert_eq!((row.of_sequences(), row.describe_on_sequences().as_str()), (window, text));
        }
        let each = Padding::Each { before: [1, 2].into(), after: 0.into() };
        for window in [
            Window::new([1, 3]),
            Window::new(3).with_stride([1, 2]),
            Window::new(3).with_dilation([1, 2]),
            Window::new(3).with_padding([0, 1]),
            Window::new(3).with_padding(each),
        ] {
            let error = window.on_sequences().unwrap_err().to_string();
            assert!(error.starts_with("window: expected one number for each setting"), "{error}");
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let error = over(Window::new([3, 5]), 4, 4).unwrap_err().to_string();
        assert_eq!(error, "expected input at least as large as the window, 3x5, got [batch, 4, 4, 2]");
        let error = Window::new(3).checked(1.into()).unwrap().over(&Shape::from([28, 28])).unwrap_err();
        assert!(
            error.to_string().contains("[batch, height, width, channels], got [batch, 28, 28]"),
            "{error}"
        );
        for (window, text) in [
            (Window::new(0), "window size: expected at least 1, got 0"),
            (Window::new(2).with_stride([1, 0]), "stride: expected at least 1, got 1x0"),
            (Window::new(2).with_dilation(0), "dilation: expected at least 1, got 0"),
        ] {
            assert_eq!(window.checked(1.into()).unwrap_err().to_string(), text);
        }
        // Sizes beyond all numbers neither panic nor wrap.
        let huge = Window::new(usize::MAX).with_dilation(usize::MAX);
        assert!(over(huge, 4, 4).is_err());
        assert!(over(Window::new(2).with_padding(usize::MAX), 4, 4).is_err());
        assert!(over(Window::new(2).with_stride(usize::MAX).with_ceil_mode(), 4, 4).is_err());
        let each = Padding::Each { before: usize::MAX.into(), after: 1.into() };
        assert!(over(Window::new(2).with_padding(each), 4, 4).is_err());
    }
}
