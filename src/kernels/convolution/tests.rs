//! The three products against the definition.

use super::*;
use crate::kernels::oracle::{Numbers, in_both_precisions};
use crate::kernels::{Around, Axis, ConvolutionSize, DenseForward, Finish, Geometry, Parallelism};

struct Case {
    size: ConvolutionSize,
    name: &'static str,
}

fn case(
    name: &'static str,
    batch: usize,
    [rows, columns]: [Axis; 2],
    channels: [usize; 2],
    groups: usize,
) -> Case {
    let geometry = Geometry { rows, columns, channels: channels[0] };
    Case { name, size: ConvolutionSize { batch, geometry, outputs: channels[1], groups } }
}

fn axis(inputs: usize, kernel: usize, stride: usize, dilation: usize, border: Option<usize>) -> Axis {
    let around = border.map_or(Around::Same, |border| Around::Zeros { before: border, after: border });
    Axis::new(inputs, kernel, stride, dilation, around, false).unwrap()
}

/// Around every edge: of blocks, of panels, of images, and of the ways that dx can take.
fn cases() -> Vec<Case> {
    let plain = |inputs, kernel| axis(inputs, kernel, 1, 1, Some(0));
    let same = |inputs, kernel| axis(inputs, kernel, 1, 1, None);
    vec![
        case("a single pixel", 1, [plain(1, 1); 2], [1, 1], 1),
        case("one channel, many blocks", 3, [same(40, 3), same(33, 3)], [1, 5], 1),
        case("several blocks, dx turned", 2, [same(17, 3), same(19, 2)], [33, 31], 1),
        case("a window that stays inside", 5, [plain(5, 3); 2], [16, 40], 1),
        case("stride", 2, [axis(15, 3, 2, 1, Some(1)), axis(14, 4, 3, 1, Some(2))], [20, 9], 1),
        case("dilation", 2, [axis(12, 3, 1, 2, None), axis(11, 2, 1, 3, Some(1))], [17, 8], 1),
        case("a wide border", 1, [axis(4, 2, 1, 1, Some(3)), axis(3, 3, 1, 1, Some(2))], [16, 3], 1),
        case("groups", 2, [same(9, 3), same(10, 3)], [24, 36], 3),
        case("each channel by itself", 2, [same(9, 3), same(10, 3)], [7, 7], 7),
        case("each of more channels than a panel has", 3, [same(11, 3), same(23, 3)], [75, 75], 75),
        case("each channel, whole panels, a window of 5", 1, [same(8, 5), same(9, 5)], [64, 64], 64),
        case(
            "each channel, stride",
            2,
            [axis(15, 3, 2, 1, Some(1)), axis(14, 4, 3, 1, Some(2))],
            [40, 40],
            40,
        ),
        case(
            "each channel, dilation",
            2,
            [axis(12, 3, 1, 2, None), axis(11, 2, 1, 3, Some(1))],
            [17, 17],
            17,
        ),
        case(
            "each channel, a wide border",
            1,
            [axis(4, 2, 1, 1, Some(3)), axis(3, 3, 1, 1, Some(4))],
            [33, 33],
            33,
        ),
        case("each channel, inside", 2, [plain(5, 3), plain(12, 1)], [32, 32], 32),
        case("each channel, a vector left over", 1, [same(5, 3), same(12, 3)], [48, 48], 48),
        case("each channel, a part of one left over", 1, [same(5, 3), same(7, 5)], [40, 40], 40),
        case("two outputs of each channel", 2, [same(9, 3), same(10, 3)], [7, 14], 7),
        case("one tap", 3, [plain(13, 1), plain(17, 1)], [40, 65], 1),
        case("one tap in groups", 3, [plain(5, 1), axis(7, 1, 2, 1, Some(0))], [40, 12], 4),
        case(
            "three colours, places left over",
            2,
            [axis(21, 3, 2, 1, Some(0)), axis(30, 3, 4, 1, Some(2))],
            [3, 40],
            1,
        ),
        case("rows apart, many places", 1, [axis(9, 3, 2, 2, Some(2)), same(29, 5)], [2, 17], 1),
        case("groups of few, many places", 2, [same(6, 3), same(27, 3)], [12, 18], 6),
        case("several blocks of rows", 1, [same(27, 3), same(50, 2)], [96, 5], 1),
        case("a window larger than a block", 1, [plain(12, 9), plain(11, 9)], [70, 3], 1),
    ]
}

fn numbers<T: Numbers>(count: usize, seed: usize) -> Vec<T> {
    (0..count).map(|i| T::of(((i * 37 + seed) % 101) as f64 / 50.0 - 0.99)).collect()
}

/// Calls `visit` with each multiply-add of the definition: places in y, x and W (of the group, row and column).
fn each_product(size: ConvolutionSize, mut visit: impl FnMut(usize, usize, [usize; 3])) {
    let Geometry { rows, columns, channels } = size.geometry;
    let (inputs, outputs) = (size.group_inputs(), size.group_outputs());
    for position in 0..size.positions() {
        let (line, column) = (position / columns.outputs, position % columns.outputs);
        let (image, row) = (line / rows.outputs, line % rows.outputs);
        for tap in 0..size.taps() {
            let at = |axis: Axis, output: usize, tap: usize| {
                (output * axis.stride + tap * axis.dilation).checked_sub(axis.before)
            };
            let (Some(y), Some(x)) =
                (at(rows, row, tap / columns.kernel), at(columns, column, tap % columns.kernel))
            else {
                continue;
            };
            if y >= rows.inputs || x >= columns.inputs {
                continue;
            }
            let pixel = ((image * rows.inputs + y) * columns.inputs + x) * channels;
            for output in 0..size.outputs {
                let group = output / outputs;
                for input in 0..inputs {
                    let weight = [group, tap * inputs + input, output % outputs];
                    visit(position * size.outputs + output, pixel + group * inputs + input, weight);
                }
            }
        }
    }
}

/// What the definition gives, with the sum of the absolute values of its terms, which bounds the error.
#[derive(Clone, Copy, Default)]
struct Sum {
    value: f64,
    size: f64,
}

impl Sum {
    fn add(&mut self, term: f64) {
        self.value += term;
        self.size += term.abs();
    }
}

/// Each sum of at most `terms` terms is within its bound; an element that is no number never is.
fn compare<T: Numbers>(what: &str, got: &[T], expected: &[Sum], terms: usize, failures: &mut Vec<String>) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (place, (got, sum)) in got.iter().zip(expected).enumerate() {
        let bound = 4.0 * (terms + 2) as f64 * (T::UNIT * sum.size + f64::MIN_POSITIVE);
        if (got.wide() - sum.value).abs().is_nan() || (got.wide() - sum.value).abs() > bound {
            failures.push(format!("{what} at {place}: {got}, not {}", sum.value));
            return;
        }
    }
}

/// y, dx and dW, with all buffers full of NaN before.
fn products<T: Numbers>(size: ConvolutionSize, [x, weight, bias, dy]: [&[T]; 4]) -> [Vec<T>; 3] {
    let nan = |len: usize| vec![T::of(f64::NAN); len];
    let (mut y, mut dx) = (nan(dy.len()), nan(x.len()));
    let (finish, parallelism) = (Finish::Nothing, Parallelism::Threads(1));
    let product = ConvolutionForward { size, x, weight, bias: Some(bias), finish, pool: None, parallelism };
    product.run(&mut y, &mut nan(ConvolutionForward::<T>::scratch(size, None)));
    let product = ConvolutionInputGradient { size, dy, weight, parallelism };
    product.run(&mut dx, &mut nan(ConvolutionInputGradient::<T>::scratch(size)));
    let mut scratch = nan(ConvolutionWeightGradient::<T>::scratch(size));
    let dw = ConvolutionWeightGradient { size, x, dy, parallelism }.run(&mut scratch).to_vec();
    [y, dx, dw]
}

/// Windows that are read where they lie are summed as those that are copied, to the bit.
fn outputs_have_the_bits_of_a_product_of_patches<T: Numbers>() {
    let cases = cases().into_iter().filter(|case| case.size.groups == 1);
    for Case { size, name } in cases {
        let (x, bias) =
            (numbers::<T>(size.batch * size.geometry.image_len(), 3), numbers::<T>(size.outputs, 5));
        let weight = numbers::<T>(size.weight_len::<T>(), 7);
        let (mut y, mut expected) =
            (numbers(size.positions() * size.outputs, 0), numbers(size.positions() * size.outputs, 1));
        let (finish, parallelism) = (Finish::Relu, Parallelism::Threads(1));
        let product = ConvolutionForward {
            size,
            x: &x,
            weight: &weight,
            bias: Some(&bias),
            finish,
            pool: None,
            parallelism,
        };
        product.run(&mut y, &mut vec![T::zero(); ConvolutionForward::<T>::scratch(size, None)]);
        let mut patches = numbers::<T>(size.positions() * size.patch(), 2);
        size.patches(0, 0..size.taps()).gather(&x, 0..size.positions(), &mut patches);
        let size = size.product(size.positions(), size.taps());
        let product =
            DenseForward { size, x: &patches, weight: &weight, bias: Some(&bias), finish, parallelism };
        product.run(&mut expected);
        assert!(y == expected, "{name}");
    }
}
in_both_precisions!(outputs_have_the_bits_of_a_product_of_patches);

fn every_case_is_within_the_bound<T: Numbers>() {
    let mut failures = Vec::new();
    for Case { size, name } in cases() {
        let panels = size.panels::<T>();
        let place = |[group, row, column]: [usize; 3]| {
            let (group, column) = if size.is_depthwise() { (0, group) } else { (group, column) };
            let panel = column / T::PANEL_COLUMNS;
            group * panels.len()
                + panel * panels.panel_len()
                + row * T::PANEL_COLUMNS
                + column % T::PANEL_COLUMNS
        };
        let x = numbers::<T>(size.batch * size.geometry.image_len(), 3);
        let dy = numbers::<T>(size.positions() * size.outputs, 11);
        let bias = numbers::<T>(size.outputs, 5);
        let mut weight = vec![T::zero(); size.weight_len::<T>()];
        each_product(size, |_, _, at| {
            let index = at[2] + size.group_outputs() * (at[1] + size.patch() * at[0]);
            weight[place(at)] = T::of(((index * 53 + 7) % 89) as f64 / 44.0 - 0.97);
        });
        let mut y: Vec<Sum> = vec![Sum::default(); dy.len()];
        let (mut dx, mut dw) = (vec![Sum::default(); x.len()], vec![Sum::default(); weight.len()]);
        y.iter_mut().enumerate().for_each(|(place, y)| y.add(bias[place % size.outputs].wide()));
        each_product(size, |output, pixel, at| {
            let (x, dy, w) = (x[pixel].wide(), dy[output].wide(), weight[place(at)].wide());
            y[output].add(x * w);
            dx[pixel].add(dy * w);
            dw[place(at)].add(x * dy);
        });
        let given = [&x[..], &weight, &bias, &dy];
        let got = products(size, given);
        compare(&format!("{name}, y"), &got[0], &y, size.patch(), &mut failures);
        compare(&format!("{name}, dx"), &got[1], &dx, size.taps() * size.outputs, &mut failures);
        compare(&format!("{name}, dW"), &got[2], &dw, size.positions(), &mut failures);
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}
in_both_precisions!(every_case_is_within_the_bound);

/// A gradient of few elements is a sum of parts, which threads share out.
#[test]
fn threads_do_not_change_a_bit_of_a_small_gradient() {
    for (channels, batch) in [([1, 8], 60), ([3, 40], 9)] {
        let Case { size, .. } =
            case("", batch, [axis(40, 3, 1, 1, None), axis(33, 3, 1, 1, None)], channels, 1);
        let x = numbers::<f32>(size.batch * size.geometry.image_len(), 3);
        let dy = numbers::<f32>(size.positions() * size.outputs, 11);
        let gradient = |threads: usize| {
            let mut scratch = vec![f32::NAN; ConvolutionWeightGradient::<f32>::scratch(size)];
            let parallelism = Parallelism::Threads(threads);
            ConvolutionWeightGradient { size, x: &x, dy: &dy, parallelism }.run(&mut scratch).to_vec()
        };
        let [one, two, many] = [1, 2, 8].map(gradient);
        assert!(one == two && two == many);
    }
}

/// A workspace is made for a largest batch, and serves all smaller ones.
#[test]
fn a_smaller_batch_wants_no_more_scratch() {
    let axes = |inputs| [axis(inputs, 3, 1, 1, None); 2];
    for (inputs, channels) in [(20, [1, 8]), (59, [1, 8]), (60, [3, 40]), (12, [16, 64]), (9, [40, 33])] {
        let scratch = |batch: usize| {
            let Case { size, .. } = case("", batch, axes(inputs), channels, 1);
            ConvolutionWeightGradient::<f32>::scratch(size)
        };
        let sizes: Vec<usize> = (1..40).map(scratch).collect();
        assert!(sizes.is_sorted(), "{inputs}, {channels:?}: {sizes:?}");
    }
}
