//! Targets that do not fit outputs, and losses that do not fit either.

use taper::losses::{
    BinaryCrossEntropy, BinaryCrossEntropyOfProbabilities, BinaryFocal, CategoricalFocal, CategoricalHinge,
    CosineEmbedding, CosineSimilarity, CrossEntropy, GaussianNegativeLogLikelihood, Hinge, HingeEmbedding,
    Huber, KlDivergence, KlDivergenceOfLogProbabilities, LogCosh, Loss, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, MultiLabelMargin,
    MultiMargin, NegativeLogLikelihood, Poisson, SmoothL1, SoftMargin,
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

/// The text of a target that `check_target` refuses.
fn target(loss: &dyn Loss<f32>, values: &[f32]) -> String {
    let target = Tensor::from_slice([1, values.len()], values).unwrap();
    error(loss.check_target([1, values.len()].into(), (&target).into()))
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
        "a label a sample for outputs of several rows",
        || loss(&CrossEntropy::new(), &zeros([3, 4, 2]), (&[0, 1, 0]).into()),
        "expected target of cross_entropy of a class for each of the 12 rows of outputs [3, 4, 2], got 3; for one class a sample, put a flatten before the dense layers",
    ),
    (
        "a label a sample for outputs of several rows, negative_log_likelihood",
        || loss(&NegativeLogLikelihood::new(), &zeros([3, 4, 2]), (&[0, 1, 0]).into()),
        "expected target of negative_log_likelihood of a class for each of the 12 rows of outputs [3, 4, 2], got 3; for one class a sample, put a flatten before the dense layers",
    ),
    (
        "a label a sample for outputs of several rows, multi_margin",
        || loss(&MultiMargin::new(), &zeros([3, 4, 2]), (&[0, 1, 0]).into()),
        "expected target of multi_margin of a class for each of the 12 rows of outputs [3, 4, 2], got 3; for one class a sample, put a flatten before the dense layers",
    ),
    (
        "a label a sample for outputs of several rows, categorical_hinge",
        || loss(&CategoricalHinge::new(), &zeros([3, 4, 2]), (&[0, 1, 0]).into()),
        "expected target of categorical_hinge of a class for each of the 12 rows of outputs [3, 4, 2], got 3; for one class a sample, put a flatten before the dense layers",
    ),
    (
        "a label a sample for outputs of several rows, categorical_focal",
        || loss(&CategoricalFocal::new(), &zeros([3, 4, 2]), (&[0, 1, 0]).into()),
        "expected target of categorical_focal of a class for each of the 12 rows of outputs [3, 4, 2], got 3; for one class a sample, put a flatten before the dense layers",
    ),
    (
        "too few labels for outputs of several rows",
        || loss(&CrossEntropy::new(), &zeros([3, 4, 2]), (&[0, 1, 0, 1]).into()),
        "target of cross_entropy: expected 12 values, got 4",
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
        "values for the class of a likelihood",
        || {
            let target = zeros([1, 2]);
            let margin = loss(&MultiMargin::new(), &zeros([1, 2]), (&target).into());
            assert_eq!(margin, "target of multi_margin: expected class indices, got values");
            loss(&NegativeLogLikelihood::new(), &zeros([1, 2]), (&target).into())
        },
        "target of negative_log_likelihood: expected class indices, got values",
    ),
    (
        "a class beyond the classes of other losses",
        || {
            let target = || (&[0, 2]).into();
            let text = loss(&NegativeLogLikelihood::new(), &zeros([2, 2]), target());
            assert_eq!(loss(&MultiMargin::new(), &zeros([2, 2]), target()), text);
            assert_eq!(loss(&CategoricalHinge::new(), &zeros([2, 2]), target()), text);
            assert_eq!(loss(&CategoricalFocal::new(), &zeros([2, 2]), target()), text);
            text
        },
        "target of sample 1: expected a class below 2, got 2",
    ),
    (
        "weights of other classes for a likelihood",
        || {
            let weighted = NegativeLogLikelihood::new().with_class_weights(&[1.0; 3]).unwrap();
            loss(&weighted, &zeros([1, 2]), (&[0]).into())
        },
        "class_weights of negative_log_likelihood: expected 2 values, got 3",
    ),
    (
        "weights of other classes for a margin",
        || {
            let weighted = MultiMargin::new().with_class_weights(&[1.0; 3]).unwrap();
            loss(&weighted, &zeros([1, 2]), (&[0]).into())
        },
        "class_weights of multi_margin: expected 2 values, got 3",
    ),
    (
        "alpha of other classes",
        || {
            let weighted = CategoricalFocal::new().with_alpha(&[1.0; 3]).unwrap();
            loss(&weighted, &zeros([1, 2]), (&[0]).into())
        },
        "alpha of categorical_focal: expected 2 values, got 3",
    ),
    (
        "labels for losses of values",
        || {
            let losses: [&dyn Loss<f32>; 14] = [
                &BinaryCrossEntropyOfProbabilities::new(),
                &BinaryFocal::new(),
                &CosineSimilarity::new(),
                &GaussianNegativeLogLikelihood::new(),
                &Hinge::new(),
                &HingeEmbedding::new(),
                &KlDivergenceOfLogProbabilities::new(),
                &LogCosh::new(),
                &MeanAbsolutePercentageError::new(),
                &MeanSquaredLogarithmicError::new(),
                &MultiLabelMargin::new(),
                &Poisson::new(),
                &SmoothL1::new(1.0).unwrap(),
                &SoftMargin::new(),
            ];
            for of_values in losses {
                let text = loss(of_values, &zeros([1, 2]), (&[0]).into());
                let expected = format!("target of {}: expected values, got class indices", of_values.kind());
                assert_eq!(text, expected);
            }
            loss(&Hinge::new(), &zeros([1, 2]), (&zeros([2, 1])).into())
        },
        "expected target [1, 2], got [2, 1]",
    ),
    (
        "a probability above 1",
        || {
            let outputs = Tensor::from([[0.5, 1.0], [0.0, 1.25]]);
            loss(&BinaryCrossEntropyOfProbabilities::new(), &outputs, (&zeros([2, 2])).into())
        },
        "output of binary_cross_entropy_of_probabilities: expected a probability from 0 to 1, got 1.25 in sample 1 of the batch",
    ),
    (
        "an expected count below 0",
        || {
            let outputs = Tensor::from([[0.5, 1.0], [-0.5, 1.25]]);
            loss(&Poisson::new().without_log_input(), &outputs, (&zeros([2, 2])).into())
        },
        "output of poisson: expected a count of at least 0, got -0.5 in sample 1 of the batch",
    ),
    (
        "a variance below 0",
        || {
            let outputs = Tensor::from([[-2.0, 1.0], [-2.0, -1.0]]);
            loss(&GaussianNegativeLogLikelihood::new(), &outputs, (&zeros([2, 1])).into())
        },
        "output of gaussian_negative_log_likelihood: expected a variance of at least 0, got -1 in sample 1 of the batch",
    ),
    (
        "means without variances",
        || loss(&GaussianNegativeLogLikelihood::new(), &zeros([2, 3]), (&zeros([2, 3])).into()),
        "expected outputs [batch, …, 2·values], means and then variances, got [2, 3]",
    ),
    (
        "a target for means and variances",
        || loss(&GaussianNegativeLogLikelihood::new(), &zeros([2, 4]), (&zeros([2, 4])).into()),
        "expected target [2, 2], got [2, 4]",
    ),
    (
        "vectors that are no pairs",
        || {
            let one = loss(&CosineEmbedding::new(), &zeros([2, 3]), (&zeros([2])).into());
            assert_eq!(one, "expected outputs [batch, …, 2, features], got [2, 3]");
            loss(&CosineEmbedding::new(), &zeros([4, 3, 2]), (&zeros([4])).into())
        },
        "expected outputs [batch, …, 2, features], got [4, 3, 2]",
    ),
    (
        "a target for each vector of a pair",
        || loss(&CosineEmbedding::new(), &zeros([4, 2, 3]), (&zeros([4, 2])).into()),
        "expected target [4], got [4, 2]",
    ),
    (
        "pairs neither alike nor unlike",
        || loss(&CosineEmbedding::new(), &zeros([1, 2, 3]), (&zeros([1])).into()),
        "target of sample 0: expected -1 or 1, got 0",
    ),
    (
        "classes that are half right",
        || loss(&MultiLabelMargin::new(), &zeros([1, 2]), (&Tensor::from([[1.0, 0.5]])).into()),
        "target of sample 0: expected 0 or 1, got 0.5",
    ),
    (
        "probabilities for their logarithms",
        || {
            let text = target(&KlDivergenceOfLogProbabilities::new().with_log_target(), &[-1.0, 0.5]);
            assert_eq!(target(&KlDivergence::new().with_log_target(), &[-1.0, 0.5]), text);
            text
        },
        "target of sample 0: expected the logarithm of a number from 0 to 1, got 0.5",
    ),
    (
        "a side of a margin that is none",
        || {
            let text = target(&Hinge::new(), &[1.0, 0.0]);
            assert_eq!(target(&SoftMargin::new(), &[1.0, 0.0]), text);
            assert_eq!(target(&HingeEmbedding::new(), &[-1.0, 0.0]), text);
            text
        },
        "target of sample 0: expected -1 or 1, got 0",
    ),
    (
        "a count below 0",
        || target(&Poisson::new(), &[1.0, -2.0]),
        "target of sample 0: expected a finite number of at least 0, got -2",
    ),
    (
        "a share above 1",
        || {
            let text = target(&BinaryFocal::new(), &[1.0, 1.5]);
            assert_eq!(target(&BinaryCrossEntropyOfProbabilities::new(), &[1.0, 1.5]), text);
            assert_eq!(target(&CategoricalFocal::new(), &[1.0, 1.5]), text);
            assert_eq!(target(&CategoricalHinge::new(), &[1.0, 1.5]), text);
            text
        },
        "target of sample 0: expected a number from 0 to 1, got 1.5",
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
