//! The model: its layers, and access to them and their parameters.

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::class_names::ClassNames;
use super::forms::Forms;
use super::step::{Route, Step, take_pools_along};
use crate::kernels::Parallelism;
use crate::layers::{
    Backward, Forward, GradientSink, Layer, Memory, Mode, OnnxGraph, OnnxValue, Order, OutputKind, Param,
    Turn, number_params,
};
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, TensorView, TensorViewMut};

/// A model: layers one after another, each taking what the one before it gives. PyTorch's `nn.Sequential`, Keras's `Sequential`.
///
/// Shapes are inferred and checked once, when the model is built. After that a pass checks the input's shape and
/// the workspace, and once after parameters were handed out that no other was put in the place of one.
///
/// ```
/// use taper::{Mode, Sequential, Tensor};
///
/// let model = Sequential::<f32>::builder([7, 7, 256])
///     .flatten()
///     .dense(32).relu()
///     .dense(3)
///     .build(&mut taper::seeded(7))?;
///
/// let x = Tensor::zeros([4, 7, 7, 256])?;
/// let logits = model.predict(&x)?;                   // allocates what it needs
/// let mut workspace = model.workspace(Mode::Infer, 4)?;
/// assert_eq!(model.infer(&x, &mut workspace)?, logits.view()); // allocates nothing
/// # Ok::<(), taper::Error>(())
/// ```
///
/// | to | there is |
/// |---|---|
/// | make one | [`builder`](Sequential::builder); from a file [`open`](Sequential::open), `from_onnx` |
/// | use it | [`predict`](Sequential::predict), [`classify`](Sequential::classify), [`infer`](Sequential::infer) without allocating; [`evaluate`](Sequential::evaluate) |
/// | train it | a [`Trainer`](crate::Trainer); by hand [`workspace`](Sequential::workspace), [`forward_pass`](Sequential::forward_pass), [`Workspace::loss`](super::Workspace::loss), [`backward_pass`](Sequential::backward_pass) |
/// | keep it | [`save`](Sequential::save), [`load`](Sequential::load), [`state`](Sequential::state), `to_onnx` |
/// | look at it | [`summary`](Sequential::summary), [`layers`](Sequential::layers), [`param`](Sequential::param), [`input_gradient`](Sequential::input_gradient) |
/// | change it | [`param_mut`](Sequential::param_mut), [`freeze`](Sequential::freeze), [`split_at`](Sequential::split_at), [`set_classes`](Sequential::set_classes) |
/// | make it faster or smaller | [`for_inference`](Sequential::for_inference), [`quantized`](Sequential::quantized), [`narrow`](crate::narrow) |
///
/// ONNX is behind the feature `onnx`.
///
/// A model is a [`Layer`], so models nest. It is `Sync`: many threads can [`infer`](Sequential::infer) with one
/// model, each with a workspace of its own or one of a [`WorkspacePool`](super::WorkspacePool).
#[derive(Clone)]
pub struct Sequential<T: Scalar> {
    // The same in clones, which have the same layers: a workspace fits all of them.
    id: usize,
    input: Shape,
    output: Shape,
    // That of the inputs, where more is known of it than their shape tells.
    pub(super) order: Option<Order>,
    pub(super) classes: Option<ClassNames>,
    steps: Vec<Step<T>>,
    infer: Route,
    train: Route,
    forms: Forms,
}

impl<T: Scalar> Sequential<T> {
    pub(super) fn from_steps(input: Shape, output: Shape, mut steps: Vec<Step<T>>) -> Result<Self> {
        if steps.is_empty() {
            return Err(Error::Empty { what: "layers of the model" });
        }
        for index in 0..steps.len() {
            if steps[..index].iter().any(|step| step.name == steps[index].name) {
                let Step { layer, name, .. } = &steps[index];
                let label = format!("layer {index} `{name}` ({})", layer.describe());
                return Err(Error::DuplicateName { name: name.clone() }.in_layer(label));
            }
            let Step { layer, name, .. } = &mut steps[index];
            layer.params_mut(&mut |param| param.prefix_name(name));
        }
        Ok(Self::of_named(input, output, steps))
    }

    /// A model of steps whose parameters have their names already.
    pub(super) fn of_named(input: Shape, output: Shape, mut steps: Vec<Step<T>>) -> Self {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        for index in 0..steps.len() {
            let is_applied = index > 0 && steps[index - 1].layer.applies_activation();
            steps[index].fused = steps[index].layer.activation().filter(|_| is_applied);
        }
        take_pools_along(&mut steps);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let (infer, train) = (Route::new(&steps, Mode::Infer), Route::new(&steps, Mode::Train));
        let forms = Forms::none();
        let mut model = Self { id, input, output, order: None, classes: None, steps, infer, train, forms };
        number_params(&mut model);
        model.forms = Forms::of(&model);
        model
    }

    /// The shape of one input sample.
    #[must_use]
    pub fn input(&self) -> Shape {
        self.input
    }

    /// The shape of one output sample.
    #[must_use]
    pub fn output(&self) -> Shape {
        self.output
    }

    /// The number of layers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no layer: never, for a model has at least one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The layers with their names, from the first to the last.
    #[must_use]
    pub fn layers(&self) -> impl ExactSizeIterator<Item = (&str, &dyn Layer<T>)> {
        self.steps.iter().map(|step| (step.name.as_str(), &*step.layer))
    }

    /// The number of trainable numbers, frozen ones included: Keras's `count_params`. [Statistics](Param::statistic) are not among them; the
    /// [summary](Sequential::summary) counts them apart.
    #[must_use]
    pub fn parameters(&self) -> usize {
        let mut count = 0;
        self.params(&mut |param| count += if param.is_statistic() { 0 } else { param.count() });
        count
    }

    pub(super) fn id(&self) -> usize {
        self.id
    }

    pub(super) fn steps(&self) -> &[Step<T>] {
        &self.steps
    }

    /// The way through the steps in a mode.
    pub(super) fn route(&self, mode: Mode) -> &Route {
        match mode {
            Mode::Infer => &self.infer,
            Mode::Train => &self.train,
        }
    }

    pub(super) fn steps_mut(&mut self) -> &mut [Step<T>] {
        &mut self.steps
    }

    /// The lowest step that has something to learn.
    pub(super) fn lowest_trainable(&self) -> Option<usize> {
        self.steps.iter().position(Step::is_trainable)
    }

    /// An error of one of the steps, told with its place.
    pub(super) fn error_in(&self, index: usize, error: Error) -> Error {
        let step = &self.steps[index];
        error.in_layer(format_args!("layer {index} `{}` ({})", step.name, step.layer.describe()))
    }

    /// Whether the parameters are still those that the model was built with: whoever gets hold of one can put another in its place.
    pub(crate) fn check_params(&self) -> Result<()> {
        self.forms.check(self)
    }

    /// The batch size of an input that fits.
    pub(super) fn check_input(&self, x: TensorView<'_, T>) -> Result<usize> {
        self.check_params()?;
        match x.shape().split_batch() {
            Some((0, sample)) if sample == self.input => Err(Error::Empty { what: "samples of the batch" }),
            Some((batch, sample)) if sample == self.input => Ok(batch),
            _ if x.shape() == self.input => Err(Error::Shape {
                what: "input",
                expected: self.input.batch_pattern(),
                got: x.shape().to_string(),
                hint: "a single sample is a batch of 1",
            }),
            _ => Err(Error::shape("input", self.input.batch_pattern(), x.shape())),
        }
    }

    /// How many threads share what has so many products of each layer for so many samples: as many as the largest layer
    /// keeps busy.
    pub(crate) fn threads(&self, products: usize, batch: usize, parallelism: Parallelism) -> usize {
        let largest = self.steps.iter().map(|step| step.layer.multiply_adds(&step.input)).max().unwrap_or(0);
        // A weight takes as long to read as four samples take to compute.
        parallelism.threads_together(products, largest.saturating_mul(batch.max(4) as u64))
    }

    /// What the first of the layers make of inputs that are this.
    pub(super) fn kind_after(&self, layers: usize, input: OutputKind) -> OutputKind {
        self.steps[..layers].iter().fold(input, |kind, step| {
            let kind = step.layer.output_kind(kind);
            let is_regrouped = step.reshapes && step.output.axes().last() != step.input.axes().last();
            if is_regrouped { kind.regrouped() } else { kind }
        })
    }

    /// Each layer with the shape of the samples that it takes.
    pub(crate) fn layers_with_inputs(&self) -> impl Iterator<Item = (&dyn Layer<T>, &Shape)> {
        self.steps.iter().map(|step| (&*step.layer, &step.input))
    }
}

impl<T: Scalar> Layer<T> for Sequential<T> {
    fn kind(&self) -> &'static str {
        "sequential"
    }

    fn describe(&self) -> String {
        format!("sequential of {} layers", self.steps.len())
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        if *input == self.input {
            return Ok(self.output);
        }
        Err(Error::shape("input", self.input.batch_pattern(), input.batch_pattern()))
    }

    fn memory(&self, _: &Shape, batch: usize, mode: Mode) -> Memory {
        self.pass_memory(batch, mode)
    }

    fn check_batch(&self, _: &Shape, batch: usize, mode: Mode) -> Result<()> {
        self.check_steps(batch, mode)
    }

    fn check_mode(&self, mode: Mode) -> Result<()> {
        self.check_modes(mode)
    }

    fn vocabulary(&self) -> Option<usize> {
        self.steps.iter().find(|step| !step.reshapes)?.layer.vocabulary()
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        y: TensorViewMut<'_, T>,
        context: &mut Forward<'_, T>,
    ) -> Result<()> {
        self.forward_as_layer(x, y, context)
    }

    fn backward(&mut self, pass: Backward<'_, T>, sink: &mut dyn GradientSink<T>) -> Result<()> {
        self.backward_as_layer(pass, sink)
    }

    fn params<'a>(&'a self, visit: &mut dyn FnMut(&'a Param<T>)) {
        self.steps.iter().for_each(|step| step.layer.params(visit));
    }

    fn params_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&'a mut Param<T>)) {
        self.forms.may_change();
        self.steps.iter_mut().for_each(|step| step.layer.params_mut(visit));
    }

    fn turns(&self, input: &Shape, order: Order, visit: &mut dyn FnMut(Turn)) -> Order {
        let mut turns = Vec::new();
        let order = self.walk(self.inner_order(order, input), &mut turns).order;
        turns.into_iter().for_each(visit);
        order
    }

    fn output_order(&self, input: &Shape, order: Order) -> Order {
        self.turns(input, order, &mut |_| {})
    }

    fn output_kind(&self, input: OutputKind) -> OutputKind {
        self.kind_after(self.steps.len(), input)
    }

    fn onnx<'a>(&'a self, x: OnnxValue, graph: &mut OnnxGraph<'a, T>) -> Result<OnnxValue> {
        Ok(self.operations(x, graph))
    }

    fn follows_batches(&self) -> bool {
        self.steps.iter().any(|step| step.layer.follows_batches())
    }

    fn multiply_adds(&self, _: &Shape) -> u64 {
        self.steps.iter().map(|step| step.layer.multiply_adds(&step.input)).sum()
    }
}

impl<T: Scalar> fmt::Debug for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = self.steps.iter().map(|step| (&step.name, step.layer.describe()));
        write!(f, "Sequential {} -> {} ", self.input, self.output)?;
        f.debug_map().entries(layers).finish()
    }
}
