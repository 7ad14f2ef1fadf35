//! What is added around an image.

use core::fmt;

use super::Sides;
use crate::kernels::Around;

/// What is added around an image before a window slides over it: zeros, for a max pool what never wins.
///
/// ```
/// use taper::layers::Padding;
///
/// let all_around = Padding::from(1);
/// let below_and_on_the_right = Padding::Each { before: 0.into(), after: 1.into() };
/// assert_eq!(all_around, Padding::Border([1, 1].into()));
/// assert_eq!(below_and_on_the_right.to_string(), "0 before 1 after");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Padding {
    /// Nothing: the window stays inside.
    #[default]
    Valid,
    /// So much that the output has ⌈input / stride⌉ rows and columns; where it is an odd number, one more below and on
    /// the right. It is Keras's `"same"`, ONNX's `SAME_UPPER`, and PyTorch's `"same"` where the stride is 1.
    Same,
    /// As [`Padding::Same`], but where it is an odd number, one more above and on the left: ONNX's `SAME_LOWER`.
    SameLower,
    /// So many rows above and below, and columns on the left and on the right: PyTorch's `padding=1`.
    Border(Sides),
    /// Each side alone: ONNX's `pads`, which are above, on the left, below, on the right.
    Each {
        /// Rows above, and columns on the left.
        before: Sides,
        /// Rows below, and columns on the right.
        after: Sides,
    },
}

impl Padding {
    /// Around the vertical axis, or around the horizontal one.
    pub(super) fn around(self) -> [Around; 2] {
        let zeros = |before: Sides, after: Sides| {
            let zeros = |before, after| Around::Zeros { before, after };
            [zeros(before.height, after.height), zeros(before.width, after.width)]
        };
        match self {
            Self::Valid => zeros(0.into(), 0.into()),
            Self::Same => [Around::Same; 2],
            Self::SameLower => [Around::SameLower; 2],
            Self::Border(border) => zeros(border, border),
            Self::Each { before, after } => zeros(before, after),
        }
    }

    /// Whether it is a number of rows and columns, and not what the window needs.
    pub(super) fn is_counted(self) -> bool {
        matches!(self, Self::Border(_) | Self::Each { .. })
    }
}

impl<S: Into<Sides>> From<S> for Padding {
    fn from(border: S) -> Self {
        Self::Border(border.into())
    }
}

/// `same`, `same_lower`, `1`, `0 before 1 after`; nothing where there is none.
impl fmt::Display for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid => Ok(()),
            Self::Same => f.write_str("same"),
            Self::SameLower => f.write_str("same_lower"),
            Self::Border(border) => border.fmt(f),
            Self::Each { before, after } => write!(f, "{before} before {after} after"),
        }
    }
}
