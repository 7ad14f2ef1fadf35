//! How wrong an output is, and in which direction it should move.
//!
//! | loss | for | outputs | target |
//! |---|---|---|---|
//! | [`CrossEntropy`] | one of several classes | logits | class indices, or probabilities |
//! | [`CategoricalFocal`] | the same, few of some classes | logits | class indices, or probabilities |
//! | [`NegativeLogLikelihood`] | one of several classes | logarithms of probabilities | class indices |
//! | [`MultiMargin`], [`CategoricalHinge`] | one of several classes | scores | class indices; the second also shares |
//! | [`BinaryCrossEntropy`], [`BinaryFocal`] | yes or no, for each output | logits | values from 0 to 1 |
//! | [`BinaryCrossEntropyOfProbabilities`] | the same | probabilities | values from 0 to 1 |
//! | [`MultiLabelMargin`] | which of several classes | scores | 1 for each that is right, 0 for the others |
//! | [`Hinge`], [`SoftMargin`] | yes or no, for each output | scores | −1 or 1 |
//! | [`HingeEmbedding`] | alike or not | distances | 1 or −1 |
//! | [`CosineEmbedding`] | alike or not | pairs of vectors | 1 or −1 |
//! | [`KlDivergence`] | a distribution | logits | probabilities, or their logarithms |
//! | [`KlDivergenceOfLogProbabilities`] | a distribution | logarithms of probabilities | the same |
//! | [`Distillation`] | what another model says | logits | its logits, and labels if there are any |
//! | [`CosineSimilarity`] | a direction | vectors | vectors |
//! | [`Poisson`] | counts | their expected values or the logarithms of these | values of at least 0 |
//! | [`GaussianNegativeLogLikelihood`] | numbers and how sure they are | means and variances | values |
//! | [`MeanSquaredError`], [`MeanAbsoluteError`], [`Huber`], [`SmoothL1`], [`LogCosh`] | numbers | values | values |
//! | [`MeanSquaredLogarithmicError`], [`MeanAbsolutePercentageError`] | numbers by their ratio | values | values |
//! | [`Slices`] | several outputs, each with a loss of its own | all of them side by side | one column for a class, values as they are |
//!
//! Logits are the numbers of the last dense layer, with no softmax or sigmoid between. The losses that start from them are
//! computed so that nothing overflows and no small probability is rounded to 0 before its logarithm is taken: where there is a
//! choice, they are the better one.
//!
//! Each is a mean unless [`Reduction::Sum`] is asked for, summed in double precision. What a mean is divided by is its
//! [divisor](Loss::divisor): with it, batches can be put together.
//!
//! ```
//! use taper::losses::{CrossEntropy, Loss, Reduction};
//! use taper::{Target, Tensor};
//!
//! let logits = Tensor::from([[2.0_f64, 0.0], [0.0, 1.0]]);
//! let target = Target::Classes(&[0, 1]);
//! let loss = CrossEntropy::new().with_label_smoothing(0.1)?;
//! let mean = loss.forward(logits.view(), target)?;
//! let sum = loss.with_reduction(Reduction::Sum).forward(logits.view(), target)?;
//! assert_eq!(sum, 2.0 * mean);
//! # Ok::<(), taper::Error>(())
//! ```
//!
//! # Errors
//! A target that does not fit the outputs is an error of each loss, whatever asks it:
//!
//! | error | where |
//! |---|---|
//! | [`Error::Target`](crate::Error::Target) | class indices where the loss takes values, or values where it takes class indices |
//! | [`Error::Shape`](crate::Error::Shape), [`Error::Length`](crate::Error::Length) | targets of another shape or number than the outputs want; outputs such as the loss does not take |
//! | [`Error::Class`](crate::Error::Class) | a class that does not exist and is not ignored |
//! | [`Error::TargetValue`](crate::Error::TargetValue) | a value out of the range in the table; it is told by [`Loss::check_target`], which a [`Trainer`](crate::Trainer) asks before its first step |
//! | [`Error::Setting`](crate::Error::Setting) | an output for which the loss is not defined, or weights whose sum leaves nothing to divide by |
//!
//! # For losses of one's own
//! [`Loss`] is the trait, [`Target`] what it gets. A loss that is made of several has [`Divisors`], [`LossPart`] and [`PartOfSample`] for
//! them, as [`Slices`] of [`Slice`] has.

#![deny(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

mod binary_cross_entropy;
mod binary_cross_entropy_of_probabilities;
mod binary_focal;
mod categorical_focal;
mod categorical_hinge;
mod class_targets;
mod cosine_embedding;
mod cosine_similarity;
mod cross_entropy;
mod distillation;
mod elementwise;
mod gaussian_negative_log_likelihood;
mod hinge;
mod hinge_embedding;
mod huber;
mod kl_divergence;
mod kl_divergence_of_log_probabilities;
mod log_cosh;
mod loss;
mod mean_absolute_error;
mod mean_absolute_percentage_error;
mod mean_squared_error;
mod mean_squared_logarithmic_error;
mod multi_label_margin;
mod multi_margin;
mod negative_log_likelihood;
mod output_weights;
mod parts;
mod poisson;
mod rowwise;
mod slice;
mod slices;
mod smooth_l1;
mod soft_margin;
mod target;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use binary_cross_entropy_of_probabilities::BinaryCrossEntropyOfProbabilities;
pub use binary_focal::BinaryFocal;
pub use categorical_focal::CategoricalFocal;
pub use categorical_hinge::CategoricalHinge;
pub use cosine_embedding::CosineEmbedding;
pub use cosine_similarity::CosineSimilarity;
pub use cross_entropy::CrossEntropy;
pub use distillation::Distillation;
pub use gaussian_negative_log_likelihood::GaussianNegativeLogLikelihood;
pub use hinge::Hinge;
pub use hinge_embedding::HingeEmbedding;
pub use huber::Huber;
pub use kl_divergence::KlDivergence;
pub use kl_divergence_of_log_probabilities::KlDivergenceOfLogProbabilities;
pub use log_cosh::LogCosh;
pub use loss::{Loss, Reduction};
pub use mean_absolute_error::MeanAbsoluteError;
pub use mean_absolute_percentage_error::MeanAbsolutePercentageError;
pub use mean_squared_error::MeanSquaredError;
pub use mean_squared_logarithmic_error::MeanSquaredLogarithmicError;
pub use multi_label_margin::MultiLabelMargin;
pub use multi_margin::MultiMargin;
pub use negative_log_likelihood::NegativeLogLikelihood;
pub use parts::{Divisors, LossPart, PartOfSample};
pub use poisson::Poisson;
pub use slice::Slice;
pub use slices::Slices;
pub use smooth_l1::SmoothL1;
pub use soft_margin::SoftMargin;
pub use target::Target;
