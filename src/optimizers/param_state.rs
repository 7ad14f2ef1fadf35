//! What an optimizer remembers, read and set.

use super::optimizer::Optimizer;
use super::rule::Rule;
use super::state::State;
use crate::kernels::Buffer;
use crate::layers::{Layer, Param};
use crate::{Error, Result, Scalar, Tensor};

/// What an [`Optimizer`] remembers of one parameter; of and for [`Optimizer::state`] and [`Optimizer::set_state`].
#[derive(Debug, Clone, PartialEq)]
pub struct ParamState<T> {
    /// The parameter's name: `fc1.weight`.
    pub parameter: String,
    /// How many steps it was moved.
    pub steps: u64,
    /// What the rule remembers, with its [name](Rule::buffer_name), in the shape and the order of
    /// [`Param::to_tensor`](crate::layers::Param::to_tensor).
    pub buffers: Vec<(String, Tensor<T>)>,
}

impl<T> ParamState<T> {
    /// The buffer of this name.
    #[must_use]
    pub fn buffer(&self, name: &str) -> Option<&Tensor<T>> {
        self.buffers.iter().find(|(other, _)| other == name).map(|(_, tensor)| tensor)
    }
}

impl<T: Scalar> Optimizer<T> {
    /// What is remembered of each of the model's parameters, in their order.
    ///
    /// ```
    /// use taper::{Optimizer, Sequential, Tensor, Trainer, losses::CrossEntropy, optimizers::Adam};
    ///
    /// let model = Sequential::<f32>::builder([4]).dense(3).named("fc1").build(&mut taper::seeded(7))?;
    /// let mut trainer = Trainer::owning(model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?));
    /// trainer.step(&Tensor::from([[0.1, 0.2, 0.3, 0.4]]), &[2])?;
    /// let state = trainer.optimizer_state()?;
    /// let bias = state.iter().find(|state| state.parameter == "fc1.bias").unwrap();
    /// assert_eq!(bias.steps, 1);
    /// println!("{:?}", bias.buffer("exp_avg").unwrap());
    /// trainer.set_optimizer_state(&state)?; // as it is
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownParameter`] or [`Error::Length`] where the optimizer has worked on another model, [`Error::Setting`] for a rule
    /// that remembers more than [`MAX_BUFFERS`](super::MAX_BUFFERS) numbers.
    pub fn state(&self, model: &dyn Layer<T>) -> Result<Vec<ParamState<T>>> {
        self.check_rule()?;
        if !self.states.is_empty() {
            self.check_model(model)?;
        }
        let (count, initial, mut states) = (self.rule.buffers(), T::of(self.rule.initial()), Vec::new());
        model.params(&mut |param| {
            let state = self.states.get(states.len());
            let tensor = |buffer: usize| match state {
                Some(state) => param.unpack(&state.buffers[buffer]),
                None => Tensor::full(param.shape(), initial).expect("as large as the parameter"),
            };
            let named = |buffer| (self.rule.buffer_name(buffer).to_owned(), tensor(buffer));
            states.push(ParamState {
                parameter: param.name().to_owned(),
                steps: state.map_or(0, |state| state.steps),
                buffers: (0..count).map(named).collect(),
            });
        });
        Ok(states)
    }

    /// Sets what is remembered of these parameters of the model; the others keep theirs. What is too small for a normal number
    /// becomes 0.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a parameter that the model does not have, [`Error::Setting`] for one that comes twice and for
    /// buffers that are not those of the rule, by name, or that are below 0 where they
    /// [never are](Rule::is_never_negative), [`Error::Shape`] for one of another shape, [`Error::NotFinite`] for what is not finite; as
    /// [`Optimizer::state`]. Nothing is changed then.
    pub fn set_state(&mut self, model: &dyn Layer<T>, states: &[ParamState<T>]) -> Result<()> {
        self.prepare(model);
        self.check_model(model)?;
        let mut params = Vec::new();
        model.params(&mut |param| params.push(param));
        let mut new: Vec<Option<(u64, Vec<Buffer<T>>)>> = params.iter().map(|_| None).collect();
        for state in states {
            let Some(place) = params.iter().position(|param| param.name() == state.parameter) else {
                let names = params.iter().map(|param| param.name());
                return Err(Error::unknown_name("parameter name", names, &state.parameter));
            };
            if new[place].is_some() {
                let got = format!("two of `{}`", state.parameter);
                return Err(Error::setting("optimizer state", "one for each parameter", got));
            }
            new[place] = Some((state.steps, packed(&*self.rule, params[place], state)?));
        }
        for (State { steps, buffers, .. }, new) in self.states.iter_mut().zip(new) {
            if let Some(new) = new {
                (*steps, *buffers) = new;
            }
        }
        Ok(())
    }
}

/// The buffers as they lie behind the parameter, in the order of the rule.
fn packed<T: Scalar>(rule: &dyn Rule<T>, param: &Param<T>, state: &ParamState<T>) -> Result<Vec<Buffer<T>>> {
    let names: Vec<&str> = (0..rule.buffers()).map(|buffer| rule.buffer_name(buffer)).collect();
    if state.buffers.len() != names.len() || names.iter().any(|name| state.buffer(name).is_none()) {
        let of = |names: &[&str]| if names.is_empty() { "none".into() } else { names.join(", ") };
        let got: Vec<&str> = state.buffers.iter().map(|(name, _)| name.as_str()).collect();
        let got = format!("{} for `{}`, of which the rule has {}", of(&got), param.name(), of(&names));
        return Err(Error::setting("optimizer state", "the buffers of the rule", got));
    }
    let pack = |(buffer, name): (usize, &&str)| {
        let tensor = state.buffer(name).expect("looked for above");
        let what = || format!("`{name}` of `{}`", param.name());
        if tensor.shape() != param.shape() {
            let got = format!("{} in {}", tensor.shape(), what());
            return Err(Error::shape("optimizer state", param.shape(), got));
        }
        if let Some(number) = tensor.as_slice().iter().find(|number| !number.is_finite()) {
            return Err(Error::NotFinite { what: what(), got: number.as_f64() });
        }
        if let Some(number) = tensor.as_slice().iter().find(|&&number| number < T::zero())
            && rule.is_never_negative(buffer)
        {
            let expected = "numbers of at least 0 in a buffer of squares or lengths";
            return Err(Error::setting("optimizer state", expected, format!("{number} in {}", what())));
        }
        let mut packed = Buffer::zeroed(param.buffer().len());
        param.pack(tensor, &mut packed);
        packed.iter_mut().filter(|number| number.is_subnormal()).for_each(|number| *number = T::zero());
        Ok(packed)
    };
    names.iter().enumerate().map(pack).collect()
}
