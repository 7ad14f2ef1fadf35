//! What is found by its name.

use alloc::collections::BTreeSet;

use super::Sequential;
use crate::layers::{Layer, Param};
use crate::prelude::*;
use crate::{Error, Result, Scalar};

/// Whether a layer or a path can have this name, which stands before dots in the names of parameters.
pub(super) fn check_name(what: &'static str, name: &str) -> Result<()> {
    if name.is_empty() || name.contains('.') || name.starts_with('@') {
        let expected = "some text without a dot that does not begin with @";
        return Err(Error::setting(what, expected, format!("`{name}`")));
    }
    Ok(())
}

impl<T: Scalar> Sequential<T> {
    /// The parameter of this name: `fc1.weight`, or `1.weight` where the layer has no name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] where there is none.
    pub fn param(&self, name: &str) -> Result<&Param<T>> {
        let mut found = None;
        self.params(&mut |param| {
            if param.name() == name {
                found = Some(param);
            }
        });
        found.ok_or_else(|| self.unknown_param(name))
    }

    /// The parameter of this name, to be set, frozen or given a learning rate of its own. Another one put in its place is an
    /// error of the next pass.
    ///
    /// # Errors
    /// [`Error::UnknownName`] where there is none.
    pub fn param_mut(&mut self, name: &str) -> Result<&mut Param<T>> {
        self.param(name)?;
        let mut found = None;
        self.params_mut(&mut |param| {
            if param.name() == name {
                found = Some(param);
            }
        });
        Ok(found.expect("both visitors go to the same parameters"))
    }

    /// Freezes all parameters of a layer. One in a model inside or in [`Branches`](super::Branches) is called by the names on the way to
    /// it: `block1.conv2`.
    ///
    /// # Errors
    /// [`Error::UnknownName`] where no layer of this name has parameters.
    pub fn freeze(&mut self, layer: &str) -> Result<()> {
        self.for_layer(layer, Param::freeze)
    }

    /// Lets training change all parameters of a layer again.
    ///
    /// # Errors
    /// [`Error::UnknownName`] where no layer of this name has parameters.
    pub fn unfreeze(&mut self, layer: &str) -> Result<()> {
        self.for_layer(layer, Param::unfreeze)
    }

    fn for_layer(&mut self, layer: &str, change: impl Fn(&mut Param<T>)) -> Result<()> {
        let mut found = false;
        self.params_mut(&mut |param| {
            if param.name().strip_prefix(layer).is_some_and(|rest| rest.starts_with('.')) {
                found = true;
                change(param);
            }
        });
        if found { Ok(()) } else { Err(self.unknown_layer(layer)) }
    }

    fn unknown_param(&self, name: &str) -> Error {
        let mut names = Vec::new();
        self.params(&mut |param| names.push(param.name()));
        Error::unknown_name("parameter name", names, name)
    }

    fn unknown_layer(&self, name: &str) -> Error {
        let mut names: Vec<&str> = Vec::new();
        self.params(&mut |param| {
            // Those on the way to it too: a model inside is a layer.
            names.extend(param.name().match_indices('.').map(|(end, _)| &param.name()[..end]));
        });
        // The outermost first.
        names.sort_by_key(|name| name.matches('.').count());
        let mut told = BTreeSet::new();
        names.retain(|name| told.insert(*name));
        Error::unknown_name("name of a layer with parameters", names, name)
    }

    /// Puts a name before those of the parameters: for a layer of one's own that has several models inside.
    ///
    /// # Errors
    /// [`Error::Setting`] for a name that is none.
    pub fn with_prefix(mut self, name: &str) -> Result<Self> {
        check_name("prefix", name)?;
        self.params_mut(&mut |param| param.prefix_name(name));
        Ok(self)
    }
}
