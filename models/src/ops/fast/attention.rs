//! Multi-head attention between the projections of queries, keys and values and that of the output.
//!
//! Scores live in blocks of query rows: the memory is linear in the length. The backward pass works them out again
//! from the kept logarithm of each row's sum (Dao et al., "FlashAttention", 2022,
//! <https://arxiv.org/abs/2205.14135>). Causal attention leaves out what no query of a block may see.

use rayon::prelude::*;

use super::linear::total;
use super::matmul::{Old, Strides, product};
use super::simd::{exp, max, sum, sum2, update1, vectorized};
use super::{Array, FastOp, View};

/// Query rows whose scores are held at once.
const BLOCK: usize = 64;

/// Sequences per task; fixed, so that sums do not depend on the number of threads.
const SEQUENCES: usize = 4;

/// `softmax(scale Q K^T + bias) V` for each head.
///
/// Queries and keys `[batch, length, n_heads d_head]`, or `[batch, n_heads, length, d_head]` where `by_head`; values
/// `[batch, length, n_heads d_head]`; for four inputs the bias `[1 or n_heads, length, length]`. The output is as
/// the values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention {
    pub n_heads: usize,
    pub by_head: bool,
    pub causal: bool,
}

impl FastOp<3> for Attention {
    /// The logarithm of the sum of exponentials of each row of scores, `[batch, n_heads, length]`.
    type Kept = Vec<f32>;

    fn forward(&self, [query, key, value]: [View; 3], _keep: bool) -> (Array, Vec<f32>) {
        Problem::new(*self, query, key, value, None).forward()
    }

    fn backward(
        &self,
        [query, key, value]: [View; 3],
        output: View,
        kept: &Vec<f32>,
        gradient: View,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        let [d_query, d_key, d_value] = wanted;
        let problem = Problem::new(*self, query, key, value, None);
        let ([query, key, value], _) = problem.backward(output, kept, gradient, false);
        [d_query.then_some(query), d_key.then_some(key), d_value.then_some(value)]
    }
}

impl FastOp<4> for Attention {
    type Kept = Vec<f32>;

    fn forward(&self, [query, key, value, bias]: [View; 4], _keep: bool) -> (Array, Vec<f32>) {
        Problem::new(*self, query, key, value, Some(bias)).forward()
    }

    fn backward(
        &self,
        [query, key, value, bias]: [View; 4],
        output: View,
        kept: &Vec<f32>,
        gradient: View,
        wanted: [bool; 4],
    ) -> [Option<Array>; 4] {
        let problem = Problem::new(*self, query, key, value, Some(bias));
        let ([query, key, value], bias) = problem.backward(output, kept, gradient, wanted[3]);
        [wanted[0].then_some(query), wanted[1].then_some(key), wanted[2].then_some(value), bias]
    }
}

/// One call's inputs and sizes.
struct Problem<'a> {
    op: Attention,
    query: View<'a>,
    key: View<'a>,
    value: View<'a>,
    bias: Option<View<'a>>,
    batch: usize,
    length: usize,
    d_head: usize,
    scale: f32,
}

/// A block of query rows and the keys that some of them may see.
#[derive(Clone, Copy)]
struct Block {
    start: usize,
    rows: usize,
    keys: usize,
}

impl<'a> Problem<'a> {
    fn new(op: Attention, query: View<'a>, key: View<'a>, value: View<'a>, bias: Option<View<'a>>) -> Self {
        let [batch, length, inner] = *value.shape else { panic!("values are [batch, length, n_heads d_head]") };
        let d_head = inner / op.n_heads;
        Self { op, query, key, value, bias, batch, length, d_head, scale: 1.0 / (d_head as f32).sqrt() }
    }

    /// Elements of one sequence, in every input and the output.
    fn sequence(&self) -> usize {
        self.length * self.op.n_heads * self.d_head
    }

    /// The rows of one head within a sequence of queries or keys.
    fn heads(&self, head: usize) -> Strides {
        if self.op.by_head {
            return Strides::of_rows(self.d_head).from(head * self.length * self.d_head);
        }
        self.side_by_side(head)
    }

    /// The rows of one head within a sequence of values or outputs.
    fn side_by_side(&self, head: usize) -> Strides {
        Strides::of_rows(self.op.n_heads * self.d_head).from(head * self.d_head)
    }

    /// Where a row of a head starts within its sequence.
    #[inline(always)]
    fn row(&self, of_head: Strides, time: usize) -> usize {
        of_head.start + time * of_head.rows.unsigned_abs()
    }

    fn blocks(&self) -> impl Iterator<Item = Block> + use<> {
        let (length, causal) = (self.length, self.op.causal);
        (0..length).step_by(BLOCK).map(move |start| {
            let rows = BLOCK.min(length - start);
            Block { start, rows, keys: if causal { start + rows } else { length } }
        })
    }

    /// How many keys the query at `time` sees.
    #[inline(always)]
    fn seen(&self, time: usize) -> usize {
        if self.op.causal { time + 1 } else { self.length }
    }

    /// The biases of a query row of a head.
    #[inline(always)]
    fn bias_row(&self, head: usize, time: usize) -> Option<&'a [f32]> {
        let bias = self.bias?;
        let head = if bias.shape[0] == 1 { 0 } else { head };
        Some(&bias.data[(head * self.length + time) * self.length..][..self.length])
    }

    /// `scale Q K^T + bias` of a block, rows of `length` elements, of which only the keys that are seen count.
    fn scores(&self, sequence: usize, head: usize, block: Block, scores: &mut [f32]) {
        let start = sequence * self.sequence();
        let places = self.heads(head);
        let query = (self.query.data, places.from(start + self.row(places, block.start)));
        let key = (self.key.data, places.from(start + places.start).transposed());
        let into = (&mut *scores, Strides::of_rows(self.length), Old::Replace);
        product((block.rows, self.d_head, block.keys), into, query, key, self.scale);
        if self.bias.is_some() {
            vectorized(
                #[inline(always)]
                || {
                    for row in 0..block.rows {
                        let Some(bias) = self.bias_row(head, block.start + row) else { return };
                        let seen = self.seen(block.start + row);
                        let scores = &mut scores[row * self.length..][..seen];
                        scores.iter_mut().zip(&bias[..seen]).for_each(
                            #[inline(always)]
                            |(score, bias)| *score += bias,
                        );
                    }
                },
            );
        }
    }

    fn forward(&self) -> (Array, Vec<f32>) {
        let mut output = Array::zeros(self.value.shape);
        let mut kept = vec![0.0; self.batch * self.op.n_heads * self.length];
        let per_sequence = kept.par_chunks_mut(self.op.n_heads * self.length);
        output.data.par_chunks_mut(self.sequence()).zip(per_sequence).enumerate().for_each(
            |(sequence, (output, kept))| {
                let mut scores = vec![0.0; BLOCK.min(self.length) * self.length];
                for (head, kept) in kept.chunks_exact_mut(self.length).enumerate() {
                    for block in self.blocks() {
                        self.scores(sequence, head, block, &mut scores);
                        self.softmax(block, &mut scores, &mut kept[block.start..][..block.rows]);
                        let places = self.side_by_side(head);
                        let value = (self.value.data, places.from(sequence * self.sequence() + places.start));
                        let into = (&mut *output, places.from(self.row(places, block.start)), Old::Replace);
                        let weights = (scores.as_slice(), Strides::of_rows(self.length));
                        product((block.rows, block.keys, self.d_head), into, weights, value, 1.0);
                    }
                }
            },
        );
        (output, kept)
    }

    /// Scores to weights; `kept` takes the logarithm of each row's sum.
    fn softmax(&self, block: Block, scores: &mut [f32], kept: &mut [f32]) {
        vectorized(
            #[inline(always)]
            || {
                for row in 0..block.rows {
                    let (seen, unseen) = scores[row * self.length..][..block.keys]
                        .split_at_mut(self.seen(block.start + row).min(block.keys));
                    let largest = max(seen);
                    for score in seen.iter_mut() {
                        *score = exp(*score - largest);
                    }
                    let total = sum(
                        seen,
                        #[inline(always)]
                        |x| x,
                    );
                    let factor = 1.0 / total;
                    for score in seen.iter_mut() {
                        *score *= factor;
                    }
                    unseen.fill(0.0);
                    kept[row] = largest + total.ln();
                }
            },
        );
    }

    fn backward(&self, output: View, kept: &[f32], gradient: View, wants_bias: bool) -> ([Array; 3], Option<Array>) {
        let mut query = Array::zeros(self.query.shape);
        let mut key = Array::zeros(self.key.shape);
        let mut value = Array::zeros(self.value.shape);
        let size = SEQUENCES * self.sequence();
        let parts = query.data.par_chunks_mut(size).zip(key.data.par_chunks_mut(size));
        let parts = parts.zip(value.data.par_chunks_mut(size)).enumerate();
        let biases: Vec<Vec<f32>> = parts
            .map(|(task, ((query, key), value))| {
                let mut bias = vec![0.0; if wants_bias { self.bias.map_or(0, |bias| bias.data.len()) } else { 0 }];
                let mut room = [vec![0.0; BLOCK * self.length], vec![0.0; BLOCK * self.length]];
                let sequences = query.chunks_exact_mut(self.sequence()).zip(key.chunks_exact_mut(self.sequence()));
                for (index, ((query, key), value)) in sequences.zip(value.chunks_exact_mut(self.sequence())).enumerate()
                {
                    let place = (task * SEQUENCES + index, output.data, kept, gradient.data);
                    for head in 0..self.op.n_heads {
                        self.backward_head(place, head, [&mut *query, &mut *key, &mut *value], &mut bias, &mut room);
                    }
                }
                bias
            })
            .collect();
        let bias = self.bias.filter(|_| wants_bias).map(|bias| total(bias.shape, &biases));
        ([query, key, value], bias)
    }

    fn backward_head(
        &self,
        (sequence, output, kept, gradient): (usize, &[f32], &[f32], &[f32]),
        head: usize,
        [d_query, d_key, d_value]: [&mut [f32]; 3],
        d_bias: &mut [f32],
        [weights, d_scores]: &mut [Vec<f32>; 2],
    ) {
        let start = sequence * self.sequence();
        let (paired, side) = (self.heads(head), self.side_by_side(head));
        let kept = &kept[(sequence * self.op.n_heads + head) * self.length..][..self.length];
        let rows = Strides::of_rows(self.length);
        for block in self.blocks() {
            self.scores(sequence, head, block, weights);
            let of_block = side.from(start + self.row(side, block.start));
            let values = (self.value.data, side.from(start + side.start).transposed());
            let into = (d_scores.as_mut_slice(), rows, Old::Replace);
            product((block.rows, self.d_head, block.keys), into, (gradient, of_block), values, 1.0);
            vectorized(
                #[inline(always)]
                || {
                    for row in 0..block.rows {
                        let time = block.start + row;
                        let seen = self.seen(time).min(block.keys);
                        let at = start + self.row(side, time);
                        let along = sum2(
                            &gradient[at..][..self.d_head],
                            &output[at..][..self.d_head],
                            #[inline(always)]
                            |a, b| a * b,
                        );
                        let (weights, unseen) = weights[row * self.length..][..block.keys].split_at_mut(seen);
                        let (d_scores, d_unseen) = d_scores[row * self.length..][..block.keys].split_at_mut(seen);
                        let logarithm = kept[time];
                        for weight in weights.iter_mut() {
                            *weight = exp(*weight - logarithm);
                        }
                        update1(
                            d_scores,
                            weights,
                            #[inline(always)]
                            |d_score, weight| weight * (d_score - along),
                        );
                        unseen.fill(0.0);
                        d_unseen.fill(0.0);
                        if !d_bias.is_empty() {
                            let shared = d_bias.len() == self.length * self.length;
                            let at = (if shared { 0 } else { head } * self.length + time) * self.length;
                            let into = &mut d_bias[at..][..seen];
                            into.iter_mut().zip(&*d_scores).for_each(
                                #[inline(always)]
                                |(into, d_score)| *into += d_score,
                            );
                        }
                    }
                },
            );
            let all_queries = paired.from(start + self.row(paired, block.start));
            let here = paired.from(self.row(paired, block.start));
            let keys = (self.key.data, paired.from(start + paired.start));
            let into = (&mut *d_query, here, Old::Replace);
            product((block.rows, block.keys, self.d_head), into, (d_scores.as_slice(), rows), keys, self.scale);
            let into = (&mut *d_key, paired, Old::Keep);
            let left = (d_scores.as_slice(), rows.transposed());
            product((block.keys, block.rows, self.d_head), into, left, (self.query.data, all_queries), self.scale);
            let into = (&mut *d_value, side, Old::Keep);
            let left = (weights.as_slice(), rows.transposed());
            product((block.keys, block.rows, self.d_head), into, left, (gradient, of_block), 1.0);
        }
    }
}
