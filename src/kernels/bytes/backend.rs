//! Which instruction set multiplies bytes. What the other kernels run with decides it, but for what only bytes know of: VNNI.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]
#![cfg_attr(
    any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")),
    expect(unsafe_code, reason = "a function with another instruction set is unsafe to call")
)]

#[cfg(feature = "std")]
use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use super::avx2::{Avx2Words, AvxVnni};
#[cfg(target_arch = "x86_64")]
use super::avx512::{Avx512Vnni, Avx512Words};
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use super::neon::Neon;
use super::portable::PortableBytes;
use super::rows::RowLayout;
use super::simd::ByteSimd;
use crate::kernels::backend::{forced_name, refuse};

/// An instruction set that this machine has.
#[derive(Debug, Clone, Copy)]
pub(super) enum ByteBackend {
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512Vnni),
    #[cfg(target_arch = "x86_64")]
    Avx512Words(Avx512Words),
    #[cfg(target_arch = "x86_64")]
    AvxVnni(AvxVnni),
    #[cfg(target_arch = "x86_64")]
    Avx2Words(Avx2Words),
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    NeonMixed(Neon<true>),
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    NeonDot(Neon<false>),
    Portable(PortableBytes),
}

/// A computation in vectors of any kind. `run` must be `#[inline(always)]`.
pub(super) trait ByteKernel {
    type Output;
    fn run<S: ByteSimd>(self, simd: S) -> Self::Output;
}

/// All names, the fastest first.
pub(super) const NAMES: [&str; 7] =
    ["avx512-vnni", "avx512-no-vnni", "avx-vnni", "avx2", "neon-i8mm", "neon-dotprod", "portable"];

impl ByteBackend {
    /// The one by this name, if the machine has it.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        match name {
            #[cfg(target_arch = "x86_64")]
            "avx512-vnni" => Avx512Vnni::detect().map(Self::Avx512Vnni),
            #[cfg(target_arch = "x86_64")]
            "avx512-no-vnni" => Avx512Words::detect().map(Self::Avx512Words),
            #[cfg(target_arch = "x86_64")]
            "avx-vnni" => AvxVnni::detect().map(Self::AvxVnni),
            #[cfg(target_arch = "x86_64")]
            "avx2" => Avx2Words::detect().map(Self::Avx2Words),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            "neon-i8mm" => Neon::<true>::detect().map(Self::NeonMixed),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            "neon-dotprod" => Neon::<false>::detect().map(Self::NeonDot),
            "portable" => Some(Self::Portable(PortableBytes)),
            _ => None,
        }
    }

    /// The fastest of this machine, or what follows from the one forced by `TAPER_SIMD`: `avx512` may have VNNI, the others
    /// are what they say.
    #[cfg(feature = "std")]
    pub(super) fn current() -> Self {
        static CURRENT: OnceLock<ByteBackend> = OnceLock::new();
        *CURRENT.get_or_init(Self::chosen)
    }

    /// The fastest of those that the program is compiled for.
    #[cfg(not(feature = "std"))]
    pub(super) fn current() -> Self {
        Self::chosen()
    }

    fn chosen() -> Self {
        let names: &[&str] = match forced_name() {
            None => &NAMES,
            // A processor with AVX-512 and none of its instructions for bytes.
            Some("avx512") => &["avx512-vnni", "avx512-no-vnni", "avx2"],
            Some("avx512-no-vnni") => &["avx512-no-vnni", "avx2"],
            Some("avx-vnni") => &["avx-vnni"],
            Some("avx2") => &["avx2"],
            Some("neon-i8mm") => &["neon-i8mm"],
            Some("neon-dotprod") => &["neon-dotprod"],
            Some(_) => &["portable"],
        };
        let found = names.iter().copied().find_map(Self::by_name);
        found.unwrap_or_else(|| refuse(forced_name().unwrap_or_default()))
    }

    /// How rows of so many numbers lie.
    pub(super) fn row_layout(self, numbers: usize) -> RowLayout {
        self.run(Layout { numbers })
    }

    /// Runs a kernel with the instruction set switched on.
    pub(super) fn run<K: ByteKernel>(self, kernel: K) -> K::Output {
        match self {
            // SAFETY: the token proves that the processor has the instructions.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(simd) => unsafe { with_avx512_vnni::run(simd, kernel) },
            // SAFETY: the token proves that the processor has the instructions.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Words(simd) => unsafe { with_avx512_words::run(simd, kernel) },
            // SAFETY: the token proves that the processor has the instructions.
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni(simd) => unsafe { with_avx_vnni::run(simd, kernel) },
            // SAFETY: the token proves that the processor has the instructions.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Words(simd) => unsafe { with_avx2_words::run(simd, kernel) },
            // SAFETY: the token proves that the processor has the instructions.
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::NeonMixed(simd) => unsafe { with_neon_i8mm::run(simd, kernel) },
            // SAFETY: the token proves that the processor has the instructions.
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::NeonDot(simd) => unsafe { with_neon_dotprod::run(simd, kernel) },
            Self::Portable(simd) => with_none::run(simd, kernel),
        }
    }
}

struct Layout {
    numbers: usize,
}

impl ByteKernel for Layout {
    type Output = RowLayout;

    #[inline(always)]
    fn run<S: ByteSimd>(self, _simd: S) -> RowLayout {
        RowLayout::new::<S>(self.numbers)
    }
}

// A module for each instruction set, as for the other kernels.

#[cfg(target_arch = "x86_64")]
mod with_avx512_vnni {
    use super::{Avx512Vnni, ByteKernel};

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    pub(super) fn run<K: ByteKernel>(simd: Avx512Vnni, kernel: K) -> K::Output {
        kernel.run(simd)
    }
}

#[cfg(target_arch = "x86_64")]
mod with_avx512_words {
    use super::{Avx512Words, ByteKernel};

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    pub(super) fn run<K: ByteKernel>(simd: Avx512Words, kernel: K) -> K::Output {
        kernel.run(simd)
    }
}

#[cfg(target_arch = "x86_64")]
mod with_avx_vnni {
    use super::{AvxVnni, ByteKernel};

    #[target_feature(enable = "avx2,fma,avxvnni")]
    pub(super) fn run<K: ByteKernel>(simd: AvxVnni, kernel: K) -> K::Output {
        kernel.run(simd)
    }
}

#[cfg(target_arch = "x86_64")]
mod with_avx2_words {
    use super::{Avx2Words, ByteKernel};

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run<K: ByteKernel>(simd: Avx2Words, kernel: K) -> K::Output {
        kernel.run(simd)
    }
}

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod with_neon_i8mm {
    use super::{ByteKernel, Neon};

    #[target_feature(enable = "neon,dotprod,i8mm")]
    pub(super) fn run<K: ByteKernel>(simd: Neon<true>, kernel: K) -> K::Output {
        kernel.run(simd)
    }
}

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod with_neon_dotprod {
    use super::{ByteKernel, Neon};

    #[target_feature(enable = "neon,dotprod")]
    pub(super) fn run<K: ByteKernel>(simd: Neon<false>, kernel: K) -> K::Output {
        kernel.run(simd)
    }
}

mod with_none {
    use super::{ByteKernel, PortableBytes};

    pub(super) fn run<K: ByteKernel>(simd: PortableBytes, kernel: K) -> K::Output {
        kernel.run(simd)
    }
}

/// Every backend of this machine; the others are printed.
#[cfg(test)]
pub(super) fn available() -> Vec<(&'static str, ByteBackend)> {
    let mut found = Vec::new();
    for name in NAMES {
        match ByteBackend::by_name(name) {
            Some(backend) => found.push((name, backend)),
            None => println!("skipped on this machine: {name}"),
        }
    }
    found
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// So that the tests skip a backend only where the processor lacks it.
    #[test]
    fn what_is_found_is_what_the_kernel_of_linux_says() {
        let processor = std::fs::read_to_string("/proc/cpuinfo").expect("Linux describes its processors");
        let flags: Vec<_> =
            processor.lines().find(|line| line.starts_with("flags")).unwrap().split(' ').collect();
        for (name, needed) in [
            ("avx512-vnni", "avx512f avx512bw avx512vl avx512dq avx512_vnni"),
            ("avx512-no-vnni", "avx512f avx512bw avx512vl avx512dq"),
            ("avx-vnni", "avx2 fma avx_vnni"),
            ("avx2", "avx2 fma"),
        ] {
            let expected = needed.split(' ').all(|flag| flags.contains(&flag));
            assert_eq!(ByteBackend::by_name(name).is_some(), expected, "{name}");
        }
    }
}
