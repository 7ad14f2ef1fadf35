//! Data sets in parts: training and test, folds; with and without strata.
//!
//! | | scikit-learn |
//! |---|---|
//! | [`shuffle_split`] | `train_test_split`, into any number of parts |
//! | [`stratified_shuffle_split`] | `train_test_split` with `stratify` |
//! | [`k_fold`] | `KFold` with `shuffle` |
//! | [`stratified_k_fold`] | `StratifiedKFold` with `shuffle` |
//!
//! Each function gives the numbers of samples, in ascending order, for [`Dataset::subset`]; given a subset, it splits that. The
//! same seed gives the same parts. With strata, each part has the same share of every class.
//!
//! ```
//! use taper::{Tensor, train::{Dataset, split}};
//!
//! let (inputs, labels) = (Tensor::<f32>::zeros([100, 4])?, vec![0; 80].into_iter().chain([1; 20]).collect::<Vec<_>>());
//! let data = Dataset::new(&inputs, &labels)?;
//! let [train, test] = split::stratified_shuffle_split(data, [0.8, 0.2], 7)?;
//! assert_eq!((train.len(), test.len()), (80, 20));
//! assert_eq!(test.iter().filter(|&&sample| labels[sample] == 1).count(), 4);
//!
//! let (train, test) = (data.subset(&train)?, data.subset(&test)?);
//! for fold in split::stratified_k_fold(train, 5, 7)? {
//!     let (train, validation) = (data.subset(&fold.train)?, data.subset(&fold.test)?);
//!     assert_eq!((train.len(), validation.len()), (64, 16));
//! }
//! # let _ = test;
//! # Ok::<(), taper::Error>(())
//! ```

use std::collections::BTreeMap;

use super::Dataset;
use super::order::shuffle_by;
use crate::losses::Target;
use crate::{Error, Result, Scalar, seeded};

/// What one fold is tested on, and what is left to train with. Numbers of samples, for [`Dataset::subset`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fold {
    /// The samples that are not in this fold, in ascending order.
    pub train: Vec<usize>,
    /// Those that are, in ascending order.
    pub test: Vec<usize>,
}

/// Random parts of these shares, each of its size rounded up or down: scikit-learn's `train_test_split`.
///
/// ```
/// use taper::{Tensor, train::{Dataset, split}};
///
/// let (inputs, labels) = (Tensor::<f32>::zeros([100, 4])?, vec![0; 100]);
/// let [train, validation, test] = split::shuffle_split(Dataset::new(&inputs, &labels)?, [0.7, 0.15, 0.15], 7)?;
/// assert_eq!([train.len(), validation.len(), test.len()], [70, 15, 15]);
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] unless the shares are above 0 and add up to 1, and no part is empty.
pub fn shuffle_split<T: Scalar, const PARTS: usize>(
    data: Dataset<'_, T>,
    shares: [f64; PARTS],
    seed: u64,
) -> Result<[Vec<usize>; PARTS]> {
    deal(vec![(None, numbers(&data))], shares, seed)
}

/// Random parts of these shares that have the same shares of every class, each count rounded up or down: scikit-learn's
/// `train_test_split` with `stratify`. [The module](self) has an example.
///
/// # Errors
/// As [`shuffle_split`], and for a class that has fewer samples than there are parts; [`Error::Target`] where targets are no
/// classes.
pub fn stratified_shuffle_split<T: Scalar, const PARTS: usize>(
    data: Dataset<'_, T>,
    shares: [f64; PARTS],
    seed: u64,
) -> Result<[Vec<usize>; PARTS]> {
    let strata = strata(&data, "stratified_shuffle_split", "parts", PARTS)?;
    deal(strata, shares, seed)
}

/// Random folds whose sizes differ by at most one; every sample is tested once. scikit-learn's `KFold` with `shuffle`.
///
/// ```
/// use taper::{Tensor, train::{Dataset, split}};
///
/// let (inputs, labels) = (Tensor::<f32>::zeros([10, 4])?, vec![0; 10]);
/// let folds = split::k_fold(Dataset::new(&inputs, &labels)?, 3, 7)?;
/// assert_eq!(folds.iter().map(|fold| fold.test.len()).collect::<Vec<_>>(), [4, 3, 3]);
/// # Ok::<(), taper::Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] unless there are at least 2 folds and no more than samples.
pub fn k_fold<T: Scalar>(data: Dataset<'_, T>, folds: usize, seed: u64) -> Result<Vec<Fold>> {
    check_folds(&data, folds)?;
    Ok(fold(vec![(None, numbers(&data))], folds, seed))
}

/// The same with strata: the folds' counts of each class differ by at most one too. scikit-learn's `StratifiedKFold` with
/// `shuffle`.
///
/// # Errors
/// As [`k_fold`], and for a class that has fewer samples than there are folds; [`Error::Target`] where targets are no classes.
pub fn stratified_k_fold<T: Scalar>(data: Dataset<'_, T>, folds: usize, seed: u64) -> Result<Vec<Fold>> {
    check_folds(&data, folds)?;
    Ok(fold(strata(&data, "stratified_k_fold", "folds", folds)?, folds, seed))
}

/// Samples that are dealt out evenly, and the class that they have in common.
type Stratum = (Option<usize>, Vec<usize>);

fn numbers<T: Scalar>(data: &Dataset<'_, T>) -> Vec<usize> {
    (0..data.len()).map(|place| data.number(place)).collect()
}

/// The samples of each class, of which each of so many parts has to get one.
fn strata<T: Scalar>(
    data: &Dataset<'_, T>,
    by: &'static str,
    what: &'static str,
    parts: usize,
) -> Result<Vec<Stratum>> {
    let Target::Classes(labels) = data.target() else {
        return Err(Error::Target { by, expected: "class indices", got: "values" });
    };
    let mut strata = BTreeMap::<usize, Vec<usize>>::new();
    for sample in numbers(data) {
        strata.entry(labels[sample]).or_default().push(sample);
    }
    if let Some((class, samples)) = strata.iter().find(|(_, samples)| samples.len() < parts) {
        let got = format!("{parts}, where class {class} has {} samples", samples.len());
        return Err(Error::setting(what, "no more than the samples of each class", got));
    }
    Ok(strata.into_iter().map(|(class, samples)| (Some(class), samples)).collect())
}

fn check_folds<T: Scalar>(data: &Dataset<'_, T>, folds: usize) -> Result<()> {
    if (2..=data.len()).contains(&folds) {
        return Ok(());
    }
    let got = format!("{folds} of {} samples", data.len());
    Err(Error::setting("folds", "at least 2 and no more than the samples", got))
}

fn fold(strata: Vec<Stratum>, folds: usize, seed: u64) -> Vec<Fold> {
    let mut rng = seeded(seed);
    let mut parts = vec![Vec::new(); folds];
    // One after the other through all strata, so that whole folds differ by at most one as well.
    let mut next = (0..folds).cycle();
    for (_, mut samples) in strata {
        shuffle_by(&mut samples, &mut rng);
        samples.into_iter().zip(&mut next).for_each(|(sample, part)| parts[part].push(sample));
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    let others = |test: usize| {
        let others = parts.iter().enumerate().filter(|&(part, _)| part != test);
        let mut train: Vec<usize> = others.flat_map(|(_, samples)| samples).copied().collect();
        train.sort_unstable();
        train
    };
    (0..folds).map(|test| Fold { train: others(test), test: parts[test].clone() }).collect()
}

/// Gives each part its share of each stratum, and whole parts theirs.
fn deal<const PARTS: usize>(
    strata: Vec<Stratum>,
    shares: [f64; PARTS],
    seed: u64,
) -> Result<[Vec<usize>; PARTS]> {
    let sum: f64 = shares.iter().sum();
    if !shares.iter().all(|&share| share > 0.0) || (sum - 1.0).abs() > 1e-9 {
        return Err(Error::setting("shares", "numbers above 0 that add up to 1", format!("{shares:?}")));
    }
    let (mut rng, mut parts, mut dealt) = (seeded(seed), [const { Vec::new() }; PARTS], 0);
    for (_, mut samples) in strata {
        shuffle_by(&mut samples, &mut rng);
        dealt += samples.len();
        let due = shares.map(|share| share * samples.len() as f64);
        // A little more than a whole number is one that was rounded.
        let mut counts = due.map(|due| (due + 1e-9).floor() as usize);
        let mut left = samples.len() - counts.iter().sum::<usize>();
        // What is left goes, one each, to the parts that lack most of what they should have of all strata so far.
        let mut by_need: Vec<usize> =
            (0..PARTS).filter(|&part| due[part] > counts[part] as f64 + 1e-9).collect();
        let lacks = |part: usize| shares[part] * dealt as f64 - (parts[part].len() + counts[part]) as f64;
        by_need.sort_by(|&a, &b| lacks(b).total_cmp(&lacks(a)));
        for part in by_need {
            let more = left.min(1);
            counts[part] += more;
            left -= more;
        }
        let mut samples = samples.into_iter();
        for (part, count) in parts.iter_mut().zip(counts) {
            part.extend(samples.by_ref().take(count));
        }
    }
    if let Some(part) = parts.iter().position(Vec::is_empty) {
        let got = format!("{} of {dealt} samples", shares[part]);
        return Err(Error::setting("shares", "such that no part is empty", got));
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    Ok(parts)
}
