//! Whole numbers that values are rounded to: scale·(q − zero point).

/// Steps of the same length, and how many of them there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grid {
    pub(super) scale: f32,
    pub(super) zero: i32,
    /// The least and the most whole number of the type.
    pub(super) least: i32,
    pub(super) most: i32,
}

impl Grid {
    /// The least and the largest number that there is.
    pub(super) fn range(&self) -> [f64; 2] {
        [self.least, self.most].map(|end| f64::from(end - self.zero) * f64::from(self.scale))
    }

    /// Whether all numbers of another are in its range.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let ([least, most], [other_least, other_most]) = (self.range(), other.range());
        least <= other_least && most >= other_most
    }

    /// Scale and zero point of whole numbers from −128 to 127, where it is one of eight bits.
    pub(super) fn of_bytes(&self) -> Option<(f32, i8)> {
        let zero = i8::try_from(self.zero - self.least - 128).ok()?;
        (self.most - self.least == 255).then_some((self.scale, zero))
    }
}
