//! The models in a layer.

use core::any::Any;
use core::ops::Range;

use super::Sequential;
use super::branches::Branches;
use super::join::Join;
use crate::Scalar;
use crate::layers::{Layer, OutputKind};
use crate::prelude::*;

/// A way through models inside of a layer.
#[derive(Debug)]
pub(super) struct Inside<'a, T: Scalar> {
    /// Empty where the layers stand under the name of the layer around them.
    pub(super) name: &'a str,
    /// None for the input itself.
    pub(super) model: Option<&'a Sequential<T>>,
}

/// The ways through models inside of a layer; none of a layer that is somebody else's.
pub(super) fn inside<T: Scalar>(layer: &dyn Layer<T>) -> Vec<Inside<'_, T>> {
    let any: &dyn Any = layer;
    if let Some(model) = any.downcast_ref::<Sequential<T>>() {
        return vec![Inside { name: "", model: Some(model) }];
    }
    let branches = any.downcast_ref::<Branches<T>>();
    branches.into_iter().flat_map(Branches::paths).map(|(name, model)| Inside { name, model }).collect()
}

impl<T: Scalar> Sequential<T> {
    /// What the outputs are, for each range of the last axis that is an output by itself: in a model that ends in paths side by
    /// side.
    pub(crate) fn kinds_of_columns(&self) -> Vec<(Range<usize>, OutputKind)> {
        let last = self.len() - 1;
        let any: &dyn Any = &*self.steps()[last].layer;
        if let Some(branches) =
            any.downcast_ref::<Branches<T>>().filter(|branches| branches.join() == Join::Concat)
        {
            return branches.kinds_of_columns(self.kind_after(last, OutputKind::Values));
        }
        let columns = self.output().axes().last().copied().unwrap_or(1);
        vec![(0..columns, self.output_kind(OutputKind::Values))]
    }

    /// The elements of a sample in all layers, those in models inside too.
    pub(super) fn elements(&self) -> usize {
        let of_model = |inside: Inside<'_, T>| inside.model.map_or(0, Self::elements);
        let of_layers = self.steps().iter().map(|step| {
            let models = inside(&*step.layer).into_iter().map(of_model).fold(0, usize::saturating_add);
            models.saturating_add(step.input.len()).saturating_add(step.output.len())
        });
        of_layers.fold(0, usize::saturating_add)
    }
}
