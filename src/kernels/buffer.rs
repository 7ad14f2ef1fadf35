//! Memory for parameters: aligned to cache lines, and in huge pages where there is much of it.
//!
//! A weight of 50 MB has 12,500 pages of 4 KiB, more than a processor remembers the places of; read once for
//! each sample, it costs 1.3 to 1.7 times as much as in pages of 2 MiB.

#![expect(unsafe_code, reason = "memory of our own alignment")]

use alloc::alloc::{alloc_zeroed, dealloc, handle_alloc_error};
use core::alloc::Layout;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

#[cfg(feature = "std")]
use memmap2::MmapMut;

/// Nothing can be mapped.
#[cfg(not(feature = "std"))]
type MmapMut = core::convert::Infallible;

use super::{Element, Pair};

pub(super) const CACHE_LINE: usize = 64;
const HUGE_PAGE: usize = 2 << 20;

/// From this size on, huge pages: two of them.
const MAPPED: usize = 4 << 20;

/// A fixed number of elements.
pub(crate) struct Buffer<T> {
    start: NonNull<T>,
    len: usize,
    /// The memory where it is mapped, otherwise it is the allocator's.
    mapping: Option<MmapMut>,
}

// SAFETY: a buffer owns its elements, as a `Vec` does.
unsafe impl<T: Send> Send for Buffer<T> {}
// SAFETY: as a `Vec`, a shared buffer gives out nothing but `&[T]`.
unsafe impl<T: Sync> Sync for Buffer<T> {}

impl<T: Element> Buffer<T> {
    /// Zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self::of_zero_bytes(len)
    }
}

impl Buffer<i8> {
    /// Bytes of 0.
    pub(crate) fn zeroed_bytes(len: usize) -> Self {
        Self::of_zero_bytes(len)
    }
}

impl Buffer<Pair> {
    /// Pairs of zeros.
    pub(crate) fn pairs(len: usize) -> Self {
        Self::of_zero_bytes(len)
    }
}

impl<T> Buffer<T> {
    /// Only for elements that may be all zero bits and copied bit by bit, as every [`Element`] and [`Pair`] may.
    fn of_zero_bytes(len: usize) -> Self {
        let bytes = len.checked_mul(size_of::<T>()).expect("a buffer larger than memory");
        #[cfg(feature = "std")]
        if bytes >= MAPPED
            // More than there are addresses cannot be mapped either; added, it would be few.
            && let Ok(mut mapping) = MmapMut::map_anon(bytes.saturating_add(HUGE_PAGE))
        {
            #[cfg(target_os = "linux")]
            let _ = mapping.advise(memmap2::Advice::HugePage); // no more than a wish
            let start = mapping.as_mut_ptr();
            let start = start.wrapping_add(start.align_offset(HUGE_PAGE));
            let start = NonNull::new(start.cast()).expect("a mapping is not at 0");
            return Self { start, len, mapping: Some(mapping) };
        }
        if bytes == 0 {
            return Self { start: NonNull::dangling(), len, mapping: None };
        }
        let layout = Self::layout(len);
        // SAFETY: the layout's size is not 0.
        let memory = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(memory.cast()).unwrap_or_else(|| handle_alloc_error(layout));
        Self { start, len, mapping: None }
    }

    fn layout(len: usize) -> Layout {
        let array = Layout::array::<T>(len).and_then(|layout| layout.align_to(CACHE_LINE));
        array.expect("a buffer larger than memory")
    }
}

/// Without elements.
impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self::of_zero_bytes(0)
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `zeroed` has made `len` elements at `start`, all zeros, which are numbers; they live as long as
        // the buffer, and are borrowed as it is.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        if self.mapping.is_none() && self.len > 0 {
            // SAFETY: this memory came from the allocator with the same layout.
            unsafe { dealloc(self.start.as_ptr().cast(), Self::layout(self.len)) }
        }
    }
}

/// For all `T: Clone`, as `derive` wants it; a buffer can only be made of an [`Element`] or a [`Pair`].
impl<T: Clone> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        let copy = Self::of_zero_bytes(self.len);
        // SAFETY: both have `len` elements, the copy's memory is new, and the elements are plain numbers, since
        // `zeroed` is the only way to a first buffer.
        unsafe { self.start.copy_to_nonoverlapping(copy.start, self.len) };
        copy
    }
}

impl<T: fmt::Debug> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deref().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_every_kind_are_zero_aligned_and_ones_own() {
        let mapped = MAPPED / size_of::<f32>();
        for len in [0, 1, 15, 1000, mapped - 1, mapped, mapped + 1, 3 * mapped] {
            let mut buffer = Buffer::<f32>::zeroed(len);
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|&value| value == 0.0), "{len}");
            let is_mapped = len >= mapped && cfg!(any(unix, windows));
            let alignment = if is_mapped { HUGE_PAGE } else { CACHE_LINE };
            assert!(len == 0 || buffer.as_ptr().addr().is_multiple_of(alignment), "{len}");
            buffer.fill(1.0);
            let mut copy = buffer.clone();
            copy.fill(2.0);
            assert!(buffer.iter().all(|&value| value > 0.5 && value < 1.5), "{len}");
            assert!(copy.iter().all(|&value| value > 1.5), "{len}");
        }
    }

    #[test]
    #[should_panic(expected = "a buffer larger than memory")]
    fn a_buffer_that_ends_beyond_the_last_address_is_refused() {
        let _ = Buffer::zeroed_bytes(usize::MAX);
    }

    #[test]
    fn a_buffer_moves_between_threads() {
        let buffer = Buffer::<f64>::zeroed(10);
        let buffer = std::thread::spawn(move || buffer).join().expect("the thread ends well");
        assert_eq!(buffer[..], [0.0; 10]);
    }
}
