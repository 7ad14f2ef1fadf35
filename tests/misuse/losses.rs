//! Targets that do not fit outputs, and losses that do not fit either.

use taper::losses::{
    BinaryCrossEntropy, CrossEntropy, Huber, KlDivergence, Loss, MeanAbsoluteError, MeanSquaredError,
};
use taper::{Target, Tensor};

use super::{Case, error};

fn zeros<const RANK: usize>(shape: [usize; RANK]) -> Tensor<f32> {
    Tensor::zeros(shape).unwrap()
}

fn loss(loss: &dyn Loss<f32>, outputs: &Tensor<f32>, target: Target<'_, f32>) -> String {
    let mut gradient = Tensor::zeros(outputs.shape()).unwrap();
    let forward = error(loss.forward(outputs.view(), target));
    // All three ways say the same.
    assert_eq!(error(loss.backward(outputs.view(), target, gradient.view_mut())), forward);
    assert_eq!(error(loss.each(outputs.view(), target)), forward);
    forward
}

pub(crate) const CASES: &[Case] = &[
    (
        "a label beyond the classes",
        || loss(&CrossEntropy::new(), &zeros([3, 2]), (&[0, 2, 1]).into()),
        "target of sample 1: expected a class below 2, got 2",
    ),
    (
        "too few labels",
        || loss(&CrossEntropy::new(), &zeros([3, 2]), (&[0, 1]).into()),
        "target of cross_entropy: expected 3 values, got 2",
    ),
    (
        "too many labels",
        || loss(&CrossEntropy::new(), &zeros([2, 2]), (&[0, 1, 0]).into()),
        "target of cross_entropy: expected 2 values, got 3",
    ),
    (
        "probabilities of another shape",
        || loss(&CrossEntropy::new(), &zeros([3, 2]), (&zeros([2, 3])).into()),
        "expected target [3, 2], got [2, 3]",
    ),
    (
        "class weights of another length",
        || {
            let weighted = CrossEntropy::new().with_class_weights(&[1.0, 2.0, 3.0]).unwrap();
            loss(&weighted, &zeros([1, 2]), (&[0]).into())
        },
        "class_weights of cross_entropy: expected 2 values, got 3",
    ),
    (
        "cross-entropy of a row that is no batch",
        || loss(&CrossEntropy::new(), &zeros([2]), (&[0]).into()),
        "expected outputs [batch, classes], got [2]",
    ),
    (
        "cross-entropy of no classes",
        || loss(&CrossEntropy::new(), &zeros([2, 0]), (&[0, 0]).into()),
        "expected outputs [batch, classes], got [2, 0]",
    ),
    (
        "labels for yes or no",
        || loss(&BinaryCrossEntropy::new(), &zeros([1, 2]), (&[0]).into()),
        "target of binary_cross_entropy: expected values, got class indices",
    ),
    (
        "positive weights of another length",
        || {
            let weighted = BinaryCrossEntropy::new().with_positive_weight(&[1.0, 2.0, 3.0]).unwrap();
            loss(&weighted, &zeros([1, 2]), (&zeros([1, 2])).into())
        },
        "positive_weight of binary_cross_entropy: expected 2 values, got 3",
    ),
    (
        "labels for a distribution",
        || loss(&KlDivergence::new(), &zeros([1, 2]), (&[0]).into()),
        "target of kl_divergence: expected values, got class indices",
    ),
    (
        "a distribution of another shape",
        || loss(&KlDivergence::new(), &zeros([2, 2]), (&zeros([2, 3])).into()),
        "expected target [2, 2], got [2, 3]",
    ),
    (
        "labels for squares",
        || loss(&MeanSquaredError::new(), &zeros([1, 2]), (&[0]).into()),
        "target of mean_squared_error: expected values, got class indices",
    ),
    (
        "values of another shape for squares",
        || loss(&MeanSquaredError::new(), &zeros([2, 1]), (&zeros([2])).into()),
        "expected target [2, 1], got [2]",
    ),
    (
        "labels for differences",
        || loss(&MeanAbsoluteError::new(), &zeros([1, 2]), (&[0]).into()),
        "target of mean_absolute_error: expected values, got class indices",
    ),
    (
        "labels for huber",
        || loss(&Huber::new(1.0).unwrap(), &zeros([1, 2]), (&[0]).into()),
        "target of huber: expected values, got class indices",
    ),
    (
        "a gradient of another shape",
        || {
            let (outputs, target, mut gradient) = (zeros([2, 2]), zeros([2, 2]), zeros([4]));
            let loss = MeanSquaredError::new();
            error(loss.backward(outputs.view(), (&target).into(), gradient.view_mut()))
        },
        "expected gradient [2, 2], got [4]",
    ),
];
