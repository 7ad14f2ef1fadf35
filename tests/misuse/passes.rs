//! Passes, gradients and steps that do not fit together.

use taper::layers::Reshape;
use taper::losses::CrossEntropy;
use taper::optimizers::{Adam, Clip, MovingAverage, Optimizer, Rule, RuleSettings, Sgd, Update};
use taper::sequential::WorkspacePool;
use taper::{GradientStore, Mode, Sequential, Tensor, Workspace, seeded};

use super::{Case, error, model};

fn x(batch: usize) -> Tensor<f32> {
    Tensor::full([batch, 4], 1.0).unwrap()
}

/// 4 → 2: another model, with fewer parameters and other widths.
fn other() -> Sequential<f32> {
    Sequential::builder([4]).dense(2).build(&mut seeded(1)).unwrap()
}

/// The first layer of `model`, alone.
fn beginning() -> Sequential<f32> {
    Sequential::builder([4]).dense(3).named("fc1").build(&mut seeded(7)).unwrap()
}

fn workspace(mode: Mode) -> Workspace<f32> {
    model().workspace(mode, 2).unwrap()
}

fn zeros<const RANK: usize>(shape: [usize; RANK]) -> Tensor<f32> {
    Tensor::zeros(shape).unwrap()
}

/// Gradients of a model after a backward pass.
fn gradients(model: &mut Sequential<f32>) -> GradientStore<f32> {
    let mut workspace = model.workspace(Mode::Train, 2).unwrap();
    let mut gradients = GradientStore::new(model);
    model.forward_pass(&x(2), &mut workspace).unwrap();
    let labels = [0, 1];
    workspace.loss(&CrossEntropy::new(), &labels).unwrap();
    model.backward_pass(&x(2), &mut workspace, &mut gradients).unwrap();
    gradients
}

/// A step of the given optimizer, that has worked on `first`, on `second`.
fn step_on_another(mut optimizer: Optimizer<f32>, first: Sequential<f32>, second: Sequential<f32>) -> String {
    let (mut first, mut second) = (first, second);
    let mut store = gradients(&mut first);
    optimizer.step(&mut first, &mut store).unwrap();
    let mut store = gradients(&mut second);
    error(optimizer.step(&mut second, &mut store))
}

fn sgd() -> Optimizer<f32> {
    Optimizer::new(Sgd::new(0.1).unwrap())
}

/// A rule that remembers more than it may.
#[derive(Debug)]
struct Elephant(RuleSettings);

impl Rule<f32> for Elephant {
    fn kind(&self) -> &'static str {
        "elephant"
    }

    fn settings(&self) -> &RuleSettings {
        &self.0
    }

    fn settings_mut(&mut self) -> &mut RuleSettings {
        &mut self.0
    }

    fn buffers(&self) -> usize {
        4
    }

    fn update(&self, _: Update<'_, f32>) {}
}

/// What happens at `wrong` after a forward pass and a loss.
fn after_loss(
    wrong: impl Fn(&mut Sequential<f32>, &mut Workspace<f32>, &mut GradientStore<f32>) -> String,
) -> String {
    let mut model = model();
    let mut workspace = model.workspace(Mode::Train, 2).unwrap();
    let mut store = GradientStore::new(&mut model);
    model.forward_pass(&x(2), &mut workspace).unwrap();
    workspace.loss(&CrossEntropy::new(), &[0, 1]).unwrap();
    wrong(&mut model, &mut workspace, &mut store)
}

fn negative_variance() -> Sequential<f32> {
    let builder = Sequential::builder([4]).dense(4).batch_norm().named("norm");
    let mut model = builder.build(&mut seeded(1)).unwrap();
    model.param_mut("norm.running_var").unwrap().set(&Tensor::from([1.0, -2.0, 0.0, 1.0])).unwrap();
    model
}

const NEGATIVE_VARIANCE: &str =
    "layer 1 `norm` (batch_norm 4): running_var: expected variances of at least 0, got -2";

pub(crate) const CASES: &[Case] = &[
    (
        "an input of another width",
        || error(model().predict(&zeros([2, 5]))),
        "expected input [batch, 4], got [2, 5]",
    ),
    (
        "an input of another rank",
        || error(model().infer(&zeros([2, 2, 2]), &mut workspace(Mode::Infer))),
        "expected input [batch, 4], got [2, 2, 2]",
    ),
    (
        "a single sample",
        || error(model().predict(&zeros([4]))),
        "expected input [batch, 4], got [4]; a single sample is a batch of 1",
    ),
    ("a scalar", || error(model().predict(&zeros([]))), "expected input [batch, 4], got []"),
    (
        "an empty batch",
        || error(model().predict(&zeros([0, 4]))),
        "samples of the batch: expected at least one, got none",
    ),
    (
        "a workspace for no samples",
        || error(model().workspace(Mode::Infer, 0)),
        "samples of the workspace's batch: expected at least one, got none",
    ),
    (
        "a workspace larger than memory",
        || error(model().workspace(Mode::Train, usize::MAX / 16)),
        "shape of a workspace for 1152921504606846975 samples [4]: expected no more elements than fit into memory",
    ),
    (
        "a workspace beyond counting",
        || error(model().workspace(Mode::Infer, usize::MAX)),
        "shape of a workspace for 18446744073709551615 samples [4]: expected no more elements than fit into memory",
    ),
    (
        "a workspace of samples beyond counting",
        || {
            let model =
                Sequential::<f32>::builder([usize::MAX, 2]).layer(Reshape::new([usize::MAX, 3])).relu();
            let model = model.build(&mut seeded(1)).unwrap();
            error(model.workspace(Mode::Infer, 1))
        },
        "shape of a workspace for 1 samples [18446744073709551615, 2]: expected no more elements than fit into memory",
    ),
    (
        "a workspace of another model",
        || error(other().infer(&x(2), &mut workspace(Mode::Infer))),
        "workspace: expected one made for this model, got another model's",
    ),
    (
        "a batch beyond the model's workspace",
        || {
            let model = model();
            let mut workspace = model.workspace(Mode::Infer, 2).unwrap();
            error(model.infer(&x(3), &mut workspace))
        },
        "workspace: expected a batch of at most 2 samples, got 3",
    ),
    (
        "a training pass in a workspace for inference",
        || {
            let model = model();
            let mut workspace = model.workspace(Mode::Infer, 2).unwrap();
            error(model.forward_pass(&x(2), &mut workspace))
        },
        "workspace: expected one made for `Mode::Train`, got one for `Mode::Infer`",
    ),
    (
        "a loss before any pass",
        || error(workspace(Mode::Train).loss(&CrossEntropy::new(), &[0, 1])),
        "workspace: expected a training pass before the loss, got none; call `forward_pass` first",
    ),
    (
        "a loss of an inference pass",
        || {
            let model = model();
            let mut workspace = model.workspace(Mode::Train, 2).unwrap();
            model.infer(&x(2), &mut workspace).unwrap();
            error(workspace.loss(&CrossEntropy::new(), &[0, 1]))
        },
        "workspace: expected a training pass before the loss, got none; call `forward_pass` first",
    ),
    (
        "a gradient by hand before any pass",
        || error(workspace(Mode::Train).outputs_and_gradient()),
        "workspace: expected a training pass before the loss, got none; call `forward_pass` first",
    ),
    (
        "backward before forward",
        || {
            let mut model = model();
            let mut workspace = model.workspace(Mode::Train, 2).unwrap();
            let mut store = GradientStore::new(&mut model);
            error(model.backward_pass(&x(2), &mut workspace, &mut store))
        },
        "workspace: expected a training pass and its loss before backward; call `forward_pass` and `loss` first",
    ),
    (
        "backward without a loss",
        || {
            let mut model = model();
            let mut workspace = model.workspace(Mode::Train, 2).unwrap();
            let mut store = GradientStore::new(&mut model);
            model.forward_pass(&x(2), &mut workspace).unwrap();
            error(model.backward_pass(&x(2), &mut workspace, &mut store))
        },
        "workspace: expected a training pass and its loss before backward; call `forward_pass` and `loss` first",
    ),
    (
        "backward twice",
        || {
            after_loss(|model, workspace, store| {
                model.backward_pass(&x(2), workspace, store).unwrap();
                error(model.backward_pass(&x(2), workspace, store))
            })
        },
        "workspace: expected a training pass and its loss before backward; call `forward_pass` and `loss` first",
    ),
    (
        "backward after an inference in between",
        || {
            after_loss(|model, workspace, store| {
                model.infer(&x(1), workspace).unwrap();
                error(model.backward_pass(&x(2), workspace, store))
            })
        },
        "workspace: expected a training pass and its loss before backward; call `forward_pass` and `loss` first",
    ),
    (
        "backward with another batch size",
        || after_loss(|model, workspace, store| error(model.backward_pass(&x(1), workspace, store))),
        "workspace: expected the input of the forward pass, 2 samples, got 1",
    ),
    (
        "backward with an input of another width",
        || after_loss(|model, workspace, store| error(model.backward_pass(&zeros([2, 3]), workspace, store))),
        "expected input [batch, 4], got [2, 3]",
    ),
    (
        "backward of another model",
        || after_loss(|_, workspace, store| error(other().backward_pass(&x(2), workspace, store))),
        "workspace: expected one made for this model, got another model's",
    ),
    (
        "backward of another model of the same layers",
        || after_loss(|_, workspace, store| error(self::model().backward_pass(&x(2), workspace, store))),
        "workspace: expected the model of the forward pass, got another one of the same layers",
    ),
    (
        "a pool of no workspaces",
        || error(WorkspacePool::new(&model(), 2, 0)),
        "workspaces: expected at least 1, got 0",
    ),
    (
        "a pool for batches of nothing",
        || error(WorkspacePool::new(&model(), 0, 1)),
        "samples of the workspace's batch: expected at least one, got none",
    ),
    (
        "another model in a pool of workspaces",
        || {
            let pool = WorkspacePool::new(&model(), 2, 1).unwrap();
            error(pool.infer(&other(), &x(2), &mut zeros([2, 2])))
        },
        "workspace: expected one made for this model, got another model's",
    ),
    (
        "outputs of another shape from a pool of workspaces",
        || {
            let pool = WorkspacePool::new(&model(), 2, 1).unwrap();
            error(pool.infer(&model(), &x(2), &mut zeros([3, 3])))
        },
        "expected outputs [2, 2], got [3, 3]",
    ),
    (
        "backward into another model's gradients",
        || {
            after_loss(|model, workspace, _| {
                let mut store = GradientStore::new(&mut other());
                error(model.backward_pass(&x(2), workspace, &mut store))
            })
        },
        "layer 2 `fc2` (dense 3 -> 2): parameter `fc2.bias`: expected one that the gradient store was made for, got another",
    ),
    (
        "a step without gradients",
        || {
            let mut model = model();
            let mut store = GradientStore::new(&mut model);
            error(sgd().step(&mut model, &mut store))
        },
        "parameter `fc1.weight`: expected a gradient, got none since the last step; freeze it, or hand its gradient to the sink in `backward`",
    ),
    (
        "a second step with the same gradients",
        || {
            let mut model = model();
            let mut store = gradients(&mut model);
            let mut optimizer = sgd();
            optimizer.step(&mut model, &mut store).unwrap();
            error(optimizer.step(&mut model, &mut store))
        },
        "parameter `fc1.weight`: expected a gradient, got none since the last step; freeze it, or hand its gradient to the sink in `backward`",
    ),
    (
        "a step with another model's gradients",
        || {
            let mut store = gradients(&mut other());
            error(sgd().step(&mut model(), &mut store))
        },
        "parameter `fc1.bias`: expected a gradient, got none since the last step; freeze it, or hand its gradient to the sink in `backward`",
    ),
    (
        "an optimizer of a smaller model",
        || step_on_another(sgd(), other(), model()),
        "parameter `fc1.bias`: expected one that the optimizer was made for, got another",
    ),
    (
        "an optimizer with state of a larger model",
        || step_on_another(Optimizer::new(Adam::new(0.1).unwrap()), model(), other()),
        "parameter `0.bias`: expected one that the optimizer was made for, got another",
    ),
    (
        "an optimizer of a model with more layers",
        || step_on_another(sgd(), model(), beginning()),
        "parameters of the optimizer: expected 4 values, got 2",
    ),
    (
        "an optimizer of a model with fewer layers",
        || step_on_another(sgd(), beginning(), model()),
        "parameter `fc2.weight`: expected one that the optimizer was made for, got another",
    ),
    (
        "a norm that is not finite",
        || {
            let mut model = model();
            let mut store = gradients(&mut model);
            store.scale(f32::INFINITY);
            store.scale(0.0);
            let mut optimizer = sgd().with_clip(Clip::GlobalNorm(1.0)).unwrap();
            error(optimizer.step(&mut model, &mut store))
        },
        "norm of the gradients: expected a finite value, got NaN",
    ),
    (
        "a rule with too many buffers",
        || {
            let mut model = model();
            let mut store = gradients(&mut model);
            let mut optimizer = Optimizer::new(Elephant(RuleSettings::new(0.1).unwrap()));
            let untouched = error(optimizer.state(&model));
            let text = error(optimizer.step(&mut model, &mut store));
            assert_eq!(untouched, text);
            text
        },
        "buffers of the rule: expected at most 3, got 4",
    ),
    (
        "an average of another model",
        || error(MovingAverage::new(&model(), 0.9).unwrap().update(&other())),
        "parameter `0.bias`: expected one that the moving average was made for, got another",
    ),
    (
        "an average of a model with more layers",
        || error(MovingAverage::new(&model(), 0.9).unwrap().update(&beginning())),
        "parameters of the moving average: expected 4 values, got 2",
    ),
    (
        "an average put into another model",
        || error(MovingAverage::new(&other(), 0.9).unwrap().swap(&mut model())),
        "parameter `fc1.bias`: expected one that the moving average was made for, got another",
    ),
    (
        "one value a channel, whose unbiased variance is asked for",
        || {
            let model =
                Sequential::<f32>::builder([4]).batch_norm().named("norm").build(&mut seeded(1)).unwrap();
            error(model.forward_pass(&x(1), &mut model.workspace(Mode::Train, 1).unwrap()))
        },
        "layer 0 `norm` (batch_norm 4): batch: expected at least 2 values a channel in training, where the running variance is unbiased, got 1",
    ),
    ("a negative running variance", || error(negative_variance().predict(&x(1))), NEGATIVE_VARIANCE),
    (
        "a negative running variance to be folded",
        || error(negative_variance().for_inference()),
        NEGATIVE_VARIANCE,
    ),
];
