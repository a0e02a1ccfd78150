//! The smallest NMSE over seeds as the paper prints it (tables 2 to 5).

/// The lengths of all tables.
pub(super) const LENGTHS: [usize; 5] = [8, 16, 32, 64, 128];

/// Rows for h = 1, 2, .., columns for [`LENGTHS`].
pub(super) type PublishedErrors = &'static [[f64; 5]];

/// Table 2: D = 4, n = 8 channels per head, N = 32.
#[rustfmt::skip]
pub(super) const PER_HEAD: PublishedErrors = &[
    [7.01e-2, 1.09e-1, 1.10e-1, 1.14e-1, 1.45e-1],
    [7.31e-3, 8.41e-3, 9.42e-3, 1.31e-2, 1.47e-2],
    [6.94e-4, 6.40e-4, 9.09e-4, 1.31e-3, 1.58e-3],
    [6.10e-5, 4.36e-5, 4.80e-5, 8.75e-6, 5.23e-6],
    [3.35e-5, 1.10e-5, 4.91e-6, 4.19e-6, 3.99e-6],
];

/// Table 3: D = 4, E = 32 channels in all.
#[rustfmt::skip]
pub(super) const TOTAL: PublishedErrors = &[
    [1.75e-2, 1.98e-2, 2.06e-2, 2.54e-2, 3.03e-2],
    [7.17e-3, 7.39e-3, 7.82e-3, 8.57e-3, 1.02e-2],
    [2.11e-4, 2.17e-4, 2.73e-4, 3.71e-4, 4.77e-4],
    [1.32e-6, 5.59e-7, 3.40e-7, 3.46e-7, 5.70e-7],
    [2.19e-6, 4.33e-7, 3.22e-7, 2.73e-7, 2.66e-7],
];

/// Table 4: D = 3, E = 32.
#[rustfmt::skip]
pub(super) const THREE: PublishedErrors = &[
    [1.38e-2, 1.63e-2, 1.84e-2, 2.17e-2, 2.31e-2],
    [1.09e-3, 7.08e-4, 7.24e-4, 7.76e-4, 1.11e-3],
    [4.18e-7, 1.72e-7, 1.17e-7, 3.58e-7, 2.11e-7],
    [5.56e-7, 1.22e-7, 6.89e-8, 1.85e-7, 3.48e-7],
];

/// Table 5: D = 4, E = 32, two layers.
#[rustfmt::skip]
pub(super) const TWO_LAYERS: PublishedErrors = &[
    [2.12e-4, 1.85e-4, 2.22e-4, 3.13e-4, 4.28e-4],
    [7.22e-6, 2.69e-6, 3.50e-6, 3.07e-6, 3.83e-6],
    [8.16e-6, 1.83e-6, 1.73e-6, 3.86e-6, 3.50e-6],
    [3.68e-6, 1.87e-6, 2.60e-6, 4.32e-6, 5.98e-6],
    [6.15e-6, 3.02e-6, 3.31e-6, 3.78e-6, 5.34e-6],
];

/// The published value at h heads and a length; `None` where none was published.
pub(super) fn at(table: PublishedErrors, heads: usize, length: usize) -> Option<f64> {
    let column = LENGTHS.iter().position(|known| *known == length)?;
    Some(table.get(heads.checked_sub(1)?)?[column])
}
