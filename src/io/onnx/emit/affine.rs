//! x·scale + shift: what is left of a normalisation.

use std::any::Any;

use super::super::constant::Constant;
use super::super::line::{Line, told};
use super::super::names;
use super::super::op::Value;
use crate::io::Verdict;
use crate::layers::{BatchNorm, Conv1d, Conv2d};
use crate::{Dense, Scalar, Tensor};

/// ε of a normalisation that does nothing but to multiply and to add. With it, a variance of 1 − ε has a deviation of 1 to the bit.
const EPSILON: f64 = 1.0 / 131_072.0;

pub(super) fn affine<T: Scalar>(
    line: &mut Line<'_, T>,
    scale: Option<&Constant<'_>>,
    shift: Option<&Constant<'_>>,
    value: &Value<'_>,
) -> Verdict<()> {
    let axes = &line.lie.axes;
    let mut varies: Vec<usize> = Vec::new();
    for constant in scale.into_iter().chain(shift) {
        let new = axes.len() - constant.dims.len();
        varies
            .extend((0..constant.dims.len()).filter(|&axis| constant.dims[axis] > 1).map(|axis| new + axis));
    }
    if (0..value.dims.len()).any(|axis| line.lie.count(&line.lie.axes[axis]) != value.dims[axis]) {
        return Err("expected constants that leave the axes as they are, got longer ones".to_owned());
    }
    varies.sort_unstable();
    varies.dedup();
    let parts = match varies[..] {
        // The same for all: whatever lies last.
        [] => line.lie.groups.last().cloned().ok_or("expected an axis, got none")?,
        [axis] if line.lie.groups.last() == Some(&line.lie.axes[axis]) => line.lie.axes[axis].clone(),
        [axis] => {
            let parts = line.lie.axes[axis].clone();
            line.put_last(&parts, false)?
        }
        // Each number of a sample for itself.
        _ => {
            let sequence = line.lie.sequence();
            line.group(vec![sequence.clone()])?;
            sequence
        }
    };
    let features = line.lie.product(&parts);
    let numbers = |constant: Option<&Constant<'_>>, default: f64| match constant {
        Some(constant) => line.row(constant, &parts),
        None => line.spend(features).and_then(|()| Tensor::full([features], T::of(default)).map_err(told)),
    };
    let (scales, shifts) = (numbers(scale, 1.0)?, numbers(shift, 0.0)?);
    if into_last(line, &scales, &shifts)? {
        return Ok(());
    }
    let mut norm = BatchNorm::<T>::new(features).and_then(|norm| norm.with_epsilon(EPSILON)).map_err(told)?;
    let set = (|| {
        norm.running_var_mut().set(&Tensor::full([features], T::of(1.0 - EPSILON))?)?;
        for (param, values) in [(norm.weight_mut(), &scales)] {
            if let Some(param) = param {
                param.set(values)?;
                param.freeze();
            }
        }
        if let Some(bias) = norm.bias_mut() {
            bias.set(&shifts)?;
            bias.freeze();
        }
        Ok::<(), crate::Error>(())
    })();
    set.map_err(told)?;
    line.push_named(names::of_operation(value.name), norm);
    Ok(())
}

/// Takes it into the layer before, where that is one of weighted sums.
fn into_last<T: Scalar>(line: &mut Line<'_, T>, scales: &Tensor<T>, shifts: &Tensor<T>) -> Verdict<bool> {
    let Some(last) = line.layers.last_mut() else { return Ok(false) };
    let [scales, shifts] =
        [scales, shifts].map(|of| of.as_slice().iter().map(|number| number.as_f64()).collect::<Vec<f64>>());
    let layer: &mut dyn Any = &mut *last.layer;
    let scaled = if let Some(dense) = layer.downcast_mut::<Dense<T>>() {
        (dense.outputs() == scales.len()).then(|| dense.scale_outputs(&scales, &shifts))
    } else if let Some(conv) = layer.downcast_mut::<Conv2d<T>>() {
        Some(conv.scale_outputs(&scales, &shifts))
    } else {
        layer.downcast_mut::<Conv1d<T>>().map(|conv| conv.scale_outputs(&scales, &shifts))
    };
    scaled.transpose().map(|scaled| scaled.is_some()).map_err(told)
}
