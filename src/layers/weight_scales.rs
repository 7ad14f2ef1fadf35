//! How a weight becomes whole numbers of eight bits: a scale for each output, and rounding.

use crate::prelude::*;

/// The largest whole number of a weight; its negative is the smallest, so that 0 stays 0.
const LARGEST: f64 = 127.0;

/// The scales that are tried beside that of the largest weight are 1 − t/128 of it, for t from 1 to this. Sums of a hundred normally
/// distributed weights want none of them, those of 12,544 want 0.95, and then the squared error is 6% less.
const TRIED: usize = 16;

/// Added and taken away, leaves the nearest whole number, the even one of two: faster than a function for it.
const ROUND: f64 = 1.5 * (1_u64 << 52) as f64;

/// The scale of each column of a row-major matrix: that of its largest weight, or a smaller one, which cuts off the largest weights,
/// where the squared error of the whole column is less so. All weights are finite.
pub(super) fn weight_scales(weight: &[f32], columns: usize) -> Vec<f32> {
    let mut largest = vec![0.0_f32; columns];
    for row in weight.chunks_exact(columns) {
        largest.iter_mut().zip(row).for_each(|(largest, weight)| *largest = largest.max(weight.abs()));
    }
    let scale = |largest: f32, tried: usize| {
        let scale = f64::from(largest) / LARGEST * (1.0 - tried as f64 / 128.0);
        // Of a column of zeros any scale is right.
        if largest > 0.0 { (scale as f32).max(f32::MIN_POSITIVE) } else { 1.0 }
    };
    let mut best: Vec<f32> = largest.iter().map(|&largest| scale(largest, 0)).collect();
    let mut least = square_errors(weight, &best);
    for tried in 1..=TRIED {
        let scales: Vec<f32> = largest.iter().map(|&largest| scale(largest, tried)).collect();
        for (column, error) in square_errors(weight, &scales).into_iter().enumerate() {
            if error < least[column] {
                (least[column], best[column]) = (error, scales[column]);
            }
        }
    }
    best
}

/// The whole number for a weight.
pub(super) fn rounded(weight: f32, scale: f32) -> i8 {
    steps(f64::from(weight), f64::from(scale).recip()) as i8
}

#[inline]
fn steps(weight: f64, per_step: f64) -> f64 {
    // What is cut off has to be so before it is rounded: with a tiny scale it may be any number.
    (weight * per_step).clamp(-LARGEST, LARGEST) + ROUND - ROUND
}

/// Of each column with its scale.
fn square_errors(weight: &[f32], scales: &[f32]) -> Vec<f64> {
    let per_step: Vec<[f64; 2]> =
        scales.iter().map(|&scale| [f64::from(scale), f64::from(scale).recip()]).collect();
    let mut errors = vec![0.0; scales.len()];
    for row in weight.chunks_exact(scales.len()) {
        for ((error, &weight), [scale, per_step]) in errors.iter_mut().zip(row).zip(&per_step) {
            let off = f64::from(weight) - steps(weight.into(), *per_step) * scale;
            *error += off * off;
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::RandomKey;

    /// The sum of twelve uniform numbers, less six: nearly normally distributed.
    fn normal(index: usize) -> f32 {
        let key = RandomKey::new(5, 0);
        (0..12).map(|term| key.uniform(12 * index + term)).sum::<f64>() as f32 - 6.0
    }

    fn square_error(weight: &[f32], scale: f32) -> f64 {
        let off = |&weight: &f32| f64::from(weight) - f64::from(rounded(weight, scale)) * f64::from(scale);
        weight.iter().map(off).map(|off| off * off).sum()
    }

    #[test]
    fn each_weight_is_off_by_half_a_step_at_most_unless_it_is_cut_off() {
        let weight: Vec<f32> = (0..999).map(normal).collect();
        let scales = weight_scales(&weight, 3);
        for (index, &weight) in weight.iter().enumerate() {
            let scale = scales[index % 3];
            let whole = rounded(weight, scale);
            assert!(whole >= -127, "{weight}");
            let off = (f64::from(weight) / f64::from(scale) - f64::from(whole)).abs();
            assert!(off <= 0.5 + 1e-9 || whole.abs() == 127, "{weight} {scale} {whole}");
        }
    }

    #[test]
    fn the_squared_error_is_never_more_than_with_the_largest_weight_and_less_in_a_long_sum() {
        for (rows, most) in [(10, 1.0), (100, 1.0), (12_544, 0.97)] {
            let weight: Vec<f32> = (0..rows).map(normal).collect();
            let largest = weight.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
            let (own, plain) = (weight_scales(&weight, 1)[0], largest / 127.0);
            let share = square_error(&weight, own) / square_error(&weight, plain);
            assert!(share <= most, "{rows} rows: {share}");
        }
    }

    #[test]
    fn a_single_large_weight_is_not_cut_off() {
        let mut weight = vec![0.01_f32; 100];
        weight[17] = -10.0;
        let scale = weight_scales(&weight, 1)[0];
        assert_eq!((rounded(-10.0, scale), scale), (-127, 10.0 / 127.0));
    }

    #[test]
    fn zeros_and_the_smallest_and_largest_numbers_have_a_scale_that_is_a_number() {
        let tiny = f32::from_bits(1);
        let weight = [0.0, tiny, f32::MAX, f32::MIN_POSITIVE, 0.0, -tiny, -f32::MAX, 0.0];
        let scales = weight_scales(&weight, 4);
        assert!(scales.iter().all(|scale| scale.is_normal() && *scale > 0.0), "{scales:?}");
        assert_eq!((scales[0], rounded(0.0, scales[0])), (1.0, 0));
        assert_eq!([rounded(f32::MAX, scales[2]), rounded(-f32::MAX, scales[2])], [127, -127]);
    }
}
