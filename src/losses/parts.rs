//! The parts of a loss that is made of several, and what each is divided by.

use core::ops::Range;

use crate::prelude::*;
use crate::{Error, Result};

/// What a loss is divided by as a whole, and what each of its parts is, where it has several.
///
/// A loss that is made of others has a mean for each of them: one that leaves targets out, or weighs classes, is divided by another
/// number than its neighbour.
///
/// ```
/// use taper::losses::Divisors;
///
/// // Of two samples, the second of which has no target for the second part.
/// let [first, second] = [[Some(1.0), Some(1.0)], [Some(1.0), Some(0.0)]].map(|parts| Divisors::of_parts(1.0, &parts));
/// let both = first?.and(&second?);
/// assert_eq!((both.whole(), both.parts()), (Some(2.0), &[Some(2.0), Some(1.0)][..]));
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Divisors {
    whole: Option<f64>,
    parts: [Option<f64>; Self::MOST],
    len: usize,
}

impl Divisors {
    /// The most parts of a loss.
    pub const MOST: usize = 8;

    /// Those of a loss in one piece; none for a sum.
    #[must_use]
    pub fn one(whole: Option<f64>) -> Self {
        Self { whole, parts: [None; Self::MOST], len: 0 }
    }

    /// Those of a loss of several parts, for [`Loss::divisors`](super::Loss::divisors) of one's own: that of the whole, and one for each
    /// part, none for a part that is a sum.
    ///
    /// # Errors
    /// [`Error::Setting`] where there are more than [`Divisors::MOST`].
    pub fn of_parts(whole: f64, parts: &[Option<f64>]) -> Result<Self> {
        if parts.len() > Self::MOST {
            return Err(Error::setting("parts of a loss", "at most 8", parts.len()));
        }
        Ok(Self::of_few_parts(whole, parts.iter().copied()))
    }

    /// The same of parts that are no more than [`Divisors::MOST`].
    pub(super) fn of_few_parts(whole: f64, parts: impl IntoIterator<Item = Option<f64>>) -> Self {
        let mut divisors = Self::one(Some(whole));
        for part in parts {
            divisors.parts[divisors.len] = part;
            divisors.len += 1;
        }
        divisors
    }

    /// That of the loss as a whole; none where it is a sum.
    #[must_use]
    pub fn whole(&self) -> Option<f64> {
        self.whole
    }

    /// Those of its parts, in order; empty for a loss in one piece.
    #[must_use]
    pub fn parts(&self) -> &[Option<f64>] {
        &self.parts[..self.len]
    }

    /// Those of a sample that counts so many times.
    #[must_use]
    pub fn times(mut self, weight: f64) -> Self {
        let scale = |divisor: &mut Option<f64>| *divisor = divisor.map(|divisor| weight * divisor);
        scale(&mut self.whole);
        self.parts.iter_mut().for_each(scale);
        self
    }

    /// Those of other samples too.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let add = |(sum, other): (&mut Option<f64>, &Option<f64>)| {
            *sum = sum.zip(*other).map(|(sum, other)| sum + other);
        };
        add((&mut self.whole, &other.whole));
        self.parts.iter_mut().zip(&other.parts).for_each(add);
        self
    }

    /// All of them as numbers, to be added up: 0 for what is not divided.
    pub(crate) fn to_numbers(self) -> [f64; Self::MOST + 1] {
        core::array::from_fn(|index| {
            if index == 0 { self.whole } else { self.parts[index - 1] }.unwrap_or(0.0)
        })
    }

    /// The same divisors with other numbers.
    pub(crate) fn of_numbers(mut self, numbers: &[f64]) -> Self {
        let all = core::iter::once(&mut self.whole).chain(&mut self.parts);
        all.zip(numbers).for_each(|(divisor, &number)| *divisor = divisor.map(|_| number));
        self
    }
}

/// A part of a loss that is made of several, for a table of them: what [`Loss::parts`](super::Loss::parts) tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LossPart {
    /// Its name.
    pub name: String,
    /// Which outputs of a sample it is of.
    pub outputs: Range<usize>,
    /// Whether its target is a class.
    pub is_classes: bool,
}

impl LossPart {
    /// One whose target is values; [`LossPart::is_classes`] can be set.
    #[must_use]
    pub fn new(name: &str, outputs: Range<usize>) -> Self {
        Self { name: name.to_owned(), outputs, is_classes: false }
    }
}

/// What a part of a loss comes to for a sample: what [`Loss::each_part`](super::Loss::each_part) tells.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PartOfSample {
    /// The number of the part.
    pub part: usize,
    /// The place of the sample in the batch.
    pub sample: usize,
    /// Its share of the part's loss.
    pub loss: f64,
    /// The class of the sample, where it has one that is not ignored.
    pub class: Option<usize>,
}

impl PartOfSample {
    /// One without a class; [`PartOfSample::class`] can be set.
    #[must_use]
    pub fn new(part: usize, sample: usize, loss: f64) -> Self {
        Self { part, sample, loss, class: None }
    }
}
