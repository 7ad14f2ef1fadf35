//! Dense layers, and what has few numbers or none.

use super::super::constant::Constant;
use super::super::lie::Lie;
use super::super::line::{Line, told};
use super::super::names;
use super::super::op::Value;
use super::rounded::eight_bits;
use crate::io::Verdict;
use crate::layers::{
    AdaptiveMaxPool2d, Embedding, GlobalAvgPool2d, Glu, LogSoftmax, Prelu, QuantizedDense, Softmax,
};
use crate::{Dense, Scalar, Tensor};

/// The parts of the last axis of the graph.
fn last<T: Scalar>(line: &Line<'_, T>) -> Verdict<Vec<usize>> {
    line.lie.axes.last().cloned().ok_or_else(|| "expected an axis, got none".to_owned())
}

pub(super) fn dense<T: Scalar>(
    line: &mut Line<'_, T>,
    weight: &Constant<'_>,
    bias: Option<&Constant<'_>>,
    value: &Value<'_>,
) -> Verdict<()> {
    let axis = last(line)?;
    let parts = line.put_last(&axis, false)?;
    let outputs = weight.dims[1];
    let mut axes = line.lie.rows(&axis, &parts, weight.stride(0));
    axes.push((outputs, weight.stride(1)));
    let inputs = line.lie.product(&parts);
    let bias = bias
        .map(|bias| {
            Tensor::from_vec([outputs], line.gather(bias, &[(outputs, bias.stride(0))])?).map_err(told)
        })
        .transpose()?;
    let name = names::of_weight(weight.name, value.name);
    let is_whole = eight_bits(line, weight, &axes, bias.as_ref(), name.as_ref(), |parts| {
        Ok(Box::new(QuantizedDense::of_eight_bits(parts, [inputs, outputs])?))
    })?;
    if !is_whole {
        line.spend_axes(&axes)?;
        let mut layer = Dense::<T>::zeros(inputs, outputs, bias.is_some()).map_err(told)?;
        weight.fill(&axes, layer.weight_mut());
        if let (Some(own), Some(bias)) = (layer.bias_mut(), &bias) {
            own.set(bias).map_err(told)?;
        }
        line.push_named(name, layer);
    }
    line.lie.replace(value.dims.len() - 1, outputs);
    Ok(())
}

/// Slopes for everything, or along axes that can be put last.
pub(super) fn prelu<T: Scalar>(
    line: &mut Line<'_, T>,
    slope: &Constant<'_>,
    value: &Value<'_>,
) -> Verdict<()> {
    let weight = if slope.len() == 1 {
        Tensor::from_vec([1], slope.gather(&[(1, 0)])).map_err(told)?
    } else {
        let offset = value
            .dims
            .len()
            .checked_sub(slope.dims.len())
            .ok_or("expected slopes along the axes of the input, got more axes")?;
        let varies: Vec<usize> =
            (0..slope.dims.len()).filter(|&axis| slope.dims[axis] > 1).map(|axis| axis + offset).collect();
        let &[axis] = &varies[..] else {
            return Err(format!("expected a slope for each channel, got {:?}", slope.dims));
        };
        if value.dims[axis].len() != Some(slope.dims[axis - offset]) {
            return Err(format!("expected a slope for each channel, got {:?}", slope.dims));
        }
        let parts = line.put_last(&line.lie.axes[axis].clone(), false)?;
        line.row(slope, &parts)?
    };
    let mut layer = Prelu::new(weight.shape()).map_err(told)?;
    layer.weight_mut().set(&weight).map_err(told)?;
    line.push_named(names::of_weight(slope.name, value.name), layer);
    Ok(())
}

pub(super) fn softmax<T: Scalar>(
    line: &mut Line<'_, T>,
    axes: &[usize],
    is_log: bool,
    name: Option<String>,
) -> Verdict<()> {
    let parts: Vec<usize> = axes.iter().flat_map(|&axis| line.lie.axes[axis].clone()).collect();
    line.put_last(&parts, false)?;
    if is_log {
        line.push_named(name, LogSoftmax);
    } else {
        line.push_named(name, Softmax);
    }
    Ok(())
}

/// What is reduced becomes the places of an image, and the rest its channels.
pub(super) fn reduce<T: Scalar>(
    line: &mut Line<'_, T>,
    axes: &[usize],
    is_max: bool,
    value: &Value<'_>,
) -> Verdict<()> {
    line.check_samples()?;
    if axes.contains(&0) {
        return Err("expected axes behind the samples, got those of the samples too".to_owned());
    }
    let stays: Vec<usize> = (1..line.lie.axes.len())
        .filter(|axis| !axes.contains(axis))
        .flat_map(|axis| line.lie.axes[axis].clone())
        .collect();
    let channels = line.put_last(&stays, false)?;
    let sequence = line.lie.sequence();
    let reduced = sequence[..sequence.len() - channels.len()].to_vec();
    // An image stays one.
    let is_image = line.lie.groups.len() == 3 && line.lie.groups[2] == channels;
    if !is_image {
        line.group(vec![reduced, Vec::new(), channels.clone()])?;
    }
    let name = names::of_operation(value.name);
    let [.., kept] = &line.lie.groups[..] else { unreachable!("three groups") };
    let kept = kept.clone();
    for axis in axes {
        line.lie.axes[*axis].clear();
    }
    if is_max {
        line.push_named(name, AdaptiveMaxPool2d::new(1).map_err(told)?);
        line.lie.groups = vec![Vec::new(), Vec::new(), kept];
    } else {
        line.push_named(name, GlobalAvgPool2d);
        line.lie.groups = vec![kept];
    }
    line.lie.regroup(&value.dims)
}

/// The rows follow each number.
pub(super) fn embedding<T: Scalar>(
    line: &mut Line<'_, T>,
    rows: &Constant<'_>,
    value: &Value<'_>,
) -> Verdict<()> {
    let lies_as_told = line.lie.axes[1..].concat() == line.lie.sequence() && line.lie.has_samples_first();
    if !lies_as_told {
        return Err(
            "expected whole numbers as the input of the model has them, got them in another order".to_owned()
        );
    }
    let &[vocabulary, dimension] = &rows.dims[..] else {
        return Err("expected a table with rows, got another".to_owned());
    };
    let axes = [(vocabulary, rows.stride(0)), (dimension, rows.stride(1))];
    let table = Tensor::from_vec([vocabulary, dimension], line.gather(rows, &axes)?).map_err(told)?;
    line.group(line.lie.axes[1..].to_vec())?;
    line.push_named(names::of_weight(rows.name, value.name), Embedding::from_rows(&table).map_err(told)?);
    let axes: Vec<usize> = (1..value.dims.len()).collect();
    line.lie = Lie::of(&value.dims, &axes.chunks(1).collect::<Vec<_>>());
    Ok(())
}

pub(super) fn glu<T: Scalar>(line: &mut Line<'_, T>, axis: usize, value: &Value<'_>) -> Verdict<()> {
    let parts = line.lie.axes[axis].clone();
    line.put_last(&parts, true)?;
    line.push_named(names::of_operation(value.name), Glu);
    line.lie.replace(axis, value.dims[axis].len().unwrap_or(1));
    Ok(())
}
