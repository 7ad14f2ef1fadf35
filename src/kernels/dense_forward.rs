//! y = act(x·W + b), W in panels.

use super::{DenseSize, Element, Parallelism};

/// What is done with an output once its sum is complete.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a, T> {
    Nothing,
    Relu,
    /// Called with contiguous pieces of finished rows.
    Function(&'a (dyn Fn(&mut [T]) + Sync)),
}

impl<T: Element> Finish<'_, T> {
    fn apply(self, values: &mut [T]) {
        match self {
            Self::Nothing => {}
            // NaN stays NaN: it is not below zero.
            Self::Relu => values.iter_mut().for_each(|y| {
                if *y < T::zero() {
                    *y = T::zero();
                }
            }),
            Self::Function(function) => function(values),
        }
    }
}

/// A forward product: y (batch × outputs) from x (batch × inputs).
pub(crate) struct DenseForward<'a, T> {
    pub(crate) size: DenseSize,
    pub(crate) x: &'a [T],
    pub(crate) weight: &'a [T],
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) finish: Finish<'a, T>,
    pub(crate) parallelism: Parallelism,
}

impl<T: Element> DenseForward<'_, T> {
    /// Elements of scratch that [`DenseForward::run`] needs.
    pub(crate) fn scratch(_size: DenseSize) -> usize {
        0
    }

    pub(crate) fn run(self, y: &mut [T], _scratch: &mut [T]) {
        let DenseSize { batch, inputs, outputs } = self.size;
        let panels = self.size.panels::<T>();
        assert_eq!(
            (self.x.len(), self.weight.len(), y.len()),
            (batch * inputs, panels.len(), batch * outputs)
        );
        for (x, y) in self.x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)) {
            for (panel, y) in y.chunks_mut(T::PANEL_COLUMNS).enumerate() {
                let weight = &self.weight[panel * panels.panel_len()..][..panels.panel_len()];
                y.fill(T::zero());
                for (&x, row) in x.iter().zip(weight.chunks_exact(T::PANEL_COLUMNS)) {
                    for (y, &w) in y.iter_mut().zip(row) {
                        *y += x * w;
                    }
                }
                if let Some(bias) = self.bias {
                    for (y, &b) in y.iter_mut().zip(&bias[panel * T::PANEL_COLUMNS..]) {
                        *y += b;
                    }
                }
                self.finish.apply(y);
            }
        }
    }
}
