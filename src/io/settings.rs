//! What training may do to each parameter: which are frozen, and their shares of learning rate and decay.
//!
//! They stand in the description of the model, by name, where they are other than a new parameter's.

use alloc::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Verdict;
use super::json::Object;
use crate::layers::{Layer, Param};
use crate::prelude::*;
use crate::{Scalar, Sequential};

const FROZEN: &str = "frozen";
const LEARNING_RATE_SCALES: &str = "learning_rate_scales";
const WEIGHT_DECAY_SCALES: &str = "weight_decay_scales";

/// Adds them to a model's description.
pub(super) fn describe<T: Scalar>(model: &Sequential<T>, description: &mut Value) {
    let mut frozen = Vec::new();
    let (mut rates, mut decays) = (Map::new(), Map::new());
    model.params(&mut |param| {
        let name = param.name();
        if param.is_frozen() && !param.is_fixed() {
            frozen.push(Value::from(name));
        }
        for (scales, scale) in
            [(&mut rates, param.learning_rate_scale()), (&mut decays, param.weight_decay_scale())]
        {
            if scale.to_bits() != 1.0_f64.to_bits() {
                scales.insert(name.to_owned(), scale.into());
            }
        }
    });
    if !frozen.is_empty() {
        description[FROZEN] = frozen.into();
    }
    for (key, scales) in [(LEARNING_RATE_SCALES, rates), (WEIGHT_DECAY_SCALES, decays)] {
        if !scales.is_empty() {
            description[key] = scales.into();
        }
    }
}

/// Gives a new model those of its description.
///
/// # Errors
/// Where they are of parameters that the model does not have, or are none.
pub(super) fn apply<T: Scalar>(model: &mut Sequential<T>, description: &Value) -> Verdict<()> {
    let object = Object::new("model", description)?;
    let mut frozen = BTreeSet::new();
    if object.get(FROZEN).is_some() {
        for name in object.list(FROZEN)? {
            frozen
                .insert(name.as_str().ok_or_else(|| format!("model: expected `{FROZEN}`, a list of names"))?);
        }
    }
    let mut rates = scales(&object, LEARNING_RATE_SCALES)?;
    let mut decays = scales(&object, WEIGHT_DECAY_SCALES)?;
    let mut result = Ok(());
    model.params_mut(&mut |param: &mut Param<T>| {
        let name = param.name().to_owned();
        if frozen.remove(&*name) {
            param.freeze();
        }
        let rate = rates.remove(&*name).map_or(Ok(()), |scale| param.set_learning_rate_scale(scale));
        let decay = decays.remove(&*name).map_or(Ok(()), |scale| param.set_weight_decay_scale(scale));
        if result.is_ok() {
            result = rate.and(decay).map_err(|error| format!("`{name}`: {error}"));
        }
    });
    result?;
    match frozen.len() + rates.len() + decays.len() {
        0 => Ok(()),
        left => Err(format!("model: expected settings of its own parameters, got {left} of others")),
    }
}

fn scales<'a>(object: &Object<'a>, key: &str) -> Verdict<BTreeMap<&'a str, f64>> {
    let Some(value) = object.get(key) else { return Ok(BTreeMap::new()) };
    let problem = || format!("model: expected `{key}`, a number for each name");
    let scale = |(name, scale): (&'a String, &Value)| Ok((&**name, scale.as_f64().ok_or_else(problem)?));
    value.as_object().ok_or_else(problem)?.iter().map(scale).collect()
}
