//! The memory of the module, which only grows: the model is opened once, and a pass asks for nothing.
//!
//! A global allocator is `unsafe` to implement. This one takes a hundredth of the code of one that takes memory back.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::memory_grow;
use core::ptr::{null_mut, without_provenance_mut};
use core::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static MEMORY: Growing = Growing { next: AtomicUsize::new(0), end: AtomicUsize::new(0) };

/// Memory grows by so many bytes at a time.
const PAGE: usize = 65536;

/// What is left between two addresses; a module has one thread.
struct Growing {
    next: AtomicUsize,
    end: AtomicUsize,
}

// SAFETY: a piece of memory is given once and lies between `next` and `end`, which is memory that nobody else has grown by.
unsafe impl GlobalAlloc for Growing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut start = self.next.load(Ordering::Relaxed).next_multiple_of(layout.align());
        if start + layout.size() > self.end.load(Ordering::Relaxed) {
            let pages = layout.size().div_ceil(PAGE);
            let Some(page) = Some(memory_grow::<0>(pages)).filter(|&page| page != usize::MAX) else {
                return null_mut();
            };
            start = page * PAGE;
            self.end.store(start + pages * PAGE, Ordering::Relaxed);
        }
        self.next.store(start + layout.size(), Ordering::Relaxed);
        without_provenance_mut(start)
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
