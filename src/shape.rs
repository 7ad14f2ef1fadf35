//! The lengths of a tensor's axes, stored inline.

use core::fmt;
use core::hash::{Hash, Hasher};

use crate::brief::brief;
use crate::prelude::*;
use crate::{Error, Result};

/// A shape that is none is told in so many bytes.
const MOST_BYTES: usize = 200;

/// The lengths of up to [`Shape::MAX_RANK`] axes, slowest first. Copying it allocates nothing.
///
/// An array becomes one by itself where a shape is asked for (`[7, 7, 256]`), a slice by [`Shape::new`]. `[]` is the shape of one number.
///
/// ```
/// use taper::Shape;
///
/// let shape = Shape::from([7, 7, 256]);
/// assert_eq!(shape.len(), 12544);
/// assert_eq!(shape.with_batch(32)?.to_string(), "[32, 7, 7, 256]");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone, Copy, Eq)]
pub struct Shape {
    // Axes from `rank` on are 0.
    axes: [usize; Self::MAX_RANK],
    rank: usize,
}

impl Shape {
    /// The most axes that a tensor can have.
    pub const MAX_RANK: usize = 6;

    /// The shape with these axes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than [`Shape::MAX_RANK`] axes.
    pub fn new(axes: &[usize]) -> Result<Self> {
        let mut shape = Self { axes: [0; Self::MAX_RANK], rank: axes.len() };
        let Some(inline) = shape.axes.get_mut(..axes.len()) else {
            let shape = brief(&format!("{axes:?}"), MOST_BYTES);
            return Err(Error::TooLarge { shape, limit: "at most 6 axes" });
        };
        inline.copy_from_slice(axes);
        Ok(shape)
    }

    /// The lengths of the axes.
    #[inline]
    #[must_use]
    pub fn axes(&self) -> &[usize] {
        &self.axes[..self.rank]
    }

    /// The number of axes.
    #[inline]
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The number of elements; `usize::MAX` where the product does not fit (no tensor has such a shape).
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        // An axis of length 0 wins over an overflow beside it.
        if self.axes().contains(&0) {
            return 0;
        }
        self.axes().iter().fold(1, |product: usize, &axis| product.saturating_mul(axis))
    }

    /// The number of elements as counts of work are: of 64 bits on every machine; `u64::MAX` where the product does not fit.
    pub(crate) fn elements(&self) -> u64 {
        if self.is_empty() {
            return 0;
        }
        self.axes().iter().fold(1, |product: u64, &axis| product.saturating_mul(axis as u64))
    }

    /// Whether there are no elements.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of a batch of samples of this shape: one more axis in front.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where this shape has [`Shape::MAX_RANK`] axes already.
    #[inline]
    pub fn with_batch(&self, batch: usize) -> Result<Self> {
        if self.rank == Self::MAX_RANK {
            return Err(self.has_no_room());
        }
        let [a, b, c, d, e, _] = self.axes;
        Ok(Self { axes: [batch, a, b, c, d, e], rank: self.rank + 1 })
    }

    /// The length of the first axis and the shape of what it counts; `None` for a scalar's shape.
    #[inline]
    #[must_use]
    pub fn split_batch(&self) -> Option<(usize, Self)> {
        let [batch, a, b, c, d, e] = self.axes;
        let rank = self.rank.checked_sub(1)?;
        Some((batch, Self { axes: [a, b, c, d, e, 0], rank }))
    }

    /// This shape with a last axis of another length; that of one number has none.
    pub(crate) fn with_last(mut self, len: usize) -> Self {
        if let Some(last) = self.axes[..self.rank].last_mut() {
            *last = len;
        }
        self
    }

    #[cold]
    fn has_no_room(&self) -> Error {
        Error::TooLarge { shape: self.to_string(), limit: "room for a batch axis (at most 6 axes)" }
    }

    /// The place of an element along each axis.
    pub(crate) fn place(&self, mut index: usize) -> Vec<usize> {
        let mut place = vec![0; self.rank];
        for (place, axis) in place.iter_mut().zip(self.axes()).rev() {
            (*place, index) = (index % axis, index / axis);
        }
        place
    }

    /// What a batch of samples of this shape looks like, for an error: `[batch, 7, 7, 256]`.
    pub(crate) fn batch_pattern(&self) -> String {
        let axes: Vec<String> = self.axes().iter().map(|axis| format!(", {axis}")).collect();
        format!("[batch{}]", axes.concat())
    }
}

impl PartialEq for Shape {
    /// Axis by axis: to compare two or three of them takes less than the call that a comparison of all would become.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank && self.axes().iter().zip(other.axes()).all(|(a, b)| a == b)
    }
}

impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.axes().hash(state);
    }
}

impl<const RANK: usize> From<[usize; RANK]> for Shape {
    /// The shape with these axes; more than [`Shape::MAX_RANK`] do not compile.
    fn from(axes: [usize; RANK]) -> Self {
        const { assert!(RANK <= Self::MAX_RANK, "a shape has at most 6 axes") };
        let mut shape = Self { axes: [0; Self::MAX_RANK], rank: RANK };
        shape.axes[..RANK].copy_from_slice(&axes);
        shape
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.axes())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_elements() {
        for (axes, len) in [
            (&[][..], 1),
            (&[0], 0),
            (&[3], 3),
            (&[2, 3, 4], 24),
            (&[usize::MAX, 2], usize::MAX),
            (&[usize::MAX, 2, 0], 0),
        ] {
            assert_eq!(Shape::new(axes).unwrap().len(), len, "{axes:?}");
        }
    }

    #[test]
    fn batch_axis_goes_in_front_and_off_again() {
        let sample = Shape::from([7, 7, 256]);
        let batch = sample.with_batch(5).unwrap();
        assert_eq!(batch.axes(), [5, 7, 7, 256]);
        assert_eq!(batch.split_batch(), Some((5, sample)));
        assert_eq!(sample.batch_pattern(), "[batch, 7, 7, 256]");
        assert_eq!(Shape::from([]).split_batch(), None);
        assert_eq!(sample.with_last(3).axes(), [7, 7, 3]);
        assert_eq!(Shape::from([]).with_last(3), Shape::from([]));
    }

    #[test]
    fn too_many_axes_are_an_error() {
        let error = Shape::new(&[1; 7]).unwrap_err();
        assert_eq!(error.to_string(), "shape [1, 1, 1, 1, 1, 1, 1]: expected at most 6 axes");
        let error = Shape::from([1; 6]).with_batch(2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "shape [1, 1, 1, 1, 1, 1]: expected room for a batch axis (at most 6 axes)"
        );
    }
}
