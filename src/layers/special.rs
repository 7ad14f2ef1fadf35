//! The complementary error function, which the standard library lacks.

/// erfc(x) = 1 − erf(x) = 2/√π · ∫ₓ^∞ exp(−t²) dt, to a relative error below 1e-13, and below 1e-15 for x < 1.
///
/// With a = |x|, the function (1 + 2a)·exp(a²)·erfc(a) runs smoothly from 1 to 2/√π; it is a Chebyshev series in
/// t = (a − 3)/(a + 3), which maps 0..∞ to −1..1. The coefficients are its projections on cos(i·θ) at 200 nodes,
/// computed with 40 digits. The tail keeps its relative accuracy, which 1 − erf(x) would lose.
pub(super) fn erfc(x: f64) -> f64 {
    let a = x.abs();
    let t = if a.is_infinite() { 1.0 } else { (a - 3.0) / (a + 3.0) };
    // Clenshaw's recurrence: Σ cᵢ·Tᵢ(t).
    let (mut next, mut after) = (0.0, 0.0);
    for &coefficient in COEFFICIENTS[1..].iter().rev() {
        (next, after) = (coefficient + 2.0 * t * next - after, next);
    }
    let series = COEFFICIENTS[0] + t * next - after;
    let tail = series * (-a * a).exp() / (1.0 + 2.0 * a);
    if x < 0.0 { 2.0 - tail } else { tail }
}

const COEFFICIENTS: [f64; 25] = [
    1.177_562_574_196_56,
    0.005_353_904_539_615_676,
    -0.093_775_503_422_842_09,
    0.054_366_525_557_443_22,
    -0.018_976_596_707_845_208,
    0.004_453_426_061_462_712,
    -0.000_633_553_171_055_314_7,
    1.766_171_952_317_159_3e-05,
    1.284_153_286_405_667_1e-05,
    -2.007_228_565_905_991_3e-06,
    -1.807_522_790_414_837e-07,
    7.549_828_343_825_093e-08,
    1.885_668_523_838_603e-09,
    -2.699_519_049_798_364e-09,
    -1.460_079_119_939_105e-11,
    1.036_160_744_596_948_9e-10,
    1.475_715_976_623_473e-12,
    -4.277_340_064_396_911e-12,
    -2.079_224_928_597_99e-13,
    1.813_450_200_317_696_3e-13,
    1.973_425_574_544_739e-14,
    -7.287_943_737_592_673e-15,
    -1.516_987_869_022_811_6e-15,
    2.351_411_225_878_140_3e-16,
    1.000_611_169_182_166_7e-16,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_known_values() {
        // Computed with 40 digits.
        for (x, expected) in [
            (-3.0, 1.999_977_909_503_001_5),
            (-0.5, 1.520_499_877_813_046_5),
            (0.0, 1.0),
            (0.1, 0.887_537_083_981_715),
            (1.0, 0.157_299_207_050_285_13),
            (2.5, 0.000_406_952_017_444_958_9),
            (5.0, 1.537_459_794_428_035e-12),
            (10.0, 2.088_487_583_762_545e-45),
        ] {
            let error = (erfc(x) / expected - 1.0).abs();
            assert!(error < 1e-14, "erfc({x}) is off by {error:e}");
        }
    }

    #[test]
    fn ends_and_nan() {
        assert_eq!((erfc(f64::INFINITY), erfc(f64::NEG_INFINITY)), (0.0, 2.0));
        assert!(erfc(f64::NAN).is_nan());
    }
}
