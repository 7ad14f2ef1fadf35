//! The augmentations of images: naive loops, scipy's numbers, and statistics of what is drawn.

use approx::assert_abs_diff_eq;
use serde_json::Value;
use taper::layers::RandomKey;
use taper::train::augment::{Augment, Compose, Erase, Flip, Noise, Rotate, Scale, Shift};
use taper::{Shape, Tensor};

const DRAWS: usize = 4000;

fn key(draw: usize) -> RandomKey {
    RandomKey::new(3, 1).layer(draw)
}

fn changed(augmentation: &dyn Augment<f64>, image: &Tensor<f64>, random: RandomKey) -> Tensor<f64> {
    let (mut image, mut scratch) = (image.clone(), vec![f64::NAN; image.len()]);
    augmentation.augment(image.view_mut(), &mut scratch, random).unwrap();
    image
}

/// Numbers that are all different.
fn image(shape: impl Into<Shape>) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| 1.0 + i as f64).unwrap()
}

/// The image whose pixel at a place is the one at another, or a fill value.
fn moved(image: &Tensor<f64>, fill: f64, from: impl Fn(isize, isize) -> (isize, isize)) -> Tensor<f64> {
    let [height, width, channels] = match *image.shape().axes() {
        [height, width] => [height, width, 1],
        [height, width, channels] => [height, width, channels],
        _ => panic!("an image"),
    };
    let read = |i: usize| {
        let (row, column, channel) = (i / channels / width, i / channels % width, i % channels);
        let (row, column) = from(row.cast_signed(), column.cast_signed());
        let is_inside =
            (0..height.cast_signed()).contains(&row) && (0..width.cast_signed()).contains(&column);
        let place = |row: usize, column: usize| (row * width + column) * channels + channel;
        if is_inside { image.as_slice()[place(row as usize, column as usize)] } else { fill }
    };
    Tensor::from_fn(image.shape(), read).unwrap()
}

/// Whether a count of so many draws is within four standard deviations of what this probability gives.
fn assert_likely(count: usize, probability: f64) {
    let expected = DRAWS as f64 * probability;
    let off = 4.0 * (expected * (1.0 - probability)).sqrt();
    assert!((count as f64 - expected).abs() < off, "{count}, expected {expected}");
}

#[test]
fn flips_mirror_and_do_so_as_often_as_they_should() {
    for shape in [Shape::from([4, 5, 3]), [5, 4].into(), [1, 1, 2].into(), [3, 6, 1].into()] {
        let image = image(shape);
        let (height, width) = (shape.axes()[0].cast_signed(), shape.axes()[1].cast_signed());
        let horizontal = Flip::horizontal().with_probability(1.0).unwrap();
        assert_eq!(changed(&horizontal, &image, key(0)), moved(&image, 0.0, |r, c| (r, width - 1 - c)));
        let vertical = Flip::vertical().with_probability(1.0).unwrap();
        assert_eq!(changed(&vertical, &image, key(0)), moved(&image, 0.0, |r, c| (height - 1 - r, c)));
    }
    let image = image([2, 3]);
    for probability in [0.0, 0.3, 0.5, 1.0] {
        let flip = Flip::vertical().with_probability(probability).unwrap();
        let count = (0..DRAWS).filter(|&draw| changed(&flip, &image, key(draw)) != image).count();
        if probability == 0.0 || probability == 1.0 {
            assert_eq!(count, DRAWS * probability as usize);
        } else {
            assert_likely(count, probability);
        }
    }
}

#[test]
fn shifts_move_by_whole_pixels_each_as_often() {
    for shape in [Shape::from([4, 5, 2]), [3, 3].into()] {
        let image = image(shape);
        let shift = Shift::new(1, 2).with_fill(-7.0).unwrap();
        let mut counts = vec![0; 15];
        for draw in 0..DRAWS {
            let found = changed(&shift, &image, key(draw));
            let moves = (-1..=1).flat_map(|down| (-2..=2).map(move |right| (down, right)));
            let place = moves.into_iter().position(|(down, right)| {
                found == moved(&image, -7.0, |row, column| (row - down, column - right))
            });
            counts[place.expect("one of the moves")] += 1;
        }
        counts.into_iter().for_each(|count| assert_likely(count, 1.0 / 15.0));
        // Further than the image is large.
        let far = Shift::new(40, 40);
        let found = (0..50).map(|draw| changed(&far, &image, key(draw)));
        assert!(found.filter(|image| image.as_slice().iter().all(|&value| value == 0.0)).count() > 30);
        assert_eq!(changed(&Shift::new(0, 0), &image, key(1)), image);
    }
}

#[test]
fn turned_and_scaled_images_are_scipys() {
    let cases: Value = serde_json::from_str(include_str!("../fixtures/scipy/affine.json")).unwrap();
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    for case in cases.as_array().unwrap() {
        let shape: Vec<usize> = numbers(&case["shape"]).iter().map(|&axis| axis as usize).collect();
        let x = Tensor::from_vec(Shape::new(&shape).unwrap(), numbers(&case["x"])).unwrap();
        let fill = case["fill"].as_f64().unwrap();
        let found = match (case["degrees"].as_f64(), case["factor"].as_f64()) {
            (Some(degrees), _) => {
                // A key whose draw is this angle, of the range that makes it so.
                let (random, share) = (0..100)
                    .map(|draw| (key(draw), 2.0 * key(draw).uniform(0) - 1.0))
                    .find(|(_, share)| degrees / share > 0.0 && (degrees / share) <= 180.0)
                    .expect("one of many keys");
                changed(&Rotate::new(degrees / share).unwrap().with_fill(fill).unwrap(), &x, random)
            }
            (_, Some(factor)) => {
                changed(&Scale::new(factor, factor).unwrap().with_fill(fill).unwrap(), &x, key(0))
            }
            _ => panic!("a case of neither"),
        };
        for (found, expected) in found.as_slice().iter().zip(numbers(&case["y"])) {
            assert_abs_diff_eq!(*found, expected, epsilon = 1e-9);
        }
    }
}

#[test]
fn angles_and_factors_are_uniform() {
    // One pixel at the right, far off the centre, tells the angle by where it goes.
    let centre = 20.0;
    let dot = Tensor::from_fn([41, 41], |i| if i == 20 * 41 + 38 { 1.0 } else { 0.0 }).unwrap();
    let place = |image: &Tensor<f64>| {
        let (mut sum, mut row, mut column) = (0.0, 0.0, 0.0);
        for (i, value) in image.as_slice().iter().enumerate() {
            sum += value;
            row += value * ((i / 41) as f64 - centre);
            column += value * ((i % 41) as f64 - centre);
        }
        (-row / sum, column / sum)
    };
    let (mut quarters, mut halves) = ([0; 4], [0; 2]);
    for draw in 0..DRAWS {
        let (up, right) = place(&changed(&Rotate::new(40.0).unwrap(), &dot, key(draw)));
        let share = (up.atan2(right).to_degrees() + 40.0) / 80.0;
        quarters[((share * 4.0).max(0.0) as usize).min(3)] += 1;
        let (_, right) = place(&changed(&Scale::new(0.5, 1.0).unwrap(), &dot, key(draw)));
        halves[usize::from(right / 18.0 > 0.75)] += 1;
    }
    // A pixel's place is known to some hundredths of one.
    quarters.into_iter().for_each(|count| assert!((f64::from(count) - 1000.0).abs() < 150.0, "{count}"));
    halves.into_iter().for_each(|count| assert!((f64::from(count) - 2000.0).abs() < 200.0, "{count}"));
}

#[test]
fn noise_is_normal() {
    let zeros = Tensor::zeros([10, 10]).unwrap();
    let noise = Noise::new(0.5).unwrap();
    let drawn: Vec<f64> = (0..100).flat_map(|draw| changed(&noise, &zeros, key(draw)).into_vec()).collect();
    let count = drawn.len() as f64;
    let moment = |power: i32| drawn.iter().map(|z| (z / 0.5).powi(power)).sum::<f64>() / count;
    // Four standard deviations of each moment's mean: √(1, 2, 15, 96)/√n.
    for (power, expected, off) in [(1, 0.0, 0.04), (2, 1.0, 0.057), (3, 0.0, 0.155), (4, 3.0, 0.392)] {
        assert!((moment(power) - expected).abs() < off, "moment {power}: {}", moment(power));
    }
    let far = drawn.iter().filter(|z| z.abs() > 0.5 * 1.959_964).count() as f64 / count;
    assert!((far - 0.05).abs() < 0.009, "{far}");
    assert_eq!(changed(&Noise::new(0.0).unwrap(), &image([3]), key(0)), image([3]));
}

#[test]
fn erased_rectangles_have_their_shares() {
    let image = image([20, 30, 2]);
    let erase = Erase::new().with_fill(-1.0).unwrap();
    let (mut erased, mut shares) = (0, 0.0);
    for draw in 0..DRAWS {
        let found = changed(&erase, &image, key(draw));
        let is_erased = |row: usize, column: usize| found.as_slice()[(row * 30 + column) * 2] == -1.0;
        let places: Vec<(usize, usize)> = (0..20)
            .flat_map(|row| (0..30).map(move |column| (row, column)))
            .filter(|&(r, c)| is_erased(r, c))
            .collect();
        let Some(&(top, left)) = places.first() else {
            assert_eq!(found, image);
            continue;
        };
        let &(bottom, right) = places.last().unwrap();
        let (height, width) = (bottom + 1 - top, right + 1 - left);
        assert_eq!(places.len(), height * width, "a rectangle");
        assert!(height < 20 && width < 30);
        for (i, (&new, &old)) in found.as_slice().iter().zip(image.as_slice()).enumerate() {
            assert_eq!(new, if is_erased(i / 60, i / 2 % 30) { -1.0 } else { old });
        }
        erased += 1;
        shares += (height * width) as f64 / 600.0;
    }
    assert_likely(erased, 0.5);
    // The mean of 0.02 to 0.33, a little less for those that were too long and drawn again.
    let mean = shares / erased as f64;
    assert!((0.16..0.18).contains(&mean), "{mean}");
    let never = Erase::new().with_probability(0.0).unwrap();
    assert!((0..100).all(|draw| changed(&never, &image, key(draw)) == image));
}

#[test]
fn a_list_is_one_after_the_other_each_with_its_own_chance() {
    let image = image([6, 6, 1]);
    let list = Compose::new().then(Noise::new(1.0).unwrap()).then(Noise::new(1.0).unwrap());
    let noise = Noise::new(1.0).unwrap();
    for draw in 0..5 {
        let first = changed(&noise, &image, key(draw).layer(0));
        let expected = changed(&noise, &first, key(draw).layer(1));
        assert_eq!(changed(&list, &image, key(draw)), expected);
    }
    assert_eq!(changed(&Compose::new(), &image, key(0)), image);
    assert_eq!((list.len(), list.is_empty(), Compose::<f32>::new().is_empty()), (2, false, true));
}

#[test]
fn settings_that_are_none_are_refused() {
    fn text<T>(result: taper::Result<T>) -> String {
        result.map_or_else(|error| error.to_string(), |_| "no error".to_owned())
    }
    for number in [-0.1, 1.1, f64::NAN] {
        let expected = format!("probability: expected a number from 0 to 1, got {number}");
        assert_eq!(text(Flip::horizontal().with_probability(number)), expected);
        assert_eq!(text(Erase::new().with_probability(number)), expected);
    }
    for fill in [f64::NAN, f64::INFINITY] {
        let expected = format!("fill: expected a finite number, got {fill}");
        assert_eq!(text(Shift::new(1, 1).with_fill(fill)), expected);
        assert_eq!(text(Rotate::new(1.0).unwrap().with_fill(fill)), expected);
        assert_eq!(text(Scale::new(1.0, 1.0).unwrap().with_fill(fill)), expected);
        assert_eq!(text(Erase::new().with_fill(fill)), expected);
    }
    assert_eq!(text(Rotate::new(-1.0)), "degrees: expected a number from 0 to 180, got -1");
    for [least, most] in [[0.0, 1.0], [2.0, 1.0], [f64::NAN, 1.0], [1.0, f64::INFINITY]] {
        let expected =
            format!("scale: expected finite factors above 0, the smaller one first, got {least} and {most}");
        assert_eq!(text(Scale::new(least, most)), expected);
    }
    assert_eq!(
        text(Noise::new(-1.0)),
        "deviation of the noise: expected a finite number of at least 0, got -1"
    );
    assert_eq!(
        text(Erase::new().with_share(0.5, 0.2)),
        "share of the area: expected numbers above 0 and up to 1, in order, got 0.5 and 0.2"
    );
}
