//! How much memory covariances take.

use super::covariance::are_samples_less;
use super::precision::most_as_a_matrix;
use crate::{Error, Result};

/// What is narrowed by how many rows: the layer before it, the numbers in a row, the outputs, and how many rows a unit has at most.
pub(super) struct Need<'a> {
    pub(super) name: &'a str,
    pub(super) numbers: usize,
    pub(super) outputs: usize,
    pub(super) unit: usize,
}

impl Need<'_> {
    /// About so many bytes are in use at once, when units go: covariances with their inverse, and again while the rows of units that are gone
    /// are left out; or the samples in place of them, until the numbers are so few. And the next layer's weight, some times.
    pub(super) fn bytes(&self, rows: usize) -> f64 {
        let is_of_samples = are_samples_less(rows, self.numbers);
        let as_a_matrix = self.numbers.min(most_as_a_matrix(rows, self.unit)) as f64;
        let (numbers, rows, outputs) = (self.numbers as f64, rows as f64, self.outputs as f64);
        let covariances = if is_of_samples {
            3.0 * rows * numbers + 2.0 * rows * rows + 2.0 * as_a_matrix * as_a_matrix
        } else {
            3.0 * numbers * numbers
        };
        8.0 * (covariances + 5.0 * numbers * outputs)
    }

    /// Whether that is no more than the limit.
    ///
    /// # Errors
    /// One that says how many samples take no more.
    pub(super) fn check(&self, samples: usize, rows_each: usize, limit: usize) -> Result<()> {
        let fits = |samples: usize| self.bytes(samples * rows_each) <= limit as f64;
        if fits(samples) {
            return Ok(());
        }
        let (mut most, mut too_many) = (0, samples);
        while too_many - most > 1 {
            let middle = usize::midpoint(most, too_many);
            *(if fits(middle) { &mut most } else { &mut too_many }) = middle;
        }
        let Self { name, numbers, .. } = self;
        let advice = match most {
            0 => "fewer samples do not help".to_owned(),
            _ => format!("{most} samples take no more than the limit"),
        };
        let expected = "a limit that covariances fit into";
        let need = self.bytes(samples * rows_each);
        let got = format!(
            "{limit} bytes, where layer `{name}` needs some {need:.1e} for the {numbers} numbers that it is narrowed by and {samples} samples; {advice}"
        );
        Err(Error::setting("memory", expected, got))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_that_are_named_fit() {
        let need = Need { name: "conv", numbers: 12544, outputs: 1024, unit: 49 };
        let limit = 2 << 30;
        assert!(need.check(3000, 1, limit).is_ok());
        let text = need.check(20_000, 1, limit).unwrap_err().to_string();
        let most: usize = text.rsplit("; ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(need.check(most, 1, limit).is_ok() && need.check(most + 1, 1, limit).is_err(), "{text}");
        assert!(need.check(1, 1, 1000).unwrap_err().to_string().contains("fewer samples do not help"));
    }

    #[test]
    fn samples_of_several_rows_take_what_so_many_rows_take() {
        let need = Need { name: "conv", numbers: 12544, outputs: 1024, unit: 49 };
        let limit = 2 << 30;
        let fits = |samples: usize, rows: usize| need.check(samples, rows, limit).is_ok();
        assert!(fits(3000, 1) && !fits(20_000, 1));
        assert!((1..2900).step_by(100).all(|samples| fits(samples, 7) == fits(7 * samples, 1)));
    }
}
