//! Four numbers of a sample in 16 bits each, for processors that have no instruction for four products of bytes: those that
//! meet the even rows of a weight, then those that meet the odd ones.

#![expect(
    clippy::inline_always,
    reason = "vector code must end up inside the function with its instruction set"
)]

pub(super) type Cell = [i16; 4];

#[inline(always)]
pub(super) fn cell([a, b, c, d]: [i8; 4]) -> Cell {
    [a, c, b, d].map(i16::from)
}

/// Both pairs, as a vector of pairs has them in each lane.
#[inline(always)]
pub(super) fn pairs(cell: Cell) -> [i32; 2] {
    let [[a, c], [b, d]] = [[cell[0], cell[1]], [cell[2], cell[3]]].map(|pair| pair.map(i16::to_le_bytes));
    [[a, c], [b, d]].map(|[low, high]| i32::from_le_bytes([low[0], low[1], high[0], high[1]]))
}
