//! How wrong an output is, and in which direction it should move.
//!
//! | loss | for | target |
//! |---|---|---|
//! | [`CrossEntropy`] | one of several classes | class indices, or probabilities |
//! | [`BinaryCrossEntropy`] | yes or no, for each output | values from 0 to 1 |
//! | [`KlDivergence`] | a distribution | probabilities |
//! | [`MeanSquaredError`], [`MeanAbsoluteError`], [`Huber`] | numbers | values |
//!
//! The first three start from logits: the numbers of the last dense layer, with no softmax or sigmoid between.
//! They are computed so that nothing overflows and no small probability is rounded to 0 before its logarithm is
//! taken.
//!
//! Each is a mean unless [`Reduction::Sum`] is asked for, summed in double precision. What a mean is divided by is its
//! [divisor](Loss::divisor): with it, batches can be put together.

mod binary_cross_entropy;
mod cross_entropy;
mod elementwise;
mod huber;
mod kl_divergence;
mod loss;
mod mean_absolute_error;
mod mean_squared_error;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use cross_entropy::CrossEntropy;
pub use huber::Huber;
pub use kl_divergence::KlDivergence;
pub use loss::{Loss, Reduction, Target};
pub use mean_absolute_error::MeanAbsoluteError;
pub use mean_squared_error::MeanSquaredError;
