//! The order of a dense weight's rows.

use std::any::Any;

use super::Sequential;
use super::step::Step;
use crate::{Scalar, Shape};

impl<T: Scalar> Sequential<T> {
    /// The shape that is flattened right before the first dense weight, where that has several axes: the order of the
    /// weight's rows.
    pub(crate) fn flattened(&self) -> Option<Shape> {
        let steps = self.steps();
        let has_weight = |step: &Step<T>| {
            let mut found = false;
            step.layer.params(&mut |param| found |= param.is_dense_weight());
            found
        };
        let dense = steps.iter().position(has_weight)?;
        let before = steps[..dense].iter().rev().take_while(|step| step.output.rank() == 1);
        if let Some(step) = before.last() {
            return Some(step.input).filter(|shape| shape.rank() > 1);
        }
        let layer: &dyn Any = &*steps[dense].layer;
        layer.downcast_ref::<Self>().and_then(Self::flattened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_shape_of_several_axes_before_the_first_weight() {
        let flattened = |builder: crate::sequential::Builder<f32>| {
            builder.dense(2).build(&mut crate::seeded(0)).unwrap().flattened()
        };
        let image = || Sequential::builder([2, 3, 4]);
        assert_eq!(flattened(image().flatten()), Some([2, 3, 4].into()));
        assert_eq!(flattened(image().flatten().relu().dropout(0.1)), Some([2, 3, 4].into()));
        assert_eq!(flattened(image().reshape([6, 4]).flatten()), Some([6, 4].into()));
        assert_eq!(flattened(Sequential::builder([24])), None);
        assert_eq!(flattened(Sequential::builder([24]).relu()), None);
        let head = image().flatten().dense(3).build(&mut crate::seeded(0)).unwrap();
        assert_eq!(flattened(image().layer(head)), Some([2, 3, 4].into()));
    }
}
