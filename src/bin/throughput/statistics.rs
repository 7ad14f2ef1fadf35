//! What is told of many times.

/// The smallest of some sorted numbers that so large a share of them does not exceed: the nearest rank.
///
/// # Panics
/// Without a number.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// The middle of some numbers, which it sorts; the upper one of two.
pub(crate) fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// How far repeats lie apart: from the second smallest to the second largest of them, as a share of the middle one. One
/// repeat on either side may be off, and that is not held against the others.
pub(crate) fn spread(repeats: &[f64]) -> f64 {
    let mut sorted = repeats.to_vec();
    let middle = median(&mut sorted);
    if sorted.len() >= 4 {
        sorted = sorted[1..sorted.len() - 1].to_vec();
    }
    (sorted[sorted.len() - 1] - sorted[0]) / middle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numbers_that_are_there() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        for (share, expected) in [(0.5, 50.0), (0.99, 99.0), (0.991, 100.0), (1.0, 100.0), (0.0, 1.0)] {
            assert_eq!(quantile(&hundred, share), expected, "{share}");
        }
        // With few of them the 99th percentile is the largest.
        assert_eq!(quantile(&[1.0, 2.0, 9.0], 0.99), 9.0);
        assert_eq!(quantile(&[7.0], 0.5), 7.0);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 3.0);
        assert_eq!(median(&mut [5.0]), 5.0);
    }

    #[test]
    fn one_repeat_may_be_off_on_either_side() {
        assert_eq!(spread(&[100.0, 100.0, 100.0, 100.0, 100.0, 900.0, 1.0]), 0.0);
        assert_eq!(spread(&[100.0, 130.0, 100.0, 100.0, 100.0, 130.0, 90.0]), 0.3);
        // Of fewer none is left out.
        assert_eq!(spread(&[100.0, 150.0, 100.0]), 0.5);
        assert_eq!(spread(&[100.0]), 0.0);
    }
}
