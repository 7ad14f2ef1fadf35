//! Max pools that the convolution before them takes along in inference: convolution, activation and pool in one pass.

use core::any::Any;

use crate::layers::{Conv2d, Layer, MaxPool2d, Memory, PoolAlong};
use crate::{Scalar, Shape};

/// The pool that a convolution takes along.
#[derive(Clone, Copy)]
pub(super) struct Pooled {
    pub(super) pool: PoolAlong,
    /// The shape of what comes of a sample.
    pub(super) output: Shape,
}

impl Pooled {
    /// That of two layers one after the other, where the first gives such images and can do what the second does.
    pub(super) fn of<T: Scalar>(first: &dyn Layer<T>, second: &dyn Layer<T>, images: &Shape) -> Option<Self> {
        let (first, second): (&dyn Any, &dyn Any) = (first, second);
        let pool = second.downcast_ref::<MaxPool2d>()?;
        first.downcast_ref::<Conv2d<T>>().filter(|conv| conv.takes_pool())?;
        let output = Layer::<T>::output_shape(pool, images).ok()?;
        Some(Self { pool: PoolAlong::new(&pool.window(), images)?, output })
    }

    /// What the workspace has to provide for the convolution, of inputs of this shape.
    pub(super) fn memory<T: Scalar>(self, conv: &dyn Layer<T>, input: &Shape, batch: usize) -> Memory {
        let conv =
            (conv as &dyn Any).downcast_ref::<Conv2d<T>>().expect("the convolution that takes it along");
        conv.pooled_memory(input, batch, self.pool)
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::{Padding, Window};
    use crate::sequential::Builder;
    use crate::{Sequential, seeded};

    #[test]
    fn pools_of_windows_side_by_side_are_taken_along() {
        type Layers = fn(Builder<f32>) -> Builder<f32>;
        let cases: [(Layers, &[usize]); 9] = [
            (|model| model.conv2d(2, 3).max_pool2d(2), &[1]),
            (|model| model.conv2d(2, 3).relu().max_pool2d([3, 1]).conv2d(2, 1).max_pool2d(2), &[2, 4]),
            (|model| model.conv2d(2, 3).relu().max_pool2d(2).max_pool2d(2), &[2]),
            (|model| model.conv2d(2, 3).relu().relu().max_pool2d(2), &[]),
            (|model| model.conv2d(2, 3).max_pool2d(Window::new(3).with_stride(2)), &[]),
            (
                |model| model.conv2d(2, 3).max_pool2d(Window::new(2).with_padding(Padding::Border(1.into()))),
                &[],
            ),
            (|model| model.conv2d(2, 3).max_pool2d(Window::new(3).with_ceil_mode()), &[]),
            (|model| model.conv2d(2, 3).avg_pool2d(2), &[]),
            (|model| model.conv2d(4, 3).groups(4).max_pool2d(2), &[]),
        ];
        for (number, (layers, expected)) in cases.into_iter().enumerate() {
            let model = layers(Sequential::builder([12, 12, 4])).build(&mut seeded(1)).unwrap();
            let found: Vec<_> = (0..model.len()).filter(|&index| model.steps()[index].is_along).collect();
            assert_eq!(found, expected, "model {number}");
        }
    }
}
