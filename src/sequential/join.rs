//! How the outputs of several paths become one.

use core::fmt;

use crate::kernels::Parallelism;
use crate::layers::{OnnxGraph, OnnxValue, Order, add, by_samples};
use crate::prelude::*;
use crate::{Scalar, Shape};

/// How the outputs of [`Branches`](super::Branches) become one.
///
/// ```
/// use taper::layers::Reshape;
/// use taper::{Sequential, Tensor, sequential::Join};
///
/// let twice = |join| Sequential::builder([2])
///     .branches(join, |paths| paths.path(|path| path.layer(Reshape::new([2]))).input())
///     .build(&mut taper::seeded(0));
/// let x = Tensor::from([[1.0, 2.0]]);
/// assert_eq!(twice(Join::Add)?.predict(&x)?, Tensor::from([[2.0, 4.0]]));
/// assert_eq!(twice(Join::Concat)?.predict(&x)?, Tensor::from([[1.0, 2.0, 1.0, 2.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Join {
    /// They are added, element by element: y = p₀ + p₁ + …, in this order. All have the same shape.
    Add,
    /// They lie side by side along the last axis, the channels of an image. All other axes are the same.
    Concat,
}

impl Join {
    /// Its name in a file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Concat => "concat",
        }
    }

    /// That of this name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Add, Self::Concat].into_iter().find(|join| join.name() == name)
    }

    /// The shape of a sample that comes of these, or the index of the first that does not fit, with what does.
    pub(super) fn output(self, outputs: &[Shape]) -> Result<Shape, (usize, String)> {
        let first = outputs[0];
        let (Self::Concat, Some((&width, outer))) = (self, first.axes().split_last()) else {
            let differs = outputs.iter().position(|output| *output != first || self == Self::Concat);
            return differs.map_or(Ok(first), |index| {
                let expected =
                    if self == Self::Add { first.batch_pattern() } else { "[batch, …, last]".into() };
                Err((index, expected))
            });
        };
        let mut total = width;
        for (index, output) in outputs.iter().enumerate().skip(1) {
            match output.axes().split_last() {
                Some((&width, others)) if others == outer => total = total.saturating_add(width),
                _ => {
                    let outer: Vec<String> = outer.iter().map(|axis| format!("{axis}, ")).collect();
                    return Err((index, format!("[batch, {}any]", outer.concat())));
                }
            }
        }
        Ok(Shape::new(&[outer, &[total]].concat()).expect("as many axes as the first"))
    }

    /// Puts the output of the path of this index into y: those before it are there. `place` is where its part of the last axis begins
    /// and how long it and the whole are.
    pub(super) fn put<T: Scalar>(
        self,
        parallelism: Parallelism,
        index: usize,
        place: Columns,
        output: &[T],
        y: &mut [T],
    ) {
        match self {
            Self::Add if index == 0 => y.copy_from_slice(output),
            Self::Add => add(parallelism, y, output),
            Self::Concat => {
                let Columns { start, width, total } = place;
                by_samples(parallelism, 2 * output.len(), y, total, |first, y| {
                    let rows = output[first * width..].chunks_exact(width);
                    for (y, row) in y.chunks_exact_mut(total).zip(rows) {
                        y[start..start + width].copy_from_slice(row);
                    }
                });
            }
        }
    }

    /// The gradient with respect to the output of a path, from that with respect to y.
    pub(super) fn part_of<T: Scalar>(
        self,
        parallelism: Parallelism,
        place: Columns,
        dy: &[T],
        gradient: &mut [T],
    ) {
        match self {
            Self::Add => gradient.copy_from_slice(dy),
            Self::Concat => {
                let Columns { start, width, total } = place;
                by_samples(parallelism, 2 * gradient.len(), gradient, width, |first, gradient| {
                    let rows = dy[first * total..].chunks_exact(total);
                    for (row, dy) in gradient.chunks_exact_mut(width).zip(rows) {
                        row.copy_from_slice(&dy[start..start + width]);
                    }
                });
            }
        }
    }

    /// The order of what comes of outputs of these shapes in these orders; none where a program that keeps channels first would join
    /// other numbers.
    pub(super) fn order(self, orders: &[Order], outputs: &[Shape], joined: &Shape) -> Option<Order> {
        // Where there is one order only, it is both.
        let plain = |order: Order| if order.matters() { order } else { Order::Same };
        let all = |expected: Order| orders.iter().all(|&order| plain(order) == expected);
        match self {
            Self::Add => all(plain(orders[0])).then_some(orders[0]).filter(|order| *order != Order::Unknown),
            // Images side by side are an image.
            Self::Concat if joined.rank() > 1 => {
                let is_image = |(order, output): (&Order, &Shape)| *order == Order::ChannelsLast(*output);
                if orders.iter().all(|order| *order == Order::Same) {
                    Some(Order::Same)
                } else if orders.iter().zip(outputs).all(is_image) {
                    Some(Order::ChannelsLast(*joined))
                } else if orders.contains(&Order::Unknown) || all(Order::Same) {
                    Some(Order::Unknown)
                } else {
                    None
                }
            }
            // Rows of flattened images, one after another, are no flattened image.
            Self::Concat => Some(if all(Order::Same) { Order::Same } else { Order::Unknown }),
        }
    }

    /// As an operation of ONNX.
    pub(super) fn operation<T: Scalar>(
        self,
        outputs: &[OnnxValue],
        joined: Shape,
        graph: &mut OnnxGraph<'_, T>,
    ) -> OnnxValue {
        match self {
            Self::Add => graph.added(outputs),
            Self::Concat => graph.side_by_side(outputs, joined),
        }
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The part of the last axis that is a path's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    pub(super) start: usize,
    pub(super) width: usize,
    pub(super) total: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes<const N: usize>(axes: [&[usize]; N]) -> Vec<Shape> {
        axes.iter().map(|axes| Shape::new(axes).unwrap()).collect()
    }

    #[test]
    fn shapes_that_can_be_joined() {
        assert_eq!(Join::Add.output(&shapes([&[2, 3], &[2, 3]])).unwrap().axes(), [2, 3]);
        assert_eq!(Join::Add.output(&shapes([&[]])).unwrap().rank(), 0);
        assert_eq!(Join::Concat.output(&shapes([&[2, 3], &[2, 1], &[2, 5]])).unwrap().axes(), [2, 9]);
        for (join, outputs, index, expected) in [
            (Join::Add, shapes([&[2, 3], &[2, 3], &[3, 2]]), 2, "[batch, 2, 3]"),
            (Join::Add, shapes([&[2], &[2, 1]]), 1, "[batch, 2]"),
            (Join::Concat, shapes([&[], &[]]), 0, "[batch, …, last]"),
            (Join::Concat, shapes([&[2, 3], &[]]), 1, "[batch, 2, any]"),
            (Join::Concat, shapes([&[4, 2, 3], &[4, 3, 3]]), 1, "[batch, 4, 2, any]"),
            (Join::Concat, shapes([&[3], &[3, 3]]), 1, "[batch, any]"),
        ] {
            assert_eq!(join.output(&outputs), Err((index, expected.to_owned())), "{join} {outputs:?}");
        }
    }

    #[test]
    fn orders_that_meet() {
        let (same, unknown) = (Order::Same, Order::Unknown);
        let last = |axes: &[usize]| Order::ChannelsLast(Shape::new(axes).unwrap());
        let (image, dot) = (last(&[2, 3, 4]), last(&[1, 1, 24]));
        let order = |join: Join, orders: &[Order], outputs: &[Shape]| {
            let joined = join.output(outputs).unwrap();
            join.order(orders, outputs, &joined)
        };
        let (images, flat) = (shapes([&[2, 3, 4], &[2, 3, 4]]), shapes([&[24], &[24]]));
        for (orders, outputs, added, side_by_side) in [
            ([image, image], &images, Some(image), Some(last(&[2, 3, 8]))),
            ([same, same], &images, Some(same), Some(same)),
            ([image, same], &images, None, None),
            ([unknown, same], &images, None, Some(unknown)),
            ([image, image], &flat, Some(image), Some(unknown)),
            ([same, same], &flat, Some(same), Some(same)),
            ([dot, same], &flat, Some(dot), Some(same)),
            ([image, same], &flat, None, Some(unknown)),
            ([image, dot], &flat, None, Some(unknown)),
            ([image, last(&[4, 3, 2])], &flat, None, Some(unknown)),
            ([unknown, unknown], &flat, None, Some(unknown)),
        ] {
            assert_eq!(order(Join::Add, &orders, outputs), added, "{orders:?} of {outputs:?}");
            assert_eq!(order(Join::Concat, &orders, outputs), side_by_side, "{orders:?} of {outputs:?}");
        }
        // One channel is in both orders, two of them are not.
        let gray = shapes([&[2, 3, 1], &[2, 3, 1]]);
        let joined = order(Join::Concat, &[last(&[2, 3, 1]); 2], &gray);
        assert_eq!(joined, Some(last(&[2, 3, 2])));
    }
}
