//! Matrix products on parts of slices, and transposition.
#![allow(unsafe_code)]

use rayon::prelude::*;

/// Part of a slice as a matrix: element (row, column) at `start + row * rows + column * columns`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strides {
    pub start: usize,
    pub rows: isize,
    pub columns: isize,
}

impl Strides {
    /// Rows of `width` contiguous elements.
    pub fn of_rows(width: usize) -> Self {
        Self { start: 0, rows: width as isize, columns: 1 }
    }

    /// The same part from another start.
    pub fn from(self, start: usize) -> Self {
        Self { start, ..self }
    }

    /// Rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self { start: self.start, rows: self.columns, columns: self.rows }
    }

    /// Asserts that all of a matrix (of at least one element) lies within a slice.
    fn check(self, rows: usize, columns: usize, available: usize) {
        let (down, across) = ((rows as isize - 1) * self.rows, (columns as isize - 1) * self.columns);
        let first = self.start as isize + down.min(0) + across.min(0);
        let last = self.start as isize + down.max(0) + across.max(0);
        assert!(
            first >= 0 && last < available as isize,
            "a {rows} x {columns} matrix lies from {first} to {last}, not within {available} elements"
        );
    }
}

/// What becomes of the old values of a product's destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Old {
    Replace,
    Keep,
}

/// `destination = scale * left right`, or `destination += scale * left right`; sizes are (m, k, n) for an
/// `m x k` times a `k x n` matrix.
pub(crate) fn product(
    (m, k, n): (usize, usize, usize),
    destination: (&mut [f32], Strides, Old),
    left: (&[f32], Strides),
    right: (&[f32], Strides),
    scale: f32,
) {
    let (into, at, old) = destination;
    if m == 0 || n == 0 {
        return;
    }
    at.check(m, n, into.len());
    if k == 0 {
        if old == Old::Replace {
            for row in 0..m {
                for column in 0..n {
                    let index = at.start as isize + row as isize * at.rows + column as isize * at.columns;
                    into[index as usize] = 0.0;
                }
            }
        }
        return;
    }
    left.1.check(m, k, left.0.len());
    right.1.check(k, n, right.0.len());
    // SAFETY: the three checks above show that every element that is read or written lies within its slice, and
    // `into` is borrowed mutably, so that it overlaps neither factor.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            into.as_mut_ptr().add(at.start),
            at.columns,
            at.rows,
            old == Old::Keep,
            left.0.as_ptr().add(left.1.start),
            left.1.columns,
            left.1.rows,
            right.0.as_ptr().add(right.1.start),
            right.1.columns,
            right.1.rows,
            1.0,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// `[rows, columns]` to `[columns, rows]`, in tiles that stay in the cache.
pub(crate) fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    const TILE: usize = 16;
    let rows = matrix.len() / columns;
    let mut into = vec![0.0; matrix.len()];
    into.par_chunks_mut(TILE * rows).enumerate().for_each(|(tile, into)| {
        let first = tile * TILE;
        let width = TILE.min(columns - first);
        let mut rows_of_tile = [[0.0f32; TILE]; TILE];
        for start in (0..rows).step_by(TILE) {
            let height = TILE.min(rows - start);
            for (row, line) in rows_of_tile[..height].iter_mut().enumerate() {
                line[..width].copy_from_slice(&matrix[(start + row) * columns + first..][..width]);
            }
            for (column, into) in into.chunks_exact_mut(rows).enumerate() {
                for (into, line) in into[start..start + height].iter_mut().zip(&rows_of_tile) {
                    *into = line[column];
                }
            }
        }
    });
    into
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_parts() {
        // [1 2; 3 4] within a wider slice, times its own transpose.
        let values = [9.0, 1.0, 2.0, 9.0, 3.0, 4.0];
        let part = Strides { start: 1, rows: 3, columns: 1 };
        let mut into = [1.0; 5];
        let at = Strides::of_rows(2).from(1);
        product((2, 2, 2), (&mut into, at, Old::Replace), (&values, part), (&values, part.transposed()), 1.0);
        assert_eq!(into, [1.0, 5.0, 11.0, 11.0, 25.0]);
        product((2, 2, 2), (&mut into, at, Old::Keep), (&values, part), (&values, part.transposed()), -2.0);
        assert_eq!(into, [1.0, -5.0, -11.0, -11.0, -25.0]);
        product((2, 0, 2), (&mut into, at, Old::Replace), (&values, part), (&values, part), 1.0);
        assert_eq!(into, [1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "a 2 x 2 matrix lies from 3 to 7, not within 6 elements")]
    fn parts_beyond_the_end_are_refused() {
        let values = [0.0; 6];
        let beyond = Strides { start: 3, rows: 3, columns: 1 };
        product(
            (2, 2, 2),
            (&mut [0.0; 4], Strides::of_rows(2), Old::Replace),
            (&values, beyond),
            (&values, beyond),
            1.0,
        );
    }
}
