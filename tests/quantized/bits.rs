//! Layers against the plain loop, to the bit.

use taper::layers::{Channels, Conv1d, Conv2d, QuantizedConv1d, QuantizedConv2d, QuantizedDense, Window};
use taper::{Activation, Dense, Layer, Mode, Parallelism, Sequential, Tensor, seeded};

use crate::oracle::{Bytes, output, quantize, with_scale};

/// Numbers that look like anything, some of them 0.
fn number(i: usize) -> f32 {
    let mixed = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    if mixed.is_multiple_of(7) { 0.0 } else { (mixed as f32 / (1 << 23) as f32 - 1.0) * 3.0 }
}

fn same_bits(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (place, (got, expected)) in got.iter().zip(expected).enumerate() {
        let is_same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
        assert!(is_same, "{what}, output {place}: expected {expected:e}, got {got:e}");
    }
}

fn scale_and_zero([least, largest]: [f32; 2]) -> (f32, i64) {
    let (least, largest) = (least.min(0.0), largest.max(0.0));
    let scale = largest / 255.0 - least / 255.0;
    (scale, -128 - f64::from(least / scale).round_ties_even() as i64)
}

fn dense_by_hand(layer: &QuantizedDense, x: &[f32], range: Option<[f32; 2]>) -> Vec<f32> {
    let weight = layer.weight().to_tensor();
    let (scales, bias) = (layer.weight_scale().to_tensor(), layer.bias().map(taper::Param::to_tensor));
    let mut y = Vec::new();
    for x in x.chunks(layer.inputs()) {
        let bytes = match range {
            None => quantize(x),
            Some(range) => {
                let (scale, zero) = scale_and_zero(range);
                with_scale(x, scale, zero)
            }
        };
        for o in 0..layer.outputs() {
            let weights =
                weight.as_slice().iter().skip(o).step_by(layer.outputs()).map(|&weight| weight as i64);
            let products = bytes.q.iter().copied().zip(weights);
            y.push(output(
                &bytes,
                products,
                scales.as_slice()[o],
                bias.as_ref().map(|bias| bias.as_slice()[o]),
            ));
        }
    }
    y
}

#[test]
fn a_dense_layer_is_the_plain_loop() {
    for (inputs, outputs) in [(1, 1), (3, 5), (4, 32), (33, 31), (130, 65), (515, 100)] {
        let dense = Dense::<f32>::new(inputs, outputs, &mut seeded(inputs as u64)).unwrap();
        let bare = Dense::from_parts(&dense.weight().to_tensor(), None).unwrap();
        for (dense, range) in
            [(&dense, None), (&bare, None), (&dense, Some([-1.5_f32, 2.0])), (&dense, Some([0.5, 0.75]))]
        {
            let mut layer = QuantizedDense::from_float(dense).unwrap();
            if let Some([least, largest]) = range {
                layer = layer.with_input_range(least, largest).unwrap();
            }
            let model = Sequential::builder([inputs]).layer(layer.clone()).build(&mut seeded(0)).unwrap();
            for batch in [1, 2, 5, 13] {
                let x = Tensor::from_fn([batch, inputs], number).unwrap();
                let what = format!("{inputs} -> {outputs}, batch {batch}, {range:?}");
                let expected = dense_by_hand(&layer, x.as_slice(), range);
                same_bits(model.predict(&x).unwrap().as_slice(), &expected, &what);
            }
        }
    }
}

/// The window of a convolution of images, by hand.
fn conv_by_hand(
    layer: &QuantizedConv2d,
    sample: [usize; 3],
    x: &[f32],
    border: usize,
    stride: usize,
) -> Vec<f32> {
    let weight = layer.weight().to_tensor();
    let (scales, bias) = (layer.weight_scale().to_tensor(), layer.bias().unwrap().to_tensor());
    let [height, width, channels] = sample;
    let [taps_down, taps_right] = {
        let axes = weight.shape();
        match *axes.axes() {
            [down, right, _, _] => [down, right],
            [right, _, _] => [1, right],
            _ => unreachable!(),
        }
    };
    let Channels { .. } = layer.channels();
    let (groups, outputs) = (layer.channels().groups(), layer.channels().outputs());
    let (own, each) = (channels / groups, outputs / groups);
    let down_border = if taps_down == 1 && height == 1 { 0 } else { border };
    let places = |len: usize, border: usize, taps: usize| (len + 2 * border - taps) / stride + 1;
    let (rows, columns) = (places(height, down_border, taps_down), places(width, border, taps_right));
    let mut y = Vec::new();
    for x in x.chunks(height * width * channels) {
        let bytes: Bytes = quantize(x);
        for place in 0..rows * columns {
            for o in 0..outputs {
                let mut products = Vec::new();
                for tap in 0..taps_down * taps_right * own {
                    let (i, j, k) = (tap / own / taps_right, tap / own % taps_right, tap % own);
                    let r = (place / columns * stride + i).checked_sub(down_border).filter(|&r| r < height);
                    let c = (place % columns * stride + j).checked_sub(border).filter(|&c| c < width);
                    let (Some(r), Some(c)) = (r, c) else { continue };
                    let q = bytes.q[(r * width + c) * channels + o / each * own + k];
                    products.push((q, weight.as_slice()[tap * outputs + o] as i64));
                }
                y.push(output(&bytes, products.into_iter(), scales.as_slice()[o], Some(bias.as_slice()[o])));
            }
        }
    }
    y
}

#[test]
fn a_convolution_is_the_plain_loop() {
    for (groups, window, border, stride) in
        [(1, [3, 3], 1, 1), (1, [1, 1], 0, 1), (1, [2, 3], 0, 2), (2, [3, 3], 1, 2), (1, [5, 5], 2, 1)]
    {
        let channels = Channels::new(6, 34).with_groups(groups);
        let window_of = Window::new(window).with_padding(border).with_stride(stride);
        let conv = Conv2d::<f32>::new(channels, window_of, &mut seeded(3)).unwrap();
        let layer = QuantizedConv2d::from_float(&conv).unwrap();
        let model = Sequential::builder([7, 9, 6]).layer(layer.clone()).build(&mut seeded(0)).unwrap();
        let x = Tensor::from_fn([3, 7, 9, 6], number).unwrap();
        let expected = conv_by_hand(&layer, [7, 9, 6], x.as_slice(), border, stride);
        let what = format!("{groups} groups, {window:?}, border {border}, stride {stride}");
        same_bits(model.predict(&x).unwrap().as_slice(), &expected, &what);
    }
    let conv =
        Conv1d::<f32>::new(Channels::new(6, 34), Window::new(3).with_padding(1), &mut seeded(3)).unwrap();
    let layer = QuantizedConv1d::from_float(&conv).unwrap();
    let model = Sequential::builder([11, 6]).layer(layer.clone()).build(&mut seeded(0)).unwrap();
    let x = Tensor::from_fn([3, 11, 6], number).unwrap();
    let expected = conv_by_hand(layer.of_images(), [1, 11, 6], x.as_slice(), 1, 1);
    same_bits(model.predict(&x).unwrap().as_slice(), &expected, "sequences");
}

#[test]
fn an_activation_behind_is_that_of_the_sums() {
    let dense = Dense::<f32>::new(20, 40, &mut seeded(5)).unwrap();
    let layer = QuantizedDense::from_float(&dense).unwrap();
    let x = Tensor::from_fn([3, 20], number).unwrap();
    for activation in [Activation::Relu, Activation::Tanh, Activation::Gelu] {
        let model = Sequential::builder([20]).layer(layer.clone()).layer(activation);
        let alone = Sequential::builder([3]).layer(activation).build(&mut seeded(0)).unwrap();
        let sums = Tensor::from_vec([40, 3], dense_by_hand(&layer, x.as_slice(), None)).unwrap();
        let y = model.build(&mut seeded(0)).unwrap().predict(&x).unwrap();
        same_bits(y.as_slice(), alone.predict(&sums).unwrap().as_slice(), &format!("{activation:?}"));
    }
}

/// Neither threads nor the batch can be seen in a sample's outputs.
#[test]
fn a_sample_has_the_same_bits_in_any_batch_and_on_any_number_of_threads() {
    let model = Sequential::<f32>::builder([12, 12, 3])
        .conv2d(40, 3)
        .relu()
        .conv2d(24, Window::new(3).with_stride(2))
        .relu()
        .flatten()
        .dense(300)
        .relu()
        .dense(10)
        .build(&mut seeded(1))
        .unwrap();
    let model = model.quantized(&taper::sequential::Quantization::int8()).unwrap();
    let x = Tensor::from_fn([33, 12, 12, 3], number).unwrap();
    let mut alone = Vec::new();
    for sample in x.as_slice().chunks(12 * 12 * 3) {
        let sample = Tensor::from_vec([1, 12, 12, 3], sample.to_vec()).unwrap();
        alone.extend_from_slice(model.predict(&sample).unwrap().as_slice());
    }
    for threads in [1, 2, 3, 4] {
        let parallelism = Parallelism::Threads(threads);
        let mut workspace = model.workspace(Mode::Infer, 33).unwrap().with_parallelism(parallelism);
        same_bits(model.infer(&x, &mut workspace).unwrap().as_slice(), &alone, &format!("{threads} threads"));
    }
}

#[test]
fn zeros_make_the_bias_and_a_number_that_is_none_makes_none() {
    let dense = Dense::<f32>::new(50, 33, &mut seeded(2)).unwrap();
    let bias = dense.bias().unwrap().to_tensor();
    for range in [None, Some([-3.0, 1.0])] {
        let mut layer = QuantizedDense::from_float(&dense).unwrap();
        if let Some([least, largest]) = range {
            layer = layer.with_input_range(least, largest).unwrap();
        }
        let model = Sequential::builder([50]).layer(layer.clone()).build(&mut seeded(0)).unwrap();
        let behind = Sequential::builder([50]).layer(layer).relu().build(&mut seeded(0)).unwrap();
        let mut x = Tensor::from_fn([4, 50], number).unwrap();
        let whole = model.predict(&x).unwrap();
        x.as_mut_slice()[..50].fill(0.0);
        for (place, value) in [(50 + 7, f32::NAN), (100 + 49, f32::INFINITY), (150, f32::NEG_INFINITY)] {
            x.as_mut_slice()[place] = value;
        }
        let y = model.predict(&x).unwrap();
        assert_eq!(y.as_slice()[..33], *bias.as_slice());
        assert!(y.as_slice()[33..].iter().all(|y| y.is_nan()), "{range:?}: {y:?}");
        assert!(whole.as_slice().iter().all(|y| y.is_finite()));
        // A rectifier makes no number of what is none.
        assert!(behind.predict(&x).unwrap().as_slice()[33..].iter().all(|y| y.is_nan()), "{range:?}");
    }
    let conv =
        Conv2d::<f32>::new(Channels::new(3, 5), Window::new(3).with_padding(1), &mut seeded(2)).unwrap();
    let layer = QuantizedConv2d::from_float(&conv).unwrap();
    let model = Sequential::builder([4, 4, 3]).layer(layer).relu().build(&mut seeded(0)).unwrap();
    let mut x = Tensor::from_fn([2, 4, 4, 3], number).unwrap();
    let other = model.predict(&x).unwrap();
    x.as_mut_slice()[0] = f32::NAN;
    let y = model.predict(&x).unwrap();
    assert!(y.as_slice()[..80].iter().all(|y| y.is_nan()), "{y:?}");
    assert_eq!(y.as_slice()[80..], other.as_slice()[80..]);
}

#[test]
fn a_sample_that_is_one_number_and_samples_of_extreme_numbers_are_right() {
    let dense = Dense::<f32>::new(50, 33, &mut seeded(2)).unwrap();
    let bare = Dense::from_parts(&dense.weight().to_tensor(), None).unwrap();
    let layer = QuantizedDense::from_float(&bare).unwrap();
    let model = Sequential::builder([50]).layer(layer.clone()).build(&mut seeded(0)).unwrap();
    let extremes = [7.0, -0.3, 1e30, -3e38, f32::MIN_POSITIVE, 1e-44];
    for value in extremes {
        let x = Tensor::full([1, 50], value).unwrap();
        same_bits(
            model.predict(&x).unwrap().as_slice(),
            &dense_by_hand(&layer, x.as_slice(), None),
            &format!("{value:e}"),
        );
    }
    // Smallest and largest differ by more than the largest number.
    let x = Tensor::from_fn([1, 50], |i| if i % 2 == 0 { f32::MAX } else { f32::MIN }).unwrap();
    same_bits(
        model.predict(&x).unwrap().as_slice(),
        &dense_by_hand(&layer, x.as_slice(), None),
        "largest numbers",
    );
    let one = Layer::<f32>::describe(&layer);
    assert_eq!(one, "quantized_dense 50 -> 33");
}
