//! Matrix products on parts of slices, vectors that are not zeroed before they are written, and transposition.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    sizes: (usize, usize, usize),
    destination: (&mut [f32], Strides, Old),
    left: (&[f32], Strides),
    right: (&[f32], Strides),
    scale: f32,
) {
    let (into, at, old) = destination;
    // SAFETY: the pointer may be written to as long as `into` is borrowed, which overlaps neither factor, and what is
    // written are numbers.
    unsafe { raw_product(sizes, (into.as_mut_ptr(), into.len(), at, old), left, right, scale) }
}

/// [`product`] with a destination that may hold no numbers yet, where they are replaced.
///
/// # Safety
/// The destination's elements must be free to write, none of them in a factor, and initialised unless replaced.
unsafe fn raw_product(
    (m, k, n): (usize, usize, usize),
    (into, available, at, old): (*mut f32, usize, Strides, Old),
    left: (&[f32], Strides),
    right: (&[f32], Strides),
    scale: f32,
) {
    if m == 0 || n == 0 {
        return;
    }
    at.check(m, n, available);
    if k > 0 {
        left.1.check(m, k, left.0.len());
        right.1.check(k, n, right.0.len());
    }
    // SAFETY: the checks above show that every element that is read or written lies within its slice. Where old
    // values are replaced, gemm writes zeros for `k == 0`, and reads nothing of the destination.
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

/// A vector that is allocated, but not written yet: zeros that are overwritten cost as much as a product's result.
#[derive(Debug)]
pub(crate) struct Fresh {
    /// Without elements, but with room for all.
    values: Vec<f32>,
    count: usize,
    written: AtomicUsize,
}

/// Part of a [`Fresh`] vector; each method writes all of it.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    values: &'a mut [MaybeUninit<f32>],
    written: &'a AtomicUsize,
}

impl Fresh {
    /// Room for a number of elements.
    pub fn new(count: usize) -> Self {
        Self { values: Vec::with_capacity(count), count, written: AtomicUsize::new(0) }
    }

    /// All of it, in parts of `size` elements, of which the last may be shorter.
    pub fn parts(&mut self, size: usize) -> impl IndexedParallelIterator<Item = Part<'_>> {
        // What was written through parts that were given before would count twice.
        *self.written.get_mut() = 0;
        let written = &self.written;
        let room = &mut self.values.spare_capacity_mut()[..self.count];
        room.par_chunks_mut(size).map(move |values| Part { values, written })
    }

    /// The vector, all of whose parts have been written.
    pub fn finish(mut self) -> Vec<f32> {
        assert_eq!(*self.written.get_mut(), self.count, "every part is written");
        // SAFETY: parts do not overlap, and each is counted once, when all of it has been initialised.
        unsafe { self.values.set_len(self.count) };
        self.values
    }
}

impl<'a> Part<'a> {
    /// # Safety
    /// All elements are initialised.
    #[inline(always)]
    unsafe fn initialised(self) -> &'a mut [f32] {
        self.written.fetch_add(self.values.len(), Ordering::Relaxed);
        // SAFETY: as the caller asserts.
        unsafe { self.values.assume_init_mut() }
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Zeros: for what is written out of order, in parts that stay in the cache.
    pub fn zeroed(self) -> &'a mut [f32] {
        self.values.fill(MaybeUninit::new(0.0));
        // SAFETY: zeros were written to all elements.
        unsafe { self.initialised() }
    }

    /// `of(a)` for each element of a slice; see [`super::simd::vectorized`].
    #[inline(always)]
    pub fn each1(self, a: &[f32], of: impl Fn(f32) -> f32) -> &'a mut [f32] {
        let count = self.len();
        let (into, a) = (&mut self.values[..count], &a[..count]);
        for j in 0..count {
            into[j].write(of(a[j]));
        }
        // SAFETY: the loop has written all elements.
        unsafe { self.initialised() }
    }

    /// `of(a, b)` for each element of two slices.
    #[inline(always)]
    pub fn each2(self, a: &[f32], b: &[f32], of: impl Fn(f32, f32) -> f32) -> &'a mut [f32] {
        let count = self.len();
        let (into, a, b) = (&mut self.values[..count], &a[..count], &b[..count]);
        for j in 0..count {
            into[j].write(of(a[j], b[j]));
        }
        // SAFETY: the loop has written all elements.
        unsafe { self.initialised() }
    }

    /// The [`product`] of two matrices, as rows of `n` elements.
    pub fn product(
        self,
        (m, k, n): (usize, usize, usize),
        left: (&[f32], Strides),
        right: (&[f32], Strides),
        scale: f32,
    ) -> &'a mut [f32] {
        assert_eq!(self.len(), m * n, "the product fills the part");
        let into = self.values.as_mut_ptr().cast();
        // SAFETY: the part is borrowed mutably; its old values are replaced, and the assertion above shows that these
        // are all, as the rows follow each other.
        unsafe {
            raw_product((m, k, n), (into, m * n, Strides::of_rows(n), Old::Replace), left, right, scale);
            self.initialised()
        }
    }
}

/// `[rows, columns]` to `[columns, rows]`, in tiles that stay in the cache.
pub(crate) fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    const TILE: usize = 16;
    let rows = matrix.len() / columns;
    let mut into = Fresh::new(matrix.len());
    into.parts(TILE * rows).enumerate().for_each(|(tile, into)| {
        let into = into.zeroed();
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
    into.finish()
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
    fn fresh_vectors_are_written_by_parts() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let square = Strides::of_rows(2);
        let mut fresh = Fresh::new(12);
        fresh.parts(4).enumerate().for_each(|(index, part)| {
            let part = match index {
                0 => part.product((2, 2, 2), (&values, square), (&values, square), 1.0),
                1 => part.each1(&values, |a| -a),
                _ => part.each2(&values, &values, |a, b| a * b),
            };
            part[0] += 1.0;
        });
        assert_eq!(fresh.finish(), [8.0, 10.0, 15.0, 22.0, 0.0, -2.0, -3.0, -4.0, 2.0, 4.0, 9.0, 16.0]);
        let mut fresh = Fresh::new(3);
        fresh.parts(2).for_each(|part| {
            let count = part.len();
            part.product((count, 0, 1), (&[], square), (&[], square), 1.0);
        });
        assert_eq!(fresh.finish(), [0.0; 3]);
    }

    #[test]
    #[should_panic(expected = "every part is written")]
    fn fresh_vectors_must_be_written() {
        let mut fresh = Fresh::new(3);
        fresh.parts(2).take(1).for_each(|part| {
            part.zeroed();
        });
        fresh.finish();
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
