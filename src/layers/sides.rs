//! Two lengths, of the vertical and of the horizontal axis.

use core::fmt;

/// Two lengths, of the vertical and of the horizontal axis; one number is both.
///
/// ```
/// use taper::layers::Sides;
///
/// assert_eq!(Sides::from(3), Sides::from([3, 3]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// Along the vertical axis.
    pub height: usize,
    /// Along the horizontal axis.
    pub width: usize,
}

impl From<usize> for Sides {
    fn from(side: usize) -> Self {
        Self { height: side, width: side }
    }
}

impl From<[usize; 2]> for Sides {
    fn from([height, width]: [usize; 2]) -> Self {
        Self { height, width }
    }
}

impl From<Sides> for [usize; 2] {
    fn from(sides: Sides) -> Self {
        [sides.height, sides.width]
    }
}

/// `3`, or `3x5` where the sides differ.
impl fmt::Display for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { height, width } = self;
        if height == width { write!(f, "{height}") } else { write!(f, "{height}x{width}") }
    }
}
