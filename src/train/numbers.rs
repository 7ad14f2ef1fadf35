//! What numbers a model's inputs may be, and the first that is none.

use super::Dataset;
use super::inputs::Inputs;
use crate::{Error, Result, Scalar, TensorView};

/// What numbers inputs may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numbers {
    Any,
    Finite,
    /// Whole numbers from 0 to one less than this.
    Below(usize),
}

/// So many numbers at a time are looked at before it is asked whether one was wrong.
const CHUNK: usize = 4096;

impl Numbers {
    /// Whether all inputs of the data set are such numbers. Of what is not in memory nothing is known yet.
    ///
    /// # Errors
    /// [`Error::NotFinite`] or [`Error::Index`] with the sample in which the first is that is not.
    pub(super) fn check<T: Scalar>(self, data: &Dataset<'_, T>) -> Result<()> {
        let sample_len = data.sample().len();
        match data.inputs() {
            Inputs::Values(values) => self
                .check_rows(data, |sample, len| self.first(&values.as_slice()[sample * sample_len..][..len])),
            Inputs::Pixels(pixels) => {
                let numbers: [T; 256] = pixels.numbers();
                let is_wrong = numbers.map(|number| !self.includes(number));
                if !is_wrong.contains(&true) {
                    return Ok(());
                }
                self.check_rows(data, |sample, len| {
                    let bytes = &pixels.as_bytes()[sample * sample_len..][..len];
                    let place = bytes.iter().position(|&byte| is_wrong[usize::from(byte)])?;
                    Some((place, numbers[usize::from(bytes[place])]))
                })
            }
            Inputs::Source(_) => Ok(()),
        }
    }

    /// Whether a batch of these samples has only such numbers.
    pub(super) fn check_batch<T: Scalar>(self, batch: TensorView<'_, T>, samples: &[usize]) -> Result<()> {
        let Some((place, number)) = self.first(batch.as_slice()) else { return Ok(()) };
        let mut place = batch.shape().place(place);
        place[0] = samples[place[0]];
        Err(self.error(place, number))
    }

    /// Looks at all samples as one run, or at each of a subset.
    fn check_rows<T: Scalar>(
        self,
        data: &Dataset<'_, T>,
        first: impl Fn(usize, usize) -> Option<(usize, T)>,
    ) -> Result<()> {
        let sample_len = data.sample().len();
        let found = match data.indices() {
            None => first(0, data.len() * sample_len).map(|(place, number)| (0, place, number)),
            Some(samples) => samples
                .iter()
                .find_map(|&sample| first(sample, sample_len).map(|(place, number)| (sample, place, number))),
        };
        let Some((sample, place, number)) = found else { return Ok(()) };
        Err(self.error(data.shape().place(sample * sample_len + place), number))
    }

    /// The first of these that is none, and its place.
    fn first<T: Scalar>(self, numbers: &[T]) -> Option<(usize, T)> {
        let all_right = |chunk: &[T]| chunk.iter().fold(true, |right, &number| right & self.includes(number));
        let chunk = numbers.chunks(CHUNK).position(|chunk| !all_right(chunk))?;
        let wrong = numbers[chunk * CHUNK..].iter().position(|&number| !self.includes(number));
        let place = chunk * CHUNK + wrong.expect("one of this chunk is wrong");
        Some((place, numbers[place]))
    }

    fn includes<T: Scalar>(self, number: T) -> bool {
        match self {
            Self::Any => true,
            Self::Finite => number.is_finite(),
            // A NaN is in no range.
            Self::Below(below) => {
                (T::zero()..T::of(below as f64)).contains(&number) && number == number.trunc()
            }
        }
    }

    fn error<T: Scalar>(self, place: Vec<usize>, number: T) -> Error {
        let got = number.as_f64();
        match self {
            Self::Below(below) => Error::Index { what: "input", place, below, got },
            Self::Any | Self::Finite => {
                let what = format!("input of sample {} at {:?}", place[0], &place[1..]);
                Error::NotFinite { what, got }
            }
        }
    }
}
