//! Buffers that lie one after another in a larger one.

/// Buffers start at multiples of 128 bytes or more, as far as the whole does.
pub(crate) const fn aligned(len: usize) -> usize {
    match len.checked_next_multiple_of(32) {
        Some(len) => len,
        None => usize::MAX,
    }
}

/// Cuts `len` elements off the front of `rest`.
#[expect(clippy::mut_mut, reason = "the rest is taken out and put back with its lifetime")]
pub(crate) fn carve<'a, T>(rest: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let (front, back) = core::mem::take(rest).split_at_mut(aligned(len));
    *rest = back;
    &mut front[..len]
}
