//! Groups of channels over images large enough that sums take several blocks and threads share them.

use taper::layers::GroupNorm;
use taper::{GradientStore, Mode, Parallelism, Sequential, Tensor};

fn pattern(shape: impl Into<taper::Shape>, step: usize) -> Tensor<f32> {
    Tensor::from_fn(shape, |i| ((i * step + 11) % 101) as f32 / 50.0 - 0.3).unwrap()
}

/// y, dx and the gradients of weight and bias.
fn passes(image: [usize; 3], groups: usize, batch: usize, threads: usize) -> [Tensor<f32>; 4] {
    let channels = image[2];
    let mut norm = GroupNorm::new(groups, channels).unwrap();
    norm.weight_mut().unwrap().set(&pattern([channels], 13)).unwrap();
    norm.bias_mut().unwrap().set(&pattern([channels], 7)).unwrap();
    let mut model = Sequential::builder(image).layer(norm).build(&mut taper::seeded(0)).unwrap();
    let parallelism = Parallelism::Threads(threads);
    let x = pattern([batch, image[0], image[1], channels], 37);
    let mut workspace = model.workspace(Mode::Train, batch).unwrap().with_parallelism(parallelism);
    let mut gradients = GradientStore::new(&mut model).with_parallelism(parallelism);
    let mut dx = Tensor::zeros(x.shape()).unwrap();
    let y = model.forward_pass(&x, &mut workspace).unwrap().to_tensor();
    let dy = pattern(x.shape(), 29);
    workspace.outputs_and_gradient().unwrap().1.as_mut_slice().copy_from_slice(dy.as_slice());
    model.backward_to_input(&x, &mut workspace, &mut gradients, &mut dx).unwrap();
    let gradient = |name| gradients.get(model.param(name).unwrap()).unwrap();
    let found = [y, dx, gradient("0.weight"), gradient("0.bias")];
    let mut workspace = model.workspace(Mode::Infer, batch).unwrap().with_parallelism(parallelism);
    assert_eq!(model.infer(&x, &mut workspace).unwrap().to_tensor(), found[0]);
    found
}

#[test]
fn large_images_agree_with_double_precision() {
    for (image, groups, batch) in
        [([13, 12, 10], 5, 3), ([20, 20, 3], 3, 2), ([9, 70, 66], 2, 2), ([1, 1, 6], 2, 5)]
    {
        let [y, dx, dw, db] = passes(image, groups, batch, 2);
        let (places, channels) = (image[0] * image[1], image[2]);
        let (width, sample) = (channels / groups, places * channels);
        let wide =
            |tensor: Tensor<f32>| -> Vec<f64> { tensor.as_slice().iter().map(|&x| x.into()).collect() };
        let x = wide(pattern([batch, image[0], image[1], channels], 37));
        let dy = wide(pattern([batch, image[0], image[1], channels], 29));
        let (weight, bias) = (wide(pattern([channels], 13)), wide(pattern([channels], 7)));
        let (mut weight_gradient, mut bias_gradient) = (vec![0.0; channels], vec![0.0; channels]);
        for (sample, group) in (0..batch).flat_map(|s| (0..groups).map(move |group| (s * sample, group))) {
            let own: Vec<usize> = (0..places)
                .flat_map(|place| (0..width).map(move |c| sample + place * channels + group * width + c))
                .collect();
            let mean =
                |term: &dyn Fn(usize) -> f64| own.iter().map(|&i| term(i)).sum::<f64>() / own.len() as f64;
            let center = mean(&|i| x[i]);
            let inverse = (mean(&|i| (x[i] - center).powi(2)) + 1e-5).sqrt().recip();
            let normalised = |i: usize| (x[i] - center) * inverse;
            let g = |i: usize| dy[i] * weight[i % channels];
            let (shift, slope) = (mean(&g), mean(&|i| g(i) * normalised(i)));
            for &i in &own {
                let (got, expected) =
                    (f64::from(y.as_slice()[i]), normalised(i) * weight[i % channels] + bias[i % channels]);
                assert!((got - expected).abs() < 1e-5, "{image:?}: y {got}, expected {expected}");
                let (got, expected) =
                    (f64::from(dx.as_slice()[i]), (g(i) - shift - normalised(i) * slope) * inverse);
                assert!((got - expected).abs() < 1e-5, "{image:?}: dx {got}, expected {expected}");
                weight_gradient[i % channels] += dy[i] * normalised(i);
                bias_gradient[i % channels] += dy[i];
            }
        }
        for (got, expected) in [(dw, weight_gradient), (db, bias_gradient)] {
            for (&got, expected) in got.as_slice().iter().zip(expected) {
                assert!(
                    (f64::from(got) - expected).abs() < 1e-5 * (batch * places) as f64,
                    "{got}, expected {expected}"
                );
            }
        }
    }
}

/// One sample is shared by places, several are shared out.
#[test]
fn threads_and_batches_do_not_change_a_bit() {
    let image = [60, 61, 24];
    let [one, two, three] = [1, 2, 8].map(|threads| passes(image, 6, 3, threads));
    assert!(one == two && two == three);
    let [alone, shared] = [1, 8].map(|threads| passes(image, 6, 1, threads));
    assert!(alone == shared);
    assert_eq!(alone[0].as_slice(), &one[0].as_slice()[..60 * 61 * 24]);
    assert_eq!(alone[1].as_slice(), &one[1].as_slice()[..60 * 61 * 24]);
}
