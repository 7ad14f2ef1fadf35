//! The order of features, where images have their channels last and where first.

use super::{Along, Param};
use crate::{Scalar, Shape};

/// How the numbers of a sample lie here, beside how a program lays them out that keeps images `[channels, height, width]`, as
/// PyTorch does.
///
/// A file in PyTorch's orientation is put together from this: what lies along features that were flattened has another order
/// there. [`Layer::output_order`](super::Layer::output_order) says what becomes of it in a layer.
///
/// ```
/// use taper::Shape;
/// use taper::layers::Order;
///
/// let image = Shape::from([28, 28, 3]);
/// assert_eq!(Order::of_sample(&image), Order::ChannelsLast(image));
/// assert!(Order::of_sample(&image).matters());
/// // With one channel both orders are the same.
/// assert!(!Order::of_sample(&[28, 28, 1].into()).matters());
/// assert_eq!(Order::of_sample(&[784].into()), Order::Same);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// The same in both.
    Same,
    /// These axes here, the last one channels; there channels come first. The sample has these axes, or they are flattened.
    ChannelsLast(Shape),
    /// It is not known how such a program would lay them out.
    Unknown,
}

/// In which way a parameter lies where images have their channels first: what [`Order::turn`] says of it.
///
/// ```
/// use taper::layers::{Along, Order, Turn};
/// use taper::{Param, Shape, Tensor};
///
/// // A number for each flattened feature of an image of 2×2 with 3 channels.
/// let scale = Param::new("scale", &Tensor::full([12], 1.0_f32)?).with_along(Along::LastAxes);
/// let image = Shape::from([2, 2, 3]);
/// let flattened = Order::of_sample(&image).reshaped(&image, &[12].into());
/// assert_eq!(flattened.turn(&scale, &[12].into()), Turn::Rows(image));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Turn {
    /// As here.
    None,
    /// Its first axis lies along flattened features: here of this shape, there with the last axis first.
    Rows(Shape),
    /// Its axes are these here, and there the last one comes first.
    Axes(Shape),
    /// It lies along features of which it is not known how they lie there.
    Unknown,
}

impl Order {
    /// The order of samples of this shape about which nothing else is known: three axes and more are those of an image, as
    /// everywhere in this crate.
    #[must_use]
    pub fn of_sample(shape: &Shape) -> Self {
        if shape.rank() >= 3 { Self::ChannelsLast(*shape) } else { Self::Same }
    }

    /// The order of the same numbers under other axes.
    #[must_use]
    pub fn reshaped(self, input: &Shape, output: &Shape) -> Self {
        match self {
            _ if input == output => self,
            Self::Same if input.rank() < 3 => Self::of_sample(output),
            Self::ChannelsLast(_) if output.rank() == 1 => self,
            Self::ChannelsLast(image) if !matters(&image) => Self::of_sample(output),
            Self::ChannelsLast(image) if output.axes().last() == image.axes().last() => {
                Self::ChannelsLast(*output)
            }
            Self::Same => self,
            Self::ChannelsLast(_) | Self::Unknown => Self::Unknown,
        }
    }

    /// Whether it is another one where channels come first.
    #[must_use]
    pub fn matters(self) -> bool {
        match self {
            Self::Same => false,
            Self::ChannelsLast(image) => matters(&image),
            Self::Unknown => true,
        }
    }

    /// How a parameter of a layer lies that takes samples of this shape in this order.
    #[must_use]
    pub fn turn<T: Scalar>(self, param: &Param<T>, input: &Shape) -> Turn {
        let (axes, is_flat) = (param.shape(), input.rank() == 1);
        let features = match self {
            Self::ChannelsLast(image) => image.len(),
            _ => input.len(),
        };
        // What somebody else's layer has may lie along all features.
        let may_lie_along = axes.axes().contains(&features) || axes.len() == features;
        match (param.along(), self) {
            (Along::Nothing | Along::Window, _) | (_, Self::Same) => Turn::None,
            (Along::Inputs, Self::ChannelsLast(image))
                if is_flat && axes.axes().first() == Some(&features) =>
            {
                Turn::Rows(image)
            }
            (Along::LastAxes, Self::ChannelsLast(image)) if is_flat && axes.axes() == [features] => {
                Turn::Rows(image)
            }
            (Along::LastAxes, Self::ChannelsLast(image)) if axes == image => Turn::Axes(image),
            (Along::Inputs, Self::ChannelsLast(_)) if axes.axes().first() == input.axes().last() => {
                Turn::None
            }
            (Along::LastAxes, Self::ChannelsLast(_)) if axes.rank() == 1 && !is_flat => Turn::None,
            (_, Self::ChannelsLast(image)) if !matters(&image) => Turn::None,
            (Along::Unknown, _) if !may_lie_along => Turn::None,
            _ => Turn::Unknown,
        }
    }
}

impl Turn {
    /// Whether it makes a difference: with one channel or one place, both orders are the same.
    #[must_use]
    pub fn matters(self) -> bool {
        match self {
            Self::None => false,
            Self::Rows(image) | Self::Axes(image) => matters(&image),
            Self::Unknown => true,
        }
    }
}

/// Whether channels last and channels first are two orders.
fn matters(image: &Shape) -> bool {
    let channels = image.axes().last().copied().unwrap_or(1);
    channels > 1 && image.len() > channels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;

    fn param(along: Along, axes: &[usize]) -> Param<f32> {
        Param::new("weight", &Tensor::zeros(Shape::new(axes).unwrap()).unwrap()).with_along(along)
    }

    #[test]
    fn flattened_features_are_rows_and_images_are_axes() {
        let image = Shape::from([2, 3, 4]);
        let (last, flat) = (Order::ChannelsLast(image), Shape::from([24]));
        for (along, axes, input, expected) in [
            (Along::Inputs, &[24, 5][..], flat, Turn::Rows(image)),
            (Along::LastAxes, &[24], flat, Turn::Rows(image)),
            (Along::LastAxes, &[2, 3, 4], image, Turn::Axes(image)),
            (Along::LastAxes, &[4], image, Turn::None),
            (Along::LastAxes, &[3, 4], image, Turn::Unknown),
            (Along::Inputs, &[4, 5], image, Turn::None),
            // Of a dense layer that is inside of somebody else's.
            (Along::Inputs, &[24, 5], image, Turn::Unknown),
            (Along::Inputs, &[7, 5], flat, Turn::Unknown),
            (Along::Unknown, &[24], flat, Turn::Unknown),
            (Along::Unknown, &[5, 24], flat, Turn::Unknown),
            (Along::Unknown, &[2, 3, 4], image, Turn::Unknown),
            (Along::Unknown, &[4], image, Turn::None),
            (Along::Nothing, &[24], flat, Turn::None),
            (Along::Window, &[1, 1, 4, 5], image, Turn::None),
        ] {
            assert_eq!(last.turn(&param(along, axes), &input), expected, "{along:?} {axes:?} of {input}");
            assert_eq!(Order::Same.turn(&param(along, axes), &input), Turn::None);
        }
        assert_eq!(Order::Unknown.turn(&param(Along::Inputs, &[24, 5]), &flat), Turn::Unknown);
        assert_eq!(Order::Unknown.turn(&param(Along::Unknown, &[5]), &flat), Turn::None);
    }

    #[test]
    fn one_channel_or_one_place_have_one_order() {
        for axes in [[1, 1, 4], [3, 5, 1]] {
            let image = Shape::from(axes);
            let order = Order::of_sample(&image);
            let turn = order.turn(&param(Along::Inputs, &[image.len(), 2]), &[image.len()].into());
            assert_eq!((turn, turn.matters()), (Turn::Rows(image), false));
            assert_eq!(order.turn(&param(Along::Unknown, &[image.len()]), &[image.len()].into()), Turn::None);
        }
        assert!(Turn::Rows([3, 5, 2].into()).matters());
    }

    #[test]
    fn other_axes_keep_an_order_that_can_be_told() {
        let image = Shape::from([2, 3, 4]);
        let last = Order::ChannelsLast(image);
        let reshaped = |order: Order, from: &[usize], to: &[usize]| {
            order.reshaped(&Shape::new(from).unwrap(), &Shape::new(to).unwrap())
        };
        assert_eq!(reshaped(last, &[2, 3, 4], &[24]), last);
        assert_eq!(reshaped(last, &[2, 3, 4], &[6, 4]), Order::ChannelsLast([6, 4].into()));
        assert_eq!(reshaped(last, &[24], &[2, 3, 4]), last);
        assert_eq!(reshaped(last, &[2, 3, 4], &[2, 12]), Order::Unknown);
        assert_eq!(reshaped(Order::Same, &[24], &[2, 3, 4]), last);
        assert_eq!(reshaped(Order::Same, &[4, 2, 3], &[24]), Order::Same);
        let gray = Order::of_sample(&[6, 4, 1].into());
        assert_eq!(reshaped(gray, &[6, 4, 1], &[6, 4]), Order::Same);
    }
}
