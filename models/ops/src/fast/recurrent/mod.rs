//! Recurrences with dense recurrent matrices, all time steps as one operation.
//!
//! The forward pass keeps the activations of every step; the backward pass takes the gradient of the recurrent
//! matrix as one product over all steps.

mod cells;

use std::marker::PhantomData;

use rayon::prelude::*;

pub(crate) use cells::{Cell, GruCell, LinearCell, LstmCell, TanhCell};

use super::matmul::{Old, Strides, product, transposed};
use super::simd::{each2, inlined, vectorized};
use super::{Array, FastOp, Pass, View, padded};
use cells::{Backward, Forward};

/// Sequences that are stepped together; fixed, so that sums do not depend on the number of threads.
const ROWS: usize = 32;

/// A recurrence from `h(-1) = 0`: projected input `[batch, length, gates n]`, recurrent matrix `[n, gates n]`, and
/// for three inputs the bias within the recurrent product `[n]`; output `[batch, length, n]`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scan<C>(PhantomData<C>);

impl<C: Cell, const N: usize> FastOp<N> for Scan<C> {
    type Kept = Vec<f32>;

    fn forward(&self, inputs: [View; N]) -> (Array, Vec<f32>) {
        forward::<C>(inputs[0], inputs[1], inputs.get(2).map_or(&[], |bias| bias.data))
    }

    fn backward(&self, Pass { inputs, output, kept, gradient, wanted }: Pass<Vec<f32>, N>) -> [Option<Array>; N] {
        padded(wanted, |wanted| backward::<C>(inputs[1], output, kept, gradient, wanted))
    }
}

fn forward<C: Cell>(projected: View, recurrent: View, bias: &[f32]) -> (Array, Vec<f32>) {
    let [batch, length, gates] = *projected.shape else { panic!("projected inputs are [batch, length, gates n]") };
    let n = gates / C::GATES;
    assert_eq!(recurrent.shape, [n, gates]);
    let mut output = Array::zeros(&[batch, length, n]);
    let mut kept = vec![0.0; batch * length * C::KEPT * n];
    // Cells that keep nothing still need a part for each chunk.
    let parts = kept.chunks_mut((ROWS * length * C::KEPT * n).max(1)).map(Some).chain(std::iter::repeat_with(|| None));
    let parts: Vec<_> = output.data.chunks_mut(ROWS * length * n).zip(parts).collect();
    parts.into_par_iter().enumerate().for_each(|(chunk, (output, kept))| {
        let kept = kept.unwrap_or_default();
        let rows = output.len() / (length * n);
        let projected = &projected.data[chunk * ROWS * length * gates..][..rows * length * gates];
        let mut hidden = vec![0.0; rows * n];
        let mut cell = vec![0.0; rows * n];
        let mut product_of_step = vec![0.0; rows * gates];
        for time in 0..length {
            if time > 0 {
                let into = (product_of_step.as_mut_slice(), Strides::of_rows(gates), Old::Replace);
                let left = (hidden.as_slice(), Strides::of_rows(n));
                product((rows, n, gates), into, left, (recurrent.data, Strides::of_rows(gates)), 1.0);
            }
            vectorized(inlined!(|| {
                for row in 0..rows {
                    let at = row * length + time;
                    let hidden = &mut hidden[row * n..][..n];
                    C::forward(Forward {
                        projected: &projected[at * gates..][..gates],
                        recurrent: &product_of_step[row * gates..][..gates],
                        bias,
                        hidden,
                        cell: &mut cell[row * n..][..n],
                        kept: &mut kept[at * C::KEPT * n..][..C::KEPT * n],
                    });
                    output[at * n..][..n].copy_from_slice(hidden);
                }
            }));
        }
    });
    (output, kept)
}

/// Gradients of a chunk: the recurrent matrix and the bias.
type Shared = (Vec<f32>, Vec<f32>);

fn backward<C: Cell>(
    recurrent: View,
    output: View,
    kept: &[f32],
    gradient: View,
    wanted: [bool; 3],
) -> [Option<Array>; 3] {
    let [batch, length, n] = *output.shape else { panic!("outputs are [batch, length, n]") };
    let gates = C::GATES * n;
    let mut projected = Array::zeros(&[batch, length, gates]);
    // Each step multiplies with it: its rows must be contiguous for that.
    let transposed = transposed(recurrent.data, gates);
    let parts: Vec<_> = projected.data.chunks_mut(ROWS * length * gates).enumerate().collect();
    let shared: Vec<Shared> = parts
        .into_par_iter()
        .map(|(chunk, projected)| {
            let sequences = chunk * ROWS..chunk * ROWS + projected.len() / (length * gates);
            let steps = sequences.start * length * n..sequences.end * length * n;
            let kept = &kept[sequences.start * length * C::KEPT * n..sequences.end * length * C::KEPT * n];
            backward_chunk::<C>(
                [length, n],
                &transposed,
                &output.data[steps.clone()],
                kept,
                &gradient.data[steps],
                projected,
                wanted,
            )
        })
        .collect();
    let sum = |shape: &[usize], of: fn(&Shared) -> &Vec<f32>| {
        let mut total = Array::zeros(shape);
        for part in &shared {
            total.data.iter_mut().zip(of(part)).for_each(|(total, part)| *total += part);
        }
        total
    };
    [
        wanted[0].then_some(projected),
        wanted[1].then(|| sum(recurrent.shape, |shared| &shared.0)),
        wanted[2].then(|| sum(&[n], |shared| &shared.1)),
    ]
}

/// The gradients of a chunk of sequences, from the transposed recurrent matrix `[gates n, n]`.
fn backward_chunk<C: Cell>(
    [length, n]: [usize; 2],
    transposed: &[f32],
    output: &[f32],
    kept: &[f32],
    gradient: &[f32],
    projected: &mut [f32],
    wanted: [bool; 3],
) -> Shared {
    let gates = C::GATES * n;
    let rows = output.len() / (length * n);
    let zeros = vec![0.0; n];
    // The gradient of h(t), from the output and from later steps.
    let mut total = vec![0.0; rows * n];
    let mut later = vec![0.0; rows * n];
    let mut direct = vec![0.0; rows * n];
    let mut carry = vec![0.0; rows * n];
    let mut d_projected = vec![0.0; rows * gates];
    let mut d_recurrent = vec![0.0; if C::SEPARATE { rows * gates } else { 0 }];
    // The gradient of the recurrent product at all steps, where it is not that of the projected input.
    let mut all_recurrent = vec![0.0; if C::SEPARATE { projected.len() } else { 0 }];
    for time in (0..length).rev() {
        vectorized(inlined!(|| {
            for row in 0..rows {
                let at = row * length + time;
                let total = &mut total[row * n..][..n];
                let (gradient, later) = (&gradient[at * n..][..n], &later[row * n..][..n]);
                each2(total, gradient, later, inlined!(|gradient, later| gradient + later));
                let d_projected = &mut d_projected[row * gates..][..gates];
                let d_recurrent =
                    if C::SEPARATE { &mut d_recurrent[row * gates..][..gates] } else { &mut [] as &mut [f32] };
                let keeps = C::KEPT * n;
                C::backward(Backward {
                    gradient: total,
                    kept: &kept[at * keeps..][..keeps],
                    before: if time > 0 { &kept[(at - 1) * keeps..][..keeps] } else { &[] },
                    hidden_before: if time > 0 { &output[(at - 1) * n..][..n] } else { &zeros },
                    hidden: &output[at * n..][..n],
                    carry: &mut carry[row * n..][..n],
                    direct: &mut direct[row * n..][..n],
                    projected: d_projected,
                    recurrent: d_recurrent,
                });
                projected[at * gates..][..gates].copy_from_slice(d_projected);
                if C::SEPARATE {
                    all_recurrent[at * gates..][..gates].copy_from_slice(d_recurrent);
                }
            }
        }));
        if time > 0 {
            let of_product = if C::SEPARATE { &d_recurrent } else { &d_projected };
            later.copy_from_slice(&direct);
            let into = (later.as_mut_slice(), Strides::of_rows(n), Old::Keep);
            let right = (transposed, Strides::of_rows(n));
            product((rows, gates, n), into, (of_product.as_slice(), Strides::of_rows(gates)), right, 1.0);
        }
    }
    let of_product: &[f32] = if C::SEPARATE { &all_recurrent } else { projected };
    let mut matrix = vec![0.0; if wanted[1] { n * gates } else { 0 }];
    let mut bias = vec![0.0; if wanted[2] { n } else { 0 }];
    for row in 0..rows {
        if wanted[1] && length > 1 {
            // h(t-1) against the gradient at t, t = 1..length.
            let left = (output, Strides::of_rows(n).from(row * length * n).transposed());
            let right = (of_product, Strides::of_rows(gates).from((row * length + 1) * gates));
            let into = (matrix.as_mut_slice(), Strides::of_rows(gates), Old::Keep);
            product((n, length - 1, gates), into, left, right, 1.0);
        }
        if wanted[2] {
            // The bias is part of the last gate.
            for at in row * length..(row + 1) * length {
                let inside = &of_product[(at + 1) * gates - n..][..n];
                bias.iter_mut().zip(inside).for_each(|(bias, gradient)| *bias += gradient);
            }
        }
    }
    (matrix, bias)
}
