//! The sums of a tile, loaded from memory before a block and stored after it.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

use core::mem::MaybeUninit;

/// Room for so many vectors of sums, none of which is set.
#[repr(align(64))]
pub(super) struct BlockSums<C, const MOST: usize>([MaybeUninit<C>; MOST]);

impl<C: Copy, const MOST: usize> BlockSums<C, MOST> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; MOST])
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
