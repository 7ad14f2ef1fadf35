//! What this machine can do at most, to compare a measured time with.
//!
//! A dense layer multiplies and adds, and reads its weight. It cannot take less time than a loop that does nothing
//! but multiply and add takes for as many multiply-adds, nor less than one that does nothing but read takes for as
//! many bytes; the larger of the two is the *roofline* (Williams, Waterman and Patterson, "Roofline: an insightful
//! visual performance model for multicore architectures", 2009). A layer's share of the roofline says how much could
//! still be gained, on whatever machine.
//!
//! ```
//! use std::time::Duration;
//! use taper::machine::{self, Probe};
//!
//! let mut probe = Probe::<f32>::new(1 << 20, 1)?;
//! let limits = probe.measure(Duration::from_millis(2));
//! // A layer of 512 inputs and 512 outputs, for 8 samples.
//! let seconds = limits.least_seconds(8 * 512 * 512, 512 * 512 * size_of::<f32>());
//! println!("{}: {:.1} µs at least", machine::simd(), seconds * 1e6);
//! # Ok::<(), taper::Error>(())
//! ```

use std::sync::Barrier;
use std::time::Duration;

use crate::clock::{self, Clock};
use crate::kernels::{self, Buffer};
use crate::{Error, Result, Scalar};

/// The instruction set that layers in `f32` and `f64` run with here: `avx512`, `avx2` or `portable`, which is what the compiler makes
/// of plain code.
#[must_use]
pub fn simd() -> &'static str {
    kernels::backend_name()
}

/// What the machine can do at most, on a number of threads together.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Multiply-adds a second, all threads together.
    pub multiply_adds: f64,
    /// Bytes read a second, all threads together.
    pub bytes: f64,
}

impl Limits {
    /// The seconds that so many multiply-adds on so many bytes take at least.
    #[must_use]
    pub fn least_seconds(&self, multiply_adds: u64, bytes: usize) -> f64 {
        (multiply_adds as f64 / self.multiply_adds).max(bytes as f64 / self.bytes)
    }
}

/// Measures the machine: the limits that a time is compared with. [The module](self) has an example.
///
/// Other programs, and on a virtual machine its neighbours, change what a machine can do from one moment to the next:
/// measure right before or after what is compared with it.
#[derive(Debug)]
pub struct Probe<T> {
    parts: Vec<Buffer<T>>,
}

/// WebAssembly has one thread, unless it has atomics.
const HAS_THREADS: bool = !cfg!(all(target_family = "wasm", not(target_feature = "atomics")));

/// Rounds of multiply-adds between two looks at the clock, some ten microseconds.
const ROUNDS: usize = 5_000;

/// The same for bytes.
const BYTE_ROUNDS: usize = 20;

/// Elements read between two looks at the clock, at least.
const READ: usize = 64 * 1024;

impl<T: Scalar> Probe<T> {
    /// A probe that reads so many bytes on so many threads, a part each: as many bytes as the weights in
    /// question have, so that it finds them in the same cache, or in none.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 bytes or threads, for several threads where there is but one, and on a machine without a clock;
    /// [`Error::TooLarge`] where there is not as much memory.
    pub fn new(bytes: usize, threads: usize) -> Result<Self> {
        if bytes == 0 {
            return Err(Error::setting("bytes", "at least 1", bytes));
        }
        if threads == 0 {
            return Err(Error::setting("threads", "at least 1", threads));
        }
        if threads > 1 && !HAS_THREADS {
            return Err(Error::setting("threads", "1 on a machine that has no others", threads));
        }
        if !clock::IS_THERE {
            return Err(Error::setting("probe", "a machine with a clock", "none"));
        }
        let too_large = |_| Error::TooLarge {
            shape: format!("of a buffer of {bytes} bytes"),
            limit: "no more elements than fit into memory",
        };
        // Asked for and given back: what is made below would abort where it cannot be had.
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(too_large)?;
        let len = bytes.div_ceil(size_of::<T>()).div_ceil(threads);
        let part = || {
            let mut part = Buffer::zeroed(len);
            // Memory that was never written may all be one page of zeros.
            part.fill(T::one());
            part
        };
        Ok(Self { parts: (0..threads).map(|_| part()).collect() })
    }

    /// Spends about twice this time, half of it on either limit, with multiply-adds of `T`. Shorter than a millisecond, it says little.
    pub fn measure(&mut self, time: Duration) -> Limits {
        let multiply_adds = self.rate(time, |_| kernels::multiply_adds::<T>(ROUNDS));
        Limits { multiply_adds, bytes: self.bytes(time) }
    }

    /// As [`Probe::measure`], with the multiply-adds of layers in eight bits: of bytes, with sums in 32 bits.
    pub fn measure_int8(&mut self, time: Duration) -> Limits {
        let multiply_adds = self.rate(time, |_| kernels::byte_multiply_adds(BYTE_ROUNDS));
        Limits { multiply_adds, bytes: self.bytes(time) }
    }

    /// As [`Probe::measure`], with the multiply-adds of layers in bf16, with sums in `f32`. Where the processor has none that are fast,
    /// layers multiply in `f32`, and it is the limit of that.
    pub fn measure_bf16(&mut self, time: Duration) -> Limits {
        let multiply_adds = self.rate(time, |_| kernels::multiply_adds_in_bf16(ROUNDS));
        Limits { multiply_adds, bytes: self.bytes(time) }
    }

    fn bytes(&self, time: Duration) -> f64 {
        self.rate(time, |part| {
            let sweeps = (READ / part.len().max(1)).max(1);
            (0..sweeps).for_each(|_| kernels::read(part));
            sweeps * size_of_val(part)
        })
    }

    /// What all threads together get done in a second, each at its best.
    fn rate(&self, time: Duration, work: impl Fn(&[T]) -> usize + Sync) -> f64 {
        let start = Barrier::new(self.parts.len());
        let one = |part: &Buffer<T>| {
            // Once without the clock, for the part may be in no cache yet.
            work(part);
            start.wait();
            let (begin, mut best) = (Clock::start(), 0.0_f64);
            while begin.elapsed() < time || best == 0.0 {
                let clock = Clock::start();
                let done = work(part);
                best = best.max(done as f64 / clock.elapsed().as_secs_f64());
            }
            best
        };
        let [first, others @ ..] = &self.parts[..] else { unreachable!("a probe has at least one part") };
        std::thread::scope(|scope| {
            let others: Vec<_> = others.iter().map(|part| scope.spawn(|| one(part))).collect();
            let first = one(first);
            others.into_iter().fold(first, |sum, other| sum + other.join().expect("a loop that cannot panic"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roofline_is_the_larger_of_the_two() {
        let limits = Limits { multiply_adds: 10.0, bytes: 100.0 };
        assert_eq!(limits.least_seconds(50, 100), 5.0);
        assert_eq!(limits.least_seconds(5, 1000), 10.0);
    }

    #[test]
    fn every_number_of_threads_is_measured() {
        for threads in [1, 2, 3].into_iter().filter(|&threads| threads == 1 || HAS_THREADS) {
            // Not how many: without optimisation, emulated, or beside other programs, they are few.
            let are_some = |limits: Limits| {
                let Limits { multiply_adds, bytes } = limits;
                [multiply_adds, bytes].iter().all(|rate| rate.is_finite() && *rate > 0.0)
            };
            let limits = Probe::<f64>::new(100_000, threads).unwrap().measure(Duration::from_millis(1));
            assert!(are_some(limits), "{threads}: {limits:?}");
            let limits = Probe::<f32>::new(100_000, threads).unwrap().measure_int8(Duration::from_millis(1));
            assert!(are_some(limits), "{threads}, int8: {limits:?}");
            let limits = Probe::<f32>::new(100_000, threads).unwrap().measure_bf16(Duration::from_millis(1));
            assert!(are_some(limits), "{threads}, bf16: {limits:?}");
        }
        if !HAS_THREADS {
            let error = Probe::<f32>::new(1, 2).unwrap_err();
            assert_eq!(error.to_string(), "threads: expected 1 on a machine that has no others, got 2");
        }
        let error = Probe::<f32>::new(1, 0).unwrap_err();
        assert_eq!(error.to_string(), "threads: expected at least 1, got 0");
        let error = Probe::<f32>::new(0, 1).unwrap_err();
        assert_eq!(error.to_string(), "bytes: expected at least 1, got 0");
    }
}
