//! How a model is made of a file.

use alloc::sync::Arc;
use core::fmt;

use super::description::inside;
use super::header::Header;
use super::known::{Known, is_own};
use super::open_quantized::{Bytes, open_quantized};
use crate::layers::stored::Kind;
use crate::layers::{Layer, Settings, Stored, kinds::kinds};
use crate::prelude::*;
use crate::sequential::Quantization;
use crate::{Error, Result, Scalar, Sequential};

/// How a model is made of a file; for [`Sequential::open_with`](crate::Sequential::open_with).
///
/// It tells how layers of one's own are made ([`Open::with_layer`]), which layers of this crate there are in a program that is to be small
/// ([`Open::with_only`]), and whether weights get fewer bits ([`Open::quantized`]).
///
/// A layer of one's own gives what it was made with in [`Layer::settings`]; a file keeps that, and what is told here makes the layer of it,
/// with the models that it may hold and any numbers for parameters. Those come from the file then.
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
    known: Known<T>,
    quantized: Option<Arc<OpenQuantized<T>>>,
}

/// Makes a model of fewer bits of a file of this path and header, whose bytes are read when their turn comes.
type OpenQuantized<T> = dyn Fn(&str, &Header, &Bytes<'_>, &Known<T>) -> Result<Sequential<T>> + Send + Sync;

impl<T: Scalar> Open<T> {
    /// With all layers of this crate, and no others.
    #[must_use]
    pub fn new() -> Self {
        Self { known: Known::of(kinds(), Some(inside)), quantized: None }
    }

    /// With one kind of layers of this crate, and those that [`Open::and`] adds: a file with another layer is an error. A program that
    /// opens files so has the code of these layers in it and of no others, a fraction of what it is with all.
    ///
    /// ```
    /// use taper::io::{Open, Save};
    /// use taper::{Activation, Dense, Sequential};
    ///
    /// let model = Sequential::<f32>::builder([64]).dense(32).relu().dense(10).build(&mut taper::seeded(7))?;
    /// let bytes = model.to_bytes(&Save::new())?;
    ///
    /// let open = Open::with_only::<Dense<f32>>().and::<Activation>();
    /// let again = Sequential::open_bytes_with(&bytes, &open)?;
    /// assert_eq!(again.state(), model.state());
    /// assert!(Sequential::open_bytes_with(&bytes, &Open::with_only::<Dense<f32>>()).is_err());
    /// # Ok::<(), taper::Error>(())
    /// ```
    #[must_use]
    pub fn with_only<L: Stored<T>>() -> Self {
        Self { known: Known::of(vec![Kind::of::<L>()], None), quantized: None }
    }

    /// One more kind of layers, after [`Open::with_only`].
    #[must_use]
    pub fn and<L: Stored<T>>(mut self) -> Self {
        self.known.kinds.push(Kind::of::<L>());
        self
    }

    /// Models in models and [`Branches`](crate::sequential::Branches) too, after [`Open::with_only`]; layers in them are of the same kinds.
    #[must_use]
    pub fn and_models_inside(mut self) -> Self {
        self.known.inside = Some(inside);
        self
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
        if kind.is_empty() || self.known.maker(kind).is_some() {
            return Err(Error::setting("with_layer", expected, format!("`{kind}`")));
        }
        self.known.add(kind, Arc::new(move |settings| Ok(Box::new(make(settings)?))));
        Ok(self)
    }

    /// What makes a model of fewer bits of a file, where it is to.
    pub(super) fn opens_quantized(&self) -> Option<&OpenQuantized<T>> {
        self.quantized.as_deref()
    }

    pub(super) fn known(&self) -> &Known<T> {
        &self.known
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
        self.quantized = Some(Arc::new(move |path, header, bytes, known| {
            open_quantized(path, header, bytes, known, &|model, fill| model.quantized_by(&quantization, fill))
        }));
        self
    }
}

impl<T: Scalar> Default for Open<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> fmt::Debug for Open<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.known.own();
        let fewer = if self.quantized.is_some() { " in fewer bits" } else { "" };
        write!(f, "Open{fewer} with layers ")?;
        f.debug_list().entries(kinds).finish()
    }
}
