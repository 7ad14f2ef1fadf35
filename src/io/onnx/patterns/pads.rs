//! Zeros around an image are the padding of the convolution or pool behind them.

use super::super::op::{Flow, Op, Slide};
use crate::Activation;
use crate::layers::{Padding, Sides};

pub(super) fn apply(flow: &mut Flow<'_>) {
    let uses = flow.uses();
    for index in 1..flow.values.len() {
        let &[before] = &flow.values[index].inputs[..] else { continue };
        let Op::Pad { before: first, after: last } = flow.values[before].op.clone() else { continue };
        let image = flow.values[before].inputs[0];
        if let Op::Transpose(order) = flow.values[index].op.clone() {
            // The axes are turned first, and zeros added then.
            if uses[before] == 1 {
                let of = |pads: &[usize]| order.iter().map(|&axis| pads[axis]).collect::<Vec<_>>();
                let dims = order.iter().map(|&axis| flow.values[image].dims[axis]).collect();
                flow.values[index].op = Op::Pad { before: of(&first), after: of(&last) };
                (flow.values[before].op, flow.values[before].dims) = (Op::Transpose(order), dims);
            }
            continue;
        }
        if first[..2.min(first.len())].iter().chain(&last[..2.min(last.len())]).any(|&pad| pad > 0) {
            continue;
        }
        let is_positive = is_at_least_zero(flow, image, 8);
        let op = &mut flow.values[index].op;
        let slide = match op {
            Op::Conv(conv) if conv.transposed.is_none() => &mut conv.slide,
            Op::Pool(pool)
                if !pool.is_max && pool.slide.padding == Padding::Valid && !pool.slide.ceil_mode =>
            {
                pool.counts_padding = true;
                &mut pool.slide
            }
            // Zeros around what is never below them do not change the largest.
            Op::Pool(pool) if pool.is_max && is_positive => &mut pool.slide,
            _ => continue,
        };
        // In ceil mode a last window may begin in the zeros of the graph, and not in padding behind.
        if slide.ceil_mode {
            continue;
        }
        if let Some(padding) = padded(slide, &first[2..], &last[2..]) {
            slide.padding = padding;
            flow.values[index].inputs = vec![image];
        }
    }
}

/// The padding of a window with more zeros around.
fn padded(slide: &Slide, first: &[usize], last: &[usize]) -> Option<Padding> {
    let sides = |pads: &[usize]| -> Option<Sides> {
        match (pads, slide.is_sequence) {
            (&[width], true) => Some([0, width].into()),
            (&[height, width], false) => Some([height, width].into()),
            _ => None,
        }
    };
    let (own_before, own_after) = match slide.padding {
        Padding::Valid => (0.into(), 0.into()),
        Padding::Border(border) => (border, border),
        Padding::Each { before, after } => (before, after),
        Padding::Same | Padding::SameLower => return None,
    };
    let sum = |a: Sides, b: Sides| {
        Some(Sides { height: a.height.checked_add(b.height)?, width: a.width.checked_add(b.width)? })
    };
    let (before, after) = (sum(own_before, sides(first)?)?, sum(own_after, sides(last)?)?);
    Some(if before == after { Padding::Border(before) } else { Padding::Each { before, after } })
}

fn is_at_least_zero(flow: &Flow<'_>, index: usize, left: usize) -> bool {
    let value = &flow.values[index];
    match &value.op {
        Op::Function(Activation::Relu | Activation::Relu6 | Activation::Sigmoid | Activation::Softplus)
        | Op::Softmax { is_log: false, .. } => true,
        Op::Function(Activation::HardTanh { min, .. }) => *min >= 0.0,
        Op::Transpose(_) | Op::Regroup | Op::Pool(_) | Op::Concat { .. } | Op::Add | Op::Reduce { .. } => {
            left > 0 && value.inputs.iter().all(|&input| is_at_least_zero(flow, input, left - 1))
        }
        _ => false,
    }
}
