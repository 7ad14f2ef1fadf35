//! Augmentation in training: the same bits at any number of threads, never in evaluation, errors with their sample.

use std::sync::Mutex;

use taper::layers::RandomKey;
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::augment::{Augment, Compose, Erase, Flip, Noise, Rotate, Scale, Shift};
use taper::train::{Dataset, Fit, Pixels};
use taper::{Error, Optimizer, Parallelism, Result, Sequential, Tensor, TensorViewMut, Trainer};

use super::{error, weights};

const SAMPLES: usize = 22;

fn images() -> Tensor<f32> {
    Tensor::from_fn([SAMPLES, 6, 5, 2], |i| ((i * 37 + 11) % 101) as f32 / 100.0).unwrap()
}

fn labels() -> Vec<usize> {
    (0..SAMPLES).map(|sample| sample * 5 % 3).collect()
}

fn model() -> Sequential<f32> {
    let builder = Sequential::builder([6, 5, 2]).conv2d(3, 3).relu().flatten().dropout(0.2).dense(3);
    builder.build(&mut taper::seeded(3)).unwrap()
}

fn all() -> Compose<f32> {
    Compose::new()
        .then(Flip::horizontal())
        .then(Flip::vertical())
        .then(Shift::new(1, 2))
        .then(Rotate::new(20.0).unwrap())
        .then(Scale::new(0.8, 1.3).unwrap())
        .then(Erase::new())
        .then(Noise::new(0.05).unwrap())
}

fn trainer(model: &mut Sequential<f32>, threads: usize) -> Trainer<'_, f32> {
    let trainer = Trainer::new(model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01).unwrap()));
    let trainer = trainer.with_batch(4).unwrap().with_accumulation(2).unwrap().with_seed(5);
    trainer.with_parallelism(Parallelism::Threads(threads))
}

#[test]
fn augmented_trainings_have_the_same_bits_at_any_number_of_threads() -> Result<()> {
    let (images, labels, augmentation) = (images(), labels(), all());
    let bytes: Vec<u8> = (0..images.len()).map(|i| (i * 53 % 256) as u8).collect();
    let pixels = Pixels::new(images.shape(), &bytes)?;
    let plain = Dataset::new(&images, &labels)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    for data in [plain, Dataset::new(pixels, &labels)?] {
        let trained = |data: Dataset<'_, f32>, threads: usize| -> Result<_> {
            let mut model = model();
            let history = trainer(&mut model, threads).fit(data, Fit::epochs(3).with_validation(data))?;
            let losses: Vec<f64> =
                history.epochs.iter().map(|epoch| epoch.validation.as_ref().unwrap().loss).collect();
            Ok((weights(&model), losses))
        };
        let augmented = data.with_augmentation(&augmentation);
        let expected = trained(augmented, 1)?;
        assert_ne!(expected, trained(data, 1)?);
        for threads in [1, 2, 3, 4] {
            assert_eq!(pool.install(|| trained(augmented, threads))?, expected, "{threads} threads");
        }
    }
    Ok(())
}

#[test]
fn evaluation_and_validation_take_samples_as_they_are() -> Result<()> {
    let (images, labels) = (images(), labels());
    let data = Dataset::new(&images, &labels)?;
    let fails = |_: TensorViewMut<'_, f32>, _: RandomKey| -> Result<()> { panic!("not to be called") };
    let mut model = model();
    let mut trainer = trainer(&mut model, 2);
    let expected = trainer.evaluate(data)?;
    assert_eq!(trainer.evaluate(data.with_augmentation(&fails))?, expected);
    trainer.fit(data, Fit::epochs(1).with_validation(data.with_augmentation(&fails)))?;
    Ok(())
}

#[test]
fn a_key_follows_from_seed_epoch_and_sample() -> Result<()> {
    let (images, labels) = (images(), labels());
    // What each sample, told by its first number, drew.
    let keys = |seed: u64, threads: usize, batch: usize, order: bool| -> Result<Vec<(u32, u64)>> {
        let drawn = Mutex::new(Vec::new());
        let draws = |image: TensorViewMut<'_, f32>, random: RandomKey| {
            let (image, draw) = (image.as_slice()[0].to_bits(), random.uniform(0).to_bits());
            drawn.lock().unwrap().push((image, draw));
            Ok(())
        };
        let mut model = model();
        let trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?));
        let trainer = trainer.with_batch(batch)?.with_seed(seed);
        let mut trainer = trainer.with_parallelism(Parallelism::Threads(threads));
        let fit = Fit::epochs(2);
        let fit = if order { fit.in_order() } else { fit };
        trainer.fit(Dataset::new(&images, &labels)?.with_augmentation(&draws), fit)?;
        let mut drawn = drawn.into_inner().unwrap();
        drawn.sort_unstable();
        Ok(drawn)
    };
    let expected = keys(1, 1, 4, false)?;
    assert_eq!(expected.len(), 2 * SAMPLES);
    let mut draws: Vec<u64> = expected.iter().map(|&(_, draw)| draw).collect();
    draws.sort_unstable();
    draws.dedup();
    assert_eq!(draws.len(), 2 * SAMPLES, "each sample draws another number in each epoch");
    assert_eq!(keys(1, 2, 7, true)?, expected);
    assert_ne!(keys(2, 1, 4, false)?, expected);
    Ok(())
}

#[test]
fn errors_of_an_augmentation_come_with_their_sample() {
    let (images, labels) = (images(), labels());
    let bad = images.view().sample(13)[0];
    let data = Dataset::new(&images, &labels).unwrap();
    let refused = |augmentation: &dyn Augment<f32>| {
        let mut model = model();
        let before = weights(&model);
        let trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01).unwrap()));
        let mut trainer = trainer.with_batch(SAMPLES).unwrap();
        let text = error(trainer.fit(data.with_augmentation(augmentation), Fit::epochs(1)));
        assert_eq!(weights(&model), before);
        text
    };
    let fails = |image: TensorViewMut<'_, f32>, _: RandomKey| {
        if image.as_slice()[0] == bad { Err(Error::Empty { what: "colours" }) } else { Ok(()) }
    };
    assert_eq!(refused(&fails), "sample 13 of the data set: colours: expected at least one, got none");
    let divides = |mut image: TensorViewMut<'_, f32>, _: RandomKey| {
        if image.as_slice()[0] == bad {
            image.as_mut_slice()[11] = f32::NAN;
        }
        Ok(())
    };
    assert_eq!(refused(&divides), "input of sample 13 at [1, 0, 1]: expected a finite value, got NaN");
    let mut model = Sequential::builder([4]).dense(3).build(&mut taper::seeded(0)).unwrap();
    let rows = Tensor::<f32>::zeros([6, 4]).unwrap();
    let flip = Flip::horizontal();
    let data = Dataset::new(&rows, &labels[..6]).unwrap().with_augmentation(&flip);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01).unwrap()));
    let text = error(trainer.fit(data, Fit::epochs(1).in_order()));
    assert_eq!(
        text,
        "sample 0 of the data set: expected image [height, width] or [height, width, channels], got [4]"
    );
}

#[cfg(feature = "safetensors")]
#[test]
fn a_training_that_was_cut_short_goes_on_with_the_same_augmentation() -> Result<()> {
    use taper::train::{Callback, Control, StepReport, Training};

    struct Stop(usize);

    impl Callback<f32> for Stop {
        fn after_step(&mut self, report: &StepReport, _: &mut Training<'_, f32>) -> Result<Control> {
            let is_there = report.number as usize == self.0;
            Ok(if is_there { Control::Stop } else { Control::Continue })
        }
    }

    let (images, labels, augmentation) = (images(), labels(), all());
    let data = Dataset::new(&images, &labels)?.with_augmentation(&augmentation);
    let mut whole = model();
    trainer(&mut whole, 2).fit(data, Fit::epochs(3))?;
    for step in [0, 1, 4, 7] {
        let path = std::env::temp_dir().join(format!("taper-augmented-{}-{step}", std::process::id()));
        let mut first = model();
        let mut trainer_of_first = trainer(&mut first, 1);
        trainer_of_first.fit(
            data,
            Fit::epochs(3).with_checkpoints(taper::io::Checkpoints::new(&path)).with_callback(Stop(step)),
        )?;
        let mut second = model();
        let mut trainer_of_second = trainer(&mut second, 3);
        trainer_of_second.resume(&path)?;
        trainer_of_second.fit(data, Fit::epochs(3))?;
        std::fs::remove_file(&path).unwrap();
        assert_eq!(weights(&second), weights(&whole), "cut after step {step}");
    }
    Ok(())
}
