//! Attention of a few queries to all tokens of a sequence.

use rayon::prelude::*;

use super::linear::total;
use super::matmul::{Old, Strides, product};
use super::simd::{exp, inlined, max, sum, sum2, update1, vectorized};
use super::{Array, FastOp, Pass, View, padded};

/// Sequences per task; fixed, so that sums do not depend on the number of threads.
const SEQUENCES: usize = 16;

/// `softmax_t(D X^T + bias) X` of each sequence: tokens X `[batch, length, channels]`, directions D
/// `[batch or 1, queries, channels]`, for three inputs the bias `[queries, length]`, output as the directions of all
/// sequences.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool;

/// One call's sizes.
#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    length: usize,
    channels: usize,
    queries: usize,
    /// Whether all sequences have the same directions.
    shared: bool,
}

impl Sizes {
    fn of(tokens: View, directions: View) -> Self {
        let [batch, length, channels] = *tokens.shape else { panic!("tokens are [batch, length, channels]") };
        let [sets, queries, _] = *directions.shape else { panic!("directions are [sets, queries, channels]") };
        Self { batch, length, channels, queries, shared: sets != batch }
    }

    /// Elements of the tokens, the outputs and the weights of one sequence.
    fn each(self) -> [usize; 3] {
        [self.length * self.channels, self.queries * self.channels, self.queries * self.length]
    }

    /// The directions of a sequence.
    fn directions(self, all: &[f32], sequence: usize) -> &[f32] {
        let count = self.queries * self.channels;
        &all[if self.shared { 0 } else { sequence * count }..][..count]
    }
}

impl<const N: usize> FastOp<N> for Pool {
    /// The weights, `[batch, queries, length]`.
    type Kept = Vec<f32>;

    fn forward(&self, inputs: [View; N]) -> (Array, Vec<f32>) {
        forward(inputs[0], inputs[1], inputs.get(2).map(|bias| bias.data))
    }

    fn backward(&self, Pass { inputs, output, kept, gradient, wanted }: Pass<Vec<f32>, N>) -> [Option<Array>; N] {
        padded(wanted, |wanted| backward([inputs[0], inputs[1]], output, kept, gradient, wanted))
    }
}

fn forward(tokens: View, directions: View, bias: Option<&[f32]>) -> (Array, Vec<f32>) {
    let sizes = Sizes::of(tokens, directions);
    let Sizes { batch, length, channels, queries, .. } = sizes;
    let [of_tokens, of_output, of_weights] = sizes.each();
    let mut output = Array::zeros(&[batch, queries, channels]);
    let mut weights = vec![0.0; batch * of_weights];
    let tasks = output.data.par_chunks_mut(SEQUENCES * of_output);
    tasks.zip(weights.par_chunks_mut(SEQUENCES * of_weights)).enumerate().for_each(|(task, (output, weights))| {
        let sequences = output.chunks_exact_mut(of_output).zip(weights.chunks_exact_mut(of_weights));
        for (index, (output, weights)) in sequences.enumerate() {
            let sequence = task * SEQUENCES + index;
            let tokens = &tokens.data[sequence * of_tokens..][..of_tokens];
            let rows = Strides::of_rows(channels);
            let left = (sizes.directions(directions.data, sequence), rows);
            let into = (&mut *weights, Strides::of_rows(length), Old::Replace);
            product((queries, channels, length), into, left, (tokens, rows.transposed()), 1.0);
            // A loop: `for_each` would be compiled for any processor.
            vectorized(inlined!(|| {
                if let Some(bias) = bias {
                    update1(weights, bias, inlined!(|score, bias| score + bias));
                }
                for scores in weights.chunks_exact_mut(length) {
                    softmax(scores);
                }
            }));
            let left = (&*weights, Strides::of_rows(length));
            product((queries, length, channels), (output, rows, Old::Replace), left, (tokens, rows), 1.0);
        }
    });
    (output, weights)
}

fn backward(
    [tokens, directions]: [View; 2],
    output: View,
    weights: &[f32],
    gradient: View,
    wanted: [bool; 3],
) -> [Option<Array>; 3] {
    let sizes = Sizes::of(tokens, directions);
    let Sizes { length, channels, queries, shared, .. } = sizes;
    let [of_tokens, of_output, of_weights] = sizes.each();
    let mut d_tokens = Array::zeros(tokens.shape);
    let tasks = d_tokens.data.par_chunks_mut(SEQUENCES * of_tokens).enumerate();
    let (d_directions, d_bias): (Vec<Vec<f32>>, Vec<Vec<f32>>) = tasks
        .map(|(task, d_tokens)| {
            let mut d_scores = vec![0.0; of_weights];
            let sets = if shared { 1 } else { d_tokens.len() / of_tokens };
            let mut d_directions = vec![0.0; sets * of_output];
            let mut d_bias = vec![0.0; if wanted[2] { of_weights } else { 0 }];
            for (index, d_tokens) in d_tokens.chunks_exact_mut(of_tokens).enumerate() {
                let sequence = task * SEQUENCES + index;
                let tokens = &tokens.data[sequence * of_tokens..][..of_tokens];
                let weights = &weights[sequence * of_weights..][..of_weights];
                let gradient = &gradient.data[sequence * of_output..][..of_output];
                let output = &output.data[sequence * of_output..][..of_output];
                let (rows, by_time) = (Strides::of_rows(channels), Strides::of_rows(length));
                let into = (d_scores.as_mut_slice(), by_time, Old::Replace);
                product((queries, channels, length), into, (gradient, rows), (tokens, rows.transposed()), 1.0);
                vectorized(inlined!(|| {
                    for query in 0..queries {
                        let range = query * channels..(query + 1) * channels;
                        // What the softmax takes off: the mean of the slopes under the weights.
                        let along = sum2(&gradient[range.clone()], &output[range], inlined!(|a, b| a * b));
                        let range = query * length..(query + 1) * length;
                        update1(
                            &mut d_scores[range.clone()],
                            &weights[range],
                            inlined!(|slope, weight| weight * (slope - along)),
                        );
                    }
                    update1(&mut d_bias, &d_scores, inlined!(|sum, slope| sum + slope));
                }));
                if wanted[0] {
                    let sides = [(weights, gradient), (&d_scores, sizes.directions(directions.data, sequence))];
                    for (old, (left, right)) in [Old::Replace, Old::Keep].into_iter().zip(sides) {
                        let left = (left, by_time.transposed());
                        product((length, queries, channels), (&mut *d_tokens, rows, old), left, (right, rows), 1.0);
                    }
                }
                if wanted[1] {
                    let into = &mut d_directions[if shared { 0 } else { index * of_output }..][..of_output];
                    let left = (d_scores.as_slice(), by_time);
                    product((queries, length, channels), (into, rows, Old::Keep), left, (tokens, rows), 1.0);
                }
            }
            (d_directions, d_bias)
        })
        .unzip();
    let d_directions = wanted[1].then(|| match shared {
        true => total(directions.shape, &d_directions),
        false => Array { shape: directions.shape.to_vec(), data: d_directions.concat() },
    });
    let d_bias = wanted[2].then(|| total(&[queries, length], &d_bias));
    [wanted[0].then_some(d_tokens), d_directions, d_bias]
}

/// Scores to weights.
#[inline(always)]
fn softmax(scores: &mut [f32]) {
    let largest = max(scores);
    for score in scores.iter_mut() {
        *score = exp(*score - largest);
    }
    let factor = 1.0 / sum(scores, inlined!(|x| x));
    for score in scores.iter_mut() {
        *score *= factor;
    }
}
