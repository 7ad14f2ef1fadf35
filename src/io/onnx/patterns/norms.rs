//! Normalisations of each sample that were taken apart, and their scales and shifts.

use super::super::constant::Constant;
use super::super::count::Count;
use super::super::op::{Flow, Op, Part};

pub(super) fn apply(flow: &mut Flow<'_>) {
    for index in 1..flow.values.len() {
        let found =
            over_axes(flow, index).or_else(|| of_groups(flow, index)).or_else(|| of_rows(flow, index));
        if let Some((op, start)) = found {
            let value = &mut flow.values[index];
            (value.op, value.inputs) = (op, vec![start]);
        }
    }
    let uses = flow.uses();
    for index in 1..flow.values.len() {
        if let Some((op, input)) = with_numbers(flow, index, &uses) {
            let name = flow.values[flow.values[index].inputs[0]].name;
            let value = &mut flow.values[index];
            (value.op, value.inputs) = (op, vec![input]);
            value.name = name;
        }
    }
}

/// What x is divided by: √(mean of squares over axes + ε).
struct Deviation<'a> {
    axes: Vec<usize>,
    epsilon: f64,
    /// The value whose squares they are.
    of: usize,
    /// What the quotient is multiplied by already.
    scale: Option<Constant<'a>>,
}

impl<'a> Flow<'a> {
    /// That of a value that is the root.
    fn deviation(&self, root: usize) -> Option<Deviation<'a>> {
        let Op::Part(Part::Sqrt) = self.op(root) else { return None };
        self.under_root(self.only_input(root)?)
    }

    /// That of a value that is 1 divided by the root, maybe multiplied by constants.
    fn inverse_deviation(&self, index: usize) -> Option<Deviation<'a>> {
        match self.op(index) {
            Op::Part(Part::Reciprocal) => self.deviation(self.only_input(index)?),
            Op::Part(Part::Power(-0.5)) => self.under_root(self.only_input(index)?),
            Op::Affine { scale: Some(scale), shift: None } => {
                let inner =
                    self.inverse_deviation(self.only_input(index)?).filter(|inner| inner.scale.is_none())?;
                Some(Deviation { scale: Some(scale.clone()), ..inner })
            }
            _ => None,
        }
    }

    fn under_root(&self, index: usize) -> Option<Deviation<'a>> {
        let Op::Affine { scale: None, shift: Some(epsilon) } = self.op(index) else { return None };
        let epsilon = epsilon.scalar().filter(|&epsilon| epsilon > 0.0)?;
        let mean = self.only_input(index)?;
        let Op::Reduce { axes, is_max: false } = self.op(mean) else { return None };
        let square = self.only_input(mean)?;
        let of = match (self.op(square), &self.values[square].inputs[..]) {
            (Op::Part(Part::Power(2.0)), &[x]) => x,
            (Op::Multiply, &[a, b]) if a == b => a,
            _ => return None,
        };
        let keeps = self.values[mean].dims.len() == self.values[of].dims.len();
        keeps.then(|| Deviation { axes: axes.clone(), epsilon, of, scale: None })
    }

    /// Whether a value is the mean of another over axes.
    fn is_mean(&self, mean: usize, of: usize, axes: &[usize]) -> bool {
        let is_one = matches!(self.op(mean), Op::Reduce { axes: own, is_max: false } if own == axes);
        is_one
            && self.only_input(mean) == Some(of)
            && self.values[mean].dims.len() == self.values[of].dims.len()
    }

    /// The value that this is without its mean.
    fn centred(&self, index: usize, axes: &[usize]) -> Option<usize> {
        let (Op::Subtract, &[x, mean]) = (self.op(index), &self.values[index].inputs[..]) else {
            return None;
        };
        self.is_mean(mean, x, axes).then_some(x)
    }
}

/// The axes of a value of so many along which a constant has several numbers.
fn varies(constant: &Constant<'_>, rank: usize) -> impl Iterator<Item = usize> {
    let new = rank.saturating_sub(constant.dims.len());
    constant.dims.iter().enumerate().filter(|dim| *dim.1 > 1).map(move |(axis, _)| new + axis)
}

/// Whether a constant has different numbers along these axes alone.
fn lies_along(constant: &Constant<'_>, axes: &[usize], rank: usize) -> bool {
    constant.dims.len() <= rank && varies(constant, rank).all(|axis| axes.contains(&axis))
}

/// A value that is the quotient of x and its deviation, where x may be what is left of another without its mean.
fn over_axes<'a>(flow: &Flow<'a>, index: usize) -> Option<(Op<'a>, usize)> {
    let (top, deviation) = match (flow.op(index), flow.both_ways(index)?) {
        (Op::Divide, [(top, root), _]) => (top, flow.deviation(root)?),
        (Op::Multiply, ways) => {
            ways.into_iter().find_map(|(top, by)| Some((top, flow.inverse_deviation(by)?)))?
        }
        (Op::Add, ways) => return ways.into_iter().find_map(|(a, b)| multiplied_out(flow, a, b)),
        _ => return None,
    };
    let Deviation { axes, epsilon, of, scale } = deviation;
    let (x, is_rms) = match (flow.centred(top, &axes), flow.centred(of, &axes)) {
        // Exporters compute the difference once, or once for each use.
        (Some(x), Some(other)) if x == other => (x, false),
        _ if top == of => (top, true),
        _ => return None,
    };
    let fits = flow.values[x].dims == flow.values[index].dims
        && scale.iter().all(|scale| lies_along(scale, &axes, flow.values[x].dims.len()));
    fits.then_some((Op::LayerNorm { axes, scale, shift: None, epsilon, is_rms }, x))
}

/// x·w + (b − mean·w), where w is a scale divided by the deviation: as TensorFlow has it.
fn multiplied_out<'a>(flow: &Flow<'a>, scaled: usize, rest: usize) -> Option<(Op<'a>, usize)> {
    let (Op::Multiply, Op::Affine { scale: Some(minus), shift }) = (flow.op(scaled), flow.op(rest)) else {
        return None;
    };
    let moved = flow.only_input(rest).filter(|_| minus.scalar() == Some(-1.0))?;
    let Op::Multiply = flow.op(moved) else { return None };
    flow.both_ways(scaled)?.into_iter().find_map(|(x, by)| {
        let Deviation { axes, epsilon, of, scale } = flow.inverse_deviation(by)?;
        let is_moved = flow
            .both_ways(moved)?
            .into_iter()
            .any(|(mean, other)| other == by && flow.is_mean(mean, x, &axes));
        let rank = flow.values[x].dims.len();
        let fits = is_moved
            && flow.centred(of, &axes) == Some(x)
            && flow.values[x].dims == flow.values[scaled].dims
            && scale.iter().chain(shift).all(|constant| lies_along(constant, &axes, rank));
        fits.then(|| (Op::LayerNorm { axes, scale, shift: shift.clone(), epsilon, is_rms: false }, x))
    })
}

/// Groups of channels as channels of another image, normalised each for itself, as PyTorch exports it.
fn of_groups<'a>(flow: &Flow<'a>, index: usize) -> Option<(Op<'a>, usize)> {
    let value = &flow.values[index];
    let (Op::Regroup, &[norm]) = (&value.op, &value.inputs[..]) else { return None };
    let Op::GroupNorm { groups, scale, shift, epsilon } = &flow.values[norm].op else { return None };
    let regrouped = flow.values[norm].inputs[0];
    let x = *flow.values[regrouped]
        .inputs
        .first()
        .filter(|_| matches!(flow.values[regrouped].op, Op::Regroup))?;
    let dims = &flow.values[regrouped].dims;
    let all = |constant: &Option<Constant<'_>>, number: f64| {
        constant.as_ref().is_none_or(|constant| {
            let floats = if constant.len() <= 1 << 16 { constant.floats() } else { None };
            floats.is_some_and(|floats| floats.iter().all(|&float| float == number))
        })
    };
    let channels = value.dims.get(1)?.len()?;
    let is_of_groups = dims.len() == 3
        && dims[0] == value.dims[0]
        && dims[1].len() == Some(*groups)
        && channels.is_multiple_of(*groups);
    let is_plain = all(scale, 1.0) && all(shift, 0.0) && flow.values[x].dims == value.dims;
    let op = Op::GroupNorm { groups: *groups, scale: None, shift: None, epsilon: *epsilon };
    (is_of_groups && is_plain).then_some((op, x))
}

/// Rows as channels of one image, normalised each for itself, as TensorFlow does.
fn of_rows<'a>(flow: &Flow<'a>, index: usize) -> Option<(Op<'a>, usize)> {
    let (Op::Regroup, &[norm]) = (flow.op(index), &flow.values[index].inputs[..]) else { return None };
    let Op::LayerNorm { axes, scale, shift, epsilon, is_rms } = flow.op(norm) else { return None };
    let image = flow.only_input(norm)?;
    let x = flow.only_input(image).filter(|_| matches!(flow.op(image), Op::Regroup))?;
    let (dims, own) = (&flow.values[image].dims, &flow.values[x].dims);
    let [first, _, features, last] = dims[..] else { return None };
    let is_of_rows = axes[..] == [0, 2, 3]
        && [first, last] == [Count::of(1); 2]
        && own.last() == Some(&features)
        && own.len() > 1
        && *own == flow.values[index].dims;
    let is_plain = scale.iter().chain(shift).all(|constant| constant.scalar().is_some());
    let axes = vec![own.len() - 1];
    let (scale, shift) = (scale.clone(), shift.clone());
    (is_of_rows && is_plain)
        .then_some((Op::LayerNorm { axes, scale, shift, epsilon: *epsilon, is_rms: *is_rms }, x))
}

/// A normalisation without numbers of its own takes those behind it.
fn with_numbers<'a>(flow: &Flow<'a>, index: usize, uses: &[usize]) -> Option<(Op<'a>, usize)> {
    let value = &flow.values[index];
    let (Op::Affine { scale, shift }, &[norm]) = (&value.op, &value.inputs[..]) else { return None };
    if uses[norm] != 1 {
        return None;
    }
    let rank = value.dims.len();
    let mut op = flow.values[norm].op.clone();
    match &mut op {
        Op::LayerNorm { axes, scale: own_scale @ None, shift: own_shift @ None, is_rms, .. } => {
            let fits = scale.iter().chain(shift).all(|constant| lies_along(constant, axes, rank));
            if !fits || *is_rms && shift.is_some() {
                return None;
            }
            (*own_scale, *own_shift) = (scale.clone(), shift.clone());
        }
        Op::GroupNorm { scale: own_scale @ None, shift: own_shift @ None, .. } => {
            let channels = value.dims[1].len()?;
            let of_channels = |constant: &Constant<'a>| {
                let new = rank - constant.dims.len();
                let fits = lies_along(constant, &[1], rank);
                let stride =
                    if new <= 1 && constant.dims.get(1 - new)? > &1 { constant.stride(1 - new) } else { 0 };
                fits.then(|| constant.viewed(&[(channels, stride)], 0))
            };
            let taken = |constant: &Option<Constant<'a>>| constant.as_ref().map(of_channels);
            *own_scale = match taken(scale) {
                Some(None) => return None,
                taken => taken.flatten(),
            };
            *own_shift = match taken(shift) {
                Some(None) => return None,
                taken => taken.flatten(),
            };
        }
        _ => return None,
    }
    Some((op, flow.values[norm].inputs[0]))
}
