//! Convolutions and pools, on images and on sequences.

use super::super::constant::Constant;
use super::super::lie::Lie;
use super::super::line::{Line, told};
use super::super::names;
use super::super::op::{Conv, Pool, Slide, Value};
use super::rounded::eight_bits;
use crate::io::Verdict;
use crate::layers::{
    AvgPool1d, AvgPool2d, Channels, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, MaxPool1d, MaxPool2d,
    Padding, QuantizedConv1d, QuantizedConv2d, Sides, Window,
};
use crate::{Param, Scalar, Tensor};

fn window(slide: &Slide) -> Window {
    // A sequence has one number for each setting.
    let side = |sides: Sides| if slide.is_sequence { Sides::from(sides.width) } else { sides };
    let padding = match slide.padding {
        Padding::Border(border) => Padding::Border(side(border)),
        Padding::Each { before, after } => Padding::Each { before: side(before), after: side(after) },
        padding => padding,
    };
    let window =
        Window::new(side(slide.kernel)).with_stride(side(slide.stride)).with_dilation(side(slide.dilation));
    let window = window.with_padding(padding);
    if slide.ceil_mode { window.with_ceil_mode() } else { window }
}

/// Has the image lie channels last, and gives the order of the channels.
fn image<T: Scalar>(line: &mut Line<'_, T>) -> Verdict<(Vec<usize>, Vec<usize>)> {
    line.check_samples()?;
    let (channels, places) = (line.lie.axes[1].clone(), line.lie.axes[2..].to_vec());
    let order = line.put_image(&places, &channels)?;
    Ok((channels, order))
}

/// What a layer makes of an image: one with the axes of the value, channels last.
fn made(value: &Value<'_>) -> Lie {
    let axes: Vec<usize> = (2..value.dims.len()).chain([1]).collect();
    Lie::of(&value.dims, &axes.chunks(1).collect::<Vec<_>>())
}

pub(super) fn conv<T: Scalar>(line: &mut Line<'_, T>, conv: &Conv<'_>, value: &Value<'_>) -> Verdict<()> {
    let (channels, order) = image(line)?;
    let Conv { weight, bias, groups, slide, transposed } = conv;
    if *groups > 1 && channels != order {
        return Err("expected the channels of groups one after another, got them in another order".to_owned());
    }
    let taps = weight.dims.len() - 2;
    let mut axes: Vec<(usize, usize)> =
        (2..2 + taps).map(|axis| (weight.dims[axis], weight.stride(axis))).collect();
    let mut shape: Vec<usize> = axes.iter().map(|axis| axis.0).collect();
    let (from, to) = if transposed.is_some() { (0, 1) } else { (1, 0) };
    let inputs = if *groups > 1 {
        vec![(weight.dims[from], weight.stride(from))]
    } else {
        line.lie.rows(&channels, &order, weight.stride(from))
    };
    let outputs = (weight.dims[to], weight.stride(to));
    let ends = [weight.dims[from], outputs.0];
    // A transposed convolution has its inputs last.
    if transposed.is_some() {
        axes.push(outputs);
        axes.extend(inputs);
        shape.extend([ends[1], ends[0]]);
    } else {
        axes.extend(inputs);
        axes.push(outputs);
        shape.extend(ends);
    }
    let shape = crate::Shape::new(&shape).map_err(told)?;
    let bias = bias.as_ref().map(|bias| row(line, bias)).transpose()?;
    let (window, name, bias) = (window(slide), names::of_weight(weight.name, value.name), bias.as_ref());
    let is_whole = transposed.is_none()
        && eight_bits(line, weight, &axes, bias, name.as_ref(), |parts| {
            Ok(if slide.is_sequence {
                Box::new(QuantizedConv1d::of_eight_bits(parts, window, *groups, shape)?)
            } else {
                Box::new(QuantizedConv2d::of_eight_bits(parts, window, *groups, shape)?)
            })
        })?;
    line.lie = made(value);
    if is_whole {
        return Ok(());
    }
    let channels = Channels::new(weight.dims[1].saturating_mul(*groups), weight.dims[0]).with_groups(*groups);
    match (transposed, slide.is_sequence) {
        (None, false) => {
            let mut conv = Conv2d::<T>::zeros(channels, window, bias.is_some()).map_err(told)?;
            fill(line, weight, &axes, conv.weight_mut())?;
            set(conv.bias_mut(), bias)?;
            line.push_named(name, conv);
        }
        (None, true) => {
            let mut conv = Conv1d::<T>::zeros(channels, window, bias.is_some()).map_err(told)?;
            fill(line, weight, &axes, conv.weight_mut())?;
            set(conv.bias_mut(), bias)?;
            line.push_named(name, conv);
        }
        (Some(more), false) => {
            let kernels = Tensor::from_vec(shape, line.gather(weight, &axes)?).map_err(told)?;
            let layer = ConvTranspose2d::from_parts(window, *groups, &kernels, bias).map_err(told)?;
            line.push_named(name, layer.with_output_padding(*more).map_err(told)?);
        }
        (Some(more), true) => {
            let kernels = Tensor::from_vec(shape, line.gather(weight, &axes)?).map_err(told)?;
            let layer = ConvTranspose1d::from_parts(window, *groups, &kernels, bias).map_err(told)?;
            line.push_named(name, layer.with_output_padding(more.width).map_err(told)?);
        }
    }
    Ok(())
}

fn fill<T: Scalar>(
    line: &Line<'_, T>,
    weight: &Constant<'_>,
    axes: &[(usize, usize)],
    param: &mut Param<T>,
) -> Verdict<()> {
    line.spend_axes(axes)?;
    weight.fill(axes, param);
    Ok(())
}

fn set<T: Scalar>(param: Option<&mut Param<T>>, bias: Option<&Tensor<T>>) -> Verdict<()> {
    match (param, bias) {
        (Some(param), Some(bias)) => param.set(bias).map_err(told),
        _ => Ok(()),
    }
}

fn row<T: Scalar>(line: &Line<'_, T>, bias: &Constant<'_>) -> Verdict<Tensor<T>> {
    let numbers = line.gather(bias, &[(bias.dims[0], bias.stride(0))])?;
    Tensor::from_vec([numbers.len()], numbers).map_err(told)
}

pub(super) fn pool<T: Scalar>(line: &mut Line<'_, T>, pool: &Pool, value: &Value<'_>) -> Verdict<()> {
    let (channels, order) = image(line)?;
    if channels != order {
        return Err("expected channels one after another, got them in another order".to_owned());
    }
    let (window, name) = (window(&pool.slide), names::of_operation(value.name));
    match (pool.is_max, pool.slide.is_sequence) {
        (true, false) => line.push_named(name, MaxPool2d::new(window).map_err(told)?),
        (true, true) => line.push_named(name, MaxPool1d::new(window).map_err(told)?),
        (false, false) => {
            let layer = AvgPool2d::new(window).map_err(told)?;
            let counts = pool.counts_padding;
            line.push_named(
                name,
                if counts { layer.with_counting_padding() } else { layer.without_counting_padding() },
            );
        }
        (false, true) => {
            let layer = AvgPool1d::new(window).map_err(told)?;
            let counts = pool.counts_padding;
            line.push_named(
                name,
                if counts { layer.with_counting_padding() } else { layer.without_counting_padding() },
            );
        }
    }
    line.lie = made(value);
    Ok(())
}
