//! The layers that a file can have, so that a model can be made of it.
//!
//! A table of layers takes all of them into a program that has it. So only who opens files with any layer asks for it, and what the
//! kinds are called stands apart.

use core::any::Any;

use super::stored::{Kind, Stored};
use super::{
    Activation, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d,
    AvgPool2d, BatchNorm, ChannelsFirst, ChannelsLast, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d,
    Dense, Dropout, Dropout2d, Embedding, Flatten, GlobalAvgPool2d, Glu, GroupNorm, InstanceNorm, LayerNorm,
    LogSoftmax, MaxPool1d, MaxPool2d, Normalization, Prelu, QuantizedConv1d, QuantizedConv2d, QuantizedDense,
    Reshape, RmsNorm, Softmax, Softmin,
};
use crate::Scalar;
use crate::prelude::*;

/// The layers of numbers of the type `T`.
macro_rules! layers {
    ($with:ident) => {
        $with![
            Dense<T>,
            Conv2d<T>,
            ConvTranspose2d<T>,
            MaxPool2d,
            AvgPool2d,
            AdaptiveMaxPool2d,
            AdaptiveAvgPool2d,
            GlobalAvgPool2d,
            Conv1d<T>,
            ConvTranspose1d<T>,
            MaxPool1d,
            AvgPool1d,
            AdaptiveMaxPool1d,
            AdaptiveAvgPool1d,
            Flatten,
            Reshape,
            ChannelsLast,
            ChannelsFirst,
            Activation,
            Softmax,
            LogSoftmax,
            Softmin,
            Prelu<T>,
            Glu,
            BatchNorm<T>,
            LayerNorm<T>,
            RmsNorm<T>,
            GroupNorm<T>,
            InstanceNorm<T>,
            Normalization<T>,
            Dropout,
            Dropout2d,
            Embedding<T>
        ]
    };
}

/// Those that take `f32` alone.
macro_rules! layers_of_f32 {
    ($with:ident) => {
        $with![QuantizedDense, QuantizedConv2d, QuantizedConv1d]
    };
}

macro_rules! kinds_of {
    [$($layer:ty),*] => { vec![$(Kind::of::<$layer>()),*] };
}

macro_rules! names_of {
    [$($layer:ty),*] => { [$(<$layer as Stored<T>>::KINDS),*] };
}

/// All of them.
pub(crate) fn kinds<T: Scalar>() -> Vec<Kind<T>> {
    let mut kinds: Vec<Kind<T>> = layers!(kinds_of);
    let of_f32: Vec<Kind<f32>> = layers_of_f32!(kinds_of);
    let of_f32: Box<dyn Any> = Box::new(of_f32);
    kinds.extend(of_f32.downcast::<Vec<Kind<T>>>().into_iter().flat_map(|kinds| *kinds));
    kinds
}

/// Whether one of them is called so.
pub(crate) fn is_kind(name: &str) -> bool {
    type T = f32;
    layers!(names_of).iter().any(|names| names.contains(&name)) || is_kind_of_f32(name)
}

/// Whether one of those that take `f32` alone is called so.
pub(crate) fn is_kind_of_f32(name: &str) -> bool {
    type T = f32;
    layers_of_f32!(names_of).iter().any(|names| names.contains(&name))
}
