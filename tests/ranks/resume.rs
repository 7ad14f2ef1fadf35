//! A training of some ranks goes on from a file, with as many to the bit, with others to rounding.

use std::path::PathBuf;

use taper::io::Checkpoints;
use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::schedules::Cosine;
use taper::train::{Callback, Communicator, Control, Dataset, Fit, History, StepReport, Threads, Training};
use taper::{Error, Optimizer, Result, Sequential, Trainer};

use super::{all_of, inputs, labels, off, weights};

const EPOCHS: usize = 4;

/// Ends a training after some steps, without an error but on one rank.
struct Dies(u64);

impl Callback<f64> for Dies {
    fn after_step(&mut self, step: &StepReport, training: &mut Training<'_, f64>) -> Result<Control> {
        if step.number + 1 == self.0 && training.rank() == 0 {
            return Err(Error::other("power cut"));
        }
        Ok(Control::Continue)
    }
}

struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The training, or the rest of it where the file is there.
fn train(rank: Option<Threads>, path: Option<PathBuf>, dies: u64) -> Result<(History, Vec<f64>)> {
    let (inputs, labels) = (inputs(38), labels(38));
    let mut model =
        Sequential::builder([6]).dense(16).relu().dropout(0.2).dense(3).build(&mut taper::seeded(7)).unwrap();
    let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer)
        .with_batch(8)
        .unwrap()
        .with_moving_average(0.9)
        .unwrap()
        .with_schedule(Cosine::new(0.02, 20).unwrap());
    if let Some(rank) = rank {
        trainer = trainer.with_communicator(rank);
    }
    let mut fit = Fit::epochs(EPOCHS)
        .with_validation(Dataset::new(&inputs, &labels).unwrap().subset(&[0, 5, 7]).unwrap())
        .with_callback(Dies(dies));
    if let Some(path) = path {
        if path.exists() {
            trainer.resume(&path)?;
        }
        fit = fit.with_checkpoints(Checkpoints::new(&path).every_steps(3).unwrap());
    }
    let history = trainer.fit(Dataset::new(&inputs, &labels).unwrap(), fit)?;
    Ok((history, weights(trainer.model())))
}

/// Five steps an epoch: step 7 is in the second, and the file is of step 6.
fn cut(ranks: usize, name: &str) -> File {
    let file = File(std::env::temp_dir().join(format!("taper-ranks-{name}-{}", std::process::id())));
    let path = file.0.clone();
    for rank in all_of(ranks, move |rank| train(Some(rank), Some(path.clone()), 7)) {
        let expected = if ranks == 1 { "power cut" } else { "rank 0: power cut" };
        assert_eq!(rank.unwrap_err().to_string(), expected);
    }
    assert!(file.0.exists());
    file
}

fn compare(own: &History, expected: &History, tolerance: f64) {
    assert_eq!(own.epochs.len(), expected.epochs.len());
    for (own, expected) in own.epochs.iter().zip(&expected.epochs) {
        assert!((own.train.loss - expected.train.loss).abs() <= tolerance);
        assert_eq!(own.train.confusion, expected.train.confusion);
        assert_eq!(own.train.accuracy, expected.train.accuracy);
    }
}

#[test]
fn as_many_ranks_go_on_to_the_bit() {
    let whole = all_of(2, |rank| train(Some(rank), None, 0).unwrap());
    let file = cut(2, "same");
    let path = file.0.clone();
    for (history, weights) in all_of(2, move |rank| train(Some(rank), Some(path.clone()), 0).unwrap()) {
        assert_eq!(weights, whole[0].1);
        compare(&history, &whole[0].0, 0.0);
    }
}

#[test]
fn another_number_of_ranks_goes_on_to_rounding() {
    let alone = train(None, None, 0).unwrap();
    for (name, before, after) in [("fewer", 3, 1), ("more", 1, 3), ("others", 3, 2)] {
        let file = cut(before, name);
        let path = file.0.clone();
        for (history, weights) in all_of(after, move |rank| train(Some(rank), Some(path.clone()), 0).unwrap())
        {
            assert!(off(&weights, &alone.1) < 1e-12);
            compare(&history, &alone.0, 1e-12);
        }
        drop(file);
        // And without others at all.
        let file = cut(before, name);
        let (history, weights) = train(None, Some(file.0.clone()), 0).unwrap();
        assert!(off(&weights, &alone.1) < 1e-12);
        compare(&history, &alone.0, 1e-12);
    }
}

#[test]
fn a_rank_that_has_not_read_the_file_is_found() {
    let file = cut(2, "unread");
    let path = file.0.clone();
    for rank in all_of(2, move |rank| {
        let path = Some(path.clone()).filter(|_| rank.rank() == 0);
        train(Some(rank), path, 0)
    }) {
        let text = rank.unwrap_err().to_string();
        assert!(text.starts_with("rank 1: expected `checksum of the weights"), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_written_ends_all() {
    for rank in all_of(2, |rank| train(Some(rank), Some("/nowhere/at/all".into()), 0)) {
        let text = rank.unwrap_err().to_string();
        assert!(text.starts_with("rank 0: write `/nowhere/at/all"), "{text}");
    }
}
