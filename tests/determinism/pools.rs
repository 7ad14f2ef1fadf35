//! A convolution that takes the pool after it along, as it does in inference, gives the bits of one and then the other.

use taper::layers::{Conv2d, MaxPool2d, Padding, Window};
use taper::sequential::Builder;
use taper::{Mode, Parallelism, Scalar, Sequential, seeded};

use super::{bits, inputs};

/// Convolutions of all ways, and pools that can be taken along and that cannot.
fn models<T: Scalar>() -> Vec<(String, Sequential<T>)> {
    let same = |kernel: usize| Window::new(kernel).with_padding(Padding::Same);
    let convs: [([usize; 3], usize, Window, usize); 8] = [
        ([14, 28, 1], 32, same(3), 1),
        ([15, 15, 3], 7, same(3), 1),
        ([21, 20, 3], 20, Window::new(7).with_stride(2).with_padding(Padding::Border(3.into())), 1),
        ([5, 26, 64], 9, same(3), 1),
        ([7, 9, 12], 10, same(3), 2),
        ([8, 11, 24], 33, Window::new(1), 1),
        ([5, 9, 300], 3, same(3), 1),
        ([12, 13, 6], 6, same(3), 6),
    ];
    let pools = [
        Window::new(2),
        Window::new(3),
        Window::new([2, 1]),
        Window::new([1, 3]),
        Window::new(2).with_ceil_mode(),
        Window::new(3).with_stride(2),
        Window::new(2).with_padding(Padding::Same),
    ];
    let mut models = Vec::new();
    for (number, (image, outputs, window, groups)) in convs.into_iter().enumerate() {
        for (pool_number, pool) in pools.into_iter().enumerate() {
            let rng = &mut seeded((number * 10 + pool_number) as u64);
            let builder: Builder<T> = Sequential::builder(image).conv2d(outputs, window).groups(groups);
            let builder = match pool_number % 3 {
                0 => builder.relu(),
                1 => builder.gelu(),
                _ => builder,
            };
            let model =
                builder.max_pool2d(pool).conv2d(3, 1).max_pool2d([1, 2]).flatten().dense(2).build(rng);
            models.push((format!("convolution {number}, pool {pool}"), model.unwrap()));
        }
    }
    models
}

fn pools_make_no_difference<T: Scalar>() {
    for (name, model) in models::<T>() {
        for batch in [1, 3] {
            let x = inputs(&model, batch, 5);
            // A training pass keeps every output, so nothing is taken along.
            let mut training = model.workspace(Mode::Train, batch).unwrap();
            let expected = bits(model.forward_pass(&x, &mut training).unwrap().as_slice());
            for threads in [1, 3] {
                let workspace = model.workspace(Mode::Infer, batch).unwrap();
                let mut workspace = workspace.with_parallelism(Parallelism::Threads(threads));
                let found = bits(model.infer(&x, &mut workspace).unwrap().as_slice());
                assert!(found == expected, "{name}, batch {batch}, {threads} threads, {}", T::NAME);
            }
            let found = bits(model.infer(&x, &mut training).unwrap().as_slice());
            assert!(found == expected, "{name}, batch {batch}, in a workspace for training");
        }
    }
}

#[test]
fn pools_make_no_difference_in_single_precision() {
    pools_make_no_difference::<f32>();
}

#[test]
fn pools_make_no_difference_in_double_precision() {
    pools_make_no_difference::<f64>();
}

/// The convolution comes to no more than its pool needs, and NaN goes through.
#[test]
fn what_is_no_number_goes_through() {
    let conv =
        Conv2d::<f32>::new(taper::layers::Channels::new(1, 4), Window::new(3), &mut seeded(3)).unwrap();
    let model = Sequential::builder([9, 9, 1]).layer(conv).relu().layer(MaxPool2d::new(2).unwrap());
    let model = model.build(&mut seeded(1)).unwrap();
    let mut x = inputs(&model, 1, 2);
    x.as_mut_slice()[4 * 9 + 4] = f32::NAN;
    let y = model.predict(&x).unwrap();
    // 7×7 places, of which the pool sees 6×6; the pixel is in the window of those from 2 to 4.
    let expected: Vec<bool> =
        (0..9).flat_map(|at| [(1..=2).contains(&(at / 3)) && (1..=2).contains(&(at % 3)); 4]).collect();
    assert_eq!(y.as_slice().iter().map(|y| y.is_nan()).collect::<Vec<_>>(), expected);
    assert_eq!(model.output().axes(), [3, 3, 4]);
}
