//! Normalisations.

use super::super::constant::Constant;
use super::super::line::{Line, told};
use super::super::names;
use super::super::op::{Op, Value};
use crate::Scalar;
use crate::io::Verdict;
use crate::layers::{BatchNorm, GroupNorm, LayerNorm, Param, RmsNorm};

/// Sets a parameter to the numbers of a constant along parts.
fn set<T: Scalar>(
    line: &Line<'_, T>,
    param: &mut Param<T>,
    constant: &Constant<'_>,
    parts: &[usize],
) -> Verdict<()> {
    param.set(&line.row(constant, parts)?).map_err(told)
}

/// The numbers of channels as a constant that is repeated along the axes behind them.
fn channels<'a>(constant: &Constant<'a>, rank: usize) -> Constant<'a> {
    let mut axes = vec![(constant.dims[0], constant.stride(0))];
    axes.resize(rank - 1, (1, 0));
    constant.viewed(&axes, 0)
}

pub(super) fn batch<T: Scalar>(line: &mut Line<'_, T>, value: &Value<'_>) -> Verdict<()> {
    let Op::BatchNorm { scale, shift, mean, variance, epsilon } = &value.op else {
        unreachable!("it is one")
    };
    let axis = line.lie.axes[1].clone();
    let parts = line.put_last(&axis, false)?;
    let rank = value.dims.len();
    let mut norm =
        BatchNorm::new(scale.dims[0]).and_then(|norm| norm.with_epsilon(*epsilon)).map_err(told)?;
    set(line, norm.running_mean_mut(), &channels(mean, rank), &parts)?;
    set(line, norm.running_var_mut(), &channels(variance, rank), &parts)?;
    if let Some(weight) = norm.weight_mut() {
        set(line, weight, &channels(scale, rank), &parts)?;
    }
    if let Some(bias) = norm.bias_mut() {
        set(line, bias, &channels(shift, rank), &parts)?;
    }
    line.push_named(names::of_weight(scale.name, value.name), norm);
    Ok(())
}

pub(super) fn layer<T: Scalar>(line: &mut Line<'_, T>, value: &Value<'_>) -> Verdict<()> {
    let Op::LayerNorm { axes, scale, shift, epsilon, is_rms } = &value.op else { unreachable!("it is one") };
    let parts: Vec<usize> = axes.iter().flat_map(|&axis| line.lie.axes[axis].clone()).collect();
    let parts = line.put_last(&parts, false)?;
    let len = line.lie.product(&parts);
    line.spend(len)?;
    let name = names::of_weight(scale.as_ref().map_or("", |scale| scale.name), value.name);
    if *is_rms {
        if shift.is_some() {
            return Err(
                "expected a normalisation by the mean of squares without a shift, got one with it".to_owned()
            );
        }
        let mut norm = RmsNorm::new([len]).and_then(|norm| norm.with_epsilon(*epsilon)).map_err(told)?;
        match (scale, norm.weight_mut()) {
            (Some(scale), Some(weight)) => set(line, weight, scale, &parts)?,
            _ => norm = norm.without_affine(),
        }
        line.push_named(name, norm);
        return Ok(());
    }
    let mut norm = LayerNorm::new([len]).and_then(|norm| norm.with_epsilon(*epsilon)).map_err(told)?;
    if let Some(scale) = scale {
        set(line, norm.weight_mut(), scale, &parts)?;
    }
    if let Some(shift) = shift {
        set(line, norm.bias_mut(), shift, &parts)?;
    }
    line.push_named(name, norm);
    Ok(())
}

pub(super) fn group<T: Scalar>(line: &mut Line<'_, T>, value: &Value<'_>) -> Verdict<()> {
    let Op::GroupNorm { groups, scale, shift, epsilon } = &value.op else { unreachable!("it is one") };
    line.check_samples()?;
    let axis = line.lie.axes[1].clone();
    let parts = line.put_last(&axis, *groups > 1)?;
    let (rank, len) = (value.dims.len(), line.lie.product(&parts));
    line.spend(len)?;
    let mut norm = GroupNorm::new(*groups, len).and_then(|norm| norm.with_epsilon(*epsilon)).map_err(told)?;
    if scale.is_none() && shift.is_none() {
        norm = norm.without_affine();
    }
    if let (Some(scale), Some(weight)) = (scale, norm.weight_mut()) {
        set(line, weight, &channels(scale, rank), &parts)?;
    }
    if let (Some(shift), Some(bias)) = (shift, norm.bias_mut()) {
        set(line, bias, &channels(shift, rank), &parts)?;
    }
    line.push_named(names::of_weight(scale.as_ref().map_or("", |scale| scale.name), value.name), norm);
    Ok(())
}
