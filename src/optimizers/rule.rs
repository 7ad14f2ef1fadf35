//! The `Rule` trait: how a parameter follows its gradient.

use std::fmt::Debug;

use super::adjust::Adjust;
use super::settings::RuleSettings;
use crate::Scalar;
use crate::kernels::{self, Kernel, Simd, Split};

/// The rule by which a parameter follows its gradient, element by element.
///
/// A rule has settings but no state: what it remembers from step to step lies in buffers of the parameter's size,
/// which the [`super::Optimizer`] owns. So a step can be made in runs, in any order and on several threads.
///
/// ```
/// use taper::optimizers::{Optimizer, Rule, RuleSettings, Update};
/// use taper::Scalar;
///
/// /// Descent by the sign of a running gradient (signSGD with momentum): m ← 0.9·m + 0.1·g, w ← w − learning_rate·sign(m).
/// #[derive(Debug, Clone)]
/// struct SignDescent(RuleSettings);
///
/// impl<T: Scalar> Rule<T> for SignDescent {
///     fn kind(&self) -> &'static str {
///         "sign_descent"
///     }
///
///     fn settings(&self) -> &RuleSettings {
///         &self.0
///     }
///
///     fn settings_mut(&mut self) -> &mut RuleSettings {
///         &mut self.0
///     }
///
///     fn buffers(&self) -> usize {
///         1
///     }
///
///     fn update(&self, update: Update<'_, T>) {
///         let (learning_rate, keep, take) = (T::of(update.learning_rate), T::of(0.9), T::of(0.1));
///         update.each(move |w, g, [m]| {
///             let m = keep * m + take * g;
///             let sign = if m == T::zero() { m } else { m.signum() };
///             (w - learning_rate * sign, [m])
///         });
///     }
/// }
///
/// let optimizer = Optimizer::<f32>::new(SignDescent(RuleSettings::new(0.01)?));
/// assert_eq!(optimizer.learning_rate(), 0.01);
/// # Ok::<(), taper::Error>(())
/// ```
pub trait Rule<T: Scalar>: Debug + Send + Sync {
    /// The kind in one lower-case word: `adam`.
    fn kind(&self) -> &'static str;

    /// Learning rate and weight decay.
    fn settings(&self) -> &RuleSettings;

    /// Learning rate and weight decay, to be changed.
    fn settings_mut(&mut self) -> &mut RuleSettings;

    /// How many numbers the rule remembers for each element, at most [`MAX_BUFFERS`]; none unless written.
    fn buffers(&self) -> usize {
        0
    }

    /// The name of such a buffer, numbered from 0, by which [`Optimizer::state`](super::Optimizer::state) tells it; PyTorch's names for the rules
    /// of this crate: `exp_avg`, `momentum_buffer`.
    fn buffer_name(&self, buffer: usize) -> &'static str {
        ["buffer_0", "buffer_1", "buffer_2"][buffer]
    }

    /// Whether a buffer holds what is never below 0, such as squares.
    fn is_never_negative(&self, buffer: usize) -> bool {
        let _ = buffer;
        false
    }

    /// What all numbers of all buffers are before the first step; 0 unless written.
    fn initial(&self) -> f64 {
        0.0
    }

    /// Moves a run of a parameter, as a rule in [`Update::each`] of its elements. An element whose weight, gradient
    /// and buffers are zero must stay zero.
    fn update(&self, update: Update<'_, T>);

    /// Whether [`Rule::update`] is `w − learning_rate·g` for the weight and the gradient of [`Update::each`], and
    /// nothing else. Then the gradient of a dense layer is added right onto its weight.
    fn is_plain_descent(&self) -> bool {
        false
    }
}

/// The most buffers that a rule can have.
pub const MAX_BUFFERS: usize = 3;

/// A run of a parameter that is to be moved, as a [`Rule`] gets it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Update<'a, T> {
    /// Which step of this parameter it is, from 1.
    pub step: u64,
    /// The learning rate for this parameter in this step.
    pub learning_rate: f64,
    /// The weights.
    pub weight: &'a mut [T],
    /// Their gradient, as it came from the backward pass.
    pub gradient: &'a [T],
    /// What the rule remembers, as many as it said, each as long as the weights; the others are empty.
    pub buffers: [&'a mut [T]; MAX_BUFFERS],
    pub(super) adjust: Adjust<T>,
}

/// The numbers of a step that are the same for all elements of a parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun<T> {
    pub(super) step: u64,
    pub(super) learning_rate: f64,
    pub(super) adjust: Adjust<T>,
}

impl<'a, T: Scalar> Update<'a, T> {
    pub(super) fn of(
        begun: Begun<T>,
        weight: &'a mut [T],
        gradient: &'a [T],
        buffers: [&'a mut [T]; MAX_BUFFERS],
    ) -> Self {
        let Begun { step, learning_rate, adjust } = begun;
        Self { step, learning_rate, weight, gradient, buffers, adjust }
    }

    /// Moves every element by a function of its weight, its gradient and what the rule remembers of it, the first
    /// `BUFFERS` buffers. Clipping and weight decay are done already; what comes back are the new weight and the new
    /// memory, of which subnormal numbers are kept as 0.
    ///
    /// The function should be short and without branches that depend on the element: the loop around it is compiled
    /// for every instruction set, and elements are computed side by side. It should own its numbers (`move`): those that it
    /// borrows are read anew for every few elements.
    ///
    /// # Panics
    /// Where the rule has fewer buffers.
    pub fn each<const BUFFERS: usize>(self, element: impl Fn(T, T, [T; BUFFERS]) -> (T, [T; BUFFERS])) {
        let Self { weight, gradient, buffers, adjust, .. } = self;
        let mut buffers = buffers.into_iter();
        let buffers = std::array::from_fn(|_| buffers.next().unwrap_or_default());
        kernels::run(Each { weight, gradient, buffers, adjust, element });
    }
}

impl<T: Scalar> Split for Update<'_, T> {
    fn len(&self) -> usize {
        self.weight.len()
    }

    fn split(self, middle: usize) -> (Self, Self) {
        let Self { step, learning_rate, adjust, .. } = self;
        let begun = Begun { step, learning_rate, adjust };
        let (weight, weight_right) = self.weight.split_at_mut(middle);
        let (gradient, gradient_right) = self.gradient.split_at(middle);
        let (buffers, buffers_right) = split_buffers(self.buffers, middle);
        (
            Self::of(begun, weight, gradient, buffers),
            Self::of(begun, weight_right, gradient_right, buffers_right),
        )
    }
}

/// Cuts each buffer in two; those that are empty stay so.
pub(super) fn split_buffers<T>(
    buffers: [&mut [T]; MAX_BUFFERS],
    middle: usize,
) -> ([&mut [T]; MAX_BUFFERS], [&mut [T]; MAX_BUFFERS]) {
    let mut right: [&mut [T]; MAX_BUFFERS] = Default::default();
    let mut right_buffers = right.iter_mut();
    let left = buffers.map(|buffer| {
        let middle = middle.min(buffer.len());
        let (left, right) = buffer.split_at_mut(middle);
        *right_buffers.next().expect("as many as there are buffers") = right;
        left
    });
    (left, right)
}

/// The loop of [`Update::each`].
struct Each<'a, T, F, const BUFFERS: usize> {
    weight: &'a mut [T],
    gradient: &'a [T],
    buffers: [&'a mut [T]; BUFFERS],
    adjust: Adjust<T>,
    element: F,
}

/// Elements side by side: two cache lines of f32. With 16, an update of Adam takes 7 % less with AVX2, but one with momentum, of
/// which the compiler makes no loop then, more than twice as long.
const LANES: usize = 32;

impl<T, F, const BUFFERS: usize> Kernel<T> for Each<'_, T, F, BUFFERS>
where
    T: Scalar,
    F: Fn(T, T, [T; BUFFERS]) -> (T, [T; BUFFERS]),
{
    type Output = ();

    #[expect(clippy::inline_always, reason = "it must end up inside the function with the instruction set")]
    #[inline(always)]
    fn run<S: Simd<T>>(self, _simd: S) {
        // Without clipping and decay, what they need is neither computed nor kept in registers.
        if self.adjust.is_nothing() {
            self.sweep(|weight, gradient| (weight, gradient));
        } else {
            let adjust = self.adjust;
            self.sweep(move |weight, gradient| adjust.apply(weight, gradient));
        }
    }
}

impl<T, F, const BUFFERS: usize> Each<'_, T, F, BUFFERS>
where
    T: Scalar,
    F: Fn(T, T, [T; BUFFERS]) -> (T, [T; BUFFERS]),
{
    #[expect(clippy::inline_always, reason = "it must end up inside the function with the instruction set")]
    #[inline(always)]
    fn sweep(mut self, adjust: impl Fn(T, T) -> (T, T)) {
        let (weights, weights_left) = self.weight.as_chunks_mut::<LANES>();
        let (gradients, gradients_left) = self.gradient.as_chunks::<LANES>();
        let whole = weights.len() * LANES;
        for (number, (weight, gradient)) in weights.iter_mut().zip(gradients).enumerate() {
            let start = number * LANES;
            let memory = self.buffers.each_mut().map(|buffer| {
                buffer[start..].first_chunk_mut::<LANES>().expect("a buffer is as long as the weights")
            });
            lanes(&adjust, &self.element, weight, gradient, memory);
        }
        let left = weights_left.len();
        if left == 0 {
            return;
        }
        // What is left is padded with zeros, and computed alike.
        let (mut weight, mut gradient) = ([T::zero(); LANES], [T::zero(); LANES]);
        let mut memory = [[T::zero(); LANES]; BUFFERS];
        weight[..left].copy_from_slice(weights_left);
        gradient[..left].copy_from_slice(gradients_left);
        for (memory, buffer) in memory.iter_mut().zip(&self.buffers) {
            memory[..left].copy_from_slice(&buffer[whole..]);
        }
        lanes(&adjust, &self.element, &mut weight, &gradient, memory.each_mut());
        weights_left.copy_from_slice(&weight[..left]);
        for (memory, buffer) in memory.iter().zip(&mut self.buffers) {
            buffer[whole..].copy_from_slice(&memory[..left]);
        }
    }
}

/// Some elements side by side. They are moved in arrays of their own, of which the compiler knows that nothing else
/// points into them.
#[expect(clippy::inline_always, reason = "it must end up inside the function with the instruction set")]
#[inline(always)]
fn lanes<T: Scalar, const BUFFERS: usize>(
    adjust: &impl Fn(T, T) -> (T, T),
    element: &impl Fn(T, T, [T; BUFFERS]) -> (T, [T; BUFFERS]),
    weight: &mut [T; LANES],
    gradient: &[T; LANES],
    memory: [&mut [T; LANES]; BUFFERS],
) {
    let (mut weights, gradients) = (*weight, *gradient);
    let mut states = memory.each_ref().map(|memory| **memory);
    for lane in 0..LANES {
        let (w, g) = adjust(weights[lane], gradients[lane]);
        let state = std::array::from_fn(|buffer| states[buffer][lane]);
        let (w, state) = element(w, g, state);
        weights[lane] = w;
        for (states, state) in states.iter_mut().zip(state) {
            states[lane] = without_subnormal(state);
        }
    }
    *weight = weights;
    for (memory, states) in memory.into_iter().zip(states) {
        *memory = states;
    }
}

/// Zero instead of a subnormal number. What a rule remembers of an element without a gradient shrinks from step to step,
/// and would end as one: 0.9 times the smallest number of all is rounded to that number. Many processors take many times
/// as long for it as for other numbers, in this step and in every one after it.
#[expect(clippy::inline_always, reason = "it must end up inside the function with the instruction set")]
#[inline(always)]
fn without_subnormal<T: Scalar>(number: T) -> T {
    // A comparison that NaN fails, so that it stays NaN.
    if number.abs() < T::min_positive_value() { T::zero() } else { number }
}

#[cfg(test)]
mod tests;
