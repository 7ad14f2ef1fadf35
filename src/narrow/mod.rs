//! Narrowing a trained network: fewer units in its layers, without labels and without training.
//!
//! [`Narrowing`] takes a model and some inputs, and gives a model of the same layers with fewer units, and a [`Report`].
//!
//! ```
//! use taper::{Sequential, Tensor, narrow::Narrowing};
//!
//! let model = Sequential::<f32>::builder([8]).dense(32).relu().dense(16).relu().dense(3).build(&mut taper::seeded(7))?;
//! let inputs = Tensor::from_fn([200, 8], |i| ((i * 37) % 101) as f32 / 50.0 - 1.0)?;
//! let narrowed = Narrowing::new().to_share(&model, &inputs, 0.5)?; // half of each layer
//! println!("{}", narrowed.report); // what each width of each layer loses
//! assert_eq!(narrowed.model.predict(&inputs)?.shape().axes(), [200, 3]);
//! # Ok::<(), taper::Error>(())
//! ```
//!
//! | what is given | |
//! |---|---|
//! | widths of layers | [`Narrowing::to_widths`] |
//! | a share of all units | [`Narrowing::to_share`] |
//! | what the outputs may lose | [`Narrowing::within_error`] |
//! | what is good enough, as a loss on validation data | [`Narrowing::within`] |
//! | ranks of dense layers, in place of widths | [`LowRank::to_ranks`], [`LowRank::within_error`] |
//! | two models, to be compared | [`Agreement::between`] |
//!
//! Learning on behind it needs no labels either: [`Teacher`](crate::train::Teacher). PyTorch's `torch.nn.utils.prune` masks weights and
//! leaves layers as wide as they are; here they become narrower, and faster.
//!
//! # How
//!
//! Where a layer makes units and another one takes them, most units can be told from the others, as far as the next layer needs
//! them. Let C be the covariance of what the next layer takes, on the inputs given, with λ added to each variance (λ is a thousandth of their
//! mean, unless [set](Narrowing::with_damping)), m the means, and W, b the next layer's weight and bias. To leave out unit j, and to let the
//! others make up for it as well as they can, costs
//!
//! ```text
//! ‖W_j‖² / [C⁻¹]_jj        in the variance of the next layer's outputs, before its activation
//! ```
//!
//! (`W_j` is its row). So the unit of least cost goes, `W ← W − C⁻¹_:j·W_j/[C⁻¹]_jj` and `C⁻¹ ← C⁻¹ − C⁻¹_:j·C⁻¹_j:/[C⁻¹]_jj`, again and again
//! (Hassibi and Stork, 1993; for layers Frantar and Alistarh, 2022). What is left of W is its least-squares fit on the units that are
//! left, and the bias takes what the means leave: `b' = b + m·W − m_kept·W'`. The cost of each width falls out of it. A
//! unit that is silent on all inputs costs nothing, and neither does a copy of another one.
//!
//! # Which layers
//!
//! Units are the outputs of a [`Dense`](crate::Dense) layer or the channels of a convolution, where another such layer takes them, through anything
//! that leaves each unit alone: activations, dropout, [`BatchNorm`](crate::layers::BatchNorm), pools, [`Flatten`](crate::Flatten), and any layer of one's own that
//! [says so](crate::Layer::units_through). A channel is a group of rows of the next weight: one for each tap of a window, or one
//! for each place of a flattened image. A layer in which units meet, as [`LayerNorm`](crate::layers::LayerNorm), ends a chain; the report says
//! which layers stay for what reason. Models and blocks inside are narrowed inside, and keep their inputs and outputs. Layers are narrowed from the last to the first.
//!
//! # Inputs
//!
//! They are what the model is used for: those that it was trained on, or any others of their kind, without labels; of a data set [its inputs](crate::train::Dataset::inputs). What is not in them counts for nothing. Some more samples than the widest
//! layer has units are enough; with fewer it works, on less. Images of a test set stay out of it, if the test is to say something.
//!
//! # Low rank
//!
//! [`LowRank`] makes two layers of a dense one, with fewer numbers between them than either side has. It drops directions, where narrowing drops
//! units, and needs no activation: it pays for a layer between two wide ones, and may follow a narrowing.
//!
//! # Numbers
//!
//! All is computed in double precision, for `f32` models too, and has the same bits at any number of threads. n numbers that the next layer takes need
//! 3·n² numbers of memory, and n³ multiply-adds, a few times. Where there are N samples, no more than n/4, they are kept in place of their covariances: a
//! few times N·n numbers and N·n² multiply-adds. With a layer of 1024 behind them, the 12544 numbers of 7×7×256 take some 0.9 GB with 1000 samples, 1.8 GB with 3136, and 4.3 GB with more. What is
//! above a [limit](Narrowing::with_memory) is an error before anything is computed.

mod agreement;
mod chain;
mod cholesky;
mod covariance;
mod eigen;
mod elimination;
mod engine;
mod inverse;
mod low_rank;
mod matrix;
mod memory;
mod moments;
mod narrowing;
mod patches;
mod precision;
mod refit;
mod report;
mod samples;
mod search;
mod sums;

pub use engine::Narrowed;
pub use low_rank::{Factored, LowRank, RankReport};
pub use narrowing::Narrowing;
pub use report::{Agreement, Cost, LayerReport, Report};
