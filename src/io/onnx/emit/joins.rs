//! Paths that meet: each ends with what it takes to lie as the others.

use super::super::lie::{Lie, SAMPLES, align};
use super::super::line::{Line, Named};
use super::super::op::{Op, Value};
use crate::io::Verdict;
use crate::sequential::{Branches, Join};
use crate::{Scalar, Sequential, Shape};

/// Branches of paths, and how what they make lies.
pub(super) fn join<T: Scalar>(
    value: &Value<'_>,
    input: Shape,
    mut lines: Vec<Line<'_, T>>,
    built: fn(Shape, Vec<Named<T>>) -> Verdict<Sequential<T>>,
) -> Verdict<(Branches<T>, Lie)> {
    let free = match value.op {
        Op::Concat { axis } => Some(axis),
        _ => None,
    };
    if let Some(axis) = free {
        for line in &mut lines {
            let parts = line.lie.axes[axis].clone();
            line.put_last(&parts, true)?;
        }
    }
    let mut lies: Vec<Lie> = lines.iter().map(|line| line.lie.clone()).collect();
    align(&mut lies, free)?;
    for (line, lie) in lines.iter_mut().zip(lies) {
        line.lie = lie;
    }
    // What is not joined lies alike: as in the first path that has layers.
    let first = lines.iter().position(|line| !line.layers.is_empty()).unwrap_or(0);
    let outer = |line: &Line<'_, T>| {
        let groups = &line.lie.groups[..line.lie.groups.len() - usize::from(free.is_some())];
        (groups.concat(), groups.iter().map(Vec::len).collect::<Vec<_>>())
    };
    let places = |line: &Line<'_, T>| -> Vec<(usize, usize)> {
        let place = |part: usize| {
            let axis = line.lie.axes.iter().position(|axis| axis.contains(&part)).unwrap_or(0);
            (axis, line.lie.axes[axis].iter().position(|&other| other == part).unwrap_or(0))
        };
        outer(line).0.into_iter().map(place).collect()
    };
    let (model, model_groups) = (places(&lines[first]), outer(&lines[first]).1);
    for line in &mut lines {
        if places(line) != model {
            let wanted: Vec<usize> = model.iter().map(|&(axis, place)| line.lie.axes[axis][place]).collect();
            let joined = free.map(|axis| line.lie.axes[axis].clone()).unwrap_or_default();
            let whole = [wanted, joined].concat();
            line.put_last(&whole[1..], true)?;
            if line.lie.sequence() != whole {
                return Err("expected values that are joined to lie alike, got them in orders that no transpose of an image makes alike".to_owned());
            }
        }
        let sequence = line.lie.sequence();
        let mut groups = Vec::new();
        let mut at = 0;
        for len in &model_groups {
            groups.push(sequence[at..at + len].to_vec());
            at += len;
        }
        if free.is_some() {
            groups.push(sequence[at..].to_vec());
        }
        line.group(groups)?;
    }
    let mut lie = lines[first].lie.clone();
    if let Some(axis) = free {
        lie.replace(axis, value.dims[axis].len().unwrap_or(1));
    }
    debug_assert!(lie.axes.first().is_some_and(|axis| axis.contains(&SAMPLES)));
    let paths = lines.into_iter().enumerate().map(|(index, line)| {
        let model = if line.layers.is_empty() { None } else { Some(built(input, line.layers)?) };
        Ok((index, model))
    });
    let paths: Vec<(usize, Option<Sequential<T>>)> = paths.collect::<Verdict<_>>()?;
    let join = if free.is_some() { Join::Concat } else { Join::Add };
    let branches = named(join, paths).map_err(|error| error.to_string())?;
    Ok((branches, lie))
}

/// A residual block where it is one, so that its layers stand under its own name.
fn named<T: Scalar>(
    join: Join,
    mut paths: Vec<(usize, Option<Sequential<T>>)>,
) -> crate::Result<Branches<T>> {
    if join == Join::Add && paths.len() == 2 && paths.iter().any(|path| path.1.is_none()) {
        let place = paths.iter().position(|path| path.1.is_some());
        if let Some((_, Some(block))) = place.map(|place| paths.swap_remove(place)) {
            return Branches::residual(block);
        }
    }
    Branches::new(join, paths.into_iter().map(|(index, model)| (index.to_string(), model)))
}
