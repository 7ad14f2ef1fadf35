//! Prefetching: memory is asked for while something else is computed.

use super::backend::Kernel;
use super::buffer::CACHE_LINE;
use super::{Element, Simd};

/// The bytes that are asked for of each slice: with 128 a step of the reference network with Adam takes 4 % longer, with 512
/// as long, and with all of a slice of 4 KiB a quarter longer.
const BEGINNING: usize = 256;

/// Asks for the beginning of each slice. A processor that sees a slice begun fetches on by itself.
pub(crate) fn fetch_beginnings<'a, T: Element>(slices: impl IntoIterator<Item = &'a [T]>) {
    fetch(slices.into_iter().flat_map(|slice| {
        let start = slice.as_ptr().addr();
        (start..start + size_of_val(slice).min(BEGINNING)).step_by(CACHE_LINE)
    }));
}

/// Asks for the lines at these addresses, which need not be valid, into all levels of the cache. On a Zen 5, some processes took
/// four times as long to gather a batch that was asked for into the second level only; it is not known why.
pub(super) fn fetch(addresses: impl Iterator<Item = usize>) {
    super::run::<f32, _>(Fetch(addresses));
}

struct Fetch<I>(I);

impl<I: Iterator<Item = usize>> Kernel<f32> for Fetch<I> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "it must end up inside the function with the instruction set")]
    #[inline(always)]
    fn run<S: Simd<f32>>(self, simd: S) {
        self.0.for_each(|address| simd.prefetch(std::ptr::without_provenance(address)));
    }
}
