//! A file takes no more memory than its length allows, whatever it says.
//!
//! All allocations are counted, so this binary holds a single test.

use std::alloc::System;
use std::fs;
use std::path::PathBuf;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use taper::Tensor;
use taper::io::npy;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The bytes that were asked for during `work`, freed or not.
fn allocated<R>(work: impl FnOnce() -> R) -> usize {
    let region = Region::new(ALLOCATOR);
    let result = work();
    let change = region.change();
    drop(result);
    change.bytes_allocated
}

/// Parsing a header takes some thousand bytes.
const SOME: usize = 1 << 18;

#[test]
fn memory_follows_the_length_of_the_file() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("npy-memory.npy");
    for header in [
        &b"\x93NUMPY\x02\x00\xf0\xff\xff\xff{"[..],
        b"\x93NUMPY\x01\x00\x50\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 4), }          \n",
        b"\x93NUMPY\x01\x00\x50\x00{'descr': '<f8', 'fortran_order': True, 'shape': (4294967296, 4294967296)}       \n",
    ] {
        fs::write(&path, [header, &[0; 100]].concat()).unwrap();
        let mut error = String::new();
        let bytes = allocated(|| error = npy::read::<f64>(&path).unwrap_err().to_string());
        assert!(bytes < SOME, "{bytes} for {error}");
    }

    // Of an honest file the numbers are in memory once, and room for twice as many was looked for.
    let tensor = Tensor::<f32>::zeros([1 << 20]).unwrap();
    npy::write(&path, &tensor).unwrap();
    let bytes = allocated(|| npy::read::<f32>(&path).unwrap());
    assert!(bytes < (4 + 4 + 8) << 20 | SOME, "{bytes}");
}
