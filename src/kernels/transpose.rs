//! Transposition.

/// Rows of a block: as many elements of f32 as a cache line has, so that each line of either side is used up while it is
/// in the first cache, whatever the sizes of the matrix.
const BLOCK: usize = 16;

/// Writes the matrix `from`, rows × columns, to `to` as columns × rows.
pub(crate) fn transpose<T: Copy>([rows, columns]: [usize; 2], from: &[T], to: &mut [T]) {
    assert!(from.len() == rows * columns && to.len() == from.len(), "both have the size of the matrix");
    if rows <= 1 || columns <= 1 {
        to.copy_from_slice(from);
        return;
    }
    for (block, to) in to.chunks_mut(BLOCK * rows).enumerate() {
        for top in (0..rows).step_by(BLOCK) {
            let bottom = rows.min(top + BLOCK);
            for (column, to) in (block * BLOCK..).zip(to.chunks_exact_mut(rows)) {
                let from = from[top * columns + column..].iter().step_by(columns);
                to[top..bottom].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_at_all_sizes() {
        for rows in [1, 2, 3, 15, 16, 17, 33] {
            for columns in [1, 2, 5, 16, 31, 32, 40] {
                let from: Vec<usize> = (0..rows * columns).collect();
                let mut to = vec![usize::MAX; from.len()];
                transpose([rows, columns], &from, &mut to);
                let expected =
                    (0..columns).flat_map(|column| (0..rows).map(move |row| row * columns + column));
                assert!(to.iter().copied().eq(expected), "{rows}x{columns}");
            }
        }
        transpose::<f32>([0, 3], &[], &mut []);
    }
}
