//! Values that are rounded to as many steps as a byte has, before weighted sums of whole numbers: as this crate writes its layers of
//! eight bits.

use super::super::op::{Conv, Flow, Op, Part};
use crate::Activation;

/// How values are rounded, and which.
struct Rounding {
    x: usize,
    /// The scale and the zero point that all have; else each sample has its own.
    known: Option<(f32, i8)>,
    /// What has its own together: all along these axes.
    axes: Vec<usize>,
}

/// The layer behind rounds its inputs by itself, so it takes what stands before.
pub(super) fn apply(flow: &mut Flow<'_>) {
    let uses = flow.uses();
    for index in 1..flow.values.len() {
        let (Op::Dense { weight, .. } | Op::Conv(Conv { weight, transposed: None, .. })) = flow.op(index)
        else {
            continue;
        };
        // From the sums back over moves of whole samples.
        let (mut above, mut at) = (index, flow.values[index].inputs[0]);
        while uses[at] == 1 && flow.moves_samples(at) {
            (above, at) = (at, flow.values[at].inputs[0]);
        }
        let found = known(flow, at).or_else(|| of_each(flow, at));
        let Some(Rounding { x, known, axes }) = found.filter(|_| uses[at] == 1) else { continue };
        let rank = flow.values[at].dims.len();
        let of_samples = axes.iter().copied().eq(1..rank);
        let fits = known.is_some()
            || match flow.op(index) {
                Op::Dense { .. } if above == index => axes.iter().copied().eq(rank.checked_sub(1)),
                Op::Dense { .. } => of_samples && flow.values[index].dims.len() == 2,
                _ => of_samples,
            };
        let Some(weight) = weight.with_rounded_inputs(known).filter(|_| fits) else { continue };
        flow.values[above].inputs[0] = x;
        if let Op::Dense { weight: own, .. } | Op::Conv(Conv { weight: own, .. }) = &mut flow.values[index].op
        {
            *own = weight;
        }
    }
}

impl Flow<'_> {
    /// The function of a value, and what it is of.
    fn function(&self, index: usize) -> Option<(Activation, usize)> {
        let Op::Function(activation) = self.op(index) else { return None };
        Some((*activation, self.only_input(index)?))
    }

    fn part(&self, index: usize, part: Part) -> Option<usize> {
        self.only_input(index).filter(|_| matches!(self.op(index), Op::Part(own) if *own == part))
    }

    /// What is multiplied by one number, and the number.
    fn scaled(&self, index: usize) -> Option<(usize, f64)> {
        let Op::Affine { scale: Some(scale), shift: None } = self.op(index) else { return None };
        Some((self.only_input(index)?, scale.scalar()?))
    }

    fn bounded(&self, index: usize, largest: bool) -> Option<[(usize, usize); 2]> {
        self.both_ways(index).filter(|_| matches!(self.op(index), Op::Bound { is_max } if *is_max == largest))
    }

    fn largest(&self, index: usize) -> Option<(usize, &[usize])> {
        let Op::Reduce { axes, is_max: true } = self.op(index) else { return None };
        let x = self.only_input(index)?;
        (self.values[index].dims.len() == self.values[x].dims.len()).then_some((x, axes))
    }

    /// Whether a value has the samples of another, and the numbers of each as they were or in another order.
    fn moves_samples(&self, index: usize) -> bool {
        let value = &self.values[index];
        match &value.op {
            Op::Transpose(order) => order.first() == Some(&0),
            Op::Regroup => value.dims.first() == self.values[value.inputs[0]].dims.first(),
            _ => false,
        }
    }
}

/// scale·round(clip(x·(1/scale)))
fn known(flow: &Flow<'_>, index: usize) -> Option<Rounding> {
    let (steps, scale) = flow.scaled(index)?;
    let (Activation::HardTanh { min, max }, divided) = flow.function(flow.part(steps, Part::Round)?)? else {
        return None;
    };
    let (x, inverse) = flow.scaled(divided)?;
    let zero = -128.0 - min;
    let is_zero = zero.fract() == 0.0 && (-128.0..=127.0).contains(&zero) && max - min == 255.0;
    let own = scale as f32;
    let is_scale =
        f64::from(own) == scale && own.is_normal() && own > 0.0 && f64::from(own.recip()) == inverse;
    let axes = Vec::new();
    (is_zero && is_scale).then_some(Rounding { x, known: Some((own, zero as i8)), axes })
}

/// scale·round(max(min(x/scale, lowest + 255), lowest)), where the least and the largest number, and 0, say which is the lowest step and
/// how long it is.
fn of_each(flow: &Flow<'_>, index: usize) -> Option<Rounding> {
    let Op::Multiply = flow.op(index) else { return None };
    let (steps, scale) = flow
        .both_ways(index)?
        .into_iter()
        .find_map(|(steps, by)| Some((flow.part(steps, Part::Round)?, by)))?;
    let (above, lowest) = flow
        .bounded(steps, true)?
        .into_iter()
        .find(|&(_, lowest)| matches!(flow.op(lowest), Op::Part(Part::Round)))?;
    let (divided, _) = flow.bounded(above, false)?.into_iter().find(|&(_, highest)| {
        matches!(flow.op(highest), Op::Affine { scale: None, shift: Some(shift) } if shift.scalar() == Some(255.0))
            && flow.only_input(highest) == Some(lowest)
    })?;
    let inverse_of = |index: usize| {
        flow.both_ways(index)
            .filter(|_| matches!(flow.op(index), Op::Multiply))?
            .into_iter()
            .find(|&(_, by)| flow.part(by, Part::Reciprocal) == Some(scale))
    };
    let ((x, inverse), (least, same)) = (inverse_of(divided)?, inverse_of(flow.only_input(lowest)?)?);
    let (Activation::HardTanh { min, max: f64::INFINITY }, difference) = flow.function(scale)? else {
        return None;
    };
    let Op::Subtract = flow.op(difference) else { return None };
    let &[upper, lower] = &flow.values[difference].inputs[..] else { return None };
    let ((most, up), (low, down)) = (flow.scaled(upper)?, flow.scaled(lower)?);
    let (Activation::Relu, largest) = flow.function(most)? else { return None };
    let (Activation::HardTanh { min: f64::NEG_INFINITY, max: 0.0 }, smallest) = flow.function(least)? else {
        return None;
    };
    // The least is that of the numbers below 0 with their signs turned.
    let (turned, back) = flow.scaled(smallest)?;
    let (negated, of_least) = flow.largest(turned)?;
    let (of, away) = flow.scaled(negated)?;
    let (same_x, axes) = flow.largest(largest)?;
    let is_one = inverse == same && low == least && [of, same_x] == [x; 2] && of_least == axes;
    let is_step = [up, down] == [255.0_f64.recip(); 2]
        && min == f64::from(f32::MIN_POSITIVE)
        && [back, away] == [-1.0; 2];
    let mut axes = axes.to_vec();
    axes.sort_unstable();
    (is_one && is_step && flow.values[x].dims == flow.values[index].dims).then_some(Rounding {
        x,
        known: None,
        axes,
    })
}
