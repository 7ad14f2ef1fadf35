//! The `Layer` trait: a function with parameters and its gradient.

use core::any::Any;
use core::fmt::Debug;

use super::{
    Activation, GradientSink, OnnxGraph, OnnxValue, Order, Others, OutputKind, Param, PoolAlong, RandomKey,
    Settings, Turn, Units,
};
use crate::kernels::Parallelism;
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// One step of a model: y = f(x), and from the gradient of a loss with respect to y those with respect to x and
/// to the parameters.
///
/// A layer owns its parameters and nothing else. What it remembers between forward and backward lies in
/// [`Forward::cache`], which the workspace owns; so one model can be used from many threads.
///
/// Shapes here are those of one sample: they leave out the batch axis, which is the first axis of every tensor
/// that comes in. Only [`Layer::kind`], [`Layer::output_shape`], [`Layer::forward`] and [`Layer::backward`] have
/// to be written, and the two visitors where there are parameters. A type that is `Clone` and `Debug` fulfils the rest.
///
/// A model calls these methods as it promises here: with shapes that [`Layer::output_shape`] agreed on and the memory that
/// [`Layer::memory`] asked for. Whoever calls a layer by hand ([`Forward::new`], [`Backward::new`]) has to do so too: a layer of this crate may
/// panic otherwise.
///
/// ```
/// use taper::layers::{Along, Backward, Forward, GradientSink, Whole};
/// use taper::{Layer, Param, Result, Shape, Tensor, TensorView, TensorViewMut, gradcheck};
///
/// /// y = scale·x, with one number that is learned.
/// #[derive(Debug, Clone)]
/// struct Scale(Param<f64>);
///
/// impl Layer<f64> for Scale {
///     fn kind(&self) -> &'static str {
///         "scale"
///     }
///     fn output_shape(&self, input: &Shape) -> Result<Shape> {
///         Ok(*input)
///     }
///     fn forward(&self, x: TensorView<f64>, mut y: TensorViewMut<f64>, _: &mut Forward<f64>) -> Result<()> {
///         let scale = self.0.buffer()[0];
///         y.as_mut_slice().iter_mut().zip(x.as_slice()).for_each(|(y, x)| *y = scale * x);
///         Ok(())
///     }
///     fn backward(&mut self, pass: Backward<f64>, sink: &mut dyn GradientSink<f64>) -> Result<()> {
///         let (x, dy, scale) = (pass.x.as_slice(), pass.dy.as_slice(), self.0.buffer()[0]);
///         if let Some(mut dx) = pass.dx {
///             dx.as_mut_slice().iter_mut().zip(dy).for_each(|(dx, dy)| *dx = scale * dy);
///         }
///         if self.0.is_frozen() {
///             return Ok(());
///         }
///         let gradient = x.iter().zip(dy).map(|(x, dy)| x * dy).sum();
///         sink.take(&mut self.0, &Whole(&[gradient]))
///     }
///     fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<f64>)) {
///         visit(&self.0);
///     }
///     fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<f64>)) {
///         visit(&mut self.0);
///     }
/// }
///
/// let scale = Param::new("scale", &Tensor::from([2.0])).with_along(Along::Nothing);
/// gradcheck::layer(&mut Scale(scale), &Tensor::from([[0.5, -1.0], [2.0, 3.0]]))?;
/// # Ok::<(), taper::Error>(())
/// ```
///
/// `examples/custom_layer.rs` is a larger one, `examples/gate.rs` one with two models inside.
pub trait Layer<T: Scalar>: CloneLayer<T> + Any + Debug + Send + Sync {
    /// The kind in one lower-case word, with underscores: `dense`, `layer_norm`. Files tell layers by it.
    fn kind(&self) -> &'static str;

    /// The kind with the sizes that matter: `dense 1024 -> 512`.
    fn describe(&self) -> String {
        self.kind().to_owned()
    }

    /// The shape of one sample's output. All checks of shapes and settings happen here, once, when the model
    /// is built; [`Layer::forward`] can rely on them.
    ///
    /// # Errors
    /// Where the layer cannot take such an input; the text says what it expects.
    fn output_shape(&self, input: &Shape) -> Result<Shape>;

    /// What the workspace has to provide for a batch of inputs of this shape; nothing unless written.
    fn memory(&self, input: &Shape, batch: usize, mode: Mode) -> Memory {
        let _ = (input, batch, mode);
        Memory::default()
    }

    /// Whether a pass can take a batch of so many inputs of this shape. [`Trainer::fit`](crate::Trainer::fit) asks for
    /// every size of batch that it will come to before it makes the first step.
    ///
    /// Unless written, it can take any.
    ///
    /// # Errors
    /// Those that [`Layer::forward`] would give for the size alone.
    fn check_batch(&self, input: &Shape, batch: usize, mode: Mode) -> Result<()> {
        let _ = (input, batch, mode);
        Ok(())
    }

    /// Whether the layer can be used so at all. A layer that has no gradients refuses [`Mode::Train`]; one that has layers inside asks
    /// them. A workspace asks when it is made.
    ///
    /// # Errors
    /// Where it cannot; the text says why.
    fn check_mode(&self, mode: Mode) -> Result<()> {
        let _ = mode;
        Ok(())
    }

    /// Where an input is a whole number that stands for something: how many such numbers there are, from 0.
    /// [`Trainer::fit`](crate::Trainer::fit) looks through the inputs of its first layer for others.
    fn vocabulary(&self) -> Option<usize> {
        None
    }

    /// Computes y from x. Both have the shapes that [`Layer::output_shape`] agreed on, with the batch in front.
    ///
    /// A layer inside of this one runs by [`Forward::run`] or [`Forward::run_into`], and back by [`Backward::run`].
    ///
    /// # Errors
    /// Where the values make it impossible; shapes are right already.
    fn forward(
        &self,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()>;

    /// Computes dx where it is asked for, and then hands the gradient of each parameter to the sink, which may
    /// change the parameter at once.
    ///
    /// # Errors
    /// Those of the sink.
    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()>;

    /// Calls `visit` with each parameter, always in the same order.
    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        let _ = visit;
    }

    /// Calls `visit` with each parameter, in the order of [`Layer::params`].
    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        let _ = visit;
    }

    /// Whether a backward pass takes the batch into [statistics](Param::statistic), though no parameter learns: a pass goes down
    /// to such a layer, as it does to one that learns. To be told by a layer that has models of its own, too. False unless written.
    fn follows_batches(&self) -> bool {
        false
    }

    /// Whether y is x with another shape. The model then runs neither forward nor backward: it passes the
    /// buffer on.
    fn is_reshape(&self) -> bool {
        false
    }

    /// The function, where the layer applies one to each element; the layer before it may then run it.
    fn activation(&self) -> Option<Activation> {
        None
    }

    /// Whether [`Layer::forward`] applies [`Forward::activation`] to its result.
    fn applies_activation(&self) -> bool {
        false
    }

    /// The order of the outputs, of inputs of this shape in this order; for files that keep images in another order.
    ///
    /// Unless it is written: a layer whose output has the shape of its input keeps the order, one that makes an image makes
    /// one with its channels last, and of anything else made of an image the order is not known.
    fn output_order(&self, input: &Shape, order: Order) -> Order {
        match self.output_shape(input) {
            Ok(output) if self.is_reshape() => order.reshaped(input, &output),
            Ok(output) if output == *input => order,
            Ok(output) if output.rank() >= 3 || order == Order::Same => Order::of_sample(&output),
            _ => Order::Unknown,
        }
    }

    /// Calls `visit` for each parameter, in the order of [`Layer::params`], with the way in which it lies where images have
    /// their channels first, and gives the order of the outputs. To be written by a layer that has models of its own: they
    /// know it of theirs.
    fn turns(&self, input: &Shape, order: Order, visit: &mut dyn FnMut(Turn)) -> Order {
        self.params(&mut |param| visit(order.turn(param, input)));
        self.output_order(input, order)
    }

    /// What the outputs are, of inputs that are this. Unless it is written: any [values](OutputKind::Values), or the inputs as
    /// they are where the layer [only reshapes](Layer::is_reshape).
    fn output_kind(&self, input: OutputKind) -> OutputKind {
        if self.is_reshape() { input } else { OutputKind::Values }
    }

    /// The units of the outputs, where each unit of inputs of this shape goes through the layer alone: no number of another one has a
    /// part in what becomes of it. `None` where units meet, or where it is not known; a model is then not
    /// [narrowed](crate::narrow) across this layer.
    ///
    /// Unless it is written: an [activation](Layer::activation) and what [only reshapes](Layer::is_reshape) leave units where they lie,
    /// and nothing is known of other layers.
    fn units_through(&self, input: &Shape, units: Units) -> Option<Units> {
        let _ = input;
        (self.is_reshape() || self.activation().is_some()).then_some(units)
    }

    /// The layer for inputs that have only these units, in increasing order, of those that [`Layer::units_through`] agreed on. To be
    /// written where a parameter or a setting has a number for each unit; a copy unless written.
    ///
    /// # Errors
    /// Where there can be no such layer.
    fn with_units(&self, input: &Shape, units: Units, kept: &[usize]) -> Result<Box<dyn Layer<T>>> {
        let _ = (input, units, kept);
        Ok(self.clone_layer())
    }

    /// What the layer was made with, beside its parameters: a file keeps it, and
    /// [`Open::with_layer`](crate::io::Open::with_layer) makes the layer of it again. Nothing unless written.
    fn settings(&self) -> Settings {
        Settings::new()
    }

    /// The layer as operations of ONNX, which are added to a graph, on the value that it takes; gives the value that it makes.
    /// `Sequential::to_onnx` asks for it. In a graph are the operations of inference: dropout adds none.
    ///
    /// ```
    /// use taper::layers::{Backward, Forward, GradientSink, OnnxGraph, OnnxValue};
    /// use taper::{Layer, Result, Shape, TensorView, TensorViewMut};
    ///
    /// /// y = |x|.
    /// #[derive(Debug, Clone)]
    /// struct Magnitude;
    ///
    /// impl Layer<f32> for Magnitude {
    ///     fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, f32>) -> Result<OnnxValue> {
    ///         Ok(graph.node("Abs", &[x], &[], x.shape()))
    ///     }
    ///     // …
    /// #     fn kind(&self) -> &'static str {
    /// #         "magnitude"
    /// #     }
    /// #     fn output_shape(&self, input: &Shape) -> Result<Shape> {
    /// #         Ok(*input)
    /// #     }
    /// #     fn forward(&self, x: TensorView<f32>, mut y: TensorViewMut<f32>, _: &mut Forward<f32>) -> Result<()> {
    /// #         x.as_slice().iter().zip(y.as_mut_slice()).for_each(|(x, y)| *y = x.abs());
    /// #         Ok(())
    /// #     }
    /// #     fn backward(&mut self, _: Backward<f32>, _: &mut dyn GradientSink<f32>) -> Result<()> {
    /// #         Ok(())
    /// #     }
    /// }
    /// # let _ = Magnitude;
    /// ```
    ///
    /// # Errors
    /// Where there are no such operations, as of a layer that does not write this method.
    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        let _ = (x, graph);
        Err(Error::setting("layer", "one of which it is known how operations of ONNX do it", self.kind()))
    }

    /// Multiply-adds for one sample: for the [summary](crate::Sequential::summary), and to tell whether several threads pay. 0 unless
    /// written.
    fn multiply_adds(&self, input: &Shape) -> u64 {
        let _ = input;
        0
    }
}

/// Implemented for every layer that is `Clone`, so that models can be cloned.
pub trait CloneLayer<T> {
    /// A copy of the layer on the heap.
    fn clone_layer(&self) -> Box<dyn Layer<T>>;
}

impl<T: Scalar, L: Layer<T> + Clone + 'static> CloneLayer<T> for L {
    fn clone_layer(&self) -> Box<dyn Layer<T>> {
        Box::new(self.clone())
    }
}

impl<T: Scalar> Clone for Box<dyn Layer<T>> {
    fn clone(&self) -> Self {
        (**self).clone_layer()
    }
}

/// What a pass is for: PyTorch's `eval()` and `train()`, Keras's `training`.
///
/// ```
/// use taper::{Mode, Sequential, Tensor};
///
/// let model = Sequential::<f32>::builder([1000]).dropout(0.5).build(&mut taper::seeded(0))?;
/// let (x, mut workspace) = (Tensor::full([1, 1000], 1.0)?, model.workspace(Mode::Train, 1)?);
/// assert_eq!(model.infer(&x, &mut workspace)?, x.view());
/// assert_ne!(model.forward_pass(&x, &mut workspace)?, x.view());
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Outputs only: dropout does nothing, and nothing is kept for a backward pass.
    Infer,
    /// Outputs and then gradients.
    Train,
}

/// Numbers of elements that a layer needs from the workspace. [`Memory::of_part`] and what follows it put together the need of a layer
/// that has layers inside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Kept from forward to backward.
    pub cache: usize,
    /// Free to use during one call; what it holds is lost after.
    pub scratch: usize,
}

/// What a forward pass brings with it: [`Layer::forward`] gets it from a model, and [`Forward::new`] makes it for a layer alone.
#[derive(Debug)]
#[non_exhaustive]
pub struct Forward<'a, T> {
    /// What the pass is for.
    pub mode: Mode,
    /// Kept until backward; as long as [`Layer::memory`] said.
    pub cache: &'a mut [T],
    /// Free to use during the call; at least as long as [`Layer::memory`] said.
    pub scratch: &'a mut [T],
    /// Where random masks come from.
    pub random: RandomKey,
    /// How many threads may be used.
    pub parallelism: Parallelism,
    /// To be applied to y by a layer that [applies activations](Layer::applies_activation).
    pub activation: Option<Activation>,
    /// To be applied to y, after the activation, by a convolution whose plan has told it so.
    pub(crate) pool: Option<PoolAlong>,
    /// Who shares the batch, where layers are to see the whole of it.
    pub(crate) others: Option<&'a dyn Others>,
    /// How many layers inside of this one have run.
    pub(crate) parts: usize,
}

/// Gives dy·f′(x) of an activation f, from x, y and dy.
type Chain<T> = fn(Activation, &[T], &[T], &mut [T]);

/// What a backward pass brings with it: [`Layer::backward`] gets it from a model, and [`Backward::new`] makes it for a layer alone.
#[derive(Debug)]
#[non_exhaustive]
pub struct Backward<'a, T> {
    /// The input of the forward pass.
    pub x: TensorView<'a, T>,
    /// The output of the forward pass.
    pub y: TensorView<'a, T>,
    /// The gradient of the loss with respect to y. May be overwritten.
    pub dy: TensorViewMut<'a, T>,
    /// To be filled with the gradient with respect to x, where it is asked for. Holds anything before.
    pub dx: Option<TensorViewMut<'a, T>>,
    /// What forward left in [`Forward::cache`].
    pub cache: &'a [T],
    /// Free to use during the call; at least as long as [`Layer::memory`] said.
    pub scratch: &'a mut [T],
    /// That of the forward pass.
    pub random: RandomKey,
    /// How many threads may be used.
    pub parallelism: Parallelism,
    /// As in the forward pass.
    pub(crate) others: Option<&'a dyn Others>,
    /// [`Activation::chain`]. Who makes a backward pass brings it, so that programs without one have no derivatives in them.
    pub(crate) chain: Chain<T>,
    /// How many layers inside of this one have been found in the cache.
    pub(crate) parts: usize,
    /// Whether a part has written to dx: the next one adds.
    pub(crate) has_dx: bool,
}
