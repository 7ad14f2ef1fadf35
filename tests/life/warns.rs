//! Softmax or sigmoid before a loss that starts from logits: allowed, and told in the history.

use taper::layers::{Backward, Forward, GradientSink, LogSoftmax, OutputKind, Softmax};
use taper::losses::{
    BinaryCrossEntropy, BinaryCrossEntropyOfProbabilities, CrossEntropy, Huber, KlDivergence,
    MeanSquaredError, NegativeLogLikelihood, Slices, Target,
};
use taper::optimizers::Sgd;
use taper::sequential::{Builder, Join};
use taper::train::{Dataset, Fit};
use taper::{
    Activation, Layer, Loss, Optimizer, Result, Sequential, Shape, Tensor, TensorView, TensorViewMut, Trainer,
};

/// The warnings of a training of such a model, as the call and the trainer tell them.
fn warnings(add: impl FnOnce(Builder<f32>) -> Builder<f32>, loss: impl Loss<f32> + 'static) -> Vec<String> {
    let (inputs, values) = (Tensor::full([4, 3], 0.5).unwrap(), Tensor::full([4, 2], 0.5).unwrap());
    let data = Dataset::new(&inputs, &values).unwrap();
    let model = add(Sequential::builder([3]).dense(2)).build(&mut taper::seeded(1)).unwrap();
    let mut trainer = Trainer::owning(model, loss, Optimizer::new(Sgd::new(0.1).unwrap()));
    let history = trainer.fit(data, Fit::epochs(1)).unwrap();
    assert_eq!(history.warnings, trainer.history().warnings);
    // Not once more for each call.
    assert_eq!(trainer.fit(data, Fit::epochs(1)).unwrap().warnings, history.warnings);
    history.warnings
}

#[test]
fn probabilities_before_a_loss_of_logits_are_told() {
    let soft = "expected outputs that cross_entropy takes, such as logits, got probabilities, as after a softmax; the last layer is `1` (softmax)";
    assert_eq!(warnings(|b| b.layer(Softmax), CrossEntropy::new()), [soft]);
    let sigmoid = "expected outputs that binary_cross_entropy takes, such as logits, got probabilities, as after a sigmoid; the last layer is `out` (sigmoid)";
    assert_eq!(warnings(|b| b.layer(Activation::Sigmoid).named("out"), BinaryCrossEntropy::new()), [sigmoid]);
    for count in [
        warnings(|b| b.layer(Activation::Sigmoid), CrossEntropy::new()).len(),
        warnings(|b| b.layer(Softmax), BinaryCrossEntropy::new()).len(),
        warnings(|b| b.layer(Softmax), KlDivergence::new()).len(),
        // A sigmoid of log-probabilities is none of them.
        warnings(|b| b.layer(LogSoftmax), BinaryCrossEntropy::new()).len(),
        // Behind it, what keeps probabilities probabilities.
        warnings(|b| b.layer(Softmax).reshape([1, 2]).reshape([2]), CrossEntropy::new()).len(),
    ] {
        assert_eq!(count, 1);
    }
    let inner = Sequential::builder([2]).dense(2).softmax().build(&mut taper::seeded(1)).unwrap();
    assert_eq!(warnings(|b| b.layer(inner), CrossEntropy::new()).len(), 1);
}

#[test]
fn what_is_right_or_harmless_is_not() {
    let none: [Vec<String>; 7] = [
        warnings(|b| b, CrossEntropy::new()),
        warnings(|b| b, BinaryCrossEntropy::new()),
        // The softmax of log-probabilities is the probabilities.
        warnings(|b| b.layer(LogSoftmax), CrossEntropy::new()),
        warnings(|b| b.layer(LogSoftmax), KlDivergence::new()),
        warnings(|b| b.layer(Softmax), MeanSquaredError::new()),
        warnings(|b| b.layer(Activation::Sigmoid), MeanSquaredError::new()),
        // Inside of a model it is a layer as any.
        warnings(|b| b.layer(Softmax).dense(2), CrossEntropy::new()),
    ];
    assert_eq!(none.concat(), [""; 0]);
}

/// Softmax of one's own, which says what it gives, and a loss of one's own, which says what it takes.
#[derive(Debug, Clone)]
struct Own;

impl Layer<f32> for Own {
    fn kind(&self) -> &'static str {
        "own"
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(*input)
    }

    fn output_kind(&self, _: OutputKind) -> OutputKind {
        OutputKind::Probabilities
    }

    fn forward(
        &self,
        x: TensorView<'_, f32>,
        y: TensorViewMut<'_, f32>,
        pass: &mut Forward<'_, f32>,
    ) -> Result<()> {
        Softmax.forward(x, y, pass)
    }

    fn backward(&mut self, pass: Backward<'_, f32>, sink: &mut dyn GradientSink<f32>) -> Result<()> {
        Softmax.backward(pass, sink)
    }
}

impl Loss<f32> for Own {
    fn kind(&self) -> &'static str {
        "own"
    }

    fn each(&self, outputs: TensorView<'_, f32>, target: Target<'_, f32>) -> Result<Tensor<f32>> {
        CrossEntropy::new().each(outputs, target)
    }

    fn forward(&self, outputs: TensorView<'_, f32>, target: Target<'_, f32>) -> Result<f32> {
        CrossEntropy::new().forward(outputs, target)
    }

    fn backward(
        &self,
        outputs: TensorView<'_, f32>,
        target: Target<'_, f32>,
        gradient: TensorViewMut<'_, f32>,
    ) -> Result<()> {
        CrossEntropy::new().backward(outputs, target, gradient)
    }

    fn takes(&self, outputs: OutputKind) -> bool {
        outputs != OutputKind::Probabilities
    }
}

#[test]
fn layers_and_losses_of_ones_own_take_part() {
    assert_eq!(warnings(|b| b.layer(Own), CrossEntropy::new()).len(), 1);
    assert_eq!(warnings(|b| b.layer(Softmax), Own).len(), 1);
    assert_eq!(warnings(|b| b, Own).len(), 0);
}

#[test]
fn what_is_no_probability_before_a_loss_of_probabilities_is_told() {
    let told = "expected outputs that negative_log_likelihood takes, such as logarithms of probabilities, as after a log-softmax, got any numbers, as after a dense layer; the last layer is `0` (dense 3 -> 2)";
    let (inputs, labels) = (Tensor::full([2, 3], 0.5).unwrap(), [0, 1]);
    let data = Dataset::new(&inputs, &labels).unwrap();
    for (add, expected) in [
        ((|b| b) as fn(Builder<f32>) -> Builder<f32>, vec![told.to_owned()]),
        (|b| b.log_softmax(), Vec::new()),
    ] {
        let model = add(Sequential::builder([3]).dense(2)).build(&mut taper::seeded(1)).unwrap();
        let optimizer = Optimizer::new(Sgd::new(0.1).unwrap());
        let mut trainer = Trainer::owning(model, NegativeLogLikelihood::new(), optimizer);
        assert_eq!(trainer.fit(data, Fit::epochs(1)).unwrap().warnings, expected);
    }
    for kind in [OutputKind::Values, OutputKind::LogProbabilities] {
        assert!(!Loss::<f32>::takes(&BinaryCrossEntropyOfProbabilities::new(), kind));
    }
    for kind in [OutputKind::Probabilities, OutputKind::IndependentProbabilities, OutputKind::Unknown] {
        assert!(Loss::<f32>::takes(&BinaryCrossEntropyOfProbabilities::new(), kind));
    }
}

#[test]
fn each_of_several_outputs_is_told_by_itself() {
    let (inputs, targets) = (Tensor::full([2, 3], 0.5).unwrap(), Tensor::zeros([2, 2]).unwrap());
    let data = Dataset::new(&inputs, &targets).unwrap();
    let warnings = |model: Builder<f32>| {
        let loss = Slices::new().classes("animal", 3, CrossEntropy::new()).values(
            "weight",
            1,
            Huber::new(1.0).unwrap(),
        );
        let optimizer = Optimizer::new(Sgd::new(0.1).unwrap());
        let model = model.build(&mut taper::seeded(1)).unwrap();
        Trainer::owning(model, loss, optimizer).fit(data, Fit::epochs(1)).unwrap().warnings
    };
    let input = || Sequential::builder([3]).dense(3).softmax();
    let soft = "slice `animal`: expected outputs that its loss takes, such as logits, got probabilities, as after a softmax; the last layer is `2` (branches of 2, concat)";
    let heads = input().branches(Join::Concat, |heads| {
        heads.path(|head| head.dense(3).softmax()).path(|head| head.dense(1))
    });
    assert_eq!(warnings(heads), [soft]);
    assert_eq!(
        warnings(input().branches(Join::Concat, |heads| heads.input().path(|head| head.dense(1)))),
        [soft]
    );
    let right = input().branches(Join::Concat, |heads| {
        heads.path(|head| head.dense(3)).path(|head| head.dense(1).sigmoid())
    });
    assert_eq!(warnings(right), [""; 0]);
    // Over all of them: a sigmoid of each is what it is, and of a softmax some are no probabilities of their own.
    assert_eq!(warnings(Sequential::builder([3]).dense(4).sigmoid()).len(), 1);
    assert_eq!(warnings(Sequential::builder([3]).dense(4).softmax()).len(), 0);
}
