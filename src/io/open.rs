//! How a model is made of a file.

use alloc::sync::Arc;
use core::fmt;

use crate::layers::{Layer, Settings, kinds};
use crate::prelude::*;
use crate::sequential::Quantization;
use crate::{Error, Result, Scalar, Sequential};

/// How a model is made of a file; for [`Sequential::open_with`](crate::Sequential::open_with).
///
/// It tells how layers of one's own are made. Such a layer gives what it was made with in [`Layer::settings`]; a file keeps that, and
/// what is here makes the layer of it, with the models that it may hold and any numbers for parameters. They come from the file then.
///
/// ```
/// use taper::io::{Open, Save};
/// use taper::layers::{Backward, Forward, GradientSink, Settings};
/// use taper::{Layer, Result, Sequential, Shape, TensorView, TensorViewMut};
///
/// /// Divides logits by a number.
/// #[derive(Debug, Clone)]
/// struct Temperature(f64);
///
/// impl Layer<f32> for Temperature {
///     fn kind(&self) -> &'static str {
///         "temperature"
///     }
///
///     fn settings(&self) -> Settings {
///         Settings::new().with("temperature", self.0)
///     }
///     // …
/// #    fn output_shape(&self, input: &Shape) -> Result<Shape> {
/// #        Ok(*input)
/// #    }
/// #
/// #    fn forward(&self, x: TensorView<'_, f32>, mut y: TensorViewMut<'_, f32>, _: &mut Forward<'_, f32>) -> Result<()> {
/// #        y.as_mut_slice().iter_mut().zip(x.as_slice()).for_each(|(y, x)| *y = x / self.0 as f32);
/// #        Ok(())
/// #    }
/// #
/// #    fn backward(&mut self, _: Backward<'_, f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
/// #        unreachable!("nothing is trained here")
/// #    }
/// }
///
/// let model = Sequential::builder([4]).dense(3).layer(Temperature(2.5)).build(&mut taper::seeded(7))?;
/// let bytes = model.to_bytes(&Save::new())?;
///
/// let open = Open::new().with_layer("temperature", |settings| Ok(Temperature(settings.number("temperature")?)))?;
/// let again = Sequential::open_bytes_with(&bytes, &open)?;
/// assert_eq!(format!("{again:?}"), format!("{model:?}"));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Clone)]
pub struct Open<T: Scalar> {
    makers: Vec<(String, Arc<Maker<T>>)>,
    quantize: Option<Arc<Quantize<T>>>,
}

/// Makes a model of fewer bits of one whose parameters what it is given puts there, a layer at a time.
pub(super) type Quantize<T> = dyn Fn(&Sequential<T>, &mut Fill<'_, T>) -> Result<Sequential<T>> + Send + Sync;

/// Puts the parameters of a layer there.
type Fill<'a, T> = dyn FnMut(&mut dyn Layer<T>) -> Result<()> + 'a;

/// Makes a layer of its settings.
type Maker<T> = dyn Fn(&Settings) -> Result<Box<dyn Layer<T>>> + Send + Sync;

impl<T: Scalar> Open<T> {
    /// With the layers of this crate alone.
    #[must_use]
    pub fn new() -> Self {
        Self { makers: Vec::new(), quantize: None }
    }

    /// Makes layers of this [kind](Layer::kind), wherever in the model they are.
    ///
    /// A size in the settings is what the file claims: a layer that takes much memory for it has to look at it before.
    ///
    /// # Errors
    /// [`Error::Setting`] for a kind of this crate, and for one that is told already.
    pub fn with_layer<L: Layer<T>>(
        mut self,
        kind: &str,
        make: impl Fn(&Settings) -> Result<L> + Send + Sync + 'static,
    ) -> Result<Self> {
        let expected = "a kind of one's own that was not told yet";
        if is_own(kind) {
            return Err(Error::setting("with_layer", expected, format!("`{kind}`, a layer of this crate")));
        }
        if kind.is_empty() || self.maker(kind).is_some() {
            return Err(Error::setting("with_layer", expected, format!("`{kind}`")));
        }
        self.makers.push((kind.to_owned(), Arc::new(move |settings| Ok(Box::new(make(settings)?)))));
        Ok(self)
    }

    pub(super) fn quantize(&self) -> Option<&Quantize<T>> {
        self.quantize.as_deref()
    }

    pub(super) fn maker(&self, kind: &str) -> Option<&Maker<T>> {
        self.makers.iter().find(|(known, _)| known == kind).map(|(_, make)| &**make)
    }
}

impl Open<f32> {
    /// Makes a model of fewer bits of a file whose model is one of `f32`, as [`Sequential::quantized`] does of a model: a layer at a
    /// time, so that memory holds the numbers of one layer in `f32` and not those of all. A check in the file is of the model as it
    /// was written, and is left out. A file of a model of 8-bit weights is opened without this.
    ///
    /// ```
    /// use taper::Sequential;
    /// use taper::io::{Open, Save};
    /// use taper::sequential::Quantization;
    ///
    /// let model = Sequential::<f32>::builder([64]).dense(32).relu().dense(10).build(&mut taper::seeded(7))?;
    /// let bytes = model.to_bytes(&Save::new())?;
    /// let small = Sequential::open_bytes_with(&bytes, &Open::new().quantized(&Quantization::int8()))?;
    /// assert_eq!(small.state(), model.quantized(&Quantization::int8())?.state());
    /// # Ok::<(), taper::Error>(())
    /// ```
    #[must_use]
    pub fn quantized(mut self, quantization: &Quantization) -> Self {
        let quantization = quantization.clone();
        self.quantize = Some(Arc::new(move |model, fill| model.quantized_by(&quantization, fill)));
        self
    }
}

/// Whether a layer of this kind is one of this crate's.
pub(super) fn is_own(kind: &str) -> bool {
    ["sequential", "branches"].contains(&kind)
        || kinds::<f32>().iter().any(|known| known.names.contains(&kind))
}

impl<T: Scalar> Default for Open<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> fmt::Debug for Open<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.makers.iter().map(|(kind, _)| kind);
        let fewer = if self.quantize.is_some() { " in fewer bits" } else { "" };
        write!(f, "Open{fewer} with layers ")?;
        f.debug_list().entries(kinds).finish()
    }
}
