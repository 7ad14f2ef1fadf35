//! Which instruction set runs the kernels: detected once, one `match` for each entry.
//!
//! For tests, the environment variable `TAPER_SIMD` (`avx512`, `avx2` or `portable`) forces one for the whole
//! process. It is read once. A name that is unknown, or an instruction set that this machine lacks, panics. `avx512-no-vnni` and
//! `avx-vnni` are `avx512` and `avx2` but for products of bytes, which do without VNNI or have it; `neon-i8mm` and `neon-dotprod` are
//! `portable` but for products of bytes, which have these instructions.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "a function with another instruction set is unsafe to call")
)]

#[cfg(feature = "std")]
use std::sync::OnceLock;

use super::Simd;
use super::number::Number;
use super::portable::Portable;
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};

/// An instruction set that this machine has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Backend {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    Portable(Portable),
}

/// A computation in vectors of any kind. `run` must be `#[inline(always)]`.
pub(crate) trait Kernel<T: Number> {
    type Output;
    fn run<S: Simd<T>>(self, simd: S) -> Self::Output;
}

/// Whatever runs kernels: an instruction set, or one in which products are of something else.
pub(crate) trait Runs<T: Number>: Copy + Send + Sync {
    fn run<K: Kernel<T>>(self, kernel: K) -> K::Output;

    /// How many products a lane of a multiply-add is the sum of.
    fn terms(self) -> usize {
        1
    }

    /// The [`Simd::FACTOR`] of its vectors.
    fn factor(self) -> usize {
        1
    }
}

impl<T: Element> Runs<T> for Backend {
    fn run<K: Kernel<T>>(self, kernel: K) -> K::Output {
        T::dispatch(self, kernel)
    }
}

impl Backend {
    /// All names, the fastest first.
    pub(crate) const NAMES: [&'static str; 3] = ["avx512", "avx2", "portable"];

    /// The one by this name, if the machine has it.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        match name {
            #[cfg(target_arch = "x86_64")]
            "avx512" => Avx512::detect().map(Self::Avx512),
            #[cfg(target_arch = "x86_64")]
            "avx2" => Avx2::detect().map(Self::Avx2),
            "portable" => Some(Self::Portable(Portable)),
            _ => None,
        }
    }

    /// The fastest of this machine, or the one forced by `TAPER_SIMD`.
    #[cfg(feature = "std")]
    pub(crate) fn current() -> Self {
        static CURRENT: OnceLock<Backend> = OnceLock::new();
        *CURRENT.get_or_init(Self::chosen)
    }

    /// The fastest of those that the program is compiled for: known without asking.
    #[cfg(not(feature = "std"))]
    pub(crate) fn current() -> Self {
        Self::chosen()
    }

    fn chosen() -> Self {
        match forced_name() {
            Some(name) => {
                let same = FOR_BYTES.iter().find(|(of_bytes, _)| *of_bytes == name);
                Self::by_name(same.map_or(name, |(_, same)| same)).unwrap_or_else(|| refuse(name))
            }
            None => Self::NAMES.into_iter().find_map(Self::by_name).expect("portable is always there"),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            Self::Portable(_) => "portable",
        }
    }

    /// Runs a kernel with the instruction set switched on.
    pub(crate) fn run<T: Element, K: Kernel<T>>(self, kernel: K) -> K::Output {
        T::dispatch(self, kernel)
    }
}

/// Names of sets that differ from one of [`Backend::NAMES`] in products of bytes, and which.
const FOR_BYTES: [(&str, &str); 4] = [
    ("avx512-no-vnni", "avx512"),
    ("avx-vnni", "avx2"),
    ("neon-i8mm", "portable"),
    ("neon-dotprod", "portable"),
];

/// What `TAPER_SIMD` says.
#[cfg(feature = "std")]
pub(super) fn forced_name() -> Option<&'static str> {
    static NAME: OnceLock<Option<String>> = OnceLock::new();
    NAME.get_or_init(|| std::env::var("TAPER_SIMD").ok()).as_deref()
}

/// There is no environment.
#[cfg(not(feature = "std"))]
pub(super) fn forced_name() -> Option<&'static str> {
    None
}

/// Panics: this machine has no set by the name that `TAPER_SIMD` says.
pub(super) fn refuse(name: &str) -> ! {
    let others = FOR_BYTES.map(|(name, _)| name);
    panic!("TAPER_SIMD={name}: expected one of {:?} and {others:?} that this machine has", Backend::NAMES)
}

/// A number type whose kernels exist for every instruction set. It cannot be implemented elsewhere.
pub trait Element: Number {
    #[doc(hidden)]
    #[expect(private_interfaces, private_bounds, reason = "the trait is sealed and its module private")]
    fn dispatch<K: Kernel<Self>>(backend: Backend, kernel: K) -> K::Output;
}

// A module for each instruction set. Modules are what the compiler optimises side by side, and all kernels of a set come
// into the one that calls them: most of the crate's code.

#[cfg(target_arch = "x86_64")]
mod with_avx512 {
    use super::{Avx512, Kernel, Number, Simd};

    #[target_feature(enable = "avx512f")]
    pub(super) fn run<T: Number, K: Kernel<T>>(simd: Avx512, kernel: K) -> K::Output
    where
        Avx512: Simd<T>,
    {
        kernel.run(simd)
    }
}

#[cfg(target_arch = "x86_64")]
mod with_avx2 {
    use super::{Avx2, Kernel, Number, Simd};

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run<T: Number, K: Kernel<T>>(simd: Avx2, kernel: K) -> K::Output
    where
        Avx2: Simd<T>,
    {
        kernel.run(simd)
    }
}

mod with_none {
    use super::{Kernel, Number, Portable, Simd};

    pub(super) fn run<T: Number, K: Kernel<T>>(simd: Portable, kernel: K) -> K::Output
    where
        Portable: Simd<T>,
    {
        kernel.run(simd)
    }
}

macro_rules! dispatch {
    ($($type:ty)*) => {$(
        impl Element for $type {
            #[expect(private_interfaces, private_bounds, reason = "the trait is sealed and its module private")]
            fn dispatch<K: Kernel<Self>>(backend: Backend, kernel: K) -> K::Output {
                match backend {
                    // SAFETY: the token proves that the processor has AVX-512.
                    #[cfg(target_arch = "x86_64")]
                    Backend::Avx512(simd) => unsafe { with_avx512::run(simd, kernel) },
                    // SAFETY: the token proves that the processor has AVX2 and FMA.
                    #[cfg(target_arch = "x86_64")]
                    Backend::Avx2(simd) => unsafe { with_avx2::run(simd, kernel) },
                    Backend::Portable(simd) => with_none::run(simd, kernel),
                }
            }
        }
    )*};
}
dispatch!(f32 f64);

/// Runs a computation with the fastest instruction set of this machine.
pub(crate) fn run<T: Element, K: Kernel<T>>(kernel: K) -> K::Output {
    Backend::current().run(kernel)
}

/// Every backend of this machine; the others are printed.
#[cfg(test)]
pub(crate) fn available() -> Vec<(&'static str, Backend)> {
    let mut found = Vec::new();
    for name in Backend::NAMES {
        match Backend::by_name(name) {
            Some(backend) => found.push((name, backend)),
            None => println!("skipped on this machine: {name}"),
        }
    }
    found
}

#[cfg(test)]
#[expect(clippy::inline_always, reason = "a kernel must end up inside the function with its instruction set")]
mod tests {
    use super::*;

    struct Lanes;
    impl Kernel<f32> for Lanes {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd<f32>>(self, _simd: S) -> usize {
            S::LANES
        }
    }

    struct Relu([f32; 32]);
    impl Kernel<f32> for Relu {
        type Output = [f32; 32];
        #[inline(always)]
        fn run<S: Simd<f32>>(mut self, simd: S) -> [f32; 32] {
            for chunk in S::split_mut(&mut self.0).0 {
                simd.store(simd.relu(simd.load(chunk)), chunk);
            }
            self.0
        }
    }

    #[test]
    fn every_backend_has_its_own_vectors() {
        for (name, backend) in available() {
            let expected = [("avx512", 16), ("avx2", 8), ("portable", 4)];
            assert!(expected.contains(&(name, backend.run(Lanes))), "{name}");
            assert_eq!(backend.name(), name);
        }
        assert!(Backend::by_name("abacus").is_none());
    }

    /// So that the tests skip a backend only where the processor lacks it.
    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn what_is_found_is_what_the_kernel_of_linux_says() {
        let processor = std::fs::read_to_string("/proc/cpuinfo").expect("Linux describes its processors");
        let flags: Vec<_> =
            processor.lines().find(|line| line.starts_with("flags")).unwrap().split(' ').collect();
        for (name, needed) in [("avx512", vec!["avx512f"]), ("avx2", vec!["avx2", "fma"])] {
            let expected = needed.iter().all(|flag| flags.contains(flag));
            assert_eq!(Backend::by_name(name).is_some(), expected, "{name}");
        }
    }

    #[test]
    fn relu_keeps_nan_and_negative_zero() {
        let mut input = [-0.0_f32; 32];
        input[..6].copy_from_slice(&[f32::NAN, -1.0, 0.0, 2.0, f32::NEG_INFINITY, -f32::NAN]);
        let expected = input.map(|x| if x < 0.0 { 0.0 } else { x });
        for (name, backend) in available() {
            assert_eq!(backend.run(Relu(input)).map(f32::to_bits), expected.map(f32::to_bits), "{name}");
        }
    }
}
