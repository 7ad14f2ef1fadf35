//! a·b + c of four numbers, as the machine has it: rounded once where that is an instruction, and else twice. In WebAssembly with
//! `relaxed-simd` it is an instruction of which the engine decides how often it rounds.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

/// Of numbers side by side.
pub trait MultiplyAdd: Sized {
    /// a·b + c.
    fn multiply_add(a: [Self; 4], b: [Self; 4], c: [Self; 4]) -> [Self; 4];
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
mod by_number {
    use num_traits::Float;

    use super::MultiplyAdd;

    /// Whether `mul_add` is an instruction; where it is not, it is a call into a library, fifty times slower.
    const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

    impl<T: Float> MultiplyAdd for T {
        #[inline(always)]
        fn multiply_add(a: [Self; 4], b: [Self; 4], mut c: [Self; 4]) -> [Self; 4] {
            for lane in 0..4 {
                c[lane] = if FUSED { a[lane].mul_add(b[lane], c[lane]) } else { a[lane] * b[lane] + c[lane] };
            }
            c
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod relaxed {
    use core::arch::wasm32::{
        f32x4, f32x4_extract_lane, f32x4_relaxed_madd, f64x2, f64x2_extract_lane, f64x2_relaxed_madd,
    };

    use super::MultiplyAdd;

    impl MultiplyAdd for f32 {
        #[inline(always)]
        fn multiply_add(a: [Self; 4], b: [Self; 4], c: [Self; 4]) -> [Self; 4] {
            let [a, b, c] = [a, b, c].map(|[x, y, z, w]| f32x4(x, y, z, w));
            let sums = f32x4_relaxed_madd(a, b, c);
            [
                f32x4_extract_lane::<0>(sums),
                f32x4_extract_lane::<1>(sums),
                f32x4_extract_lane::<2>(sums),
                f32x4_extract_lane::<3>(sums),
            ]
        }
    }

    impl MultiplyAdd for f64 {
        #[inline(always)]
        fn multiply_add(a: [Self; 4], b: [Self; 4], c: [Self; 4]) -> [Self; 4] {
            let pair = |place: usize| {
                let [a, b, c] = [a, b, c].map(|numbers| f64x2(numbers[place], numbers[place + 1]));
                let sums = f64x2_relaxed_madd(a, b, c);
                [f64x2_extract_lane::<0>(sums), f64x2_extract_lane::<1>(sums)]
            };
            let [[x, y], [z, w]] = [pair(0), pair(2)];
            [x, y, z, w]
        }
    }
}
