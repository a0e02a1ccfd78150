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
    // SAFETY: the check above shows that every element that is written lies within `into`, which is borrowed mutably,
    // so that it overlaps neither factor; its values are initialised.
    unsafe { write((m, k, n), (into.as_mut_ptr(), at, old), left, right, scale) }
}

/// [`product`] to a place in memory, for k > 0.
///
/// # Safety
/// All elements of the destination must be writable, apart from both factors, and initialised unless they are replaced.
unsafe fn write(
    (m, k, n): (usize, usize, usize),
    (into, at, old): (*mut f32, Strides, Old),
    left: (&[f32], Strides),
    right: (&[f32], Strides),
    scale: f32,
) {
    left.1.check(m, k, left.0.len());
    right.1.check(k, n, right.0.len());
    // SAFETY: the checks above show that every element that is read lies within its slice; the caller answers for what
    // is written.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            into.add(at.start),
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

/// `left right` for a `left` of contiguous rows `[rows, k]` and a `k x n` matrix, plus a bias `[n]` in each row:
/// `[rows, n]`, `chunk` rows at a time. The result is written once, not zeroed before.
pub(crate) fn row_products(
    (k, n): (usize, usize),
    left: &[f32],
    right: (&[f32], Strides),
    bias: Option<&[f32]>,
    chunk: usize,
) -> Vec<f32> {
    assert!(k > 0 && n > 0 && left.len().is_multiple_of(k), "rows of {k} values and products of {n}");
    let count = left.len() / k * n;
    let mut output = Vec::with_capacity(count);
    let places = output.spare_capacity_mut()[..count].par_chunks_mut(chunk * n);
    places.zip(left.par_chunks(chunk * k)).for_each(|(into, left)| {
        let rows = left.len() / k;
        assert_eq!(into.len(), rows * n);
        if let Some(bias) = bias {
            assert_eq!(bias.len(), n);
            for row in into.chunks_exact_mut(n) {
                row.iter_mut().zip(bias).for_each(|(place, value)| {
                    place.write(*value);
                });
            }
        }
        let old = if bias.is_some() { Old::Keep } else { Old::Replace };
        let destination = (into.as_mut_ptr().cast::<f32>(), Strides::of_rows(n), old);
        // SAFETY: `into` has `rows * n` elements, which are those of the destination, is borrowed mutably, and is
        // initialised by the bias where its values are kept.
        unsafe { write((rows, k, n), destination, (left, Strides::of_rows(k)), right, 1.0) };
    });
    // SAFETY: the chunks above are all of the first `count` elements, and each product has written all of its own.
    unsafe { output.set_len(count) };
    output
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
    fn products_of_rows_in_chunks() {
        let left = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let right = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
        let right = (right.as_slice(), Strides::of_rows(3));
        let plain = [1.0, 2.0, 3.0, 3.0, 4.0, 7.0, 5.0, 6.0, 11.0];
        for chunk in [1, 2, 5] {
            assert_eq!(row_products((2, 3), &left, right, None, chunk), plain);
            let moved = row_products((2, 3), &left, right, Some(&[10.0, 20.0, 30.0]), chunk);
            assert_eq!(moved, [11.0, 22.0, 33.0, 13.0, 24.0, 37.0, 15.0, 26.0, 41.0]);
        }
        assert!(row_products((2, 3), &[], right, None, 4).is_empty());
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
