//! The memory that is asked for while the program runs, and how much of it there was at most.
//!
//! A global allocator is `unsafe` to implement. This one does nothing by itself but count: memory comes from `embedded-alloc`.

use core::alloc::{GlobalAlloc, Layout};
use core::mem::MaybeUninit;
use core::ptr::addr_of_mut;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use embedded_alloc::LlffHeap;

const BYTES: usize = 256 * 1024;

#[global_allocator]
static HEAP: Counted = Counted { heap: LlffHeap::empty(), most: AtomicUsize::new(0) };

struct Counted {
    heap: LlffHeap,
    most: AtomicUsize,
}

// SAFETY: both methods hand on what they get to an allocator, and what comes from it to the caller.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises the same.
        let memory = unsafe { self.heap.alloc(layout) };
        self.most.fetch_max(self.heap.used(), Ordering::Relaxed);
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller promises the same.
        unsafe { self.heap.dealloc(memory, layout) }
    }
}

/// Makes the heap, when it is called first.
pub fn make() {
    static MADE: AtomicBool = AtomicBool::new(false);
    static mut MEMORY: MaybeUninit<[u8; BYTES]> = MaybeUninit::uninit();
    if !MADE.swap(true, Ordering::Relaxed) {
        // SAFETY: the memory has no other name, and this is reached once.
        unsafe { HEAP.heap.init(addr_of_mut!(MEMORY) as usize, BYTES) }
    }
}

/// The bytes that are taken now.
pub fn used() -> usize {
    HEAP.heap.used()
}

/// The bytes that were taken at most.
pub fn most() -> usize {
    HEAP.most.load(Ordering::Relaxed)
}
