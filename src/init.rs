//! Initialisers: the values that parameters start with.
//!
//! [`Init`] has the usual ones. The builder of a model takes one for the layer added last, and so do the layers themselves
//! (`with_init`); a dense layer and a convolution start with [`Init::Linear`] unless told otherwise. A closure is an initialiser too
//! ([`Initializer`]).
//!
//! ```
//! use taper::{Sequential, init::Init};
//!
//! let model = Sequential::<f32>::builder([784])
//!     .dense(128).weight_init(Init::KaimingNormal).bias_init(Init::Constant(0.0)).relu()
//!     .dense(10)
//!     .build(&mut taper::seeded(7))?;
//! assert!(model.param("0.bias")?.to_tensor().as_slice().iter().all(|bias| *bias == 0.0));
//! # Ok::<(), taper::Error>(())
//! ```

use core::f64::consts::TAU;
use core::fmt::Debug;

use rand::Rng;

#[cfg(not(feature = "std"))]
use crate::prelude::*;
use crate::{Error, Result, Scalar, Shape, Tensor};

/// Makes the first values of a parameter. Implemented by [`Init`] and by every closure of this form. The generator is one of the
/// crate `rand`, version 0.10.
///
/// ```
/// use rand::Rng;
/// use taper::{Dense, Result, Shape, Tensor, init::Init};
///
/// let identity = |shape: Shape, _inputs: usize, _rng: &mut dyn Rng| -> Result<Tensor<f32>> {
///     let columns = shape.axes()[1];
///     Tensor::from_fn(shape, |i| if i / columns == i % columns { 1.0 } else { 0.0 })
/// };
/// let dense = Dense::without_bias(2, 2, &identity, &mut taper::seeded(0))?;
/// assert_eq!(dense.weight().to_tensor(), Tensor::from([[1.0, 0.0], [0.0, 1.0]]));
/// # Ok::<(), taper::Error>(())
/// ```
pub trait Initializer<T> {
    /// A tensor of this shape, for a layer in which each output is a sum over `inputs` inputs: the fan-in. A bias is made with the
    /// fan-in of its weight.
    ///
    /// # Errors
    /// [`Error::Setting`] where a setting is out of its range, [`Error::Shape`] where the shape does not suit,
    /// [`Error::TooLarge`] where the tensor does not fit into memory. A layer says [`Error::Shape`] where another shape comes back.
    fn initialize(&self, shape: Shape, inputs: usize, rng: &mut dyn Rng) -> Result<Tensor<T>>;
}

impl<T, F: Fn(Shape, usize, &mut dyn Rng) -> Result<Tensor<T>>> Initializer<T> for F {
    fn initialize(&self, shape: Shape, inputs: usize, rng: &mut dyn Rng) -> Result<Tensor<T>> {
        self(shape, inputs, rng)
    }
}

/// The usual ways to start, for a weight of n inputs (fan-in) × m outputs (fan-out).
///
/// In a convolution, `[height, width, channels, outputs]`, each output is a sum over n = height·width·channels inputs,
/// and each input goes to m = height·width·outputs outputs. In a transposed one, `[height, width, outputs, channels]`, they are taken
/// as PyTorch takes them: n = height·width·outputs, m = height·width·channels.
///
/// Drawn in double precision: a model in `f32` starts from the rounded values of the one in `f64`.
///
/// | | distribution | source |
/// |---|---|---|
/// | `Linear` | uniform within ±1/√n | PyTorch's `nn.Linear`, weight and bias |
/// | `KaimingNormal`, `KaimingUniform` | variance 2/n: for ReLU | He et al., 2015 |
/// | `XavierNormal`, `XavierUniform` | variance 2/(n + m): for tanh, sigmoid | Glorot and Bengio, 2010 |
/// | `LecunNormal`, `LecunUniform` | variance 1/n: for SELU, linear | LeCun et al., 1998 |
/// | `Orthogonal` | orthonormal rows or columns, times gain | Saxe et al., 2013 |
/// | `TruncatedNormal` | normal, nothing beyond two standard deviations | Keras's `TruncatedNormal` |
/// | `Normal`, `Uniform`, `Constant` | as their settings say | |
///
/// A uniform distribution of variance v runs from −√(3v) to √(3v). The normal ones are not cut off, as in PyTorch; Keras's `HeNormal`,
/// `GlorotNormal` and `LecunNormal` are cut at two standard deviations and spread to the same variance.
///
/// ```
/// use taper::{Tensor, init::{Init, Initializer}};
///
/// let weight: Tensor<f32> = Init::XavierUniform.initialize([300, 100].into(), 300, &mut taper::seeded(7))?;
/// let bound = (6.0_f32 / (300.0 + 100.0)).sqrt();
/// assert!(weight.as_slice().iter().all(|value| value.abs() <= bound));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// The default of dense layers and convolutions, for weight and bias.
    Linear,
    /// For layers before a ReLU.
    KaimingNormal,
    /// For layers before a ReLU.
    KaimingUniform,
    /// For layers before tanh or sigmoid.
    XavierNormal,
    /// For layers before tanh or sigmoid.
    XavierUniform,
    /// Keeps the variance of its input.
    LecunNormal,
    /// Keeps the variance of its input.
    LecunUniform,
    /// Keeps lengths and angles. Takes 4·n·m·min(n, m) operations. For weights of two axes or more, of which all but the last are one.
    Orthogonal {
        /// What the matrix is multiplied by: any finite number; 1 is usual, √2 before a ReLU.
        gain: f64,
    },
    /// A normal distribution around 0 of which nothing beyond two standard deviations is kept. (PyTorch's `trunc_normal_` cuts at −2
    /// and 2 themselves unless told otherwise.)
    TruncatedNormal {
        /// The standard deviation before cutting: finite and at least 0.
        deviation: f64,
    },
    /// A normal distribution around 0.
    Normal {
        /// The standard deviation: finite and at least 0.
        deviation: f64,
    },
    /// A uniform distribution.
    Uniform {
        /// The values lie between `-bound` and `bound`: finite and at least 0.
        bound: f64,
    },
    /// One finite value everywhere.
    Constant(f64),
}

impl<T: Scalar> Initializer<T> for Init {
    fn initialize(&self, shape: Shape, inputs: usize, rng: &mut dyn Rng) -> Result<Tensor<T>> {
        self.check()?;
        let n = inputs.max(1) as f64;
        // Of a convolution, [height, width, channels, outputs], each channel goes to all outputs of all taps.
        let (taps, [.., m]) = match shape.axes() {
            [taps @ .., channels, outputs] => (taps, [*channels, *outputs]),
            _ => (&[][..], [1, shape.len()]),
        };
        let m = taps.iter().product::<usize>() as f64 * m as f64;
        match *self {
            Self::Linear => uniform(shape, 1.0 / n.sqrt(), rng),
            Self::KaimingNormal => normal(shape, (2.0 / n).sqrt(), rng),
            Self::KaimingUniform => uniform(shape, (6.0 / n).sqrt(), rng),
            Self::XavierNormal => normal(shape, (2.0 / (n + m)).sqrt(), rng),
            Self::XavierUniform => uniform(shape, (6.0 / (n + m)).sqrt(), rng),
            Self::LecunNormal => normal(shape, (1.0 / n).sqrt(), rng),
            Self::LecunUniform => uniform(shape, (3.0 / n).sqrt(), rng),
            Self::Orthogonal { gain } => orthogonal(shape, gain, rng),
            Self::TruncatedNormal { deviation } => truncated_normal(shape, deviation, rng),
            Self::Normal { deviation } => normal(shape, deviation, rng),
            Self::Uniform { bound } => uniform(shape, bound, rng),
            Self::Constant(value) => Tensor::full(shape, T::of(value)),
        }
    }
}

impl Init {
    fn check(self) -> Result<()> {
        let (name, value, least) = match self {
            Self::Orthogonal { gain } => ("gain", gain, f64::MIN),
            Self::TruncatedNormal { deviation } | Self::Normal { deviation } => ("deviation", deviation, 0.0),
            Self::Uniform { bound } => ("bound", bound, 0.0),
            Self::Constant(value) => ("constant", value, f64::MIN),
            _ => return Ok(()),
        };
        if value.is_finite() && value >= least {
            return Ok(());
        }
        let expected = if least == 0.0 { "a finite number of at least 0" } else { "a finite number" };
        Err(Error::setting(name, expected, value))
    }
}

fn uniform<T: Scalar>(shape: Shape, bound: f64, rng: &mut dyn Rng) -> Result<Tensor<T>> {
    Tensor::from_fn(shape, |_| T::of(bound * (2.0 * unit(rng) - 1.0)))
}

fn normal<T: Scalar>(shape: Shape, deviation: f64, rng: &mut dyn Rng) -> Result<Tensor<T>> {
    Tensor::from_fn(shape, |_| T::of(deviation * standard_normal(rng)))
}

fn truncated_normal<T: Scalar>(shape: Shape, deviation: f64, rng: &mut dyn Rng) -> Result<Tensor<T>> {
    Tensor::from_fn(shape, |_| {
        loop {
            let value = standard_normal(rng);
            if value.abs() <= 2.0 {
                return T::of(deviation * value);
            }
        }
    })
}

/// Gram and Schmidt's method on normal vectors, each made orthogonal to those before it twice, which is as exact
/// as can be (Giraud et al., 2005).
fn orthogonal<T: Scalar>(shape: Shape, gain: f64, rng: &mut dyn Rng) -> Result<Tensor<T>> {
    // Of a convolution, all but the outputs are the inputs of a sum.
    let (rows, columns) = match *shape.axes() {
        [ref inputs @ .., columns] if !inputs.is_empty() => (inputs.iter().product::<usize>(), columns),
        _ => return Err(Error::shape("orthogonal weight", "[inputs, outputs]", shape)),
    };
    // The vectors are the rows of a wide matrix, the columns of a tall one: never more than their length.
    let (count, len) = (rows.min(columns), rows.max(columns));
    let mut basis = Tensor::<f64>::zeros([count, len])?;
    for index in 0..count {
        let (before, rest) = basis.as_mut_slice().split_at_mut(index * len);
        let vector = &mut rest[..len];
        // A draw that lies in the span of the others almost to the last bit is drawn again.
        loop {
            vector.fill_with(|| standard_normal(rng));
            let drawn = dot(vector, vector).sqrt();
            for other in before.chunks_exact(len).chain(before.chunks_exact(len)) {
                let share = dot(vector, other);
                vector.iter_mut().zip(other).for_each(|(v, o)| *v -= share * o);
            }
            let left = dot(vector, vector).sqrt();
            if left > 1e-8 * drawn {
                vector.iter_mut().for_each(|v| *v /= left);
                break;
            }
        }
    }
    let basis = basis.as_slice();
    Tensor::from_fn(shape, |i| {
        let (row, column) = (i / columns, i % columns);
        let value = if rows <= columns { basis[row * len + column] } else { basis[column * len + row] };
        T::of(gain * value)
    })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A number in [0, 1): 53 random bits.
fn unit(rng: &mut dyn Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// A draw from the normal distribution of mean 0 and variance 1 (Box and Muller, 1958).
fn standard_normal(rng: &mut dyn Rng) -> f64 {
    // 1 − u lies in (0, 1], so the logarithm is finite.
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    radius * (TAU * unit(rng)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded;

    const N: usize = 200;
    const M: usize = 300;

    fn draw(init: Init) -> Tensor<f64> {
        init.initialize([N, M].into(), N, &mut seeded(3)).unwrap()
    }

    /// Mean, variance and largest magnitude against the theory; 60,000 draws leave about 1 % of error.
    #[test]
    fn distributions_have_their_moments() {
        let (n, m) = (N as f64, M as f64);
        // The variance that is left of a normal distribution cut at two deviations.
        let cut = 0.773_741_3;
        for (init, variance, largest) in [
            (Init::Linear, 1.0 / (3.0 * n), (1.0 / n).sqrt()),
            (Init::KaimingNormal, 2.0 / n, f64::INFINITY),
            (Init::KaimingUniform, 2.0 / n, (6.0 / n).sqrt()),
            (Init::XavierNormal, 2.0 / (n + m), f64::INFINITY),
            (Init::XavierUniform, 2.0 / (n + m), (6.0 / (n + m)).sqrt()),
            (Init::LecunNormal, 1.0 / n, f64::INFINITY),
            (Init::LecunUniform, 1.0 / n, (3.0 / n).sqrt()),
            (Init::TruncatedNormal { deviation: 0.5 }, 0.25 * cut, 1.0),
            (Init::Normal { deviation: 0.5 }, 0.25, f64::INFINITY),
            (Init::Uniform { bound: 0.3 }, 0.03, 0.3),
        ] {
            let tensor = draw(init);
            let values = tensor.as_slice();
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let found = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            assert!(mean.abs() < 4.0 * (variance / count).sqrt(), "{init:?}: mean {mean}");
            assert!((found / variance - 1.0).abs() < 0.03, "{init:?}: variance {found}, expected {variance}");
            assert!(values.iter().all(|v| v.abs() <= largest), "{init:?}: beyond {largest}");
        }
    }

    #[test]
    fn orthogonal_vectors_are_orthonormal_times_gain() {
        for [rows, columns] in [[4, 7], [7, 4], [5, 5], [1, 3]] {
            let init = Init::Orthogonal { gain: 2.0 };
            let w: Tensor<f64> = init.initialize([rows, columns].into(), rows, &mut seeded(1)).unwrap();
            let t = w.transpose().unwrap();
            let gram = if rows <= columns { w.matmul(&t) } else { t.matmul(&w) }.unwrap();
            let count = rows.min(columns);
            for (i, value) in gram.as_slice().iter().enumerate() {
                let expected = if i / count == i % count { 4.0 } else { 0.0 };
                assert!((value - expected).abs() < 1e-14, "{rows}x{columns}: {value}, expected {expected}");
            }
        }
    }

    /// The same draws: all axes but the last are the inputs of a sum.
    #[test]
    fn an_orthogonal_weight_of_a_convolution_is_that_of_its_matrix() {
        let draw = |shape: Shape| -> Tensor<f64> {
            Init::Orthogonal { gain: 1.5 }.initialize(shape, 1, &mut seeded(5)).unwrap()
        };
        for (shape, matrix) in [
            (Shape::from([3, 2, 4]), [6, 4]),
            (Shape::from([2, 2, 3, 15]), [12, 15]),
            ([1, 1, 1, 1, 2].into(), [1, 2]),
        ] {
            assert_eq!(draw(shape).reshape(matrix).unwrap(), draw(matrix.into()));
        }
    }

    #[test]
    fn single_precision_is_the_rounded_double() {
        let double = draw(Init::KaimingNormal);
        let single: Tensor<f32> = Init::KaimingNormal.initialize([N, M].into(), N, &mut seeded(3)).unwrap();
        assert!(double.as_slice().iter().zip(single.as_slice()).all(|(&d, &s)| d as f32 == s));
    }

    #[test]
    fn settings_are_checked() {
        for init in [
            Init::Normal { deviation: f64::NAN },
            Init::TruncatedNormal { deviation: -1.0 },
            Init::Uniform { bound: f64::INFINITY },
            Init::Constant(f64::NAN),
            Init::Orthogonal { gain: f64::INFINITY },
        ] {
            let error = Initializer::<f32>::initialize(&init, [1, 1].into(), 1, &mut seeded(0)).unwrap_err();
            assert!(matches!(error, Error::Setting { .. }), "{init:?}: {error}");
        }
    }
}
