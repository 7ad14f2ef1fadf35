//! Which numbers of a sample are those of a unit, on the way from one layer of weighted sums to the next.

use crate::Shape;
use crate::prelude::*;

/// Which numbers of a sample belong to which unit: number p, counted row by row, is one of unit (p / run) mod count.
///
/// The outputs of a dense layer are units of one number each, or of one in each row. The channels of an image are units of a number
/// at each place; [`Flatten`](super::Flatten) leaves them where they lie. Behind [`ChannelsFirst`](super::ChannelsFirst) the numbers
/// of a channel lie in a run.
///
/// A model is narrowed ([`narrow`](crate::narrow)) where each unit goes through the layers in between alone;
/// [`Layer::units_through`](super::Layer::units_through) says whether it does. There is at least one unit, and a run of at least one number.
///
/// ```
/// use taper::layers::Units;
///
/// let (channels_last, channels_first) = (Units { count: 3, run: 1 }, Units { count: 3, run: 4 });
/// assert_eq!((channels_last.of(4), channels_first.of(4)), (1, 1));
/// assert_eq!(channels_last.places(6, &[0, 2]), [0, 2, 3, 5]);
/// assert_eq!(channels_first.places(12, &[2]), [8, 9, 10, 11]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// How many there are.
    pub count: usize,
    /// So many numbers of one unit lie one after another.
    pub run: usize,
}

impl Units {
    /// The unit that the number at this place belongs to.
    ///
    /// # Panics
    /// Where there is no unit, or a run of none.
    #[must_use]
    pub fn of(self, place: usize) -> usize {
        place / self.run % self.count
    }

    /// Whether the last so many numbers of every row, or of every sample, are the same units everywhere: as what a parameter of so many
    /// numbers meets.
    #[must_use]
    pub fn repeat_in(self, len: usize) -> bool {
        self.count * self.run > 0 && len > 0 && len.is_multiple_of(self.count * self.run)
    }

    /// Whether they are the channels of such images, or sequences: one number of each at every place.
    #[must_use]
    pub fn are_channels(self, input: &Shape) -> bool {
        self.run == 1 && input.axes().last() == Some(&self.count)
    }

    /// The places, of so many, whose units are kept.
    ///
    /// # Panics
    /// Where one is kept that there is not.
    #[must_use]
    pub fn places(self, len: usize, kept: &[usize]) -> Vec<usize> {
        let mut stays = vec![false; self.count];
        kept.iter().for_each(|&unit| stays[unit] = true);
        (0..len).filter(|&place| stays[self.of(place)]).collect()
    }

    /// The shape of which so many units are left; none where no axis has them.
    #[must_use]
    pub fn narrowed(self, shape: &Shape, kept: usize) -> Option<Shape> {
        let (mut axes, mut behind) = (shape.axes().to_vec(), 1);
        for axis in (0..axes.len()).rev() {
            let is_whole = self.run.is_multiple_of(behind);
            let period = self.run / behind * self.count;
            if is_whole && period > 0 && axes[axis].is_multiple_of(period) {
                axes[axis] = axes[axis] / self.count * kept;
                return Shape::new(&axes).ok();
            }
            behind *= axes[axis];
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_lie_apart_where_they_are_last_and_in_runs_where_they_are_first() {
        let (last, first) = (Units { count: 2, run: 1 }, Units { count: 2, run: 3 });
        let units = |units: Units| (0..12).map(|place| units.of(place)).collect::<Vec<_>>();
        assert_eq!(units(last), [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
        assert_eq!(units(first), [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1]);
        assert_eq!(last.places(6, &[1]), [1, 3, 5]);
        assert_eq!(first.places(6, &[1]), [3, 4, 5]);
        assert!(last.repeat_in(6) && first.repeat_in(6) && !first.repeat_in(3) && !last.repeat_in(0));
    }

    #[test]
    fn the_axis_that_has_the_units_gets_shorter() {
        let narrowed = |units: Units, axes: &[usize], kept: usize| {
            units.narrowed(&Shape::new(axes).unwrap(), kept).map(|shape| shape.axes().to_vec())
        };
        let (last, first) = (Units { count: 4, run: 1 }, Units { count: 4, run: 6 });
        assert_eq!(narrowed(last, &[2, 3, 4], 3), Some(vec![2, 3, 3]));
        assert_eq!(narrowed(last, &[24], 3), Some(vec![18]));
        assert_eq!(narrowed(first, &[4, 2, 3], 1), Some(vec![1, 2, 3]));
        assert_eq!(narrowed(first, &[24], 1), Some(vec![6]));
        assert_eq!(narrowed(last, &[8, 3], 1), None, "a unit's numbers are no whole part of an axis");
    }
}
