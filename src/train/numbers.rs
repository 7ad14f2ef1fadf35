//! What numbers a model's inputs may be, and the first that is none.

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
    /// Whether a batch of these samples has only such numbers.
    pub(super) fn check_batch<T: Scalar>(self, batch: TensorView<'_, T>, samples: &[usize]) -> Result<()> {
        let Some((place, number)) = self.first(batch.as_slice()) else { return Ok(()) };
        let mut place = batch.shape().place(place);
        place[0] = samples[place[0]];
        Err(self.error(place, number))
    }

    /// The first of these that is none, and its place.
    pub(super) fn first<T: Scalar>(self, numbers: &[T]) -> Option<(usize, T)> {
        let all_right = |chunk: &[T]| chunk.iter().fold(true, |right, &number| right & self.includes(number));
        let chunk = numbers.chunks(CHUNK).position(|chunk| !all_right(chunk))?;
        let wrong = numbers[chunk * CHUNK..].iter().position(|&number| !self.includes(number));
        let place = chunk * CHUNK + wrong.expect("one of this chunk is wrong");
        Some((place, numbers[place]))
    }

    /// Whether this is such a number.
    pub(super) fn includes<T: Scalar>(self, number: T) -> bool {
        match self {
            Self::Any => true,
            Self::Finite => number.is_finite(),
            // A NaN is in no range.
            Self::Below(below) => {
                (T::zero()..T::of(below as f64)).contains(&number) && number == number.trunc()
            }
        }
    }

    /// What is wrong with a number at this place, its sample first.
    pub(super) fn error<T: Scalar>(self, place: Vec<usize>, number: T) -> Error {
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
