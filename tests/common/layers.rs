//! The table of all layers with all their options. Whatever holds for every layer is tested with it.

use taper::layers::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d, AvgPool2d,
    Channels, ChannelsFirst, ChannelsLast, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dropout,
    Dropout2d, Embedding, GlobalAvgPool2d, Glu, LogSoftmax, MaxPool1d, MaxPool2d, Padding, Prelu, Reshape,
    Softmax, Softmin, Window,
};
use taper::sequential::{Builder, Join};
use taper::{Activation, Dense, Flatten, Layer, Scalar, Sequential, Shape, Tensor, seeded};

mod norm_layers;

use norm_layers::{norms, sample_norms};

/// A layer with its name, alone in a model.
type LayerCase<T> = (String, Sequential<T>);

fn case<T: Scalar>(
    name: impl Into<String>,
    sample: impl Into<Shape>,
    layer: impl Layer<T> + 'static,
) -> LayerCase<T> {
    (name.into(), Sequential::builder(sample).layer(layer).build(&mut seeded(0)).unwrap())
}

pub(crate) fn number(i: usize) -> f64 {
    ((i * 37 + 11) % 101) as f64 / 50.0 - 0.997
}

pub(crate) const ACTIVATIONS: [Activation; 31] = [
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.01 },
    Activation::LeakyRelu { slope: 0.0 },
    Activation::LeakyRelu { slope: -0.5 },
    Activation::Elu { alpha: 1.0 },
    Activation::Elu { alpha: 0.3 },
    Activation::Elu { alpha: 0.0 },
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Softplus,
    Activation::Relu6,
    Activation::HardTanh { min: -0.5, max: 0.25 },
    Activation::HardTanh { min: f64::NEG_INFINITY, max: 0.25 },
    Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 },
    Activation::HardSigmoid { alpha: -2.0, beta: 0.3 },
    Activation::HardSwish,
    Activation::HardShrink { lambda: 0.5 },
    Activation::SoftShrink { lambda: 0.25 },
    Activation::TanhShrink,
    Activation::Threshold { threshold: 0.25, value: -1.0 },
    Activation::Threshold { threshold: -0.25, value: 2.0 },
    Activation::Celu { alpha: 0.7 },
    Activation::Selu,
    Activation::Mish,
    Activation::LogSigmoid,
    Activation::Softsign,
    Activation::ScaledSoftplus { beta: 3.0, threshold: f64::INFINITY },
    // The step at the threshold is 2e-9.
    Activation::ScaledSoftplus { beta: 30.0, threshold: 20.0 },
];

/// Every layer, with samples that have an axis of this width.
pub(crate) fn layers<T: Scalar>(width: usize) -> Vec<LayerCase<T>> {
    let mut cases = Vec::new();
    let rng = &mut seeded(width as u64);
    for outputs in [1, 3, 17] {
        let dense = Dense::<T>::new(width, outputs, rng).unwrap();
        let without_bias = Dense::from_parts(&dense.weight().to_tensor(), None).unwrap();
        cases.push(case(format!("dense -> {outputs}"), [width], dense));
        cases.push(case(format!("dense -> {outputs} without bias"), [width], without_bias));
    }
    for sample in [Shape::from([3, width]), Shape::from([2, 3, width])] {
        let dense = Dense::<T>::new(width, 5, rng).unwrap();
        let without_bias = Dense::from_parts(&dense.weight().to_tensor(), None).unwrap();
        cases.push(case(format!("dense of {sample}"), sample, dense));
        cases.push(case(format!("dense of {sample} without bias"), sample, without_bias));
    }
    cases.push(case("flatten", [width, 2], Flatten::new()));
    cases.push(case("flatten axes 2 to 3", [2, width, 2], Flatten::axes(2, 3)));
    cases.push(case("reshape", [width, 2], Reshape::new([2, width])));
    for activation in ACTIVATIONS {
        cases.push(case(format!("{activation:?}"), [width], activation));
    }
    for sample in [Shape::from([width]), Shape::from([2, width])] {
        cases.push(case(format!("softmax of {sample}"), sample, Softmax));
        cases.push(case(format!("log_softmax of {sample}"), sample, LogSoftmax));
        cases.push(case(format!("softmin of {sample}"), sample, Softmin));
    }
    for rate in [0.0, 0.4] {
        cases.push(case(format!("dropout {rate}"), [width], Dropout::new(rate).unwrap()));
    }
    cases.push(case("glu", [2 * width], Glu));
    cases.push(case("glu of images", [3, width, 2], Glu));
    for (sample, weight) in [
        (Shape::from([width]), Shape::from([1])),
        (Shape::from([2, 3, width]), Shape::from([1])),
        (Shape::from([width]), Shape::from([width])),
        (Shape::from([2, 3, width]), Shape::from([width])),
        (Shape::from([3, width]), Shape::from([3, width])),
    ] {
        let mut prelu = Prelu::new(weight).unwrap();
        prelu.weight_mut().set(&Tensor::from_fn(weight, |i| T::of(number(7 * i + 3))).unwrap()).unwrap();
        cases.push(case(format!("prelu {weight} of {sample}"), sample, prelu.clone()));
        prelu.weight_mut().freeze();
        cases.push(case(format!("prelu {weight} of {sample}, frozen"), sample, prelu));
    }
    cases.extend(convolutions(width));
    cases.extend(transposed_convolutions(width));
    cases.extend(told_sizes(width));
    cases.extend(sequence_layers(width));
    cases.extend(image_layers(width));
    cases.extend(norms(width));
    cases.extend(sample_norms(width));
    for (vocabulary, dimension) in [(1, 1), (3, 5), (7, 33)] {
        let embedding = Embedding::<T>::new(vocabulary, dimension, rng).unwrap();
        cases.push(case(format!("embedding {vocabulary} -> {dimension}"), [width], embedding));
    }
    let padded = Embedding::<T>::new(5, 2, rng).unwrap().with_padding(4).unwrap();
    cases.push(case("embedding with padding", [width], padded));
    let inner = Sequential::builder([width]).dense(3).without_bias().relu().named("last").build(rng).unwrap();
    cases.push(case("sequential", [width], inner));
    cases.extend(branches(width));
    cases
}

/// Residual blocks and layers side by side, in one another too, of rows and of images.
fn branches<T: Scalar>(width: usize) -> Vec<LayerCase<T>> {
    let flat = || Sequential::builder([width]);
    let image = || Sequential::builder([3, width.min(4), 2]);
    let same = Window::new([3, 1]).with_padding(Padding::Same);
    let cases = [
        ("residual", flat().residual(|block| block.dense(3).tanh().dense(width))),
        (
            "residual with a shortcut",
            flat().residual_with_shortcut(
                |block| block.dense(5).relu().dropout(0.3).dense(3),
                |short| short.dense(3),
            ),
        ),
        (
            "the input first",
            flat().branches(Join::Add, |paths| {
                paths.input().path(Builder::silu).path(|path| path.dense(width).sigmoid()).input()
            }),
        ),
        (
            "side by side",
            Sequential::builder([2, width]).branches(Join::Concat, |paths| {
                let paths = paths.path(|path| path.layer_norm().gelu()).named("norm").input();
                paths
                    .path(|path| path.flatten().dense(4).reshape([2, 2]))
                    .path(|path| path.reshape([2, width]))
            }),
        ),
        (
            "two deep",
            flat().residual(|block| {
                let block = block.dense(4).relu().branches(Join::Concat, |paths| {
                    let paths = paths.path(|path| path.dense(2).dropout(0.2)).input();
                    paths.path(|path| path.residual(|inner| inner.dense(4).tanh()).dense(3))
                });
                block.dense(width).without_bias()
            }),
        ),
        (
            "residual of images",
            image().residual(|block| {
                block
                    .conv2d(3, same)
                    .without_bias()
                    .batch_norm()
                    .tanh()
                    .dropout2d(0.3)
                    .conv2d(2, same)
                    .batch_norm()
            }),
        ),
        (
            "fire",
            image().branches(Join::Concat, |paths| {
                paths
                    .path(|path| path.conv2d(3, 1).silu())
                    .path(|path| path.conv2d(4, same).sigmoid())
                    .input()
            }),
        ),
    ];
    let rng = &mut seeded(width as u64);
    let built =
        cases.into_iter().map(|(name, builder)| (format!("branches, {name}"), builder.build(rng).unwrap()));
    built.collect()
}

/// Convolutions over images as wide as `width`, but not so wide that finite differences take long.
fn convolutions<T: Scalar>(width: usize) -> Vec<LayerCase<T>> {
    let (width, rng) = (width.min(5), &mut seeded(7));
    let sample = Shape::from([4, width, 4]);
    let mut cases = Vec::new();
    for (outputs, groups, window) in [
        (3, 1, Window::new([2, 1])),
        (4, 2, Window::new([3, 1]).with_padding([1, 0]).with_stride([2, 1])),
        (4, 4, Window::new([2, 3]).with_padding([0, 1]).with_dilation([2, 1])),
        (4, 4, Window::new(3).with_padding(Padding::Same).with_stride([1, 2])),
        (2, 1, Window::new(3).with_padding(Padding::Same).with_stride(2)),
        (33, 1, Window::new(1)),
        (
            3,
            1,
            Window::new([3, 2]).with_padding(Padding::Each { before: [0, 1].into(), after: [2, 0].into() }),
        ),
        (2, 2, Window::new([2, 3]).with_padding(Padding::SameLower).with_stride([2, 1])),
    ] {
        let channels = Channels::new(4, outputs).with_groups(groups);
        let conv = Conv2d::<T>::new(channels, window, rng).unwrap();
        let without_bias = Conv2d::from_parts(window, groups, &conv.weight().to_tensor(), None).unwrap();
        let name = format!("conv2d -> {outputs}, {window}, {groups} groups");
        cases.push(case(format!("{name}, without bias"), sample, without_bias));
        cases.push(case(name, sample, conv));
    }
    cases
}

/// Transposed convolutions, as those.
fn transposed_convolutions<T: Scalar>(width: usize) -> Vec<LayerCase<T>> {
    let (width, rng) = (width.min(5), &mut seeded(7));
    let sample = Shape::from([2, width, 4]);
    let mut cases = Vec::new();
    for (outputs, groups, window, output_padding) in [
        (3, 1, Window::new([2, 1]), [0, 0]),
        (6, 2, Window::new([3, 2]).with_padding([1, 0]).with_stride([2, 1]), [1, 0]),
        (4, 4, Window::new([2, 3]).with_padding([0, 1]).with_dilation([2, 1]), [1, 0]),
        (2, 1, Window::new(3).with_padding(Padding::Same).with_stride(2), [0, 0]),
        (2, 1, Window::new([1, 2]).with_padding(Padding::SameLower).with_stride([2, 1]), [0, 0]),
        (33, 1, Window::new(3).with_padding(1), [0, 0]),
    ] {
        let channels = Channels::new(4, outputs).with_groups(groups);
        let conv = ConvTranspose2d::<T>::new(channels, window, rng).unwrap();
        let conv = conv.with_output_padding(output_padding).unwrap();
        let weight = conv.weight().to_tensor();
        let without_bias = ConvTranspose2d::from_parts(window, groups, &weight, None).unwrap();
        let name = format!("conv_transpose2d -> {outputs}, {window}, {groups} groups");
        cases.push(case(format!("{name}, without bias"), sample, without_bias));
        cases.push(case(name, sample, conv));
    }
    cases
}

/// The larger of two sizes that a stride makes one of.
fn told_sizes<T: Scalar>(width: usize) -> Vec<LayerCase<T>> {
    let (width, rng) = (width.min(5), &mut seeded(7));
    let window = Window::new(3).with_stride(2);
    let conv = ConvTranspose2d::<T>::new(Channels::new(2, 3), window, rng).unwrap();
    let conv = conv.with_output_size([6, 2 * width + 2]).unwrap();
    let of_sequences = ConvTranspose1d::<T>::new(Channels::new(2, 3), window.with_padding(1), rng).unwrap();
    let of_sequences = of_sequences.with_output_size(2 * width).unwrap();
    vec![
        case("conv_transpose2d of a told size", [2, width, 2], conv),
        case("conv_transpose1d of a told size", [width, 2], of_sequences),
    ]
}

/// Layers on sequences as long as the width.
fn sequence_layers<T: Scalar>(width: usize) -> Vec<LayerCase<T>> {
    let (sample, rng) = (Shape::from([width.clamp(2, 9), 4]), &mut seeded(7));
    let mut cases = Vec::new();
    for (groups, window) in [
        (1, Window::new(2)),
        (2, Window::new(3).with_padding(2).with_stride(2)),
        (
            4,
            Window::new(2).with_padding(Padding::Each { before: 2.into(), after: 0.into() }).with_dilation(2),
        ),
        (1, Window::new(3).with_padding(Padding::Same)),
    ] {
        let channels = Channels::new(4, 8).with_groups(groups);
        let name = |kind: &str| format!("{kind} {window}, {groups} groups");
        cases.push(case(name("conv1d"), sample, Conv1d::<T>::new(channels, window, rng).unwrap()));
        // What padding leaves of a transposed one may be nothing.
        let conv = ConvTranspose1d::<T>::new(channels, window.with_padding(Padding::Valid), rng).unwrap();
        cases.push(case(name("conv_transpose1d"), sample, conv));
    }
    let conv =
        ConvTranspose1d::<T>::new(Channels::new(4, 3), Window::new(3).with_stride(2).with_padding(1), rng);
    let conv = conv.unwrap().with_output_padding(1).unwrap();
    cases.push(case("conv_transpose1d with output padding", sample, conv));
    for window in [
        Window::new(2),
        Window::new(3).with_padding(1).with_stride(2).with_ceil_mode(),
        Window::new(2).with_padding(Padding::Same).with_stride(1),
    ] {
        cases.push(case(format!("max_pool1d {window}"), sample, MaxPool1d::new(window).unwrap()));
        let mean = AvgPool1d::new(window).unwrap();
        let uncounted = mean.clone().without_counting_padding();
        cases.push(case(format!("avg_pool1d {window} without padding"), sample, uncounted));
        let divided = mean.clone().with_divisor_override(5).unwrap();
        cases.push(case(format!("avg_pool1d {window} / 5"), sample, divided));
        cases.push(case(format!("avg_pool1d {window}"), sample, mean));
    }
    for output in [1, 3] {
        let name = |kind: &str| format!("adaptive_{kind}_pool1d {output}");
        cases.push(case(name("max"), sample, AdaptiveMaxPool1d::new(output).unwrap()));
        cases.push(case(name("avg"), sample, AdaptiveAvgPool1d::new(output).unwrap()));
    }
    cases
}

/// Layers on images of so many channels, small where those are many.
fn image_layers<T: Scalar>(channels: usize) -> Vec<LayerCase<T>> {
    let mut cases = Vec::new();
    let image = if channels > 3 { Shape::from([3, 2, channels]) } else { Shape::from([4, 5, channels]) };
    let overlapping = Window::new([3, 2]).with_stride([2, 1]);
    let windows = [
        Window::new(2),
        overlapping,
        overlapping.with_padding([1, 1]),
        overlapping.with_padding(Padding::Same),
        Window::new([1, 2]).with_stride([2, 3]).with_padding(Padding::Same),
        Window::new([2, 3]).with_stride(2).with_padding(Padding::SameLower),
        overlapping.with_padding(Padding::Each { before: [0, 1].into(), after: [2, 0].into() }),
        Window::new(2).with_stride([3, 2]).with_ceil_mode(),
        Window::new([3, 2]).with_stride([2, 3]).with_padding(1).with_ceil_mode(),
    ];
    for window in windows {
        cases.push(case(format!("max_pool2d {window}"), image, MaxPool2d::new(window).unwrap()));
        let mean = AvgPool2d::new(window).unwrap();
        if window.padding() != Padding::Valid {
            let counted = mean.clone().with_counting_padding();
            cases.push(case(format!("avg_pool2d {window} with padding"), image, counted));
        }
        let divided = mean.clone().with_divisor_override(7).unwrap();
        cases.push(case(format!("avg_pool2d {window} / 7"), image, divided));
        let mean = mean.without_counting_padding();
        cases.push(case(format!("avg_pool2d {window}"), image, mean));
    }
    for padding in [Padding::Same, Padding::from(1)] {
        let window = Window::new(2).with_stride(1).with_dilation([2, 1]).with_padding(padding);
        cases.push(case(format!("max_pool2d {window}"), image, MaxPool2d::new(window).unwrap()));
    }
    for output in [[2, 2], [5, 3]] {
        let name = |kind: &str| format!("adaptive_{kind}_pool2d {output:?}");
        cases.push(case(name("max"), image, AdaptiveMaxPool2d::new(output).unwrap()));
        cases.push(case(name("avg"), image, AdaptiveAvgPool2d::new(output).unwrap()));
    }
    cases.push(case("global_avg_pool2d", image, GlobalAvgPool2d));
    cases.push(case("channels_first", image, ChannelsFirst));
    cases.push(case("channels_last", [channels, 3, 2], ChannelsLast));
    cases.push(case("channels_first of a sequence", [3, channels], ChannelsFirst));
    cases.push(case("channels_last of a sequence", [channels, 3], ChannelsLast));
    for (rate, sample) in [(0.0, image), (0.4, image), (0.4, [channels].into())] {
        let dropout = Dropout2d::new(rate).unwrap();
        cases.push(case(format!("dropout2d {rate} of {sample}"), sample, dropout));
    }
    cases
}
