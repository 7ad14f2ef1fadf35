//! Sums that stay in memory between the panels of a block.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use std::mem::MaybeUninit;

/// The most vectors of sums of a block.
pub(super) const BLOCK_SUMS: usize = 512;

/// The sums of a block in memory, of several inputs, those of an input together.
#[repr(align(64))]
pub(super) struct BlockSums<C>([MaybeUninit<C>; BLOCK_SUMS]);

impl<C: Copy> BlockSums<C> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; BLOCK_SUMS])
    }

    /// So many of them, all set to a value.
    #[expect(unsafe_code, reason = "setting all of them would take longer than a small product")]
    #[inline(always)]
    pub(super) fn filled(&mut self, len: usize, value: C) -> &mut [C] {
        let used = &mut self.0[..len];
        used.fill(MaybeUninit::new(value));
        let used: *mut [MaybeUninit<C>] = used;
        // SAFETY: every element of `used` has just been set, and `MaybeUninit<C>` is laid out as `C`.
        unsafe { &mut *(used as *mut [C]) }
    }
}
