//! What says which size the output of a transposed convolution has, of those that a convolution with a stride makes one of.

use super::stored::{Entry, Restored};
use super::{Padding, Settings, Sides, Window};
use crate::kernels::Geometry;
use crate::prelude::*;
use crate::{Error, Result, Shape};

/// What is added to the least size, or the size itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum OutputSize {
    /// So many rows and columns more, below and on the right.
    Padding(Sides),
    /// Rows and columns.
    Sides(Sides),
}

impl Default for OutputSize {
    fn default() -> Self {
        Self::Padding(0.into())
    }
}

impl OutputSize {
    /// Whether a layer with this window can have it.
    ///
    /// # Errors
    /// [`Error::Setting`] where it adds as much as stride and dilation, or where the padding says the size.
    pub(super) fn checked(self, window: &Window) -> Result<Self> {
        let (stride, dilation) = (window.stride.unwrap_or(1.into()), window.dilation);
        let (name, sides) = match self {
            Self::Padding(more) => ("output_padding", more),
            Self::Sides(sides) => ("output_size", sides),
        };
        if let Self::Padding(more) = self
            && (more.height >= stride.height.max(dilation.height)
                || more.width >= stride.width.max(dilation.width))
        {
            return Err(Error::setting(name, "less than the stride or the dilation", more));
        }
        if matches!(window.padding, Padding::Same | Padding::SameLower) && self != Self::default() {
            return Err(Error::setting(name, "none with this padding, which says the size", sides));
        }
        Ok(self)
    }

    /// How the window slides over outputs of so many channels: at each place there is a pixel of the input.
    ///
    /// # Errors
    /// [`Error::Shape`] where the input is no image, nothing is left of the output, or no input of this size has an output of that one.
    pub(super) fn geometry(self, window: &Window, input: &Shape, channels: usize) -> Result<Geometry> {
        let sides = match self {
            Self::Padding(more) => return window.places_over(input, more, channels),
            Self::Sides(sides) => sides,
        };
        let least = window.places_over(input, 0.into(), channels)?;
        let least = Sides::from([least.rows.inputs, least.columns.inputs]);
        let stride = window.stride.unwrap_or(1.into());
        let more = |of: fn(Sides) -> usize| {
            of(sides).checked_sub(of(least)).filter(|&more| more < of(stride).max(1))
        };
        if let (Some(height), Some(width)) = (more(|sides| sides.height), more(|sides| sides.width)) {
            return window.places_over(input, [height, width].into(), channels);
        }
        let most =
            [least.height.saturating_add(stride.height - 1), least.width.saturating_add(stride.width - 1)];
        let expected = format!("from {least} to {} for input {}", Sides::from(most), input.batch_pattern());
        Err(Error::Shape { what: "output_size", expected, got: sides.to_string(), hint: "" })
    }

    /// What is added to the least size; nothing where the size is told.
    pub(super) fn padding(self) -> Sides {
        match self {
            Self::Padding(more) => more,
            Self::Sides(_) => 0.into(),
        }
    }

    /// The size, where it is told.
    pub(super) fn sides(self) -> Option<Sides> {
        match self {
            Self::Padding(_) => None,
            Self::Sides(sides) => Some(sides),
        }
    }

    /// ` output padding 1x1`, of a layer of images.
    pub(super) fn describe(self) -> String {
        self.described(|sides| sides.to_string())
    }

    /// The same with the numbers as a layer has them.
    pub(super) fn described(self, number: impl Fn(Sides) -> String) -> String {
        match self {
            Self::Padding(more) if more == 0.into() => String::new(),
            Self::Padding(more) => format!(" output padding {}", number(more)),
            Self::Sides(sides) => format!(" to {}", number(sides)),
        }
    }

    /// What a file says.
    pub(super) fn of_entry(entry: &dyn Entry) -> Restored<Self> {
        let padding = sides(entry, "output_padding")?;
        Ok(if entry.has("output_size") {
            Self::Sides(sides(entry, "output_size")?)
        } else {
            Self::Padding(padding)
        })
    }

    /// The settings with those of a layer of images.
    pub(super) fn into_settings(self, settings: Settings) -> Settings {
        let shape = |Sides { height, width }: Sides| Shape::from([height, width]);
        let settings = settings.with("output_padding", shape(self.padding()));
        match self.sides() {
            Some(sides) => settings.with("output_size", shape(sides)),
            None => settings,
        }
    }
}

/// Rows and columns that a file tells.
fn sides(entry: &dyn Entry, key: &'static str) -> Restored<Sides> {
    let shape = entry.shape(key)?;
    match *shape.axes() {
        [rows, columns] => Ok([rows, columns].into()),
        _ => Err(Error::shape(key, "[rows, columns]", shape).into()),
    }
}
