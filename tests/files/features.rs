//! Heads trained on features in another order than the model's.

use taper::io::{Check, Load, Save};
use taper::{Sequential, Shape, Tensor};

const CLASSES: usize = 2;

/// Height, width, channels.
const SIZES: [[usize; 3]; 4] = [[2, 3, 4], [3, 3, 3], [4, 1, 2], [1, 5, 1]];

/// Whole numbers, which add up exactly; no two features have the same.
fn pixel([y, x, channel]: [usize; 3]) -> f64 {
    (100 * y + 10 * x + channel + 1) as f64
}

/// From a feature to a hidden number; there are as many of these as of features, so that the second weight could be
/// mistaken for the first.
fn first([y, x, channel]: [usize; 3], hidden: usize) -> f64 {
    ((7 * y + 5 * x + 3 * channel + hidden) % 11) as f64 - 5.0
}

fn second(hidden: usize, class: usize) -> f64 {
    ((3 * hidden + 2 * class) % 7) as f64 - 3.0
}

/// The outputs, written down as what they are.
fn naive([height, width, channels]: [usize; 3]) -> Vec<f64> {
    let mut outputs = vec![0.0; CLASSES];
    for hidden in 0..height * width * channels {
        let mut sum = 0.0;
        for y in 0..height {
            for x in 0..width {
                for channel in 0..channels {
                    sum += pixel([y, x, channel]) * first([y, x, channel], hidden);
                }
            }
        }
        for (class, output) in outputs.iter_mut().enumerate() {
            *output += sum * second(hidden, class);
        }
    }
    outputs
}

/// How features lie one after another.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// As Keras: height, width, channels.
    Last,
    /// As PyTorch: channels, height, width.
    First,
}

impl Order {
    fn axes(self, [height, width, channels]: [usize; 3]) -> [usize; 3] {
        if self == Self::Last { [height, width, channels] } else { [channels, height, width] }
    }

    /// y, x and channel of all features, in this order.
    fn features(self, size: [usize; 3]) -> Vec<[usize; 3]> {
        let [a, b, c] = self.axes(size);
        let mut features = Vec::new();
        for i in 0..a {
            for j in 0..b {
                for k in 0..c {
                    features.push(if self == Self::Last { [i, j, k] } else { [j, k, i] });
                }
            }
        }
        features
    }

    fn image(self, size: [usize; 3], sample: Shape) -> Tensor<f64> {
        let pixels: Vec<f64> = self.features(size).into_iter().map(pixel).collect();
        Tensor::from_vec(sample.with_batch(1).unwrap(), pixels).unwrap()
    }

    /// A head of weights that are to be loaded over.
    fn head(self, size: [usize; 3], is_flat: bool) -> Sequential<f64> {
        let count = size.iter().product();
        let builder = if is_flat {
            Sequential::builder([count])
        } else {
            Sequential::builder(self.axes(size)).flatten()
        };
        let builder = builder.dense(count).without_bias().named("first");
        builder.dense(CLASSES).without_bias().named("second").build(&mut taper::seeded(1)).unwrap()
    }

    /// A head that was trained on features in this order.
    fn trained(self, size: [usize; 3], is_flat: bool) -> Sequential<f64> {
        let (mut model, features) = (self.head(size, is_flat), self.features(size));
        let count = features.len();
        let weight = Tensor::from_fn([count, count], |place| first(features[place / count], place % count));
        model.param_mut("first.weight").unwrap().set(&weight.unwrap()).unwrap();
        let weight = Tensor::from_fn([count, CLASSES], |place| second(place / CLASSES, place % CLASSES));
        model.param_mut("second.weight").unwrap().set(&weight.unwrap()).unwrap();
        model
    }

    fn other(self) -> Self {
        if self == Self::Last { Self::First } else { Self::Last }
    }

    /// What a file has to be loaded with whose features are in this order.
    fn told(self, size: [usize; 3]) -> Load {
        let axes = self.axes(size);
        if self == Self::Last {
            Load::new().from_channels_last(axes)
        } else {
            Load::new().from_channels_first(axes)
        }
    }
}

fn outputs(model: &Sequential<f64>, image: &Tensor<f64>) -> Vec<f64> {
    model.predict(image).unwrap().as_slice().to_vec()
}

#[test]
fn rows_follow_the_features_that_are_told() {
    for size in SIZES {
        for order in [Order::Last, Order::First] {
            for (file_is_flat, model_is_flat) in [(false, false), (true, false), (false, true), (true, true)]
            {
                let trained = order.trained(size, file_is_flat);
                assert_eq!(outputs(&trained, &order.image(size, trained.input())), naive(size));
                // The file checks itself too, in its own order.
                let save = Save::new().with_check(&order.image(size, trained.input()));
                let bytes = trained.to_bytes(&save).unwrap();
                let mut model = order.other().head(size, model_is_flat);
                let loaded = model.load_bytes(&bytes, &order.told(size)).unwrap();
                // A row of features has its channels last, as all that is told nothing else; and so has a cube.
                let is_cube = size == [3, 3, 3] && !file_is_flat && (order == Order::First || !model_is_flat);
                let is_cube = is_cube || size == [3, 3, 3] && order == Order::Last;
                let stays = is_cube || order == Order::Last && model_is_flat;
                let expected = if stays { order } else { order.other() };
                let image = expected.image(size, model.input());
                assert_eq!(outputs(&model, &image), naive(size), "{size:?} {file_is_flat} {model_is_flat}");
                assert_eq!(model.state().get("second.weight"), trained.state().get("second.weight"));
                assert_eq!(loaded.check, Check::Passed, "{size:?} {file_is_flat} {model_is_flat}");
            }
        }
    }
}

/// Nothing but being told can tell features of the same lengths apart: three axes have their channels last.
#[test]
fn a_cube_is_put_in_order_only_when_that_is_told() {
    let size = [3, 3, 3];
    let bytes = Order::First.trained(size, true).to_bytes(&Save::new()).unwrap();
    let mut model = Order::Last.head(size, false);
    let before = model.state();
    let error = model.load_bytes(&bytes, &Load::new()).unwrap_err().to_string();
    assert!(
        error.contains("from_channels_first([3, 3, 3])") && error.contains("from_channels_last"),
        "{error}"
    );
    assert_eq!(model.state(), before);
    let image = Order::Last.image(size, model.input());
    model.load_bytes(&bytes, &Load::new().from_channels_last(size)).unwrap();
    assert_ne!(outputs(&model, &image), naive(size));
    model.load_bytes(&bytes, &Order::First.told(size)).unwrap();
    assert_eq!(outputs(&model, &image), naive(size));
}

#[test]
fn what_is_known_to_differ_is_refused_until_it_is_told() {
    let size = [2, 3, 4];
    let bytes = Order::First.trained(size, false).to_bytes(&Save::new()).unwrap();
    let mut model = Order::Last.head(size, false);
    let before = model.state();
    for (load, expected) in [
        (Load::new(), "takes [2, 3, 4] flattened, that of the file [4, 2, 3]: tell the order"),
        (Order::Last.told(size), "expected features [4, 2, 3] as the file says, got [2, 3, 4]"),
        (Load::new().from_channels_first([2, 3, 4]), "expected features [4, 2, 3] as the file says"),
    ] {
        let error = model.load_bytes(&bytes, &load).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(model.state(), before);
    }
    // Of a file that does not say, the model and the number of inputs do.
    let bytes = Order::First.trained(size, true).to_bytes(&Save::new()).unwrap();
    for (load, expected) in [
        (
            Load::new().from_channels_first([4, 3, 2]),
            "takes [2, 3, 4] flattened, but features [4, 3, 2] become [3, 2, 4]",
        ),
        (Load::new().from_channels_first([usize::MAX, 2, 3]), "takes [2, 3, 4] flattened, but"),
    ] {
        let error = model.load_bytes(&bytes, &load).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let mut flat = Order::Last.head(size, true);
    for features in [[4, 2, 2], [0, 2, 3], [usize::MAX; 3]] {
        let error =
            flat.load_bytes(&bytes, &Load::new().from_channels_first(features)).unwrap_err().to_string();
        assert!(error.contains("the first dense weight has 24"), "{error}");
    }
    assert_eq!(model.state(), before);
}
