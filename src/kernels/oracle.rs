//! The shortest correct products, which the kernels' tests compare with.

use core::ops::Range;

use super::backend::{Backend, available};
use super::{DenseSize, Products};

/// A sum in more digits than the kernels have: double-double, exact to 2⁻¹⁰⁰.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Exact {
    high: f64,
    low: f64,
}

impl Exact {
    pub(crate) fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        let rest = a.mul_add(b, -product);
        let sum = self.high + product;
        let part = sum - self.high;
        self.low += (self.high - (sum - part)) + (product - part) + rest;
        self.high = sum;
    }

    pub(crate) fn distance<T: Numbers>(self, other: T) -> f64 {
        ((self.high - other.wide()) + self.low).abs()
    }
}

/// The types under test.
pub(crate) trait Numbers: Products + core::fmt::Debug + core::fmt::Display {
    /// Half the distance from 1 to the next number.
    const UNIT: f64;
    fn wide(self) -> f64;
    fn bits(self) -> u64;
    fn of(value: f64) -> Self;
}

impl Numbers for f32 {
    const UNIT: f64 = f32::EPSILON as f64 / 2.0;
    fn wide(self) -> f64 {
        self.into()
    }
    fn bits(self) -> u64 {
        self.to_bits().into()
    }
    fn of(value: f64) -> Self {
        value as f32
    }
}

impl Numbers for f64 {
    const UNIT: f64 = f64::EPSILON / 2.0;
    fn wide(self) -> f64 {
        self
    }
    fn bits(self) -> u64 {
        self.to_bits()
    }
    fn of(value: f64) -> Self {
        value
    }
}

pub(crate) fn same_bits<T: Numbers>(a: &[T], b: &[T]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.bits() == b.bits())
}

/// Random numbers in −1..1, always the same (`SplitMix64`).
pub(crate) fn random<T: Numbers>(len: usize, seed: u64) -> Vec<T> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        T::of(((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
    };
    (0..len).map(|_| next()).collect()
}

/// The first element that is off by more than `bound` times the magnitude of its sum.
pub(crate) fn beyond<T: Numbers>(
    got: &[T],
    exact: &[Exact],
    magnitude: &[f64],
    bound: f64,
) -> Option<String> {
    got.iter().enumerate().find_map(|(i, &value)| {
        let (error, bound) = (exact[i].distance(value), bound * T::UNIT * magnitude[i]);
        let is_off = error.is_nan() || error > bound;
        is_off.then(|| format!("[{i}]: {value} is off by {error:e}, bound {bound:e}"))
    })
}

/// Compares a product with the exact one, at every size and with every instruction set. Each element is a sum of so many terms,
/// and off by at most `error` roundings of each.
pub(crate) fn check_every_size<T: Numbers>(
    exact: impl Fn(&Case<T>) -> (Vec<Exact>, Vec<f64>),
    terms: impl Fn(DenseSize) -> usize,
    error: f64,
    product: impl Fn(Backend, &Case<T>) -> Vec<T>,
) {
    let mut failures = Vec::new();
    for size in sizes() {
        let case = Case::<T>::random(size);
        let (exact, magnitude) = exact(&case);
        for (name, backend) in available() {
            let off = beyond(&product(backend, &case), &exact, &magnitude, error * terms(size) as f64);
            failures.extend(off.map(|off| format!("{name} {size:?} {off}")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// For each function that is generic over the number type, a test with either type.
macro_rules! in_both_precisions {
    ($($function:ident)*) => {$(
        mod $function {
            #[test]
            fn f32() {
                super::$function::<f32>();
            }

            #[test]
            fn f64() {
                super::$function::<f64>();
            }
        }
    )*};
}
pub(crate) use in_both_precisions;

/// A dense layer's operands.
pub(crate) struct Case<T> {
    pub(crate) size: DenseSize,
    pub(crate) x: Vec<T>,
    pub(crate) dy: Vec<T>,
    pub(crate) weight: Vec<T>,
    pub(crate) panels: Vec<T>,
    pub(crate) bias: Vec<T>,
}

impl<T: Numbers> Case<T> {
    pub(crate) fn random(size: DenseSize) -> Self {
        let DenseSize { batch, inputs, outputs } = size;
        let weight = random(inputs * outputs, 3);
        let mut panels = vec![T::zero(); size.panels::<T>().len()];
        size.panels::<T>().pack(&weight, &mut panels);
        let (x, dy) = (random(batch * inputs, 1), random(batch * outputs, 2));
        Self { size, x, dy, weight, panels, bias: random(outputs, 4) }
    }

    /// The same layer with some of the samples.
    pub(crate) fn samples(&self, samples: Range<usize>) -> Self {
        let DenseSize { inputs, outputs, .. } = self.size;
        Self {
            size: DenseSize { batch: samples.len(), ..self.size },
            x: self.x[samples.start * inputs..samples.end * inputs].to_vec(),
            dy: self.dy[samples.start * outputs..samples.end * outputs].to_vec(),
            weight: self.weight.clone(),
            panels: self.panels.clone(),
            bias: self.bias.clone(),
        }
    }

    /// x·W + b, and the same of magnitudes.
    pub(crate) fn forward(&self) -> (Vec<Exact>, Vec<f64>) {
        let DenseSize { batch, inputs, outputs } = self.size;
        let terms = |i: usize| {
            let (sample, output) = (i / outputs, i % outputs);
            (0..inputs)
                .map(move |k| (self.x[sample * inputs + k].wide(), self.weight[k * outputs + output].wide()))
                .chain([(self.bias[output].wide(), 1.0)])
        };
        sums(batch * outputs, terms)
    }

    /// dy·Wᵀ, and the same of magnitudes.
    pub(crate) fn input_gradient(&self) -> (Vec<Exact>, Vec<f64>) {
        let DenseSize { batch, inputs, outputs } = self.size;
        let terms = |i: usize| {
            let (sample, input) = (i / inputs, i % inputs);
            (0..outputs)
                .map(move |j| (self.dy[sample * outputs + j].wide(), self.weight[input * outputs + j].wide()))
        };
        sums(batch * inputs, terms)
    }

    /// xᵀ·dy, row-major, and the same of magnitudes.
    pub(crate) fn weight_gradient(&self) -> (Vec<Exact>, Vec<f64>) {
        let DenseSize { batch, inputs, outputs } = self.size;
        let terms = |i: usize| {
            let (input, output) = (i / outputs, i % outputs);
            (0..batch).map(move |s| (self.x[s * inputs + input].wide(), self.dy[s * outputs + output].wide()))
        };
        sums(inputs * outputs, terms)
    }
}

/// Sums of products, and of their magnitudes.
fn sums<I: Iterator<Item = (f64, f64)>>(len: usize, terms: impl Fn(usize) -> I) -> (Vec<Exact>, Vec<f64>) {
    (0..len)
        .map(|i| {
            let mut sum = Exact::default();
            terms(i).for_each(|(a, b)| sum.add_product(a, b));
            (sum, terms(i).map(|(a, b)| (a * b).abs()).sum::<f64>())
        })
        .unzip()
}

/// Sizes 0, 1 and around every edge of a block: vectors of 4, 8, 16 and panels of 16, 32 columns, tiles of
/// 4, 6, 8 rows, blocks of 128 samples and 512 inputs, and more than 8 panels.
pub(crate) fn sizes() -> Vec<DenseSize> {
    let mut sizes = Vec::new();
    let mut add = |batches: &[usize], inputs: &[usize], outputs: &[usize]| {
        for &batch in batches {
            for &inputs in inputs {
                for &outputs in outputs {
                    sizes.push(DenseSize { batch, inputs, outputs });
                }
            }
        }
    };
    add(&[0, 1, 2, 9], &[0, 1, 3], &[0, 1, 5]);
    add(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18], &[1, 7, 20], &[1, 10, 33, 50]);
    add(
        &[1, 2, 3, 7, 9],
        &[19],
        &[3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 49, 64, 65, 96, 100, 127, 129, 161],
    );
    add(&[1, 5, 9], &[511, 512, 513, 1023, 1025], &[20, 40]);
    add(&[23, 24, 25, 31, 32, 33, 47, 49, 63, 65, 127, 128, 129, 140], &[6, 9], &[10, 35]);
    add(&[31, 33, 129, 261], &[1, 30], &[1, 35]);
    add(&[1], &[8191, 8193], &[5, 40]);
    add(&[2, 9, 33], &[7, 13, 30], &[257, 300]);
    sizes
}
