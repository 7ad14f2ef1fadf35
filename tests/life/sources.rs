//! Samples that are made when they are asked for: the same bits as those in memory, errors with their sample.

use std::sync::atomic::{AtomicUsize, Ordering};

use taper::losses::{CrossEntropy, MeanSquaredError};
use taper::optimizers::Adam;
use taper::train::{Dataset, Fit, Inputs, Pixels, Samples};
use taper::{Error, Optimizer, Parallelism, Result, Sequential, Shape, Tensor, Trainer};

use super::{error, model, weights};

const SAMPLES: usize = 53;

fn numbers() -> Tensor<f32> {
    Tensor::from_fn([SAMPLES, 6], |i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).unwrap()
}

fn labels() -> Vec<usize> {
    (0..SAMPLES).map(|sample| sample * 7 % 3).collect()
}

/// Gives what a tensor has, one sample at a time; asked for one of them, it fails or gives something else.
struct Source {
    tensor: Tensor<f32>,
    bad: Option<(usize, Bad)>,
    reads: AtomicUsize,
}

#[derive(Clone, Copy)]
enum Bad {
    Error,
    Number(f32),
}

impl Source {
    fn new(tensor: Tensor<f32>) -> Self {
        Self { tensor, bad: None, reads: AtomicUsize::new(0) }
    }

    fn with_bad(self, sample: usize, bad: Bad) -> Self {
        Self { bad: Some((sample, bad)), ..self }
    }
}

impl Samples<f32> for Source {
    fn shape(&self) -> Shape {
        self.tensor.shape()
    }

    fn read(&self, index: usize, into: &mut [f32]) -> Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        into.copy_from_slice(self.tensor.view().sample(index));
        match self.bad {
            Some((bad, Bad::Error)) if bad == index => Err(Error::Empty { what: "bytes of the picture" }),
            Some((bad, Bad::Number(number))) if bad == index => {
                into[4] = number;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

type Settings = fn(Trainer<'_, f32>) -> Result<Trainer<'_, f32>>;

fn settings() -> Vec<Settings> {
    vec![
        |trainer| Ok(trainer),
        |trainer| trainer.with_accumulation(3),
        |trainer| Ok(trainer.with_drop_last()),
        |trainer| Ok(trainer.with_parallelism(Parallelism::Threads(1))),
        |trainer| Ok(trainer.with_parallelism(Parallelism::Threads(3))),
    ]
}

/// All numbers of the model and of the history after three epochs.
fn trained(data: Dataset<'_, f32>, settings: Settings) -> Result<(Vec<u64>, Vec<f64>)> {
    let mut model = model(3);
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?));
    let mut trainer = settings(trainer.with_batch(8)?.with_seed(5))?;
    let history = trainer.fit(data, Fit::epochs(3).with_validation(data))?;
    let mut losses: Vec<f64> = history.epochs.iter().map(|epoch| epoch.train.loss).collect();
    losses.extend(history.epochs.iter().map(|epoch| epoch.validation.as_ref().unwrap().loss));
    losses.push(trainer.evaluate(data)?.loss);
    Ok((weights(&model), losses))
}

#[test]
fn a_source_gives_the_bits_of_what_it_reads() -> Result<()> {
    let (tensor, labels) = (numbers(), labels());
    let source = Source::new(tensor.clone());
    let some: Vec<usize> = (0..SAMPLES).filter(|sample| sample % 3 != 1).collect();
    for settings in settings() {
        let expected = trained(Dataset::new(&tensor, &labels)?, settings)?;
        assert_eq!(trained(Dataset::new(&source, &labels)?, settings)?, expected);
        let dynamic: &dyn Samples<f32> = &source;
        assert_eq!(trained(Dataset::new(dynamic, &labels)?, settings)?, expected);
        let expected = trained(Dataset::new(&tensor, &labels)?.subset(&some)?, settings)?;
        assert_eq!(trained(Dataset::new(&source, &labels)?.subset(&some)?, settings)?, expected);
    }
    Ok(())
}

#[test]
fn a_subset_is_its_samples() -> Result<()> {
    let (tensor, labels) = (numbers(), labels());
    let some: Vec<usize> = (0..40).map(|place| place * 23 % SAMPLES).collect();
    let own = Tensor::from_fn([40, 6], |i| tensor.as_slice()[some[i / 6] * 6 + i % 6])?;
    let own_labels: Vec<usize> = some.iter().map(|&sample| labels[sample]).collect();
    for settings in settings() {
        let expected = trained(Dataset::new(&own, &own_labels)?, settings)?;
        assert_eq!(trained(Dataset::new(&tensor, &labels)?.subset(&some)?, settings)?, expected);
    }
    // Values as targets, and bytes as inputs.
    let bytes: Vec<u8> = (0..SAMPLES * 6).map(|i| (i * 41 % 256) as u8).collect();
    let own_bytes: Vec<u8> = some.iter().flat_map(|&sample| &bytes[sample * 6..][..6]).copied().collect();
    let values = Tensor::from_fn([SAMPLES, 3], |i| (i % 13) as f32)?;
    let own_values = Tensor::from_fn([40, 3], |i| values.as_slice()[some[i / 3] * 3 + i % 3])?;
    let fit = |data: Dataset<'_, f32>| -> Result<_> {
        let mut model = model(1);
        let trainer = Trainer::new(&mut model, MeanSquaredError::new(), Optimizer::new(Adam::new(0.01)?));
        trainer.with_batch(7)?.fit(data, Fit::epochs(2))?;
        Ok(weights(&model))
    };
    let whole = Dataset::new(Pixels::new([SAMPLES, 6], &bytes)?, &values)?;
    assert_eq!(
        fit(whole.subset(&some)?)?,
        fit(Dataset::new(Pixels::new([40, 6], &own_bytes)?, &own_values)?)?
    );
    Ok(())
}

#[test]
fn what_is_outside_of_a_subset_may_be_anything() -> Result<()> {
    let (mut tensor, mut labels) = (numbers(), labels());
    tensor.as_mut_slice()[7 * 6 + 2] = f32::NAN;
    labels[7] = 99;
    let (good, bad): (Vec<usize>, Vec<usize>) = ((10..SAMPLES).collect(), (3..SAMPLES).collect());
    let fit = |indices: &[usize]| -> Result<_> {
        let mut model = model(1);
        let trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?));
        trainer.with_batch(8)?.fit(Dataset::new(&tensor, &labels)?.subset(indices)?, Fit::epochs(1))
    };
    fit(&good)?;
    assert_eq!(error(fit(&bad)), "input of sample 7 at [2]: expected a finite value, got NaN");
    tensor.as_mut_slice()[7 * 6 + 2] = 0.0;
    let mut model = model(1);
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01)?));
    let text = error(trainer.evaluate(Dataset::new(&tensor, &labels)?.subset(&bad)?));
    assert_eq!(text, "target of sample 7: expected a class below 3, got 99");
    Ok(())
}

#[test]
fn subsets_that_are_none_are_refused() {
    let (tensor, labels) = (numbers(), labels());
    let data = Dataset::new(&tensor, &labels).unwrap();
    assert_eq!(error(data.subset(&[])), "samples of the subset: expected at least one, got none");
    assert_eq!(error(data.subset(&[0, 53])), "subset at [1]: expected a whole number from 0 to 52, got 53");
    let part = data.subset(&[5, 9, 11]).unwrap();
    assert_eq!(part.subset(&[9, 5, 9]).unwrap().len(), 3);
    assert_eq!(
        error(part.subset(&[5, 0])),
        "subset: expected numbers of samples, as in the whole data set, that are in this one, got 0"
    );
}

/// Fits data of this source with some settings: the text, and that nothing but whole steps has changed the model.
fn refused(source: &Source, settings: Settings) -> String {
    let labels = labels();
    let data = Dataset::new(source, &labels).unwrap();
    let mut model = model(3);
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01).unwrap()));
    let mut trainer = settings(trainer.with_batch(SAMPLES).unwrap()).unwrap();
    let before = weights(trainer.model());
    let text = error(trainer.fit(data, Fit::epochs(2)));
    assert_eq!(weights(trainer.model()), before);
    assert_eq!(error(trainer.evaluate(data)), text);
    text
}

#[test]
fn errors_of_a_source_come_with_their_sample() {
    for settings in settings() {
        let source = Source::new(numbers()).with_bad(31, Bad::Error);
        let expected = "sample 31 of the data set: bytes of the picture: expected at least one, got none";
        assert_eq!(refused(&source, settings), expected);
        for (number, text) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
            let source = Source::new(numbers()).with_bad(17, Bad::Number(number));
            let expected = format!("input of sample 17 at [4]: expected a finite value, got {text}");
            assert_eq!(refused(&source, settings), expected);
        }
    }
}

#[test]
fn words_of_a_source_are_looked_at_as_they_are_made() {
    let words = Tensor::from_fn([SAMPLES, 6], |i| (i % 10) as f32).unwrap();
    let source = Source::new(words).with_bad(12, Bad::Number(10.0));
    let labels = labels();
    let builder = Sequential::builder([6]).embedding(10, 2).flatten().dense(3);
    let mut model = builder.build(&mut taper::seeded(0)).unwrap();
    let trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01).unwrap()));
    let mut trainer = trainer.with_batch(9).unwrap();
    let data = Dataset::new(Inputs::from(&source), &labels).unwrap();
    let expected = "input at [12, 4]: expected a whole number from 0 to 9, got 10";
    assert_eq!(error(trainer.fit(data, Fit::epochs(1))), expected);
    assert_eq!(error(trainer.evaluate(data)), expected);
}

#[test]
fn a_panic_of_a_source_is_the_callers() {
    struct Panics(Tensor<f32>);

    impl Samples<f32> for Panics {
        fn shape(&self) -> Shape {
            self.0.shape()
        }

        fn read(&self, index: usize, into: &mut [f32]) -> Result<()> {
            assert_ne!(index, 20, "the source gives up");
            self.0.view().read(index, into)
        }
    }

    let (source, labels) = (Panics(numbers()), labels());
    let good: Vec<usize> = (0..SAMPLES).filter(|&sample| sample != 20).collect();
    for threads in [1, 2, 4] {
        let mut model = model(3);
        let trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Adam::new(0.01).unwrap()));
        let mut trainer = trainer.with_batch(5).unwrap().with_parallelism(Parallelism::Threads(threads));
        let data = Dataset::new(&source, &labels).unwrap();
        let fit = std::panic::AssertUnwindSafe(|| trainer.fit(data, Fit::epochs(1)));
        let panic = std::panic::catch_unwind(fit).unwrap_err();
        assert!(panic.downcast_ref::<String>().unwrap().contains("the source gives up"));
        // The trainer can be used again.
        trainer.fit(data.subset(&good).unwrap(), Fit::epochs(1)).unwrap();
    }
}

/// Waits a while for some samples, so that threads come in any order.
struct Slow(Tensor<f32>);

impl Samples<f32> for Slow {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn read(&self, index: usize, into: &mut [f32]) -> Result<()> {
        std::thread::sleep(std::time::Duration::from_micros(index as u64 * 37 % 400));
        self.0.view().read(index, into)
    }
}

#[test]
fn the_order_in_which_samples_are_made_does_not_show() -> Result<()> {
    let (tensor, labels) = (numbers(), labels());
    let slow = Slow(tensor.clone());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
    for settings in settings() {
        let expected = trained(Dataset::new(&tensor, &labels)?, settings)?;
        assert_eq!(pool.install(|| trained(Dataset::new(&slow, &labels)?, settings))?, expected);
    }
    Ok(())
}
