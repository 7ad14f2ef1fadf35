//! The builder of a model.

use core::fmt;

use rand::Rng;

use super::Sequential;
use super::assembly::{Assembly, label};
use super::names::check_name;
use super::plan::{DensePlan, Weighted, WeightedPlan};
use crate::init::Initializer;
use crate::layers::{
    Activation, BatchNorm, ChannelsFirst, ChannelsLast, Dropout, Dropout2d, Embedding, Flatten, Layer,
    LayerNorm, LogSoftmax, Normalization, Reshape, Softmax,
};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView};

/// The layers of a [`Sequential`] to be, from the first to the last.
///
/// Each of these adds a layer, named in lower case:
///
/// | | |
/// |---|---|
/// | weighted sums | [`dense`](Builder::dense), [`conv2d`](Builder::conv2d), [`conv1d`](Builder::conv1d), [`conv_transpose2d`](Builder::conv_transpose2d), [`conv_transpose1d`](Builder::conv_transpose1d), [`embedding`](Builder::embedding) |
/// | pools | [`max_pool2d`](Builder::max_pool2d), [`avg_pool2d`](Builder::avg_pool2d), [`adaptive_max_pool2d`](Builder::adaptive_max_pool2d), [`adaptive_avg_pool2d`](Builder::adaptive_avg_pool2d), [`global_avg_pool2d`](Builder::global_avg_pool2d), [`max_pool1d`](Builder::max_pool1d), [`avg_pool1d`](Builder::avg_pool1d), [`adaptive_max_pool1d`](Builder::adaptive_max_pool1d), [`adaptive_avg_pool1d`](Builder::adaptive_avg_pool1d) |
/// | activations | [`relu`](Builder::relu), [`gelu`](Builder::gelu), [`silu`](Builder::silu), [`sigmoid`](Builder::sigmoid), [`tanh`](Builder::tanh), [`activation`](Builder::activation), [`prelu`](Builder::prelu), [`glu`](Builder::glu), and all that [`Activation`] has |
/// | normalisations | [`batch_norm`](Builder::batch_norm), [`layer_norm`](Builder::layer_norm), [`group_norm`](Builder::group_norm), [`instance_norm`](Builder::instance_norm), [`rms_norm`](Builder::rms_norm), [`normalization`](Builder::normalization) |
/// | while it trains | [`dropout`](Builder::dropout), [`dropout2d`](Builder::dropout2d) |
/// | other axes | [`flatten`](Builder::flatten), [`reshape`](Builder::reshape), [`channels_last`](Builder::channels_last), [`channels_first`](Builder::channels_first) |
/// | probabilities | [`softmax`](Builder::softmax), [`log_softmax`](Builder::log_softmax), [`softmin`](Builder::softmin) |
/// | paths | [`residual`](Builder::residual), [`residual_with_shortcut`](Builder::residual_with_shortcut), [`branches`](Builder::branches) |
/// | any layer, any model | [`layer`](Builder::layer) |
///
/// And these speak of the one added last:
///
/// | | |
/// |---|---|
/// | [`named`](Builder::named) | its name |
/// | [`without_bias`](Builder::without_bias), [`weight_init`](Builder::weight_init), [`bias_init`](Builder::bias_init) | of a dense layer or a convolution |
/// | [`groups`](Builder::groups) | of a convolution |
/// | [`output_padding`](Builder::output_padding), [`output_size`](Builder::output_size) | of a transposed convolution |
///
/// [`classes`](Builder::classes) speaks of the model. Nothing is checked before [`Builder::build`], which tells what is wrong with which
/// layer.
///
/// ```
/// use taper::{Sequential, init::Init};
///
/// let model = Sequential::<f32>::builder([28, 28])
///     .flatten()
///     .dense(128).named("fc1").weight_init(Init::KaimingNormal).relu()
///     .dropout(0.2)
///     .dense(3).named("fc2")
///     .build(&mut taper::seeded(7))?;
/// assert_eq!(model.param("fc2.weight")?.shape().axes(), [128, 3]);
/// # Ok::<(), taper::Error>(())
/// ```
pub struct Builder<T: Scalar> {
    /// None in a path, whose input is known when the layers before it are made.
    input: Option<Shape>,
    layers: Vec<Planned<T>>,
    pub(super) classes: Option<Vec<String>>,
}

struct Planned<T: Scalar> {
    name: Option<String>,
    plan: Plan<T>,
}

/// A layer, or what it takes to make one when its input is known.
enum Plan<T: Scalar> {
    Layer(Box<dyn Layer<T>>),
    Weighted(WeightedPlan<T>),
    /// A layer of which nothing can be changed before it is made.
    Other {
        kind: String,
        make: Box<Make<T>>,
    },
    Failed {
        kind: &'static str,
        error: Error,
    },
}

/// Makes a layer for an input.
type Make<T> = dyn FnOnce(&Shape, &mut dyn Rng) -> Result<Box<dyn Layer<T>>>;

impl<T: Scalar> Sequential<T> {
    /// Begins a model whose input samples have this shape, the batch axis left out.
    #[must_use]
    pub fn builder(input: impl Into<Shape>) -> Builder<T> {
        Builder { input: Some(input.into()), layers: Vec::new(), classes: None }
    }
}

impl<T: Scalar> Builder<T> {
    /// The layers of a path, on an input that is not known yet.
    pub(super) fn of_path() -> Self {
        Self { input: None, layers: Vec::new(), classes: None }
    }

    /// Joins all axes of a sample into one. Free of cost.
    #[must_use]
    pub fn flatten(self) -> Self {
        self.layer(Flatten::new())
    }

    /// Gives each sample another shape. Free of cost.
    #[must_use]
    pub fn reshape(self, sample: impl Into<Shape>) -> Self {
        self.layer(Reshape::new(sample))
    }

    /// A dense layer with this many outputs on the last axis, with a bias, initialised as PyTorch does. Images are flattened
    /// before it, unless each pixel is to go through it for itself.
    #[must_use]
    pub fn dense(self, outputs: usize) -> Self {
        self.weighted(DensePlan { outputs })
    }

    /// A function of each element.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Self {
        self.layer(activation)
    }

    /// Probabilities: for a model that is used, not for one that is trained on logits.
    #[must_use]
    pub fn softmax(self) -> Self {
        self.layer(Softmax)
    }

    /// Logarithms of probabilities.
    #[must_use]
    pub fn log_softmax(self) -> Self {
        self.layer(LogSoftmax)
    }

    /// Drops this share of the elements while training.
    #[must_use]
    pub fn dropout(self, rate: f64) -> Self {
        self.made("dropout", Dropout::new(rate))
    }

    /// Drops this share of the channels while training.
    #[must_use]
    pub fn dropout2d(self, rate: f64) -> Self {
        self.made("dropout2d", Dropout2d::new(rate))
    }

    /// `[channels, height, width]` becomes `[height, width, channels]`, and `[channels, length]` `[length, channels]`.
    #[must_use]
    pub fn channels_last(self) -> Self {
        self.layer(ChannelsLast)
    }

    /// `[height, width, channels]` becomes `[channels, height, width]`, and `[length, channels]` `[channels, length]`.
    #[must_use]
    pub fn channels_first(self) -> Self {
        self.layer(ChannelsFirst)
    }

    /// Normalises each channel of the last axis, over the batch and all other axes: [`BatchNorm`] with PyTorch's settings.
    #[must_use]
    pub fn batch_norm(self) -> Self {
        self.made_later("batch_norm", |input, _| match input.axes().last() {
            Some(&channels) => Ok(Box::new(BatchNorm::new(channels)?)),
            None => Err(Error::shape("input", "[batch, …, channels]", input.batch_pattern())),
        })
    }

    /// Normalises the last axis, each row of it for itself: [`LayerNorm`] with PyTorch's settings.
    #[must_use]
    pub fn layer_norm(self) -> Self {
        self.made_later("layer_norm", |input, _| match input.axes().last() {
            Some(&last) => Ok(Box::new(LayerNorm::new([last])?)),
            None => Err(Error::shape("input", "[batch, …, features]", input.batch_pattern())),
        })
    }

    /// Scales each feature of the last axis by its mean and deviation in these samples: [`Normalization::fit`].
    #[must_use]
    pub fn normalization<'a>(self, samples: impl Into<TensorView<'a, T>>) -> Self {
        self.made("normalization", Normalization::fit(samples))
    }

    /// Replaces each whole number below `vocabulary` by a row of `dimension` numbers: [`Embedding`], initialised as
    /// PyTorch does.
    #[must_use]
    pub fn embedding(self, vocabulary: usize, dimension: usize) -> Self {
        self.made_later("embedding", move |_, rng| {
            Ok(Box::new(Embedding::random(vocabulary, dimension, rng)?))
        })
    }

    /// Adds any layer: one of [`layers`](crate::layers), one of your own, or another model.
    #[must_use]
    pub fn layer(self, layer: impl Layer<T> + 'static) -> Self {
        self.boxed(Box::new(layer))
    }

    pub(crate) fn boxed(self, layer: Box<dyn Layer<T>>) -> Self {
        self.plan(Plan::Layer(layer))
    }

    /// Names the layer added last, as parameters, files and errors then call it. Unnamed layers are called by their position from 0, as
    /// PyTorch does. A name has no dot and does not begin with `@`; no two layers have the same.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        let Some(planned) = self.layers.last_mut() else {
            return self.failed("named", Error::setting("named", "a layer before it", "none"));
        };
        if let Err(error) = check_name("layer name", name) {
            return self.fail("named", error);
        }
        planned.name = Some(name.to_owned());
        self
    }

    /// Leaves out the bias of the dense layer or convolution added last.
    #[must_use]
    pub fn without_bias(self) -> Self {
        self.change("without_bias", |plan| plan.bias = None)
    }

    /// Initialises the weight of the dense layer or convolution added last: [`Init::Linear`](crate::init::Init::Linear) unless told.
    #[must_use]
    pub fn weight_init(self, init: impl Initializer<T> + 'static) -> Self {
        self.change("weight_init", |plan| plan.weight = Box::new(init))
    }

    /// Initialises the bias of the dense layer or convolution added last: [`Init::Linear`](crate::init::Init::Linear) unless told.
    #[must_use]
    pub fn bias_init(self, init: impl Initializer<T> + 'static) -> Self {
        self.change("bias_init", |plan| plan.bias = Some(Box::new(init)))
    }

    /// Makes the parameters, and checks that every layer takes what the one before it gives.
    ///
    /// # Errors
    /// [`Error::Layer`] with what is wrong with the first layer that does not fit, its position, name and kind; [`Error::Shape`] for
    /// an input without elements or with so many axes that a batch has no room, [`Error::Empty`] without layers, what
    /// [`Sequential::set_classes`] says of names of classes.
    pub fn build(self, rng: &mut impl Rng) -> Result<Sequential<T>> {
        let input =
            self.input.ok_or_else(|| Error::setting("build", "a builder of a model", "one of a path"))?;
        self.build_on(input, rng)
    }

    /// The same, on an input of this shape.
    pub(super) fn build_on(self, input: Shape, rng: &mut dyn Rng) -> Result<Sequential<T>> {
        let mut assembly = Assembly::new(input)?;
        for Planned { name, plan } in self.layers {
            let (position, shape) = (assembly.len(), assembly.output());
            let name = name.unwrap_or_else(|| position.to_string());
            let told = |kind: &str, error: Error| error.in_layer(label(position, &name, kind));
            let layer = match plan {
                Plan::Layer(layer) => layer,
                Plan::Weighted(plan) => {
                    plan.build(&shape, rng).map_err(|error| told(&plan.layer.describe(), error))?
                }
                Plan::Other { kind, make } => make(&shape, rng).map_err(|error| told(&kind, error))?,
                Plan::Failed { kind, error } => return Err(told(kind, error)),
            };
            assembly.push(name, layer)?;
        }
        let mut model = assembly.finish()?;
        self.classes.map_or(Ok(()), |names| model.set_classes(names))?;
        Ok(model)
    }

    /// A layer whose settings were checked.
    pub(super) fn made(self, kind: &'static str, layer: Result<impl Layer<T> + 'static>) -> Self {
        match layer {
            Ok(layer) => self.layer(layer),
            Err(error) => self.failed(kind, error),
        }
    }

    /// A layer that is made when its input is known.
    pub(super) fn made_later(
        self,
        kind: impl Into<String>,
        make: impl FnOnce(&Shape, &mut dyn Rng) -> Result<Box<dyn Layer<T>>> + 'static,
    ) -> Self {
        self.plan(Plan::Other { kind: kind.into(), make: Box::new(make) })
    }

    /// A layer that cannot be made.
    pub(super) fn failed(self, kind: &'static str, error: Error) -> Self {
        self.plan(Plan::Failed { kind, error })
    }

    /// The layer added last cannot be made; where that is known of it already, the first reason stays.
    fn fail(mut self, kind: &'static str, error: Error) -> Self {
        match self.layers.last_mut() {
            Some(Planned { plan: Plan::Failed { .. }, .. }) => self,
            Some(planned) => {
                planned.plan = Plan::Failed { kind, error };
                self
            }
            None => self.failed(kind, error),
        }
    }

    /// A layer with weights.
    pub(super) fn weighted(self, layer: impl Weighted<T> + 'static) -> Self {
        self.plan(Plan::Weighted(WeightedPlan::new(layer)))
    }

    fn plan(mut self, plan: Plan<T>) -> Self {
        self.layers.push(Planned { name: None, plan });
        self
    }

    fn change(self, method: &'static str, change: impl FnOnce(&mut WeightedPlan<T>)) -> Self {
        let expected = "a dense layer or a convolution added by the builder before it";
        self.change_weighted(method, expected, |plan| {
            change(plan);
            true
        })
    }

    /// Changes the plan of the layer added last, where there is one that `change` can change.
    pub(super) fn change_weighted(
        mut self,
        method: &'static str,
        expected: &'static str,
        change: impl FnOnce(&mut WeightedPlan<T>) -> bool,
    ) -> Self {
        let got = match self.layers.last_mut().map(|planned| &mut planned.plan) {
            Some(Plan::Weighted(plan)) => {
                if change(plan) {
                    return self;
                }
                plan.layer.describe()
            }
            Some(Plan::Layer(layer)) => layer.describe(),
            Some(Plan::Other { kind, .. }) => kind.clone(),
            Some(Plan::Failed { .. }) => return self,
            None => "none".to_owned(),
        };
        self.fail(method, Error::setting(method, expected, got))
    }
}

impl<T: Scalar> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let input = self.input.map_or_else(|| "of a path".to_owned(), |input| input.to_string());
        write!(f, "Builder for input {input}, {} layers so far", self.layers.len())
    }
}
