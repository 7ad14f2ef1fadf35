//! The data of the example `pets`, the reader of its files, and that a seed gives the same bits.

#[path = "../examples/pets/recipe.rs"]
mod recipe;

use std::collections::HashSet;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use recipe::mirror::mirrored;
use recipe::samples::Samples;
use taper::train::{Dataset, Fit};
use taper::{Layer, Parallelism, Tensor, TensorView};

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn the_pets_are_as_many_as_their_readme_says() -> Outcome {
    let [train, test] = recipe::data()?;
    for (samples, count, of_class) in [(&train, 2242, [798, 794, 650]), (&test, 559, [199, 198, 162])] {
        assert_eq!(samples.images.shape().axes(), [count, 28, 28]);
        assert_eq!(samples.dataset()?.len(), count);
        let counted = [0, 1, 2].map(|class| samples.labels.iter().filter(|&&label| label == class).count());
        assert_eq!(counted, of_class);
    }
    Ok(())
}

/// A fifth of each class, of the images to train with alone; and nothing is lost.
#[test]
fn pets_for_validation_are_no_others() -> Outcome {
    let [all, test] = recipe::data()?;
    let [train, validation] = recipe::set_apart(&all)?;
    let counted =
        |set: &Samples| [0, 1, 2].map(|class| set.labels.iter().filter(|&&label| label == class).count());
    assert_eq!([counted(&train), counted(&validation)], [[639, 636, 520], [159, 158, 130]]);
    let images = |set: &Samples| -> HashSet<Vec<u32>> {
        set.images.view().samples().map(|image| image.iter().map(|pixel| pixel.to_bits()).collect()).collect()
    };
    let [all, train, validation, test] = [&all, &train, &validation, &test].map(images);
    assert!(train.is_disjoint(&validation) && validation.is_disjoint(&test) && train.is_disjoint(&test));
    assert_eq!(train.union(&validation).count(), all.len());
    Ok(())
}

#[test]
fn a_mirror_shows_an_image_the_other_way() -> Outcome {
    let pixels: Vec<f32> = (0..12_u8).map(f32::from).collect();
    let samples = Samples { images: Tensor::from_vec([2, 2, 3], pixels)?, labels: vec![2, 0] };
    let both = mirrored(samples)?;
    let expected =
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9_u8].map(f32::from);
    assert_eq!((both.images.as_slice(), &*both.labels), (&expected[..], &[2, 0, 2, 0][..]));
    assert_eq!(both.images.shape().axes(), [4, 2, 3]);
    Ok(())
}

#[test]
fn no_pet_is_there_twice() -> Outcome {
    let samples = recipe::data()?;
    let images = samples.iter().flat_map(|samples| samples.images.view().samples());
    let different: HashSet<Vec<u32>> =
        images.map(|image| image.iter().map(|pixel| pixel.to_bits()).collect()).collect();
    assert_eq!(different.len(), 2242 + 559);
    Ok(())
}

#[test]
fn pixels_lie_between_0_and_1() -> Outcome {
    for samples in recipe::data()? {
        let pixels = samples.images.as_slice();
        assert!(pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
        assert!(pixels.contains(&0.0) && pixels.contains(&1.0));
    }
    Ok(())
}

#[test]
fn a_seed_gives_the_same_bits_at_any_number_of_threads() -> Outcome {
    let [train, _] = recipe::data()?;
    let expected = trained_bits(&train, 1, 1)?;
    for threads in [1, 2, 8] {
        assert!(trained_bits(&train, 1, threads)? == expected, "{threads} threads");
    }
    assert!(trained_bits(&train, 2, 1)? != expected, "another seed");
    Ok(())
}

/// The parameters after two short epochs in a pool of so many threads.
fn trained_bits(train: &Samples, seed: u64, threads: usize) -> Result<Vec<u32>, Box<dyn Error>> {
    // The last batch is a small one.
    const SAMPLES: usize = 70;
    let inputs = TensorView::new([SAMPLES, 28, 28], &train.images.as_slice()[..SAMPLES * 28 * 28])?;
    let data = Dataset::new(inputs, &train.labels[..SAMPLES])?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let model = pool.install(|| {
        let mut model = recipe::model(seed)?;
        let mut trainer = recipe::trainer(&mut model, seed)?.with_parallelism(Parallelism::Threads(threads));
        trainer.fit(data, Fit::epochs(2).with_validation(data))?;
        Ok::<_, taper::Error>(model)
    })?;
    let mut bits = Vec::new();
    model.params(&mut |param| bits.extend(param.to_tensor().as_slice().iter().map(|value| value.to_bits())));
    Ok(bits)
}

#[test]
fn a_broken_file_is_an_error_that_says_what_is_wrong() -> Outcome {
    let good_labels = gzip(&[0, 0, 8, 1, 0, 0, 0, 2, 0, 1])?;
    let good_images = gzip(&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 255])?;
    let huge = [255, 255, 255, 255];
    let huge = gzip(&[&[0, 0, 8, 3], &huge[..], &huge, &huge, &[1]].concat())?;
    let images = |end: usize| gzip(&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 255, 0][..end]);
    for (images, labels, expected) in [
        (Some(good_images.clone()), Some(good_labels.clone()), "fine"),
        (None, Some(good_labels.clone()), "no such file"),
        (Some(good_images.clone()), None, "no such file"),
        (Some(b"this is no gzip file".to_vec()), Some(good_labels.clone()), "invalid gzip header"),
        (Some(Vec::new()), Some(good_labels.clone()), "expected a whole header, got less"),
        (Some(images(10)?), Some(good_labels.clone()), "expected a whole header, got less"),
        (Some(images(17)?), Some(good_labels.clone()), "expected 2 elements for axes [2, 1, 1], got 1"),
        (Some(images(19)?), Some(good_labels.clone()), "expected 2 elements for axes [2, 1, 1], got more"),
        (Some(huge), Some(good_labels.clone()), "fit into memory"),
        (Some(good_images[..good_images.len() - 9].to_vec()), Some(good_labels.clone()), "cut off after"),
        (Some(good_labels.clone()), Some(good_labels.clone()), "with 3 axes, got magic [0, 0, 8, 1]"),
        (Some(good_images.clone()), Some(good_images.clone()), "with 1 axes, got magic [0, 0, 8, 3]"),
        (Some(good_images.clone()), Some(gzip(&[0, 0, 8, 1, 0, 0, 0, 0])?), "for each of 2 images, got 0"),
        (Some(good_images), Some(gzip(&[0, 0, 8, 1, 0, 0, 0, 2, 0, 3])?), "expected labels below 3, got 3"),
    ] {
        let got = match read_from(images.as_deref(), labels.as_deref())? {
            Ok(samples) => {
                assert_eq!((samples.images.as_slice(), &*samples.labels), (&[0.0, 1.0][..], &[0, 1][..]));
                "fine".to_owned()
            }
            Err(error) => error,
        };
        assert!(got.contains(expected) && !got.contains('\n'), "expected `{expected}`, got `{got}`");
    }
    Ok(())
}

/// What reading files with these contents gives.
fn read_from(
    images: Option<&[u8]>,
    labels: Option<&[u8]>,
) -> Result<Result<Samples, String>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken-files");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for (name, content) in [("train-images-idx3-ubyte.gz", images), ("train-labels-idx1-ubyte.gz", labels)] {
        if let Some(content) = content {
            fs::write(folder.join(name), content)?;
        }
    }
    Ok(Samples::read(&folder, "train", 3).map_err(|error| error.to_string()))
}

fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    encoder.finish()
}
