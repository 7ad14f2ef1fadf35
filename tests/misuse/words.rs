//! Inputs that stand for words and are none.

use taper::{Sequential, Tensor, seeded};

use super::{Case, error};

/// A word at place 2 of the second sample.
fn words(word: f32) -> String {
    let model = Sequential::<f32>::builder([3]).embedding(3, 2).build(&mut seeded(1)).unwrap();
    let mut x = Tensor::zeros([2, 3]).unwrap();
    x.as_mut_slice()[5] = word;
    error(model.predict(&x))
}

pub(crate) const CASES: &[Case] = &[
    (
        "a word that is no whole number",
        || words(0.5),
        "layer 0 `0` (embedding 3 -> 2): input at [1, 2]: expected a whole number from 0 to 2, got 0.5",
    ),
    (
        "a word beyond the vocabulary",
        || words(3.0),
        "layer 0 `0` (embedding 3 -> 2): input at [1, 2]: expected a whole number from 0 to 2, got 3",
    ),
    (
        "a word below 0",
        || words(-1.0),
        "layer 0 `0` (embedding 3 -> 2): input at [1, 2]: expected a whole number from 0 to 2, got -1",
    ),
    (
        "a word that is NaN",
        || words(f32::NAN),
        "layer 0 `0` (embedding 3 -> 2): input at [1, 2]: expected a whole number from 0 to 2, got NaN",
    ),
    (
        "a word that is infinite",
        || words(f32::INFINITY),
        "layer 0 `0` (embedding 3 -> 2): input at [1, 2]: expected a whole number from 0 to 2, got inf",
    ),
];
