//! Four numbers of a sample in 16 bits each, for processors that have no instruction for four products of bytes: those that
//! meet the even rows of a weight, then those that meet the odd ones.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

/// The pairs as a vector has them in each lane.
pub(super) type Cell = [i32; 2];

#[inline(always)]
pub(super) fn cell(numbers: [u8; 4]) -> Cell {
    let [a, b, c, d] = numbers.map(i32::from);
    [a | c << 16, b | d << 16]
}
