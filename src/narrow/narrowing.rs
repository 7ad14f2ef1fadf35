//! The settings of a narrowing, and the ways to choose widths.

use super::engine::{Choice, Engine, Narrowed, Settings};
use super::search::smallest;
use crate::getters::getters;
use crate::kernels::Panels;
use crate::train::Inputs;
use crate::{Error, Parallelism, Result, Scalar, Sequential};

/// How a trained model is narrowed: see [the module](super).
///
/// ```
/// use taper::{Sequential, Tensor, narrow::Narrowing};
///
/// let model = Sequential::<f32>::builder([8])
///     .dense(32).named("fc1").relu()
///     .dense(16).named("fc2").relu()
///     .dense(3).named("fc3")
///     .build(&mut taper::seeded(7))?;
/// let inputs = Tensor::from_fn([200, 8], |i| ((i * 37) % 101) as f32 / 50.0 - 1.0)?;
///
/// let narrowed = Narrowing::new().to_widths(&model, &inputs, [("fc1", 12), ("fc2", 8)])?;
/// assert_eq!(narrowed.model.param("fc1.weight")?.shape().axes(), [8, 12]);
/// assert_eq!(narrowed.model.param("fc2.weight")?.shape().axes(), [12, 8]);
/// println!("{}", narrowed.report);
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Narrowing {
    settings: Settings,
    layers: Option<Vec<String>>,
    rounding: Rounding,
}

/// Bytes that covariances may take unless said otherwise; where there are no more than 4 GiB, a quarter of them.
const MEMORY: usize = if usize::BITS < 64 { 1 << 30 } else { 4 << 30 };

/// What widths are rounded up to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rounding {
    Multiple(usize),
    Panels,
}

impl Rounding {
    fn round<T: Scalar>(self, width: usize) -> usize {
        width.next_multiple_of(match self {
            Self::Multiple(multiple) => multiple,
            Self::Panels => Panels::new::<T>(1, 1).panel_columns,
        })
    }
}

impl Default for Narrowing {
    fn default() -> Self {
        Self::new()
    }
}

impl Narrowing {
    /// All layers that can be narrowed, a damping of 10⁻³, widths as they come, 4 GiB of memory.
    #[must_use]
    pub fn new() -> Self {
        let settings = Settings { damping: 1e-3, memory: MEMORY, parallelism: Parallelism::default() };
        Self { settings, layers: None, rounding: Rounding::Multiple(1) }
    }

    /// λ, as a part of the mean variance of the units: it is added to the variance of each. More keeps weights small and trusts the inputs
    /// less; 10⁻³ unless set.
    ///
    /// # Errors
    /// [`Error::Setting`] unless finite and above 0.
    pub fn with_damping(mut self, damping: f64) -> Result<Self> {
        if damping.is_finite() && damping > 0.0 {
            self.settings.damping = damping;
            return Ok(self);
        }
        Err(Error::setting("damping", "a finite number above 0", damping))
    }

    /// Narrows layers of these names alone. A layer in a block has the block's name in front, as its parameters have.
    #[must_use]
    pub fn with_layers<N: Into<String>>(mut self, layers: impl IntoIterator<Item = N>) -> Self {
        self.layers = Some(layers.into_iter().map(Into::into).collect());
        self
    }

    /// Rounds widths up to a multiple of this, where the layer was at least so wide.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0.
    pub fn with_multiple_of(mut self, units: usize) -> Result<Self> {
        if units == 0 {
            return Err(Error::setting("multiple of units", "at least 1", units));
        }
        self.rounding = Rounding::Multiple(units);
        Ok(self)
    }

    /// Rounds widths up to what the products use whole: 32 in `f32` and 16 in `f64`. A width of 33 costs as much as one of 64.
    #[must_use]
    pub fn with_whole_panels(mut self) -> Self {
        self.rounding = Rounding::Panels;
        self
    }

    /// How many bytes covariances, and what is computed of them, may take at once, about: 4 GiB unless set, 1 GiB on machines of 32
    /// bits. What a layer needs follows from the numbers that the next one takes, and from the samples where these are fewer
    /// ([numbers](super#numbers)).
    #[must_use]
    pub fn with_memory(mut self, bytes: usize) -> Self {
        self.settings.memory = bytes;
        self
    }

    /// How many threads may be used. The result has the same bits at any number.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: Parallelism) -> Self {
        self.settings.parallelism = parallelism;
        self
    }

    getters! {
        /// λ, as a part of the mean variance.
        damping: f64 = |narrowing| narrowing.settings.damping;
        /// The layers that are narrowed; `None` for all that can be.
        layers: Option<&[String]> = |narrowing| narrowing.layers.as_deref();
        /// How many bytes covariances may take.
        memory: usize = |narrowing| narrowing.settings.memory;
        /// How many threads may be used.
        parallelism: Parallelism = |narrowing| narrowing.settings.parallelism;
    }

    /// Narrows these layers to these widths, all others stay.
    ///
    /// The inputs are samples of what the model is used for, without labels: [what they should be](super#inputs).
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a name that no layer has; [`Error::Setting`] for a model without a layer that can be narrowed, as one that was
    /// [quantised](Sequential::quantized) is, for a layer whose units are not another layer's inputs, a
    /// layer that is named twice, a width of 0 and one above that which the layer has, and where covariances take more than [the limit](Self::with_memory); [`Error::Shape`] where the inputs are no batch of the model's samples; [`Error::Empty`] without
    /// any; [`Error::NotFinite`] for an input, or an output of a layer, that is not; [`Error::TooLarge`] where a covariance does not fit into memory; those of a source of inputs. Nothing is
    /// changed then.
    pub fn to_widths<'a, T: Scalar, N: Into<String>>(
        &self,
        model: &'a Sequential<T>,
        inputs: impl Into<Inputs<'a, T>>,
        widths: impl IntoIterator<Item = (N, usize)>,
    ) -> Result<Narrowed<T>> {
        let widths: Vec<(String, usize)> =
            widths.into_iter().map(|(name, width)| (name.into(), width)).collect();
        let names: Vec<String> = widths.iter().map(|(name, _)| name.clone()).collect();
        let engine = Engine::new(model, inputs.into(), Some(&names), self.settings)?;
        for (number, (name, width)) in widths.iter().enumerate() {
            let before = engine.widths().find(|(layer, _)| layer == name).map_or(0, |(_, before)| before);
            if *width == 0 || *width > before {
                let got = format!("{width} for layer `{name}`, which has {before}");
                return Err(Error::setting("width", "at least 1, and no more than the layer has", got));
            }
            if names[..number].contains(name) {
                return Err(Error::setting("widths", "one for each layer", format!("two for `{name}`")));
            }
        }
        let given = |choice: &Choice<'_>| {
            let width = widths.iter().find(|(name, _)| name == choice.name).map(|(_, width)| *width);
            width.unwrap_or(choice.errors.len() - 1)
        };
        self.run(engine, &given)
    }

    /// Narrows every layer to this share of its units, rounded up.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 < share ≤ 1; otherwise as [`Narrowing::to_widths`].
    pub fn to_share<'a, T: Scalar>(
        &self,
        model: &'a Sequential<T>,
        inputs: impl Into<Inputs<'a, T>>,
        share: f64,
    ) -> Result<Narrowed<T>> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Error::setting("share of the units", "a number above 0 and at most 1", share));
        }
        let share_of = |choice: &Choice<'_>| ((choice.errors.len() - 1) as f64 * share).ceil() as usize;
        self.run(self.engine(model, inputs.into())?, &share_of)
    }

    /// Narrows as far as the outputs lose no more than this part of their variance on these inputs: 0.01 is a hundredth.
    ///
    /// Each layer loses the same part of the variance of the next one's outputs, as nearly as its widths allow, and that part is the largest
    /// with which the outputs of the whole still do.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ error < 1; otherwise as [`Narrowing::to_widths`].
    pub fn within_error<'a, T: Scalar>(
        &self,
        model: &'a Sequential<T>,
        inputs: impl Into<Inputs<'a, T>>,
        error: f64,
    ) -> Result<Narrowed<T>> {
        if !(0.0..1.0).contains(&error) {
            return Err(Error::setting("error of the outputs", "a number of at least 0 and below 1", error));
        }
        let engine = self.engine(model, inputs.into())?;
        self.found(engine, |engine, narrower| Ok(engine.output_error(narrower)? <= error))
    }

    /// Narrows as far as `is_good` says that a model still is: by its loss on validation data, for one. It is asked of some ten models,
    /// from which the narrowest good one is taken. Layers share the loss as in [`Narrowing::within_error`].
    ///
    /// ```
    /// # use taper::{Sequential, Tensor, losses::CrossEntropy, narrow::Narrowing, train::Dataset};
    /// # let model = Sequential::<f32>::builder([4]).dense(16).relu().dense(3).build(&mut taper::seeded(7))?;
    /// # let inputs = Tensor::from_fn([60, 4], |i| ((i * 37) % 101) as f32 / 50.0 - 1.0)?;
    /// # let labels: Vec<usize> = (0..60).map(|i| i % 3).collect();
    /// # let validation = Dataset::new(&inputs, &labels)?;
    /// let loss = CrossEntropy::new();
    /// let most = model.evaluate(validation, &loss)?.loss + 0.01;
    /// let narrowed = Narrowing::new()
    ///     .within(&model, &inputs, |narrower| Ok(narrower.evaluate(validation, &loss)?.loss <= most))?;
    /// assert!(narrowed.model.evaluate(validation, &loss)?.loss <= most);
    /// # Ok::<(), taper::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of `is_good`; otherwise as [`Narrowing::to_widths`].
    pub fn within<'a, T: Scalar>(
        &self,
        model: &'a Sequential<T>,
        inputs: impl Into<Inputs<'a, T>>,
        mut is_good: impl FnMut(&Sequential<T>) -> Result<bool>,
    ) -> Result<Narrowed<T>> {
        self.found(self.engine(model, inputs.into())?, |_, narrower| is_good(narrower))
    }

    fn engine<'a, T: Scalar>(
        &self,
        model: &'a Sequential<T>,
        inputs: Inputs<'a, T>,
    ) -> Result<Engine<'a, T>> {
        Engine::new(model, inputs, self.layers.as_deref(), self.settings)
    }

    fn run<T: Scalar>(
        &self,
        engine: Engine<'_, T>,
        choose: &dyn Fn(&Choice<'_>) -> usize,
    ) -> Result<Narrowed<T>> {
        let (model, rows) = engine.narrowed(&|choice| self.rounding.round::<T>(choose(choice)))?;
        engine.report(model, rows)
    }

    fn found<T: Scalar>(
        &self,
        engine: Engine<'_, T>,
        mut is_good: impl FnMut(&Engine<'_, T>, &Sequential<T>) -> Result<bool>,
    ) -> Result<Narrowed<T>> {
        let narrowed =
            |most: f64| engine.narrowed(&|choice| self.rounding.round::<T>(narrowest(choice.errors, most)));
        let (model, rows) = smallest(narrowed, &mut |(model, _)| is_good(&engine, model))?;
        engine.report(model, rows)
    }
}

/// The smallest width at which no more than this is lost.
fn narrowest(errors: &[f64], most: f64) -> usize {
    errors.iter().rposition(|&error| error > most).map_or(1, |too_narrow| too_narrow + 1)
}
