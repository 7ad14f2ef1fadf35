//! A model's parameters as named tensors.

use core::fmt;

use super::lie::Lie;
use super::orientation::Orientation;
use crate::layers::{Layer, Param};
use crate::prelude::*;
use crate::{Result, Scalar, Sequential, Tensor};

/// Named tensors in order, as PyTorch's `state_dict`: `fc1.weight` is `[outputs, inputs]`.
///
/// ```
/// use taper::Sequential;
///
/// let model = Sequential::<f32>::builder([4]).dense(3).named("fc1").build(&mut taper::seeded(7))?;
/// let state = model.state();
/// assert_eq!(state.get("fc1.weight").unwrap().shape().axes(), [3, 4]);
///
/// let mut other = Sequential::<f32>::builder([4]).dense(3).named("fc1").build(&mut taper::seeded(8))?;
/// other.set_state(&state)?;
/// assert_eq!(other.state(), state);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct State<T> {
    tensors: Vec<(String, Tensor<T>)>,
}

impl<T: Scalar> State<T> {
    /// Without tensors.
    #[must_use]
    pub fn new() -> Self {
        Self { tensors: Vec::new() }
    }

    /// Adds a tensor; one of the same name gives way to it and is returned.
    pub fn insert(&mut self, name: &str, tensor: Tensor<T>) -> Option<Tensor<T>> {
        if let Some((_, old)) = self.tensors.iter_mut().find(|(other, _)| other == name) {
            return Some(core::mem::replace(old, tensor));
        }
        self.tensors.push((name.to_owned(), tensor));
        None
    }

    /// The tensor of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor<T>> {
        self.iter().find(|(other, _)| *other == name).map(|(_, tensor)| tensor)
    }

    /// Names and tensors, in the order of the model's parameters.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor<T>)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The number of tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }
}

impl<T: Scalar> Default for State<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.tensors.iter().map(|(name, tensor)| (name, tensor))).finish()
    }
}

impl<T: Scalar> Sequential<T> {
    /// A copy of all parameters under the names and in the orientation of PyTorch: a dense weight is
    /// `[outputs, inputs]`, and what lies along the features of an image has them in the order channels, height, width.
    /// Parameters of a layer of one's own are as they are.
    #[must_use]
    pub fn state(&self) -> State<T> {
        let mut state = State::new();
        let mut lies = self.lies();
        self.params(&mut |param| {
            let lie = lies.next().expect("one for each parameter");
            state.insert(param.name(), lie.to_file(param, param.to_tensor()));
        });
        state
    }

    /// How each parameter lies in PyTorch's orientation.
    fn lies(&self) -> impl Iterator<Item = Lie> + use<T> {
        self.turns_of_params().into_iter().map(|turn| Lie::written(Orientation::PyTorch, turn))
    }

    /// Gives every parameter the tensor of its name, in the orientation of [`Sequential::state`]: PyTorch's `load_state_dict`.
    ///
    /// # Errors
    /// [`crate::Error::Tensors`] with all tensors that are missing, left over, of another shape, or not what the parameter can hold; the model is
    /// unchanged then.
    pub fn set_state(&mut self, state: &State<T>) -> Result<()> {
        let mut problems = Vec::new();
        let (mut names, lies) = (Vec::new(), self.lies().collect::<Vec<_>>());
        self.params(&mut |param| {
            let expected = lies[names.len()].shape(param);
            names.push(param.name());
            match state.get(param.name()) {
                None => problems.push(format!("`{}` {expected} is missing", param.name())),
                Some(tensor) if tensor.shape() != expected => {
                    problems.push(format!("`{}`: expected {expected}, got {}", param.name(), tensor.shape()));
                }
                Some(tensor) => problems.extend(param.check_values(tensor).err().map(|e| e.to_string())),
            }
        });
        let left = state.iter().filter(|(name, _)| !names.contains(name));
        problems.extend(left.map(|(name, tensor)| format!("`{name}` {} is left over", tensor.shape())));
        if !problems.is_empty() {
            return Err(crate::Error::tensors("state", &problems));
        }
        let mut lies = lies.into_iter();
        self.params_mut(&mut |param: &mut Param<T>| {
            let tensor = state.get(param.name()).expect("checked above");
            let lie = lies.next().expect("one for each parameter");
            let own = lie.of_file(param, tensor.clone());
            param.set(&own).expect("shape and values were checked");
        });
        Ok(())
    }
}
