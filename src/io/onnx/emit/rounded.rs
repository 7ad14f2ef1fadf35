//! Values that are whole numbers in the file, and the layers of eight bits that take them.

use std::any::Any;

use super::super::constant::Constant;
use super::super::grid::Grid;
use super::super::line::{Line, Named, Rounded, told};
use super::super::op::Op;
use super::super::steps::Inputs;
use super::super::weight::EightBitWeight;
use crate::io::Verdict;
use crate::layers::{EightBits, Layer};
use crate::{Activation, Scalar, Tensor};

/// Keeps values in the range that whole numbers have; a layer of eight bits behind it rounds them.
pub(super) fn dequantize<T: Scalar>(line: &mut Line<'_, T>, grid: Grid) {
    let known = line.rounded;
    let clip = match known {
        // They are in it already.
        Some(known) if grid.covers(&known.grid) => known.clip.filter(|_| known.grid == grid),
        _ => {
            let [min, max] = grid.range();
            line.push(Activation::HardTanh { min, max });
            Some(line.layers.len() - 1)
        }
    };
    line.rounded = Some(Rounded { grid, clip });
}

/// What is still known of values behind an operation.
pub(super) fn behind(op: &Op<'_>, rounded: Option<Rounded>) -> Option<Rounded> {
    match op {
        Op::Regroup | Op::Transpose(_) | Op::Dequantize(_) => rounded,
        // Means and largest numbers are inside of the range, as the zeros around are.
        Op::Pool(_) | Op::Reduce { .. } => rounded.map(|rounded| Rounded { clip: None, ..rounded }),
        _ => None,
    }
}

/// Adds the layer of eight bits that is made of a weight of eight bits, `[…, outputs]` along these axes. It says whether there is
/// one: not in a model of `f64`, not of other weights, and not where no such layer has such sums.
pub(super) fn eight_bits<T: Scalar>(
    line: &mut Line<'_, T>,
    weight: &Constant<'_>,
    axes: &[(usize, usize)],
    bias: Option<&Tensor<T>>,
    name: Option<&String>,
    layer: impl FnOnce(&EightBits<'_>) -> crate::Result<Box<dyn Layer<f32>>>,
) -> Verdict<bool> {
    let own: &dyn Any = &T::of(0.0);
    let Some(inputs) = weight.steps.as_ref().map(|steps| steps.inputs) else { return Ok(false) };
    let without = match inputs {
        Inputs::Numbers => return Ok(false),
        Inputs::Whole => Ok(false),
        // Without such a layer nothing rounds them.
        Inputs::Rounded(_) => {
            Err("expected sums of a layer of eight bits in a model of f32, as their inputs are rounded, got others"
                .to_owned())
        }
    };
    let Some((_, rows)) = axes.split_last().filter(|_| own.is::<f32>()) else { return without };
    line.spend_axes(rows)?;
    let Some(EightBitWeight { value, scales }) = weight.eight_bits(axes) else { return without };
    line.spend_axes(axes)?;
    let numbers =
        |bias: &Tensor<T>| Tensor::from_fn(bias.shape(), |place| bias.as_slice()[place].as_f64() as f32);
    let bias = bias.map(numbers).transpose().map_err(told)?;
    let known = line.rounded.filter(|_| inputs == Inputs::Whole);
    let input = match inputs {
        Inputs::Rounded(input) => input,
        _ => known.and_then(|known| known.grid.of_bytes()),
    };
    let layer: Box<dyn Any> = match layer(&EightBits { weight: &value, scales, bias, input }) {
        Ok(layer) => Box::new(layer),
        Err(_) => return without,
    };
    let Ok(layer) = layer.downcast::<Box<dyn Layer<T>>>() else { return without };
    // It keeps its inputs in their range by itself.
    if let Some(clip) = known.and_then(|known| known.clip).filter(|_| input.is_some()) {
        line.layers.remove(clip);
    }
    line.layers.push(Named { name: name.cloned(), layer: *layer });
    Ok(true)
}
