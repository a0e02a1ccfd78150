//! Products of each head's channels with its block of columns of a map.

use rayon::prelude::*;

use super::linear::total;
use super::matmul::{Fresh, Old, Strides, product};
use super::{Array, FastOp, View};

/// Sequences that are worked on together; fixed, so that sums do not depend on the number of threads.
const SEQUENCES: usize = 256;

/// `y_h = x_h W_h` for each head: inputs `[batch, n_heads, channels]`, weight `[channels, n_heads d_head]`, output
/// `[batch, n_heads d_head]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values;

/// `x_h = y_h W_h^T` for each head: inputs `[batch, n_heads d_head]`, weight `[channels, n_heads d_head]`, output
/// `[batch, n_heads, channels]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directions {
    pub n_heads: usize,
}

impl FastOp<2> for Values {
    type Kept = ();

    fn forward(&self, [input, weight]: [View; 2], _keep: bool) -> (Array, ()) {
        (Sizes::of(weight, input.shape[1]).narrow(input.data, weight.data), ())
    }

    fn backward(
        &self,
        [input, weight]: [View; 2],
        _output: View,
        (): &(),
        gradient: View,
        wanted: [bool; 2],
    ) -> [Option<Array>; 2] {
        let sizes = Sizes::of(weight, input.shape[1]);
        [
            wanted[0].then(|| sizes.wide(gradient.data, weight.data)),
            wanted[1].then(|| sizes.weight(input.data, gradient.data)),
        ]
    }
}

impl FastOp<2> for Directions {
    type Kept = ();

    fn forward(&self, [input, weight]: [View; 2], _keep: bool) -> (Array, ()) {
        (Sizes::of(weight, self.n_heads).wide(input.data, weight.data), ())
    }

    fn backward(
        &self,
        [input, weight]: [View; 2],
        _output: View,
        (): &(),
        gradient: View,
        wanted: [bool; 2],
    ) -> [Option<Array>; 2] {
        let sizes = Sizes::of(weight, self.n_heads);
        [
            wanted[0].then(|| sizes.narrow(gradient.data, weight.data)),
            wanted[1].then(|| sizes.weight(gradient.data, input.data)),
        ]
    }
}

/// One call's sizes: the wide side has `channels` for each head, the narrow one `d_head`.
#[derive(Clone, Copy)]
struct Sizes {
    channels: usize,
    n_heads: usize,
    d_head: usize,
}

impl Sizes {
    fn of(weight: View, n_heads: usize) -> Self {
        let [channels, inner] = *weight.shape else { panic!("weights are [channels, n_heads d_head]") };
        Self { channels, n_heads, d_head: inner / n_heads }
    }

    /// Elements of one sequence on the wide side.
    fn on_wide(self) -> usize {
        self.n_heads * self.channels
    }

    /// Elements of one sequence on the narrow side, and of a row of the weight.
    fn on_narrow(self) -> usize {
        self.n_heads * self.d_head
    }

    /// Where a head's channels stand on the wide side, a row for each sequence.
    fn wide_of(self, head: usize) -> Strides {
        Strides::of_rows(self.on_wide()).from(head * self.channels)
    }

    /// Where a head's channels stand on the narrow side, and its columns in the weight.
    fn narrow_of(self, head: usize) -> Strides {
        Strides::of_rows(self.on_narrow()).from(head * self.d_head)
    }

    fn narrow(self, wide: &[f32], weight: &[f32]) -> Array {
        let batch = wide.len() / self.on_wide();
        let mut narrow = Fresh::new(batch * self.on_narrow());
        let parts = narrow.parts(SEQUENCES * self.on_narrow()).zip(wide.par_chunks(SEQUENCES * self.on_wide()));
        parts.for_each(|(narrow, wide)| {
            let narrow = narrow.zeroed();
            for head in 0..self.n_heads {
                let (columns, sizes) =
                    (self.narrow_of(head), (wide.len() / self.on_wide(), self.channels, self.d_head));
                let into = (&mut *narrow, columns, Old::Replace);
                product(sizes, into, (wide, self.wide_of(head)), (weight, columns), 1.0);
            }
        });
        Array { shape: vec![batch, self.on_narrow()], data: narrow.finish() }
    }

    fn wide(self, narrow: &[f32], weight: &[f32]) -> Array {
        let batch = narrow.len() / self.on_narrow();
        let mut wide = Fresh::new(batch * self.on_wide());
        let parts = wide.parts(SEQUENCES * self.on_wide()).zip(narrow.par_chunks(SEQUENCES * self.on_narrow()));
        parts.for_each(|(wide, narrow)| {
            let wide = wide.zeroed();
            for head in 0..self.n_heads {
                let (columns, sizes) =
                    (self.narrow_of(head), (narrow.len() / self.on_narrow(), self.d_head, self.channels));
                let into = (&mut *wide, self.wide_of(head), Old::Replace);
                product(sizes, into, (narrow, columns), (weight, columns.transposed()), 1.0);
            }
        });
        Array { shape: vec![batch, self.n_heads, self.channels], data: wide.finish() }
    }

    /// The gradient of the weight, from what stands on the two sides.
    fn weight(self, wide: &[f32], narrow: &[f32]) -> Array {
        let chunks = wide.par_chunks(SEQUENCES * self.on_wide()).zip(narrow.par_chunks(SEQUENCES * self.on_narrow()));
        let parts: Vec<Vec<f32>> = chunks
            .map(|(wide, narrow)| {
                let mut part = vec![0.0; self.channels * self.on_narrow()];
                for head in 0..self.n_heads {
                    let (columns, sizes) =
                        (self.narrow_of(head), (self.channels, wide.len() / self.on_wide(), self.d_head));
                    let into = (part.as_mut_slice(), columns, Old::Replace);
                    product(sizes, into, (wide, self.wide_of(head).transposed()), (narrow, columns), 1.0);
                }
                part
            })
            .collect();
        total(&[self.channels, self.on_narrow()], &parts)
    }
}
