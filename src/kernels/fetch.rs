//! Prefetching: memory is asked for while something else is computed.

use super::backend::Kernel;
use super::buffer::CACHE_LINE;
use super::{Element, Simd};

/// The bytes that are asked for of each slice: with 128 a step of the reference network with Adam takes 4 % longer, with 512
/// as long, and with all of a slice of 4 KiB a quarter longer.
const BEGINNING: usize = 256;

/// Asks for the beginning of each slice. A processor that sees a slice begun fetches on by itself.
pub(crate) fn fetch_beginnings<'a, T: Element>(slices: impl IntoIterator<Item = &'a [T]>) {
    super::run(Beginnings(slices.into_iter()));
}

struct Beginnings<I>(I);

impl<'a, T: Element, I: Iterator<Item = &'a [T]>> Kernel<T> for Beginnings<I> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "it must end up inside the function with the instruction set")]
    #[inline(always)]
    fn run<S: Simd<T>>(self, simd: S) {
        for slice in self.0 {
            let beginning = &slice[..slice.len().min(BEGINNING / size_of::<T>())];
            beginning.iter().step_by(CACHE_LINE / size_of::<T>()).for_each(|line| simd.prefetch(line));
        }
    }
}
