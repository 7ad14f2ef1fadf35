//! Lines between ranks that fail: the training ends on all of them, and nobody asks such a line again.

use std::sync::{Arc, Barrier};

use taper::losses::CrossEntropy;
use taper::optimizers::Adam;
use taper::train::{Bucket, Communicator, Dataset, Fit, Threads};
use taper::{Error, Optimizer, Result, Sequential, Trainer};

use super::faults::{Does, NOTHING};
use super::{all_of, inputs, labels, model, weights};

/// A rank whose line breaks after some sums.
struct Breaks(Threads, usize);

impl Communicator for Breaks {
    fn rank(&self) -> usize {
        self.0.rank()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn begin_all_reduce(&mut self, numbers: Bucket) -> Result<()> {
        self.1 = self.1.checked_sub(1).ok_or_else(|| Error::other("the line is cut"))?;
        self.0.begin_all_reduce(numbers)
    }

    fn finish_all_reduce(&mut self) -> Result<Bucket> {
        self.0.finish_all_reduce()
    }
}

#[test]
fn a_line_that_breaks_ends_the_training_wherever_it_breaks() {
    for sums in 0..60 {
        let errors = all_of(2, move |rank| {
            let (inputs, labels) = (inputs(30), labels(30));
            let mut model = model();
            let number = rank.rank();
            let rank = Breaks(rank, if number == 1 { sums } else { usize::MAX });
            let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
            let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer)
                .with_batch(10)
                .unwrap()
                .with_communicator(rank);
            // Callbacks are a reason for ranks to talk to each other after each step.
            let fit = Fit::epochs(20).with_callback(Does { here: false, step: NOTHING, epoch: NOTHING });
            let error = trainer.fit(Dataset::new(&inputs, &labels).unwrap(), fit).unwrap_err();
            error.to_string()
        });
        assert_eq!(errors[1], "the line is cut", "after {sums}");
        assert_eq!(
            errors[0], "all-reduce: expected numbers of all ranks, got none of rank 1, which is gone",
            "after {sums}"
        );
    }
}

/// How a line fails: by an error or a panic.
type Fails = fn() -> Result<()>;

/// A rank whose line fails after some sums, and then would go on.
struct Hiccups(Threads, usize, Fails);

impl Communicator for Hiccups {
    fn rank(&self) -> usize {
        self.0.rank()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn begin_all_reduce(&mut self, numbers: Bucket) -> Result<()> {
        self.0.begin_all_reduce(numbers)
    }

    fn finish_all_reduce(&mut self) -> Result<Bucket> {
        self.1 = self.1.wrapping_sub(1);
        if self.1 == 0 {
            (self.2)()?;
        }
        self.0.finish_all_reduce()
    }
}

#[test]
fn a_line_that_has_failed_once_is_not_asked_again() {
    let cases: [(Fails, &str); 2] = [
        (|| Err(Error::other("noise on the line")), "noise on the line"),
        (|| panic!("no driver"), "communicator: panic: no driver"),
    ];
    for (fails, text) in cases {
        for sums in 1..40 {
            // Whoever fails keeps its trainer until the others have ended.
            let ended = Arc::new(Barrier::new(2));
            let errors = all_of(2, move |rank| {
                let ended = Arc::clone(&ended);
                let (inputs, labels, number) = (inputs(30), labels(30), rank.rank());
                let model = Sequential::builder([6]).dense(5).batch_norm().dense(3);
                let mut model = model.build(&mut taper::seeded(7)).unwrap();
                let rank = Hiccups(rank, if number == 1 { sums } else { 0 }, fails);
                let optimizer = Optimizer::new(Adam::new(0.01).unwrap());
                let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), optimizer)
                    .with_batch(10)
                    .unwrap()
                    .with_synchronized_batch_norm()
                    .with_communicator(rank);
                let data = Dataset::new(&inputs, &labels).unwrap();
                let first = trainer.fit(data, Fit::epochs(20)).unwrap_err().to_string();
                ended.wait();
                let before = weights(trainer.model());
                let second = trainer.fit(data, Fit::epochs(1)).unwrap_err().to_string();
                assert_eq!(trainer.evaluate(data).unwrap_err().to_string(), second);
                assert_eq!(trainer.step(&inputs, &labels[..]).unwrap_err().to_string(), second);
                assert_eq!(weights(trainer.model()), before);
                (first, second)
            });
            assert_eq!(errors[1].0, text, "after {sums}");
            let refused = "communicator: expected one that has not failed; make a new one, and a trainer with it, got one that has failed: ";
            for (first, second) in errors {
                assert_eq!(second, format!("{refused}{first}"), "after {sums}");
            }
        }
    }
}
