//! Multi-head attention between the projections of queries, keys and values and that of the output.
//!
//! Scores live in blocks of query rows: the memory is linear in the length. The backward pass works them out again
//! from the kept logarithm of each row's sum (Dao et al., "FlashAttention", 2022,
//! <https://arxiv.org/abs/2205.14135>). Causal attention leaves out what no query of a block may see.
//!
//! A block is held transposed, a row for each key: maxima, exponentials and sums then run over neighbouring queries,
//! in whole vectors whatever a causal query sees, and products rearrange the block's queries rather than all keys.

use rayon::prelude::*;

use super::linear::total;
use super::matmul::{Fresh, Old, Strides, product, transposed};
use super::simd::{exp, inlined, larger, update1, vectorized};
use super::{Array, FastOp, Pass, View, padded};

/// Query rows whose scores are held at once, about.
const BLOCK: usize = 64;

/// Queries whose softmax is worked on together.
const LANES: usize = 32;

/// Keys of a block whose gradients are worked on together.
const KEYS: usize = 256;

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

impl<const N: usize> FastOp<N> for Attention {
    /// The logarithm of the sum of exponentials of each row of scores, `[batch, n_heads, length]`.
    type Kept = Vec<f32>;

    fn forward(&self, inputs: [View; N]) -> (Array, Vec<f32>) {
        Problem::new(*self, &inputs).forward()
    }

    fn backward(&self, Pass { inputs, output, kept, gradient, wanted }: Pass<Vec<f32>, N>) -> [Option<Array>; N] {
        padded(wanted, |wanted| Problem::new(*self, &inputs).backward(output, kept, gradient, wanted))
    }
}

/// One call's inputs and sizes.
struct Problem<'a> {
    op: Attention,
    query: View<'a>,
    key: View<'a>,
    value: View<'a>,
    /// By key, then query: `[1 or n_heads, length, length]`.
    bias: Option<Array>,
    batch: usize,
    length: usize,
    d_head: usize,
    scale: f32,
    /// Rows of the largest block.
    rows: usize,
    /// Rows of a block with what is added to fill vectors.
    lanes: usize,
}

/// A block of query rows and the number of keys that some of them may see.
#[derive(Clone, Copy)]
struct Block {
    start: usize,
    rows: usize,
    keys: usize,
}

/// One number for each query of a block, in groups of [`LANES`].
type PerQuery = Vec<[f32; LANES]>;

impl<'a> Problem<'a> {
    fn new(op: Attention, inputs: &[View<'a>]) -> Self {
        let (query, key, value, bias) = (inputs[0], inputs[1], inputs[2], inputs.get(3));
        let [batch, length, inner] = *value.shape else { panic!("values are [batch, length, n_heads d_head]") };
        let d_head = inner / op.n_heads;
        let scale = 1.0 / (d_head as f32).sqrt();
        // Blocks of even size: one row more than a block is not worth a block of its own.
        let rows = length.div_ceil(((length + BLOCK / 2) / BLOCK).max(1)).max(1);
        let lanes = rows.next_multiple_of(LANES);
        let bias = bias.map(|bias| Array { shape: bias.shape.to_vec(), data: by_head_transposed(bias.data, length) });
        Self { op, query, key, value, bias, batch, length, d_head, scale, rows, lanes }
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
    fn row(&self, of_head: Strides, time: usize) -> usize {
        of_head.start + time * of_head.rows.unsigned_abs()
    }

    fn blocks(&self) -> impl Iterator<Item = Block> + use<> {
        let (length, most, causal) = (self.length, self.rows, self.op.causal);
        (0..length).step_by(most).map(move |start| {
            let rows = most.min(length - start);
            Block { start, rows, keys: if causal { start + rows } else { length } }
        })
    }

    fn per_query(&self) -> PerQuery {
        vec![[0.0; LANES]; self.lanes / LANES]
    }

    /// Where the biases of a head stand.
    fn biases(&self, head: usize) -> usize {
        let shared = self.bias.as_ref().is_some_and(|bias| bias.shape[0] == 1);
        if shared { 0 } else { head * self.length * self.length }
    }

    /// `scale Q K^T + bias` of a block's rows and `count` keys from `first`, by key in rows of `lanes`.
    fn scores(&self, sequence: usize, head: usize, block: Block, (first, count): (usize, usize), scores: &mut [f32]) {
        let start = sequence * self.sequence();
        let places = self.heads(head);
        let query = (self.query.data, places.from(start + self.row(places, block.start)).transposed());
        let key = (self.key.data, places.from(start + self.row(places, first)));
        let into = (&mut *scores, Strides::of_rows(self.lanes), Old::Replace);
        product((count, self.d_head, block.rows), into, key, query, self.scale);
        let rows = scores.chunks_exact_mut(self.lanes).zip(first..first + count);
        if let Some(bias) = &self.bias {
            let biases = &bias.data[self.biases(head)..][..self.length * self.length];
            vectorized(inlined!(|| {
                for (scores, key) in rows {
                    update1(
                        &mut scores[..block.rows],
                        &biases[key * self.length + block.start..],
                        inlined!(|score, bias| score + bias),
                    );
                }
            }));
        }
        if self.op.causal {
            let hidden = (block.start + 1).max(first)..first + count;
            for key in hidden {
                let blind = (key - block.start).min(block.rows);
                scores[(key - first) * self.lanes..][..blind].fill(f32::NEG_INFINITY);
            }
        }
    }

    fn forward(&self) -> (Array, Vec<f32>) {
        let mut output = Fresh::new(self.value.data.len());
        let mut kept = vec![0.0; self.batch * self.op.n_heads * self.length];
        let per_sequence = kept.par_chunks_mut(self.op.n_heads * self.length);
        output.parts(self.sequence()).zip(per_sequence).enumerate().for_each(|(sequence, (output, kept))| {
            let output = output.zeroed();
            let mut scores = vec![0.0; self.lanes * self.length];
            let (mut largest, mut sums) = (self.per_query(), self.per_query());
            for (head, kept) in kept.chunks_exact_mut(self.length).enumerate() {
                let places = self.side_by_side(head);
                let value = (self.value.data, places.from(sequence * self.sequence() + places.start));
                for block in self.blocks() {
                    self.scores(sequence, head, block, (0, block.keys), &mut scores);
                    self.exponentials(&mut scores[..block.keys * self.lanes], &mut largest, &mut sums);
                    let into = (&mut *output, places.from(self.row(places, block.start)), Old::Replace);
                    let weights = (scores.as_slice(), Strides::of_rows(self.lanes).transposed());
                    product((block.rows, block.keys, self.d_head), into, weights, value, 1.0);
                    let of_rows = largest.as_flattened().iter().zip(sums.as_flattened());
                    for (row, (largest, sum)) in of_rows.take(block.rows).enumerate() {
                        let factor = 1.0 / sum;
                        let at = self.row(places, block.start + row);
                        output[at..][..self.d_head].iter_mut().for_each(|value| *value *= factor);
                        kept[block.start + row] = largest + sum.ln();
                    }
                }
            }
        });
        (Array { shape: self.value.shape.to_vec(), data: output.finish() }, kept)
    }

    /// Scores to exponentials of what they are less than the largest of their query, and the sums of these.
    fn exponentials(&self, scores: &mut [f32], largest: &mut PerQuery, sums: &mut PerQuery) {
        vectorized(inlined!(|| {
            for (group, (largest, sums)) in largest.iter_mut().zip(sums).enumerate() {
                let mut most = [f32::NEG_INFINITY; LANES];
                for scores in scores.as_chunks::<LANES>().0.iter().skip(group).step_by(self.lanes / LANES) {
                    for lane in 0..LANES {
                        most[lane] = larger(most[lane], scores[lane]);
                    }
                }
                let mut sum = [0.0; LANES];
                for scores in scores.as_chunks_mut::<LANES>().0.iter_mut().skip(group).step_by(self.lanes / LANES) {
                    for lane in 0..LANES {
                        scores[lane] = exp(scores[lane] - most[lane]);
                        sum[lane] += scores[lane];
                    }
                }
                (*largest, *sums) = (most, sum);
            }
        }));
    }

    fn backward(&self, output: View, kept: &[f32], gradient: View, wanted: [bool; 4]) -> [Option<Array>; 4] {
        let wants_bias = wanted[3];
        let [mut query, mut key, mut value] = [self.query, self.key, self.value].map(|of| Fresh::new(of.data.len()));
        let size = SEQUENCES * self.sequence();
        let parts = query.parts(size).zip(key.parts(size)).zip(value.parts(size)).enumerate();
        let biases: Vec<Vec<f32>> = parts
            .map(|(task, ((query, key), value))| {
                let bias = self.bias.as_ref().filter(|_| wants_bias);
                let mut bias = vec![0.0; bias.map_or(0, |bias| bias.data.len())];
                let size = self.lanes * KEYS.min(self.length);
                let mut room = Room {
                    weights: vec![0.0; size],
                    d_scores: vec![0.0; size],
                    logarithms: self.per_query(),
                    along: self.per_query(),
                };
                let parts = [query, key, value].map(|part| part.zeroed());
                let [query, key, value] = parts.map(|part| part.chunks_exact_mut(self.sequence()));
                for (index, ((query, key), value)) in query.zip(key).zip(value).enumerate() {
                    let place = (task * SEQUENCES + index, output.data, kept, gradient.data);
                    for head in 0..self.op.n_heads {
                        self.backward_head(place, head, [&mut *query, &mut *key, &mut *value], &mut bias, &mut room);
                    }
                }
                bias
            })
            .collect();
        let bias = self.bias.as_ref().filter(|_| wants_bias).map(|bias| {
            let total = total(&bias.shape, &biases);
            Array { data: by_head_transposed(&total.data, self.length), ..total }
        });
        let whole = |of: View, data: Fresh| Array { shape: of.shape.to_vec(), data: data.finish() };
        [
            wanted[0].then(|| whole(self.query, query)),
            wanted[1].then(|| whole(self.key, key)),
            wanted[2].then(|| whole(self.value, value)),
            bias,
        ]
    }

    fn backward_head(
        &self,
        (sequence, output, kept, gradient): (usize, &[f32], &[f32], &[f32]),
        head: usize,
        [d_query, d_key, d_value]: [&mut [f32]; 3],
        d_bias: &mut [f32],
        room: &mut Room,
    ) {
        let start = sequence * self.sequence();
        let (paired, side) = (self.heads(head), self.side_by_side(head));
        let kept = &kept[(sequence * self.op.n_heads + head) * self.length..][..self.length];
        let by_key = Strides::of_rows(self.lanes);
        for block in self.blocks() {
            room.logarithms.as_flattened_mut()[..block.rows].copy_from_slice(&kept[block.start..][..block.rows]);
            let of_block = side.from(start + self.row(side, block.start));
            self.along(output, gradient, of_block, &mut room.along.as_flattened_mut()[..block.rows]);
            let gradient = (gradient, of_block);
            let query = (self.query.data, paired.from(start + self.row(paired, block.start)));
            for first in (0..block.keys).step_by(KEYS) {
                let count = KEYS.min(block.keys - first);
                self.scores(sequence, head, block, (first, count), &mut room.weights);
                let value = (self.value.data, side.from(start + self.row(side, first)));
                let into = (room.d_scores.as_mut_slice(), by_key, Old::Replace);
                let columns = (gradient.0, gradient.1.transposed());
                product((count, self.d_head, block.rows), into, value, columns, 1.0);
                room.turn_to_gradients(count * self.lanes);
                if !d_bias.is_empty() {
                    let into = &mut d_bias[self.biases(head)..][..self.length * self.length];
                    let rows = into.chunks_exact_mut(self.length).skip(first).zip(room.d_scores.chunks(self.lanes));
                    for (into, d_scores) in rows.take(count) {
                        into[block.start..][..block.rows].iter_mut().zip(d_scores).for_each(|(into, add)| *into += add);
                    }
                }
                let (weights, d_scores) = (room.weights.as_slice(), room.d_scores.as_slice());
                let key = (self.key.data, paired.from(start + self.row(paired, first)));
                let old = if first == 0 { Old::Replace } else { Old::Keep };
                let into = (&mut *d_query, paired.from(self.row(paired, block.start)), old);
                let sizes = (block.rows, count, self.d_head);
                product(sizes, into, (d_scores, by_key.transposed()), key, self.scale);
                let sizes = (count, block.rows, self.d_head);
                let into = (&mut *d_key, paired.from(self.row(paired, first)), Old::Keep);
                product(sizes, into, (d_scores, by_key), query, self.scale);
                let into = (&mut *d_value, side.from(self.row(side, first)), Old::Keep);
                product(sizes, into, (weights, by_key), gradient, 1.0);
            }
        }
    }

    /// The product of output and gradient of each row of a block.
    fn along(&self, output: &[f32], gradient: &[f32], of_block: Strides, along: &mut [f32]) {
        vectorized(inlined!(|| {
            for (row, along) in along.iter_mut().enumerate() {
                let at = self.row(of_block, row);
                let (output, gradient) = (&output[at..][..self.d_head], &gradient[at..][..self.d_head]);
                let mut sums = [0.0; 8];
                let (outputs, gradients) = (output.as_chunks::<8>(), gradient.as_chunks::<8>());
                for (output, gradient) in outputs.0.iter().zip(gradients.0) {
                    for lane in 0..8 {
                        sums[lane] += output[lane] * gradient[lane];
                    }
                }
                let rest: f32 = outputs.1.iter().zip(gradients.1).map(|(a, b)| a * b).sum();
                *along = rest + sums.iter().sum::<f32>();
            }
        }));
    }
}

/// What the backward pass of a block is worked out in.
struct Room {
    weights: Vec<f32>,
    d_scores: Vec<f32>,
    logarithms: PerQuery,
    along: PerQuery,
}

impl Room {
    /// Scores to weights, and the gradients of weights to those of scores, in the first elements.
    fn turn_to_gradients(&mut self, count: usize) {
        let groups = self.along.len();
        let weights = &mut self.weights[..count];
        let d_scores = &mut self.d_scores[..count];
        vectorized(inlined!(|| {
            for (group, (logarithm, along)) in self.logarithms.iter().zip(&self.along).enumerate() {
                let weights = weights.as_chunks_mut::<LANES>().0.iter_mut().skip(group).step_by(groups);
                let d_scores = d_scores.as_chunks_mut::<LANES>().0.iter_mut().skip(group).step_by(groups);
                for (weights, d_scores) in weights.zip(d_scores) {
                    for lane in 0..LANES {
                        weights[lane] = exp(weights[lane] - logarithm[lane]);
                        d_scores[lane] = weights[lane] * (d_scores[lane] - along[lane]);
                    }
                }
            }
        }));
    }
}

/// Each `[length, length]` matrix transposed.
fn by_head_transposed(matrices: &[f32], length: usize) -> Vec<f32> {
    matrices.chunks_exact((length * length).max(1)).flat_map(|matrix| transposed(matrix, length)).collect()
}
