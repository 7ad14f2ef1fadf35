//! Which instructions multiply pairs: those of the instruction set that runs the other kernels, with `vdpbf16ps` where the
//! processor is fast at it, and on aarch64 with `bfdot` where there is one.

#![cfg_attr(
    any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")),
    expect(unsafe_code, reason = "a function with another instruction set is unsafe to call")
)]

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use super::neon::NeonBf16;
use super::simd::{InPairs, Widened};
#[cfg(target_arch = "x86_64")]
use super::{simd::Pairs, x86::Avx512Bf16};
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use crate::kernels::backend::forced_name;
use crate::kernels::backend::{Backend, Kernel, Runs};
use crate::kernels::limits::multiply_adds_of;
use crate::kernels::portable::Portable;
#[cfg(target_arch = "x86_64")]
use crate::kernels::{avx2::Avx2, avx512::Avx512};

/// Products of pairs that this machine has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bf16Backend {
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Avx512Bf16),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    NeonBf16(NeonBf16),
    Portable(Portable),
}

impl Bf16Backend {
    /// The fastest with an instruction set.
    fn of(backend: Backend) -> Self {
        match backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Avx512(simd) => match Avx512Bf16::detect() {
                Some(pairs) if Avx512Bf16::is_fast() => Self::Avx512Bf16(pairs),
                _ => Self::Avx512(simd),
            },
            #[cfg(target_arch = "x86_64")]
            Backend::Avx2(simd) => Self::Avx2(simd),
            Backend::Portable(simd) => {
                #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
                if let Some(pairs) = NeonBf16::detect().filter(|_| forced_name().is_none()) {
                    return Self::NeonBf16(pairs);
                }
                Self::Portable(simd)
            }
        }
    }

    /// With the instruction set of the other kernels.
    pub(crate) fn current() -> Self {
        Self::of(Backend::current())
    }

    /// Whether there is an instruction for it. Elsewhere numbers are widened to `f32`.
    pub(super) fn multiplies_pairs(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(_) => true,
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::NeonBf16(_) => true,
            _ => false,
        }
    }

    /// The instruction set alone.
    pub(super) fn in_f32(self) -> Backend {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(pairs) => Backend::Avx512(pairs.base()),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => Backend::Avx512(simd),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Backend::Avx2(simd),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::NeonBf16(_) => Backend::Portable(Portable),
            Self::Portable(simd) => Backend::Portable(simd),
        }
    }

    #[cfg(test)]
    pub(super) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(_) => "avx512-bf16",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::NeonBf16(_) => "neon-bf16",
            Self::Portable(_) => "portable",
        }
    }
}

/// Something that is done with vectors of pairs, or where numbers are widened before, with those of `f32`.
pub(super) trait Task {
    type Output;
    fn run(self, vectors: impl Runs<f32>) -> Self::Output;
}

impl Bf16Backend {
    pub(super) fn with<T: Task>(self, task: T) -> T::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(pairs) => task.run(pairs),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::NeonBf16(pairs) => task.run(pairs),
            _ => task.run(self.in_f32()),
        }
    }
}

/// Does so many rounds of multiply-adds of numbers in bf16, and says how many they were. Where numbers are widened before, they are those
/// of `f32`.
pub(crate) fn multiply_adds_in_bf16(rounds: usize) -> usize {
    Bf16Backend::current().with(MultiplyAdds(rounds))
}

struct MultiplyAdds(usize);

impl Task for MultiplyAdds {
    type Output = usize;

    fn run(self, vectors: impl Runs<f32>) -> usize {
        // A pair of zeros as well as a number.
        multiply_adds_of(vectors, self.0, 0.0) * vectors.terms()
    }
}

/// Pairs alone, for what is never widened in the product.
#[cfg(target_arch = "x86_64")]
impl Runs<f32> for Avx512Bf16 {
    fn run<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves that the processor has the instructions.
        unsafe { with_avx512_bf16::run(self, kernel) }
    }

    fn terms(self) -> usize {
        2
    }
}

/// As above.
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
impl Runs<f32> for NeonBf16 {
    fn run<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves that the processor has the instruction.
        unsafe { with_neon_bf16::run(self, kernel) }
    }

    fn terms(self) -> usize {
        2
    }
}

impl Runs<f32> for Bf16Backend {
    fn run<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        match self {
            // SAFETY: the token proves that the processor has the instructions.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(pairs) => unsafe { with_avx512_bf16::run(pairs, kernel) },
            // SAFETY: the token proves that the processor has AVX-512.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => unsafe { with_avx512::run(simd, kernel) },
            // SAFETY: the token proves that the processor has AVX2 and FMA.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => unsafe { with_avx2::run(simd, kernel) },
            // SAFETY: the token proves that the processor has the instruction.
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::NeonBf16(pairs) => unsafe { with_neon_bf16::run(pairs, kernel) },
            Self::Portable(simd) => with_none::run(simd, kernel),
        }
    }

    fn factor(self) -> usize {
        if self.multiplies_pairs() { 1 } else { 2 }
    }
}

// A module for each, as in `kernels/backend.rs`.

#[cfg(target_arch = "x86_64")]
mod with_avx512_bf16 {
    use super::{Avx512Bf16, InPairs, Kernel};

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) fn run<K: Kernel<f32>>(pairs: Avx512Bf16, kernel: K) -> K::Output {
        kernel.run(InPairs(pairs))
    }
}

#[cfg(target_arch = "x86_64")]
mod with_avx512 {
    use super::{Avx512, InPairs, Kernel, Widened};

    #[target_feature(enable = "avx512f")]
    pub(super) fn run<K: Kernel<f32>>(simd: Avx512, kernel: K) -> K::Output {
        kernel.run(InPairs(Widened(simd)))
    }
}

#[cfg(target_arch = "x86_64")]
mod with_avx2 {
    use super::{Avx2, InPairs, Kernel, Widened};

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run<K: Kernel<f32>>(simd: Avx2, kernel: K) -> K::Output {
        kernel.run(InPairs(Widened(simd)))
    }
}

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod with_neon_bf16 {
    use super::{InPairs, Kernel, NeonBf16};

    #[target_feature(enable = "neon,bf16")]
    pub(super) fn run<K: Kernel<f32>>(pairs: NeonBf16, kernel: K) -> K::Output {
        kernel.run(InPairs(pairs))
    }
}

mod with_none {
    use super::{InPairs, Kernel, Portable, Widened};

    pub(super) fn run<K: Kernel<f32>>(simd: Portable, kernel: K) -> K::Output {
        kernel.run(InPairs(Widened(simd)))
    }
}

/// Every one of this machine: that of each instruction set, with and without products of pairs.
#[cfg(test)]
pub(super) fn available() -> Vec<Bf16Backend> {
    let mut found = Vec::new();
    for (_, backend) in crate::kernels::backend::available() {
        match backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Avx512(simd) => {
                found.extend(Avx512Bf16::detect().map(Bf16Backend::Avx512Bf16));
                found.push(Bf16Backend::Avx512(simd));
            }
            Backend::Portable(simd) => {
                #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
                found.extend(NeonBf16::detect().map(Bf16Backend::NeonBf16));
                found.push(Bf16Backend::Portable(simd));
            }
            #[cfg(target_arch = "x86_64")]
            Backend::Avx2(simd) => found.push(Bf16Backend::Avx2(simd)),
        }
    }
    if !found.iter().any(|backend| backend.multiplies_pairs()) {
        println!("skipped on this machine: products of pairs");
    }
    found
}
