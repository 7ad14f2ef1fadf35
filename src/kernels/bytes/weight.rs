//! A weight in bytes, as the products are given it.

/// What lies in [`BytePanels`](super::BytePanels), and for each output the sum of its weights and the scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByteWeight<'a> {
    pub(crate) panels: &'a [i8],
    pub(crate) sums: &'a [i32],
    pub(crate) scales: &'a [f32],
}
