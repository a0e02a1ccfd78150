//! Memory functions, input processes and the sequence datasets made of them.
//!
//! Datasets implement burn-dataset's [`Dataset`](burn_dataset::Dataset) with [`Sample`] items, so any burn
//! project can use them as they are.

/// One sequence with its target.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// `[length, d_input]`, row-major.
    pub inputs: Vec<f32>,
    /// `[length, d_output]`, row-major.
    pub targets: Vec<f32>,
}
