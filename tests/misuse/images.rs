//! Windows that do not fit, and images that are none.

use taper::layers::{
    AvgPool2d, Channels, Conv1d, Conv2d, ConvTranspose2d, Dropout2d, MaxPool2d, Padding, Window,
};
use taper::sequential::Builder;
use taper::{Sequential, Tensor, seeded};

use super::{Case, error};

fn build(add: impl FnOnce(Builder<f32>) -> Builder<f32>) -> String {
    error(add(Sequential::builder([4, 5, 3])).build(&mut seeded(1)))
}

fn flat(add: impl FnOnce(Builder<f32>) -> Builder<f32>) -> String {
    error(add(Sequential::builder([60])).build(&mut seeded(1)))
}

fn sequence(add: impl FnOnce(Builder<f32>) -> Builder<f32>) -> String {
    error(add(Sequential::builder([5, 3])).build(&mut seeded(1)))
}

fn conv(channels: Channels, window: Window) -> String {
    error(Conv2d::<f32>::new(channels, window, &mut seeded(1)))
}

pub(crate) const CASES: &[Case] = &[
    (
        "a convolution of nothing",
        || conv(Channels::new(0, 3), Window::new(3)),
        "input channels: expected a width of at least 1, got 0",
    ),
    (
        "a convolution to nothing",
        || build(|builder| builder.conv2d(0, 3)),
        "layer 0 `0` (conv2d -> 0, 3x3): output channels: expected a width of at least 1, got 0",
    ),
    (
        "a window without sides",
        || conv(Channels::new(3, 3), Window::new([0, 3])),
        "window size: expected at least 1, got 0x3",
    ),
    (
        "groups that do not divide the inputs",
        || build(|builder| builder.conv2d(4, 3).groups(2)),
        "layer 0 `0` (conv2d -> 4, 3x3): groups: expected a number that divides both numbers of channels, got 2 for 3 -> 4 channels",
    ),
    (
        "no groups",
        || conv(Channels::new(4, 4).with_groups(0), Window::new(3)),
        "groups: expected a number that divides both numbers of channels, got 0 for 4 -> 4 channels",
    ),
    (
        "groups of a dense layer",
        || flat(|builder| builder.dense(4).groups(2)),
        "layer 0 `0` (groups): groups: expected a convolution added by the builder before it, got dense -> 4",
    ),
    (
        "a convolution of a row",
        || flat(|builder| builder.conv2d(4, 3)),
        "layer 0 `0` (conv2d -> 4, 3x3): expected input [batch, height, width, channels], got [batch, 60]; images have three axes, channels last; a reshape gives a matrix one channel",
    ),
    (
        "channels first",
        || {
            let conv = Conv2d::new(Channels::new(4, 8), 3, &mut seeded(1)).unwrap();
            build(|builder| builder.layer(conv))
        },
        "layer 0 `0` (conv2d 4 -> 8, 3x3): expected input [batch, height, width, 4], got [batch, 4, 5, 3]; channels are the last axis; put a channels_last before it",
    ),
    (
        "a border that makes an image beyond all numbers",
        || build(|builder| builder.conv2d(4, Window::new(1).with_padding(1 << 30))),
        "layer 0 `0` (conv2d 3 -> 4, 1x1 padding 1073741824): shape [2147483652, 2147483653, 4]: expected at most 2^48 multiply-adds for a sample",
    ),
    (
        "a weight of another window",
        || error(Conv2d::from_parts(Window::new(2), 1, &Tensor::<f32>::zeros([3, 3, 1, 1]).unwrap(), None)),
        "expected weight [2, 2, inputs, outputs], got [3, 3, 1, 1]",
    ),
    (
        "a bias of another convolution",
        || {
            let bias = Tensor::<f32>::zeros([2]).unwrap();
            let weight = Tensor::zeros([1, 1, 1, 3]).unwrap();
            error(Conv2d::from_parts(Window::new(1), 1, &weight, Some(&bias)))
        },
        "expected bias [3], got [2]",
    ),
    (
        "a weight beyond memory",
        || conv(Channels::new(1 << 31, 1 << 31), Window::new(3)),
        "shape [3, 3, 2147483648, 2147483648]: expected no more elements than fit into memory",
    ),
    (
        "a split before the first layer",
        || {
            error(
                Sequential::<f32>::builder([4])
                    .dense(2)
                    .named("fc")
                    .build(&mut seeded(1))
                    .unwrap()
                    .split_at("fc"),
            )
        },
        "split_at: expected a layer that has one before it, got `fc`",
    ),
    (
        "a split at no layer",
        || {
            error(
                Sequential::<f32>::builder([4])
                    .dense(2)
                    .named("fc")
                    .build(&mut seeded(1))
                    .unwrap()
                    .split_at("fc2"),
            )
        },
        "layer name: expected one of `fc`; got `fc2`",
    ),
    (
        "a convolution that is rounded up",
        || conv(Channels::new(3, 3), Window::new(3).with_ceil_mode()),
        "window: expected one without ceil_mode, which is for pools, got 3x3 ceil_mode",
    ),
    (
        "output padding as large as the stride",
        || build(|builder| builder.conv_transpose2d(4, Window::new(3).with_stride(2)).output_padding([1, 2])),
        "layer 0 `0` (conv_transpose2d -> 4, 3x3 stride 2): output_padding: expected less than the stride or the dilation, got 1x2",
    ),
    (
        "output padding where the padding says the size",
        || {
            let window = Window::new(3).with_stride(2).with_padding(Padding::Same);
            build(|builder| builder.conv_transpose2d(4, window).output_padding(1))
        },
        "layer 0 `0` (conv_transpose2d -> 4, 3x3 stride 2 padding same): output_padding: expected none with this padding, which says the size, got 1",
    ),
    (
        "output padding of a convolution",
        || build(|builder| builder.conv2d(4, 3).output_padding(1)),
        "layer 0 `0` (output_padding): output_padding: expected a transposed convolution before it, got conv2d -> 4, 3x3",
    ),
    (
        "a size that no stride makes",
        || {
            let window = Window::new(3).with_stride(2);
            let conv = || Sequential::<f32>::builder([4, 5, 3]).conv_transpose2d(4, window);
            let small = error(conv().output_size([8, 11]).build(&mut seeded(0)));
            let text = error(conv().output_size([9, 13]).build(&mut seeded(0)));
            assert_eq!(small.replace("8x11", "9x13"), text);
            text
        },
        "layer 0 `0` (conv_transpose2d 3 -> 4, 3x3 stride 2 to 9x13): expected output_size from 9x11 to 10x12 for input [batch, 4, 5, 3], got 9x13",
    ),
    (
        "a size where the padding says it",
        || {
            let window = Window::new(3).with_stride(2).with_padding(Padding::Same);
            build(|builder| builder.conv_transpose2d(4, window).output_size(8))
        },
        "layer 0 `0` (conv_transpose2d -> 4, 3x3 stride 2 padding same): output_size: expected none with this padding, which says the size, got 8",
    ),
    (
        "a divisor of 0",
        || error(AvgPool2d::new(2).unwrap().with_divisor_override(0)),
        "divisor_override: expected at least 1, got 0",
    ),
    (
        "padding that leaves nothing",
        || build(|builder| builder.conv_transpose2d(4, Window::new(1).with_padding(2))),
        "layer 0 `0` (conv_transpose2d 3 -> 4, 1x1 padding 2): expected input whose output has rows and columns, and no more than can be counted, 1x1 padding 2, got [batch, 4, 5, 3]",
    ),
    (
        "an image beyond all numbers, flattened",
        || error(Sequential::<f32>::builder([1 << 31, 1 << 31, 4]).flatten().build(&mut seeded(1))),
        "layer 0 `0` (flatten): shape [2147483648, 2147483648, 4]: expected no more elements than fit into memory",
    ),
    (
        "a stride that makes an image beyond all numbers",
        || build(|builder| builder.conv_transpose2d(4, Window::new(1).with_stride(1 << 29))),
        "layer 0 `0` (conv_transpose2d 3 -> 4, 1x1 stride 536870912): shape [1610612737, 2147483649, 4]: expected at most 2^48 multiply-adds and outputs for a sample",
    ),
    (
        "a transposed convolution of a row",
        || flat(|builder| builder.conv_transpose2d(4, 3)),
        "layer 0 `0` (conv_transpose2d -> 4, 3x3): expected input [batch, height, width, channels], got [batch, 60]",
    ),
    (
        "a transposed weight of another window",
        || {
            let weight = Tensor::<f32>::zeros([3, 3, 1, 1]).unwrap();
            error(ConvTranspose2d::from_parts(Window::new(2), 1, &weight, None))
        },
        "expected weight [2, 2, outputs, inputs], got [3, 3, 1, 1]",
    ),
    (
        "a convolution of sequences on images",
        || build(|builder| builder.conv1d(4, 3)),
        "layer 0 `0` (conv1d -> 4): expected input [batch, length, channels], got [batch, 4, 5, 3]",
    ),
    (
        "a window of two axes on sequences",
        || sequence(|builder| builder.conv1d(4, [1, 3])),
        "layer 0 `0` (conv1d -> 4): window: expected one number for each setting, as sequences have one axis, got 1x3",
    ),
    (
        "sequences with their channels first",
        || {
            let conv = Conv1d::new(Channels::new(5, 8), 3, &mut seeded(1)).unwrap();
            sequence(|builder| builder.layer(conv))
        },
        "layer 0 `0` (conv1d 5 -> 8, 3): expected input [batch, length, 5], got [batch, 5, 3]; channels are the last axis; put a channels_last before it",
    ),
    (
        "a window longer than the sequence",
        || sequence(|builder| builder.max_pool1d(6)),
        "layer 0 `0` (max_pool1d 6 stride 6): expected input at least as large as the window, 6 stride 6, got [batch, 5, 3]",
    ),
    (
        "a pool of sequences on a row",
        || flat(|builder| builder.avg_pool1d(2)),
        "layer 0 `0` (avg_pool1d 2 stride 2): expected input [batch, length, channels], got [batch, 60]; sequences have two axes, channels last; a reshape gives a row of numbers one channel",
    ),
    (
        "an adaptive pool of sequences without outputs",
        || sequence(|builder| builder.adaptive_max_pool1d(0)),
        "layer 0 `0` (adaptive_max_pool1d): output size: expected at least 1, got 0",
    ),
    (
        "padding as wide as the window on one side",
        || {
            let padding = Padding::Each { before: 0.into(), after: [1, 2].into() };
            error(MaxPool2d::new(Window::new(2).with_padding(padding)))
        },
        "padding: expected less than the window, undilated, on each side, got 0 before 1x2 after",
    ),
    (
        "an adaptive pool without outputs",
        || build(|builder| builder.adaptive_avg_pool2d([2, 0])),
        "layer 0 `0` (adaptive_avg_pool2d): output size: expected at least 1, got 2x0",
    ),
    (
        "an adaptive pool of a row",
        || flat(|builder| builder.adaptive_max_pool2d(2)),
        "layer 0 `0` (adaptive_max_pool2d -> 2): expected input [batch, height, width, channels], got [batch, 60]",
    ),
    (
        "an adaptive pool beyond all numbers",
        || build(|builder| builder.adaptive_max_pool2d([usize::MAX, 1])),
        "layer 0 `0` (adaptive_max_pool2d -> 18446744073709551615x1): shape [18446744073709551615, 1, 3]: expected as many outputs as can be counted",
    ),
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
        "layer 0 `0` (channels_last): expected input [batch, channels, height, width] or [batch, channels, length], got [batch, 60]",
    ),
    (
        "channels of a row, first",
        || flat(Builder::channels_first),
        "layer 0 `0` (channels_first): expected input [batch, height, width, channels] or [batch, length, channels], got [batch, 60]",
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
