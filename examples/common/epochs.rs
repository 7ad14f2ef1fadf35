//! An epoch as a line of text.

use taper::train::{Epoch, Evaluation};

/// Loss and accuracy while learning and on the images that are held out, which have this name, and the time that both took.
pub(crate) fn print(epoch: &Epoch, held_out: &str) {
    let accuracy = |evaluation: &Evaluation| evaluation.accuracy.unwrap_or(f64::NAN);
    let (number, train) = (epoch.epoch + 1, &epoch.train);
    print!("epoch {number:2}  loss {:.4}  accuracy {:.3}", train.loss, accuracy(train));
    if let Some(other) = &epoch.validation {
        print!("  {held_out} loss {:.4}  accuracy {:.3}", other.loss, accuracy(other));
    }
    println!("  {:.2} s", epoch.seconds);
}
