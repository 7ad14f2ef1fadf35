//! A model cut in two: a body that makes features, and a head on them.

use super::Sequential;
use crate::prelude::*;
use crate::{Error, Result, Scalar};

impl<T: Scalar> Sequential<T> {
    /// Two models: the layers before the one of this name, and the rest from it on, which has the [names of the
    /// classes](Sequential::classes). Names of layers stay, so that what is learned in
    /// a part can be read into the whole. This model stays as it is.
    ///
    /// A head of one's own on features that others have learned: features are computed once, and the head trains on them
    /// as fast as a dense net does.
    ///
    /// ```
    /// use taper::{Sequential, Tensor};
    ///
    /// let model = Sequential::<f32>::builder([8, 8, 3])
    ///     .conv2d(4, 3).relu()
    ///     .flatten().named("flatten")
    ///     .dense(10).named("fc")
    ///     .build(&mut taper::seeded(7))?;
    /// let (body, head) = model.split_at("flatten")?;
    /// assert_eq!((body.output().axes(), head.output().axes()), (&[6, 6, 4][..], &[10][..]));
    ///
    /// let pictures = Tensor::zeros([100, 8, 8, 3])?;
    /// let features = body.features(&pictures)?;
    /// assert_eq!(head.predict(&features)?, model.predict(&pictures)?);
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownName`] where no layer has this name; [`Error::Setting`] for the first layer, before which there is
    /// none.
    pub fn split_at(&self, layer: &str) -> Result<(Self, Self)> {
        let steps = self.steps();
        let Some(index) = steps.iter().position(|step| step.name == layer) else {
            let names = steps.iter().map(|step| step.name.as_str());
            return Err(Error::unknown_name("layer name", names, layer));
        };
        if index == 0 {
            return Err(Error::setting("split_at", "a layer that has one before it", format!("`{layer}`")));
        }
        let middle = steps[index].input;
        let body = Self::of_named(self.input(), middle, steps[..index].to_vec());
        let body = body.with_known_order(Some(self.order_of_input()));
        let order = body.walk(self.order_of_input(), &mut Vec::new()).order;
        let head = Self::of_named(middle, self.output(), steps[index..].to_vec());
        let head = head.with_known_order(Some(order));
        Ok((body, head.with_class_names(self.classes.clone())))
    }
}
