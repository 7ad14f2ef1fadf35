//! How the numbers of a sample lie here, beside the axes that the graph gives them.
//!
//! All axes are made of parts that nothing has to cut: an image `[channels, height, width]` of the graph that lies channels last has
//! three, and so it has when it is flattened. A transpose of the graph is another order of its axes and moves nothing; so pairs of
//! them cancel by themselves, and what has a number for each feature is read in the order in which the features lie.

use super::constant::Constant;
use super::count::{Count, pattern};
use crate::io::Verdict;

/// The parts of the axes, as the graph has them and as they lie.
#[derive(Debug, Clone)]
pub(super) struct Lie {
    /// How long each part is. The first is that of the samples; no other has length 1.
    lengths: Vec<Count>,
    /// The parts of each axis of the graph.
    pub(super) axes: Vec<Vec<usize>>,
    /// The parts of each axis of a sample here.
    pub(super) groups: Vec<Vec<usize>>,
}

/// That of the samples.
pub(super) const SAMPLES: usize = 0;

impl Lie {
    /// Axes of which the first is that of the samples, and which lie here in this order and in these groups.
    pub(super) fn of(dims: &[Count], groups: &[&[usize]]) -> Self {
        let mut lengths = vec![dims[0]];
        let part = |(axis, &dim): (usize, &Count)| {
            if axis == 0 {
                return vec![SAMPLES];
            }
            if dim == Count::of(1) {
                return Vec::new();
            }
            lengths.push(dim);
            vec![lengths.len() - 1]
        };
        let axes: Vec<Vec<usize>> = dims.iter().enumerate().map(part).collect();
        let groups =
            groups.iter().map(|group| group.iter().flat_map(|&axis| axes[axis].clone()).collect()).collect();
        Self { lengths, axes, groups }
    }

    /// Axes that lie as the graph has them.
    pub(super) fn of_input(dims: &[Count]) -> Self {
        let axes: Vec<usize> = (1..dims.len()).collect();
        Self::of(dims, &axes.chunks(1).collect::<Vec<_>>())
    }

    /// The length of a part of a sample.
    pub(super) fn len(&self, part: usize) -> usize {
        self.lengths[part].len().expect("only the samples have no known number")
    }

    pub(super) fn product(&self, parts: &[usize]) -> usize {
        parts.iter().fold(1, |product: usize, &part| product.saturating_mul(self.len(part)))
    }

    /// The lengths of the axes of a sample here.
    pub(super) fn shape(&self) -> Vec<usize> {
        self.groups.iter().map(|group| self.product(group)).collect()
    }

    /// All parts of a sample, as they lie.
    pub(super) fn sequence(&self) -> Vec<usize> {
        self.groups.concat()
    }

    /// The axes of the graph in another order.
    pub(super) fn transpose(&mut self, order: &[usize]) {
        self.axes = order.iter().map(|&axis| std::mem::take(&mut self.axes[axis])).collect();
    }

    /// Other axes of the graph for the same numbers.
    pub(super) fn regroup(&mut self, dims: &[Count]) -> Verdict<()> {
        let before: Vec<Count> = self.axes.iter().map(|axis| self.count(axis)).collect();
        let wrong = || {
            format!(
                "expected axes that are parts of {}, or several of them, got {}",
                pattern(&before),
                pattern(dims)
            )
        };
        let mut parts: Vec<usize> = self.axes.concat();
        parts.reverse();
        let mut axes = Vec::new();
        for &dim in dims {
            let (mut axis, mut product) = (Vec::new(), Count::of(1));
            loop {
                let is_whole = product == dim;
                // A single sample has an axis of its own, the first that comes for it.
                let takes_sample = parts.last() == Some(&SAMPLES)
                    && self.lengths[SAMPLES] == Count::of(1)
                    && axis.is_empty();
                if is_whole && !takes_sample {
                    break;
                }
                let part = parts.pop().ok_or_else(wrong)?;
                let next = product.times(self.lengths[part]).ok_or_else(wrong)?;
                if part != SAMPLES && dim.over(next).and_then(|rest| rest.times(next)) != Some(dim) {
                    // The axis ends inside of this part.
                    let first = dim
                        .over(product)
                        .and_then(Count::len)
                        .filter(|&first| first > 1)
                        .ok_or_else(wrong)?;
                    let len = self.len(part);
                    if !len.is_multiple_of(first) {
                        return Err(wrong());
                    }
                    let second = self.split(part, first);
                    parts.push(second);
                    axis.push(part);
                    product = dim;
                    continue;
                }
                product = next;
                axis.push(part);
            }
            axes.push(axis);
        }
        if !parts.is_empty() {
            return Err(wrong());
        }
        self.axes = axes;
        Ok(())
    }

    /// The length of an axis of these parts.
    pub(super) fn count(&self, parts: &[usize]) -> Count {
        parts
            .iter()
            .fold(Count::of(1), |product, &part| product.times(self.lengths[part]).unwrap_or_default())
    }

    /// Cuts a part in two, of which the first is so long; the second is new.
    fn split(&mut self, part: usize, first: usize) -> usize {
        let second = self.lengths.len();
        self.lengths.push(Count::of_len(self.len(part) / first));
        self.lengths[part] = Count::of_len(first);
        for parts in self.axes.iter_mut().chain(&mut self.groups) {
            if let Some(place) = parts.iter().position(|&other| other == part) {
                parts.insert(place + 1, second);
            }
        }
        second
    }

    /// Whether the first axis of the graph is that of the samples, and no other has them.
    pub(super) fn has_samples_first(&self) -> bool {
        self.axes.first().is_some_and(|axis| *axis == [SAMPLES])
    }

    /// Exchanges what an axis of the graph is made of for one part of this length, where it lies as a whole group.
    pub(super) fn replace(&mut self, axis: usize, len: usize) {
        let part = if len == 1 { Vec::new() } else { vec![self.lengths.len()] };
        let group = self.groups.len() - 1;
        if len != 1 {
            self.lengths.push(Count::of_len(len));
        }
        self.axes[axis] = self.axes[axis]
            .iter()
            .copied()
            .filter(|&part| part == SAMPLES)
            .chain(part.iter().copied())
            .collect();
        self.groups[group] = part;
    }

    /// How far the numbers of a constant, repeated along the axes of the graph, lie apart along these parts; with the length of each.
    pub(super) fn along(&self, constant: &Constant<'_>, parts: &[usize]) -> Vec<(usize, usize)> {
        let mut strides = vec![0; self.lengths.len()];
        let new = self.axes.len() - constant.dims.len();
        for (axis, &len) in constant.dims.iter().enumerate() {
            if len > 1 {
                let mut stride = constant.stride(axis);
                for &part in self.axes[new + axis].iter().rev().filter(|&&part| part != SAMPLES) {
                    strides[part] = stride;
                    stride = stride.saturating_mul(self.len(part));
                }
            }
        }
        parts.iter().map(|&part| (self.len(part), strides[part])).collect()
    }

    /// The rows of a matrix that stand along these parts, which are an axis of the graph in this order, in that of `parts`.
    pub(super) fn rows(&self, axis: &[usize], parts: &[usize], stride: usize) -> Vec<(usize, usize)> {
        let stride_of = |part: usize| {
            let place = axis.iter().position(|&other| other == part).expect("the same parts");
            stride.saturating_mul(self.product(&axis[place + 1..]))
        };
        parts.iter().map(|&part| (self.len(part), stride_of(part))).collect()
    }
}

/// Gives all the same parts where they have the same axes, and numbers them as the axes of the graph have them. `free` is an axis that
/// may differ.
pub(super) fn align(lies: &mut [Lie], free: Option<usize>) -> Verdict<()> {
    let refused = || "expected values that are joined to be made of the same axes, got others".to_owned();
    for _ in 0..64 {
        // The first place where one is cut and another is not.
        let mut cut = None;
        for axis in (0..lies[0].axes.len()).filter(|&axis| Some(axis) != free) {
            let parts = lies.iter().map(|lie| lie.axes[axis].len()).max().unwrap_or(0);
            for place in 0..parts {
                let lengths: Option<Vec<(usize, usize)>> = lies
                    .iter()
                    .enumerate()
                    .map(|(index, lie)| {
                        lie.axes[axis]
                            .get(place)
                            .filter(|&&part| part != SAMPLES)
                            .map(|&part| (index, lie.len(part)))
                    })
                    .collect();
                let Some(lengths) = lengths else { continue };
                let least = lengths.iter().map(|length| length.1).min().unwrap_or(1);
                if let Some(&(index, len)) = lengths.iter().find(|length| length.1 != least) {
                    if !len.is_multiple_of(least) {
                        return Err(refused());
                    }
                    cut = cut.or(Some((index, axis, place, least)));
                }
            }
        }
        let Some((index, axis, place, least)) = cut else { break };
        let part = lies[index].axes[axis][place];
        lies[index].split(part, least);
    }
    for lie in lies.iter_mut() {
        lie.renumber();
    }
    let same = |lie: &Lie| {
        (0..lie.axes.len()).all(|axis| Some(axis) == free || lie.axes[axis].len() == lies[0].axes[axis].len())
    };
    if lies.iter().all(same) { Ok(()) } else { Err(refused()) }
}

impl Lie {
    /// Numbers the parts in the order of the axes of the graph.
    fn renumber(&mut self) {
        let order: Vec<usize> = self.axes.concat();
        let of_old = |old: usize| {
            if old == SAMPLES {
                SAMPLES
            } else {
                1 + order
                    .iter()
                    .filter(|&&part| part != SAMPLES)
                    .position(|&part| part == old)
                    .expect("each part is of an axis")
            }
        };
        let lengths: Vec<Count> = std::iter::once(self.lengths[SAMPLES])
            .chain(order.iter().filter(|&&part| part != SAMPLES).map(|&part| self.lengths[part]))
            .collect();
        for parts in [&mut self.axes, &mut self.groups] {
            *parts = parts.iter().map(|parts| parts.iter().map(|&part| of_old(part)).collect()).collect();
        }
        self.lengths = lengths;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims(dims: &[i64]) -> Vec<Count> {
        std::iter::once(Count::BATCH).chain(dims.iter().map(|&dim| Count::of(dim))).collect()
    }

    #[test]
    fn transposes_cancel_and_flattened_features_keep_their_place() {
        // Channels last, as the graph has them first.
        let mut lie = Lie::of(&dims(&[2, 3, 4]), &[&[2], &[3], &[1]]);
        lie.transpose(&[0, 2, 3, 1]);
        assert_eq!((lie.axes[1].clone(), lie.shape()), (vec![2], vec![3, 4, 2]));
        lie.transpose(&[0, 3, 1, 2]);
        lie.regroup(&dims(&[24])).unwrap();
        assert_eq!(lie.axes[1], [1, 2, 3]);
        assert_eq!(lie.rows(&lie.axes[1], &lie.sequence(), 1), [(3, 4), (4, 1), (2, 12)]);
        lie.regroup(&dims(&[2, 12])).unwrap();
        assert_eq!(lie.axes[2], [2, 3]);
    }

    #[test]
    fn axes_are_cut_where_they_have_to_be() {
        let mut lie = Lie::of_input(&dims(&[12, 5]));
        lie.regroup(&dims(&[3, 4, 5])).unwrap();
        assert_eq!((lie.axes.len(), lie.shape()), (4, vec![12, 5]));
        lie.regroup(&dims(&[3, 20])).unwrap();
        assert!(lie.regroup(&dims(&[5, 12])).is_err());
        let rows = [Count::BATCH.times(Count::of(12)).unwrap(), Count::of(5)];
        lie.regroup(&rows).unwrap();
        assert!(!lie.has_samples_first());
        lie.regroup(&dims(&[12, 1, 5])).unwrap();
        assert!(lie.has_samples_first());
        let mut single = Lie::of_input(&[Count::of(1), Count::of(2), Count::of(1), Count::of(3)]);
        single.regroup(&[Count::of(1), Count::of(6)]).unwrap();
        assert!(single.has_samples_first());
    }
}
