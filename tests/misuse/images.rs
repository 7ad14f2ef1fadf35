//! Windows that do not fit, and images that are none.

use taper::layers::{AvgPool2d, Dropout2d, MaxPool2d, Padding, Window};
use taper::sequential::Builder;
use taper::{Sequential, seeded};

use super::{Case, error};

fn build(add: impl FnOnce(Builder<f32>) -> Builder<f32>) -> String {
    error(add(Sequential::builder([4, 5, 3])).build(&mut seeded(1)))
}

fn flat(add: impl FnOnce(Builder<f32>) -> Builder<f32>) -> String {
    error(add(Sequential::builder([60])).build(&mut seeded(1)))
}

pub(crate) const CASES: &[Case] = &[
    ("a pool of nothing", || error(MaxPool2d::new([0, 2])), "window size: expected at least 1, got 0x2"),
    (
        "a pool that does not move",
        || build(|builder| builder.max_pool2d(Window::new(2).with_stride(0)).named("pool")),
        "layer 0 `pool` (max_pool2d): stride: expected at least 1, got 0",
    ),
    (
        "a mean that does not move",
        || build(|builder| builder.relu().avg_pool2d(Window::new(2).with_stride([1, 0]))),
        "layer 1 `1` (avg_pool2d): stride: expected at least 1, got 1x0",
    ),
    (
        "a pool of places that are no distance apart",
        || error(MaxPool2d::new(Window::new(2).with_dilation(0))),
        "dilation: expected at least 1, got 0",
    ),
    (
        "a border as wide as the window",
        || error(MaxPool2d::new(Window::new([4, 3]).with_padding(2))),
        "padding: expected at most half of the window, undilated, got 2",
    ),
    (
        "a border as wide as the dilated window's half",
        || error(MaxPool2d::new(Window::new(2).with_dilation(4).with_padding([2, 0]))),
        "padding: expected at most half of the window, undilated, got 2x0",
    ),
    (
        "a border beyond all numbers",
        || error(AvgPool2d::new(Window::new(2).with_padding(usize::MAX))),
        "padding: expected at most half of the window, undilated, got 18446744073709551615",
    ),
    (
        "a dilated mean",
        || error(AvgPool2d::new(Window::new(2).with_dilation([1, 2]))),
        "dilation: expected 1 (a mean has no other), got 1x2",
    ),
    (
        "a window larger than the image",
        || build(|builder| builder.max_pool2d([5, 2])),
        "layer 0 `0` (max_pool2d 5x2 stride 5x2): expected input at least as large as the window, 5x2 stride 5x2, got [batch, 4, 5, 3]",
    ),
    (
        "a window beyond all numbers",
        || build(|builder| builder.avg_pool2d(Window::new(usize::MAX).with_stride(1))),
        "layer 0 `0` (avg_pool2d 18446744073709551615x18446744073709551615): expected input at least as large as the window, 18446744073709551615x18446744073709551615, got [batch, 4, 5, 3]",
    ),
    (
        "a window that falls beside the image",
        || {
            let window = Window::new(2).with_stride(1).with_dilation([1, 6]).with_padding(Padding::Same);
            build(|builder| builder.max_pool2d(window))
        },
        "layer 0 `0` (max_pool2d 2x2 dilation 1x6 padding same): expected input that every place of the window meets, 2x2 dilation 1x6 padding same, got [batch, 4, 5, 3]",
    ),
    (
        "a pool of a row",
        || flat(|builder| builder.max_pool2d(2)),
        "layer 0 `0` (max_pool2d 2x2 stride 2): expected input [batch, height, width, channels], got [batch, 60]; images have three axes, channels last; a reshape gives a matrix one channel",
    ),
    (
        "a mean of a row",
        || flat(|builder| builder.avg_pool2d(2)),
        "layer 0 `0` (avg_pool2d 2x2 stride 2): expected input [batch, height, width, channels], got [batch, 60]; images have three axes, channels last; a reshape gives a matrix one channel",
    ),
    (
        "a global mean of a row",
        || flat(Builder::global_avg_pool2d),
        "layer 0 `0` (global_avg_pool2d): expected input [batch, height, width, channels], got [batch, 60]",
    ),
    (
        "channels of a row, last",
        || flat(Builder::channels_last),
        "layer 0 `0` (channels_last): expected input [batch, channels, height, width], got [batch, 60]",
    ),
    (
        "channels of a row, first",
        || flat(Builder::channels_first),
        "layer 0 `0` (channels_first): expected input [batch, height, width, channels], got [batch, 60]",
    ),
    (
        "dropout of all channels",
        || build(|builder| builder.dropout2d(1.0)),
        "layer 0 `0` (dropout2d): dropout rate: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "dropout of NaN of the channels",
        || error(Dropout2d::new(f64::NAN)),
        "dropout rate: expected a number of at least 0 and below 1, got NaN",
    ),
    (
        "dropout of the channels of a number",
        || error(Sequential::<f32>::builder([]).dropout2d(0.5).build(&mut seeded(1))),
        "layer 0 `0` (dropout2d 0.5): expected input [batch, …, channels], got [batch]",
    ),
];
