//! Measures a call, and the machine at the same time.

use std::alloc::System;
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use taper::machine::{Limits, Probe};
use taper::{Result, Scalar};

use super::busy::{Others, Watch};
use super::statistics::{median, quantile, spread};
use super::work::Work;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A row of the report.
pub(crate) struct Measured {
    pub(crate) pass: &'static str,
    pub(crate) dtype: &'static str,
    pub(crate) widths: Vec<usize>,
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) median_ns: f64,
    /// Of calls that take less than [`LEAST`], the percentile of means over several.
    pub(crate) p99_ns: f64,
    pub(crate) min_ns: f64,
    /// How far the medians of the rounds lie apart, as a share of the middle one.
    pub(crate) spread: f64,
    /// What others took from the machine at the time, where it can be told.
    pub(crate) others: Option<Others>,
    pub(crate) calls: usize,
    pub(crate) multiply_adds: u64,
    pub(crate) moved_bytes: usize,
    pub(crate) allocations: f64,
    /// Billions of floating-point operations a second, two for each multiply-add.
    pub(crate) gflops: f64,
    /// Billions of bytes of weights a second.
    pub(crate) weight_gbs: f64,
    /// The roofline's time as a share of the time needed.
    pub(crate) share: f64,
    /// What the machine could do, the median over the rounds.
    pub(crate) limit_gflops: f64,
    pub(crate) limit_gbs: f64,
    pub(crate) checksum: f64,
}

impl Measured {
    /// Whether the machine was left alone enough for the times to say something.
    pub(crate) fn is_to_be_trusted(&self) -> bool {
        self.spread <= MOST_SPREAD && !self.others.is_some_and(Others::are_in_the_way)
    }

    /// Operations for each byte that has to be moved.
    pub(crate) fn intensity(&self) -> f64 {
        2.0 * self.multiply_adds as f64 / self.moved_bytes as f64
    }

    pub(crate) fn samples_per_second(&self) -> f64 {
        self.batch as f64 / self.median_ns * 1e9
    }

    /// The nanoseconds that the machine needs at least for the arithmetic, and to move the bytes.
    pub(crate) fn least_ns(&self) -> (f64, f64) {
        (2.0 * self.multiply_adds as f64 / self.limit_gflops, self.moved_bytes as f64 / self.limit_gbs)
    }

    pub(crate) fn network(&self) -> String {
        let widths: Vec<_> = self.widths.iter().map(ToString::to_string).collect();
        widths.join("-")
    }
}

/// Rounds whose medians lie further apart are not of one machine at one speed.
const MOST_SPREAD: f64 = 0.15;
const ROUNDS: usize = 7;
/// Calls before the first that counts.
const WARM: usize = 3;
/// Shorter calls are timed several at a time, so that the clock does not count.
const LEAST: Duration = Duration::from_micros(20);

pub(crate) fn measure<T: Scalar>(work: &mut Work<T>, threads: usize, seconds: f64) -> Result<Measured> {
    let watch = Watch::start();
    let mut loss = None;
    for _ in 0..WARM {
        loss = work.call()?;
    }
    let checksum = work.checksum(loss);
    let mut probe = Probe::<T>::new(work.weight_bytes, threads)?;
    let round = Duration::from_secs_f64(seconds / ROUNDS as f64);
    let probing = (round / 5).clamp(Duration::from_millis(5), Duration::from_millis(30));

    let clock = Instant::now();
    work.call()?;
    let group = LEAST.as_nanos().div_ceil(clock.elapsed().as_nanos().max(10)) as usize;

    let (mut all, mut medians) = (Vec::new(), Vec::new());
    let (mut shares, mut limits) = (Vec::new(), Vec::new());
    let (mut calls, mut allocations) = (0, 0);
    for _ in 0..ROUNDS {
        let limit = match work.dtype {
            "int8" => probe.measure_int8(probing),
            "bf16" => probe.measure_bf16(probing),
            _ => probe.measure(probing),
        };
        // The probe has left its own bytes in the cache.
        work.call()?;
        let start = Instant::now();
        let mut times = Vec::with_capacity(1 << 16);
        let region = Region::new(ALLOCATOR);
        while times.len() < times.capacity() && (times.is_empty() || start.elapsed() < round) {
            let clock = Instant::now();
            for _ in 0..group {
                work.call()?;
            }
            times.push(clock.elapsed().as_nanos() as f64 / group as f64);
        }
        allocations += region.change().allocations;
        calls += times.len() * group;
        let least = limit.least_seconds(work.multiply_adds, work.moved_bytes) * 1e9;
        let middle = median(&mut times);
        shares.push(least / middle);
        medians.push(middle);
        limits.push(limit);
        all.append(&mut times);
    }
    let median_ns = median(&mut all);
    let of_limits = |part: fn(&Limits) -> f64| median(&mut limits.iter().map(part).collect::<Vec<_>>());
    Ok(Measured {
        pass: work.pass,
        dtype: work.dtype,
        widths: work.widths.clone(),
        batch: work.batch,
        threads,
        median_ns,
        p99_ns: quantile(&all, 0.99),
        min_ns: all[0],
        spread: spread(&medians),
        others: watch.others(),
        calls,
        multiply_adds: work.multiply_adds,
        moved_bytes: work.moved_bytes,
        allocations: allocations as f64 / calls as f64,
        gflops: 2.0 * work.multiply_adds as f64 / median_ns,
        weight_gbs: work.weight_bytes as f64 / median_ns,
        share: median(&mut shares),
        limit_gflops: of_limits(|limits| 2.0 * limits.multiply_adds / 1e9),
        limit_gbs: of_limits(|limits| limits.bytes / 1e9),
        checksum,
    })
}
