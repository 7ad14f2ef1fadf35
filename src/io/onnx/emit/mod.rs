//! A tree of values becomes layers: what lies in another order is turned, weights with it.

mod affine;
mod convs;
mod joins;
mod norms;
mod rounded;
mod simple;

use std::cell::Cell;

use super::lie::{Lie, SAMPLES};
use super::line::{Line, Named, Rounded};
use super::names;
use super::op::{Flow, Op, Value};
use super::tree::{Item, Line as TreeLine};
use crate::io::Verdict;
use crate::layers::Reshape;
use crate::{Scalar, Sequential, Shape};

/// A model may have so many numbers, and two for each byte of the file: some are repeated, weights may be used several times, and
/// those of four bits are two to a byte.
const CLAIMED: usize = 1 << 22;

/// The model of a tree, of a file of so many bytes. What no layer does is told, all at once.
pub(super) fn emit<T: Scalar>(
    flow: &Flow<'_>,
    tree: &TreeLine,
    file_len: usize,
) -> Result<Sequential<T>, Vec<String>> {
    let budget = Cell::new(CLAIMED.saturating_add(file_len.saturating_mul(2)));
    let emitting = Emitting { flow };
    let mut problems = Vec::new();
    let lie = Lie::of_input(&flow.values[0].dims);
    let input = Shape::new(&lie.shape()).map_err(|error| vec![error.to_string()])?;
    let line = emitting.line(tree, Line::new(lie, &budget), &mut problems);
    let Some(mut line) = line else { return Err(problems) };
    if let Err(problem) = finish(&mut line) {
        return Err(vec![format!("{}: {problem}", flow.values[flow.output].label)]);
    }
    if line.layers.is_empty() {
        line.push(Reshape::new(input));
    }
    let mut model = built(input, line.layers).map_err(|problem| vec![problem])?;
    if let Some(classes) = &flow.classes {
        model.set_classes(classes.clone()).map_err(|error| vec![error.to_string()])?;
    }
    Ok(model)
}

/// Has the output lie as the graph has it.
fn finish<T: Scalar>(line: &mut Line<'_, T>) -> Verdict<()> {
    if !line.lie.has_samples_first() {
        return Err("expected an output whose first axis is that of the samples, got another".to_owned());
    }
    let parts: Vec<usize> = line.lie.axes.concat().into_iter().filter(|&part| part != SAMPLES).collect();
    if line.lie.sequence() != parts {
        line.put_last(&parts[parts.len() - 1..], false)?;
    }
    if line.lie.sequence() != parts {
        line.put_last(&parts[1..], true)?;
    }
    let axes: Vec<Vec<usize>> = line.lie.axes[1..].to_vec();
    line.group(axes)
}

/// A model of layers with the names that can be had.
fn built<T: Scalar>(input: Shape, layers: Vec<Named<T>>) -> Verdict<Sequential<T>> {
    let names = names::choose(layers.iter().map(|layer| layer.name.as_deref()));
    let mut builder = Sequential::builder(input);
    for (Named { layer, .. }, name) in layers.into_iter().zip(names) {
        builder = builder.boxed(layer);
        if let Some(name) = name {
            builder = builder.named(&name);
        }
    }
    builder.build(&mut crate::seeded(0)).map_err(|error| error.to_string())
}

struct Emitting<'f, 'a> {
    flow: &'f Flow<'a>,
}

impl Emitting<'_, '_> {
    /// Adds the layers of a line; none where something was refused, behind which nothing can be told of this line.
    fn line<'b, T: Scalar>(
        &self,
        items: &TreeLine,
        mut line: Line<'b, T>,
        problems: &mut Vec<String>,
    ) -> Option<Line<'b, T>> {
        for item in items {
            match item {
                Item::Value(value) => {
                    let value = &self.flow.values[*value];
                    if let Err(problem) = layer(value, &mut line) {
                        problems.push(format!("{}: {problem}", value.label));
                        return None;
                    }
                    line.rounded = rounded::behind(&value.op, line.rounded);
                }
                Item::Joined { value, paths } => {
                    let value = &self.flow.values[*value];
                    let input = line.shape();
                    // The layer that keeps values in their range is that of all paths.
                    let rounded = line.rounded.take().map(|rounded| Rounded { clip: None, ..rounded });
                    let start = |lie: &Lie| Line { rounded, ..Line::new(lie.clone(), line.budget) };
                    let lines: Vec<Option<Line<'b, T>>> =
                        paths.iter().map(|path| self.line(path, start(&line.lie), problems)).collect();
                    let lines = lines.into_iter().collect::<Option<Vec<_>>>()?;
                    let joined = input.and_then(|input| joins::join(value, input, lines, built));
                    match joined {
                        Ok((branches, lie)) => {
                            line.push_named(names::of_operation(value.name), branches);
                            line.lie = lie;
                        }
                        Err(problem) => {
                            problems.push(format!("{}: {problem}", value.label));
                            return None;
                        }
                    }
                }
            }
        }
        Some(line)
    }
}

/// Adds the layer, or the layers, of a value.
fn layer<T: Scalar>(value: &Value<'_>, line: &mut Line<'_, T>) -> Verdict<()> {
    let name = || names::of_operation(value.name);
    match &value.op {
        Op::Dense { weight, bias } => simple::dense(line, weight, bias.as_ref(), value),
        Op::Conv(conv) => convs::conv(line, conv, value),
        Op::Pool(pool) => convs::pool(line, pool, value),
        Op::Function(activation) => {
            line.push_named(name(), *activation);
            Ok(())
        }
        Op::Prelu(slope) => simple::prelu(line, slope, value),
        Op::Affine { scale, shift } => affine::affine(line, scale.as_ref(), shift.as_ref(), value),
        Op::Softmax { axes, is_log } => simple::softmax(line, axes, *is_log, name()),
        Op::Regroup => line.lie.regroup(&value.dims),
        Op::Transpose(order) => {
            line.lie.transpose(order);
            Ok(())
        }
        Op::Reduce { axes, is_max } => simple::reduce(line, axes, *is_max, value),
        Op::BatchNorm { .. } => norms::batch(line, value),
        Op::LayerNorm { .. } => norms::layer(line, value),
        Op::GroupNorm { .. } => norms::group(line, value),
        Op::Embedding(rows) => simple::embedding(line, rows, value),
        Op::Dequantize(grid) => {
            rounded::dequantize(line, *grid);
            Ok(())
        }
        Op::Quantize(_) => Err("expected a `DequantizeLinear` behind it, got something else".to_owned()),
        Op::DynamicQuantize | Op::DynamicScale(_) => {
            Err("expected weighted sums of the whole numbers, and their scale, behind it, got something else"
                .to_owned())
        }
        Op::Glu { axis } => simple::glu(line, *axis, value),
        Op::Part(part) => Err(format!("no layer is this function ({part:?}) by itself")),
        Op::Slice { .. } => Err("no layer takes a part of its input".to_owned()),
        Op::Pad { .. } => {
            Err("no layer adds zeros by itself: expected a convolution or a pool behind it".to_owned())
        }
        Op::Input { .. }
        | Op::Add
        | Op::Concat { .. }
        | Op::Choice
        | Op::Bound { .. }
        | Op::Multiply
        | Op::Subtract
        | Op::Divide => Err("expected branches that are joined, got one input".to_owned()),
    }
}
