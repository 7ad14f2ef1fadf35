//! Layers one after another, and how what they make lies beside the axes of the graph.

use std::any::Any;
use std::cell::Cell;

use super::constant::{Constant, elements};
use super::grid::Grid;
use super::lie::{Lie, SAMPLES};
use crate::io::Verdict;
use crate::layers::{ChannelsFirst, ChannelsLast, Flatten, Layer, Reshape};
use crate::{Error, Scalar, Shape, Tensor};

/// A layer that is made, with the name that the graph has for it.
#[derive(Debug)]
pub(super) struct Named<T: Scalar> {
    pub(super) name: Option<String>,
    pub(super) layer: Box<dyn Layer<T>>,
}

/// What is known of values that were rounded to whole numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounded {
    pub(super) grid: Grid,
    /// Which layer keeps them in its range, where nothing but moves is behind it.
    pub(super) clip: Option<usize>,
}

/// Layers, and how what the last of them makes lies.
#[derive(Debug)]
pub(super) struct Line<'b, T: Scalar> {
    pub(super) layers: Vec<Named<T>>,
    pub(super) lie: Lie,
    /// Where what the last layer makes is in the range of such numbers.
    pub(super) rounded: Option<Rounded>,
    /// How many numbers may still be made of what the file claims alone.
    pub(super) budget: &'b Cell<usize>,
}

impl<'b, T: Scalar> Line<'b, T> {
    pub(super) fn new(lie: Lie, budget: &'b Cell<usize>) -> Self {
        Self { layers: Vec::new(), lie, rounded: None, budget }
    }

    /// Adds a layer that has no name of its own.
    pub(super) fn push(&mut self, layer: impl Layer<T> + 'static) {
        self.layers.push(Named { name: None, layer: Box::new(layer) });
    }

    pub(super) fn push_named(&mut self, name: Option<String>, layer: impl Layer<T> + 'static) {
        self.layers.push(Named { name, layer: Box::new(layer) });
    }

    /// Whether the first axis of the graph is that of the samples alone, for what looks at each sample as a whole.
    pub(super) fn check_samples(&self) -> Verdict<()> {
        let expected =
            "expected samples along the first axis alone, got other axes with them, or them elsewhere";
        if self.lie.has_samples_first() { Ok(()) } else { Err(expected.to_owned()) }
    }

    /// Takes so many numbers from the budget.
    pub(super) fn spend(&self, len: usize) -> Verdict<()> {
        let left = self.budget.get().checked_sub(len);
        self.budget.set(left.ok_or("expected axes that fit to the length of the file, got longer ones")?);
        Ok(())
    }

    /// The shape of a sample here.
    pub(super) fn shape(&self) -> Verdict<Shape> {
        Shape::new(&self.lie.shape()).map_err(told)
    }

    /// Puts the parts, which lie in this order, into other groups.
    pub(super) fn group(&mut self, groups: Vec<Vec<usize>>) -> Verdict<()> {
        debug_assert_eq!(groups.concat(), self.lie.sequence());
        let before = self.lie.shape();
        self.lie.groups = groups;
        let after = self.lie.shape();
        if before == after {
            return Ok(());
        }
        // Of several, one behind the other, the last is enough.
        let is_view = |last: &Named<T>| {
            let layer: &dyn Any = &*last.layer;
            layer.is::<Reshape>() || layer.is::<Flatten>()
        };
        while self.layers.last().is_some_and(is_view) {
            self.layers.pop();
        }
        if after.len() == 1 {
            self.push(Flatten::new());
        } else {
            self.push(Reshape::new(Shape::new(&after).map_err(told)?));
        }
        Ok(())
    }

    /// Moves the first parts behind the others.
    fn turn(&mut self, head: usize) -> Verdict<()> {
        let sequence = self.lie.sequence();
        let (first, last) = sequence.split_at(head);
        let (first, last) = (first.to_vec(), last.to_vec());
        let groups = &self.lie.groups;
        match &groups[..] {
            [a, b, c] if *a == first => {
                self.lie.groups = vec![b.clone(), c.clone(), a.clone()];
                self.push(ChannelsLast);
            }
            [a, b, c] if *c == last => {
                self.lie.groups = vec![c.clone(), a.clone(), b.clone()];
                self.push(ChannelsFirst);
            }
            _ => {
                self.group(vec![first.clone(), last.clone()])?;
                self.lie.groups = vec![last, first];
                self.push(ChannelsLast);
            }
        }
        Ok(())
    }

    /// Has these parts lie last, in whatever order unless it is told, and in a group of their own.
    pub(super) fn put_last(&mut self, parts: &[usize], is_ordered: bool) -> Verdict<Vec<usize>> {
        if parts.contains(&SAMPLES) {
            return Err("expected an axis of each sample, got one of the samples".to_owned());
        }
        let sequence = self.lie.sequence();
        let fits = |run: &[usize]| {
            if is_ordered {
                run == parts
            } else {
                run.len() == parts.len() && parts.iter().all(|part| run.contains(part))
            }
        };
        let count = parts.len();
        if !fits(&sequence[sequence.len() - count..]) {
            // A turn takes what stands in front to the back.
            let turned = |&head: &usize| {
                let turned = [&sequence[head..], &sequence[..head]].concat();
                fits(&turned[turned.len() - count..])
            };
            let head = (1..sequence.len()).find(turned).ok_or_else(no_turn)?;
            self.turn(head)?;
        }
        let sequence = self.lie.sequence();
        let (before, last) = sequence.split_at(sequence.len() - count);
        let last = last.to_vec();
        let mut outer = self.lie.groups.clone();
        let is_own = outer.last().is_some_and(|group| *group == last);
        if is_own {
            return Ok(last);
        }
        // The groups in front stay where their ends are.
        while outer.concat().len() > before.len() {
            outer.pop();
        }
        if outer.concat() != before {
            outer = vec![before.to_vec()];
        }
        if outer.iter().all(Vec::is_empty) {
            outer.clear();
        }
        outer.push(last.clone());
        self.group(outer)?;
        Ok(last)
    }

    /// Has an image or a sequence lie with these axes in this order, and these channels last in whatever order.
    pub(super) fn put_image(&mut self, places: &[Vec<usize>], channels: &[usize]) -> Verdict<Vec<usize>> {
        let channels = self.put_last(channels, false)?;
        let sequence = self.lie.sequence();
        if sequence[..sequence.len() - channels.len()] != places.concat() {
            return Err(no_turn());
        }
        self.group(places.iter().cloned().chain([channels.clone()]).collect())?;
        Ok(channels)
    }

    /// The numbers of a constant along these parts, in the order in which they lie.
    pub(super) fn numbers(&self, constant: &Constant<'_>, parts: &[usize]) -> Verdict<Vec<T>> {
        let axes = self.lie.along(constant, parts);
        self.gather(constant, &axes)
    }

    /// The numbers of a constant along axes, of which some may be repeated.
    pub(super) fn gather(&self, constant: &Constant<'_>, axes: &[(usize, usize)]) -> Verdict<Vec<T>> {
        self.spend_axes(axes)?;
        Ok(constant.gather(axes))
    }

    /// Takes the numbers of axes from the budget.
    pub(super) fn spend_axes(&self, axes: &[(usize, usize)]) -> Verdict<()> {
        let lengths: Vec<usize> = axes.iter().map(|axis| axis.0).collect();
        self.spend(elements(&lengths).ok_or("expected axes that fit into memory, got longer ones")?)
    }

    /// The same as a tensor of one axis.
    pub(super) fn row(&self, constant: &Constant<'_>, parts: &[usize]) -> Verdict<Tensor<T>> {
        let numbers = self.numbers(constant, parts)?;
        Tensor::from_vec([numbers.len()], numbers).map_err(told)
    }
}

/// The words of an error.
#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
pub(super) fn told(error: Error) -> String {
    error.to_string()
}

fn no_turn() -> String {
    "expected axes that a transpose of an image or a sequence brings into the order that the layer needs, got others".to_owned()
}
