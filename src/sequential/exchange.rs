//! A model with some of its layers exchanged, and the way to a layer in it.

use core::any::Any;

use super::Sequential;
use super::branches::Branches;
use super::inside::inside;
use super::step::Step;
use crate::layers::Layer;
use crate::prelude::*;
use crate::{Error, Result, Scalar};

/// Where a model inside of a model is: the number of the layer and of the way through it, from the outermost model on.
pub(crate) type Place = Vec<(usize, usize)>;

impl<T: Scalar> Sequential<T> {
    /// Every model in this one, and itself, with its place and the names before those of its layers.
    pub(crate) fn models_inside(&self) -> Vec<(Place, String, &Self)> {
        let mut found = vec![(Place::new(), String::new(), self)];
        for (number, step) in self.steps().iter().enumerate() {
            for (path, way) in inside(&*step.layer).into_iter().enumerate() {
                let Some(model) = way.model else { continue };
                let name = if way.name.is_empty() { String::new() } else { format!("{}.", way.name) };
                for (mut place, inner, model) in model.models_inside() {
                    place.insert(0, (number, path));
                    found.push((place, format!("{}.{name}{inner}", step.name), model));
                }
            }
        }
        found
    }

    /// The model at this place, which is one of [`Sequential::models_inside`].
    pub(crate) fn model_at(&self, place: &[(usize, usize)]) -> &Self {
        place.iter().fold(self, |model, &(number, path)| {
            let way = inside(&*model.steps()[number].layer).swap_remove(path);
            way.model.expect("a place is that of a model")
        })
    }

    /// The layers that the data go through on their way to this layer of the model at this place; there is at least one.
    pub(crate) fn way_to(&self, place: &[(usize, usize)], layer: usize) -> Self {
        let (mut model, mut steps) = (self, Vec::new());
        for (depth, &(number, _)) in place.iter().enumerate() {
            steps.extend_from_slice(&model.steps()[..number]);
            model = self.model_at(&place[..=depth]);
        }
        steps.extend_from_slice(&model.steps()[..layer]);
        let output = steps.last().map_or(self.input(), |step| step.output);
        Self::of_named(self.input(), output, steps)
    }

    /// This model with other layers in the places of some of the model at this place. They have the names of those, and may have other
    /// inputs and outputs as long as they fit together.
    ///
    /// # Errors
    /// Where they do not.
    pub(crate) fn with_layers_at(
        &self,
        place: &[(usize, usize)],
        layers: Vec<(usize, Box<dyn Layer<T>>)>,
    ) -> Result<Self> {
        self.with_model_at(place, self.model_at(place).with_layers(layers)?)
    }

    /// This model with two layers in the place of one of the model at this place. The first has the name of that one with an end behind it.
    ///
    /// # Errors
    /// Where they do not fit together, or another layer has that name.
    pub(crate) fn with_two_layers_at(
        &self,
        place: &[(usize, usize)],
        layer: usize,
        end: &str,
        first: Box<dyn Layer<T>>,
        second: Box<dyn Layer<T>>,
    ) -> Result<Self> {
        let inner = self.model_at(place);
        let mut steps = inner.steps().to_vec();
        let name = format!("{}{end}", steps[layer].name);
        if steps.iter().any(|step| step.name == name) {
            return Err(Error::DuplicateName { name });
        }
        let (input, output) = (steps[layer].input, steps[layer].output);
        let middle = first.output_shape(&input)?;
        steps[layer] = Step::new(second, steps[layer].name.clone(), middle, output);
        steps.insert(layer, Step::new(first, name, input, middle));
        let changed = Self::of_named(inner.input(), inner.output(), steps);
        let changed = changed.with_known_order(inner.known_order()).with_class_names(inner.classes.clone());
        self.with_model_at(place, changed)
    }

    /// This model with another one, of the same shapes, in the place of that at this place.
    fn with_model_at(&self, place: &[(usize, usize)], model: Self) -> Result<Self> {
        let Some((&(number, path), rest)) = place.split_first() else { return Ok(model) };
        let changed = self.model_at(&place[..1]).with_model_at(rest, model)?;
        let layer: &dyn Any = &*self.steps()[number].layer;
        let layer = match layer.downcast_ref::<Branches<T>>() {
            Some(branches) => Box::new(branches.with_path(path, changed)) as Box<dyn Layer<T>>,
            None => Box::new(changed),
        };
        self.with_layers(vec![(number, layer)])
    }

    fn with_layers(&self, layers: Vec<(usize, Box<dyn Layer<T>>)>) -> Result<Self> {
        let mut steps = self.steps().to_vec();
        layers.into_iter().for_each(|(number, layer)| steps[number].layer = layer);
        let mut shape = self.input();
        for (number, step) in steps.iter_mut().enumerate() {
            let output = step.layer.output_shape(&shape).map_err(|error| self.error_in(number, error))?;
            *step = Step::new(step.layer.clone(), step.name.clone(), shape, output);
            shape = output;
        }
        let model = Self::of_named(self.input(), shape, steps);
        Ok(model.with_known_order(self.known_order()).with_class_names(self.classes.clone()))
    }
}
