//! Recurrences with dense recurrent matrices, all time steps as one operation.
//!
//! The forward pass keeps the activations of every step; the backward pass takes the gradient of the recurrent
//! matrix as one product over all steps.

use std::fmt::Debug;
use std::marker::PhantomData;

use rayon::prelude::*;

use super::matmul::{Old, Strides, product};
use super::simd::{sigmoid, tanh, vectorized};
use super::{Array, FastOp, View};

/// Sequences that are stepped together; fixed, so that sums do not depend on the number of threads.
const ROWS: usize = 32;

/// One time step of a recurrence, for one sequence; all widths are multiples of the hidden size n.
pub(crate) trait Cell: Debug + Clone + Copy + Default + Send + Sync + 'static {
    /// Width of the projected input and of the recurrent product, over n.
    const GATES: usize;
    /// Width of what is kept of each step, over n.
    const KEPT: usize;
    /// Whether the gradient of the recurrent product differs from that of the projected input.
    const SEPARATE: bool;

    /// From h(t-1) to h(t).
    fn forward(step: Forward);

    /// From the gradient of h(t) to those of the step's inputs.
    fn backward(step: Backward);
}

/// What [`Cell::forward`] reads and writes.
pub(crate) struct Forward<'a> {
    /// `U x(t) + b`.
    projected: &'a [f32],
    /// `W h(t-1)`.
    recurrent: &'a [f32],
    /// The bias within the recurrent product, where there is one.
    bias: &'a [f32],
    /// h(t-1), then h(t).
    hidden: &'a mut [f32],
    /// A second state, for cells that have one.
    cell: &'a mut [f32],
    kept: &'a mut [f32],
}

/// What [`Cell::backward`] reads and writes.
pub(crate) struct Backward<'a> {
    /// The gradient of h(t).
    gradient: &'a [f32],
    kept: &'a [f32],
    /// What was kept of the step before; empty at the first.
    before: &'a [f32],
    /// h(t-1).
    hidden_before: &'a [f32],
    /// h(t).
    hidden: &'a [f32],
    /// The gradient of the second state.
    carry: &'a mut [f32],
    /// The gradient of h(t-1) past the recurrent product.
    direct: &'a mut [f32],
    /// The gradient of the projected input.
    projected: &'a mut [f32],
    /// The gradient of the recurrent product, where it is separate.
    recurrent: &'a mut [f32],
}

/// `h(t) = W h(t-1) + U x(t)`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LinearCell;

impl Cell for LinearCell {
    const GATES: usize = 1;
    const KEPT: usize = 0;
    const SEPARATE: bool = false;

    #[inline(always)]
    fn forward(step: Forward) {
        for ((hidden, projected), recurrent) in step.hidden.iter_mut().zip(step.projected).zip(step.recurrent) {
            *hidden = projected + recurrent;
        }
    }

    #[inline(always)]
    fn backward(step: Backward) {
        step.projected.copy_from_slice(step.gradient);
    }
}

/// `h(t) = tanh(W h(t-1) + U x(t) + b)`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TanhCell;

impl Cell for TanhCell {
    const GATES: usize = 1;
    const KEPT: usize = 0;
    const SEPARATE: bool = false;

    #[inline(always)]
    fn forward(step: Forward) {
        for ((hidden, projected), recurrent) in step.hidden.iter_mut().zip(step.projected).zip(step.recurrent) {
            *hidden = tanh(projected + recurrent);
        }
    }

    #[inline(always)]
    fn backward(step: Backward) {
        for ((into, gradient), hidden) in step.projected.iter_mut().zip(step.gradient).zip(step.hidden) {
            *into = gradient * (1.0 - hidden * hidden);
        }
    }
}

/// The long short-term memory: gates in the order input, forget, cell, output; kept are these and the cell.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LstmCell;

impl Cell for LstmCell {
    const GATES: usize = 4;
    const KEPT: usize = 5;
    const SEPARATE: bool = false;

    #[inline(always)]
    fn forward(step: Forward) {
        let n = step.hidden.len();
        let (projected, recurrent, kept) =
            (&step.projected[..4 * n], &step.recurrent[..4 * n], &mut step.kept[..5 * n]);
        for gate in [0, 1, 3] {
            for j in gate * n..(gate + 1) * n {
                kept[j] = sigmoid(projected[j] + recurrent[j]);
            }
        }
        for j in 2 * n..3 * n {
            kept[j] = tanh(projected[j] + recurrent[j]);
        }
        let (gates, cells) = kept.split_at_mut(4 * n);
        let [input, forget, candidate, output] = quarters(gates);
        let (hidden, cell) = (&mut step.hidden[..n], &mut step.cell[..n]);
        for j in 0..n {
            let value = forget[j] * cell[j] + input[j] * candidate[j];
            cell[j] = value;
            cells[j] = value;
            hidden[j] = output[j] * tanh(value);
        }
    }

    #[inline(always)]
    fn backward(step: Backward) {
        let n = step.gradient.len();
        let (gates, cells) = step.kept[..5 * n].split_at(4 * n);
        let [input, forget, candidate, output] = quarters(gates);
        let (gradient, carry) = (&step.gradient[..n], &mut step.carry[..n]);
        let (first, last) = step.projected[..4 * n].split_at_mut(2 * n);
        let ((d_input, d_forget), (d_candidate, d_output)) = (first.split_at_mut(n), last.split_at_mut(n));
        for j in 0..n {
            let squashed = tanh(cells[j]);
            let d_cell = carry[j] + gradient[j] * output[j] * (1.0 - squashed * squashed);
            d_output[j] = gradient[j] * squashed * output[j] * (1.0 - output[j]);
            d_input[j] = d_cell * candidate[j] * input[j] * (1.0 - input[j]);
            d_candidate[j] = d_cell * input[j] * (1.0 - candidate[j] * candidate[j]);
            // Still to be multiplied with c(t-1).
            d_forget[j] = d_cell * forget[j] * (1.0 - forget[j]);
            carry[j] = d_cell * forget[j];
        }
        match step.before.get(4 * n..5 * n) {
            Some(before) => d_forget.iter_mut().zip(before).for_each(|(gradient, cell)| *gradient *= cell),
            None => d_forget.fill(0.0),
        }
    }
}

#[inline(always)]
fn quarters(gates: &[f32]) -> [&[f32]; 4] {
    let n = gates.len() / 4;
    let (first, last) = gates.split_at(2 * n);
    let ((a, b), (c, d)) = (first.split_at(n), last.split_at(n));
    [a, b, c, d]
}

/// The gated recurrent unit: gates in the order reset, update, new; kept are these and `W_n h(t-1) + c_n`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GruCell;

impl Cell for GruCell {
    const GATES: usize = 3;
    const KEPT: usize = 4;
    const SEPARATE: bool = true;

    #[inline(always)]
    fn forward(step: Forward) {
        let n = step.hidden.len();
        let (projected, recurrent, kept) =
            (&step.projected[..3 * n], &step.recurrent[..3 * n], &mut step.kept[..4 * n]);
        for j in 0..2 * n {
            kept[j] = sigmoid(projected[j] + recurrent[j]);
        }
        let (gates, rest) = kept.split_at_mut(2 * n);
        let ((reset, update), (new, inside)) = (gates.split_at(n), rest.split_at_mut(n));
        let (projected, recurrent) = (&projected[2 * n..], &recurrent[2 * n..]);
        let (bias, hidden) = (&step.bias[..n], &mut step.hidden[..n]);
        for j in 0..n {
            inside[j] = recurrent[j] + bias[j];
            new[j] = tanh(projected[j] + reset[j] * inside[j]);
            hidden[j] = new[j] + update[j] * (hidden[j] - new[j]);
        }
    }

    #[inline(always)]
    fn backward(step: Backward) {
        let n = step.gradient.len();
        let [reset, update, new, inside] = quarters(&step.kept[..4 * n]);
        let (gradient, before, direct) = (&step.gradient[..n], &step.hidden_before[..n], &mut step.direct[..n]);
        let (gates, d_new) = step.projected[..3 * n].split_at_mut(2 * n);
        let (d_reset, d_update) = gates.split_at_mut(n);
        let d_inside = &mut step.recurrent[2 * n..3 * n];
        for j in 0..n {
            d_update[j] = gradient[j] * (before[j] - new[j]) * update[j] * (1.0 - update[j]);
            d_new[j] = gradient[j] * (1.0 - update[j]) * (1.0 - new[j] * new[j]);
            d_reset[j] = d_new[j] * inside[j] * reset[j] * (1.0 - reset[j]);
            d_inside[j] = d_new[j] * reset[j];
            direct[j] = gradient[j] * update[j];
        }
        step.recurrent[..2 * n].copy_from_slice(gates);
    }
}

/// A recurrence from `h(-1) = 0`: projected input `[batch, length, gates n]`, recurrent matrix `[n, gates n]`, and
/// for three inputs the bias within the recurrent product `[n]`; output `[batch, length, n]`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scan<C>(PhantomData<C>);

impl<C: Cell> FastOp<2> for Scan<C> {
    type Kept = Vec<f32>;

    fn forward(&self, [projected, recurrent]: [View; 2], _keep: bool) -> (Array, Vec<f32>) {
        forward::<C>(projected, recurrent, &[])
    }

    fn backward(
        &self,
        [_, recurrent]: [View; 2],
        output: View,
        kept: &Vec<f32>,
        gradient: View,
        wanted: [bool; 2],
    ) -> [Option<Array>; 2] {
        let [projected, recurrent, _] = backward::<C>(recurrent, output, kept, gradient, [wanted[0], wanted[1], false]);
        [projected, recurrent]
    }
}

impl<C: Cell> FastOp<3> for Scan<C> {
    type Kept = Vec<f32>;

    fn forward(&self, [projected, recurrent, bias]: [View; 3], _keep: bool) -> (Array, Vec<f32>) {
        forward::<C>(projected, recurrent, bias.data)
    }

    fn backward(
        &self,
        [_, recurrent, _]: [View; 3],
        output: View,
        kept: &Vec<f32>,
        gradient: View,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        backward::<C>(recurrent, output, kept, gradient, wanted)
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
            vectorized(
                #[inline(always)]
                || {
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
                },
            );
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
    let parts: Vec<_> = projected.data.chunks_mut(ROWS * length * gates).enumerate().collect();
    let shared: Vec<Shared> = parts
        .into_par_iter()
        .map(|(chunk, projected)| {
            let sequences = chunk * ROWS..chunk * ROWS + projected.len() / (length * gates);
            let steps = sequences.start * length * n..sequences.end * length * n;
            let kept = &kept[sequences.start * length * C::KEPT * n..sequences.end * length * C::KEPT * n];
            backward_chunk::<C>(
                length,
                recurrent,
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

fn backward_chunk<C: Cell>(
    length: usize,
    recurrent: View,
    output: &[f32],
    kept: &[f32],
    gradient: &[f32],
    projected: &mut [f32],
    wanted: [bool; 3],
) -> Shared {
    let [n, gates] = *recurrent.shape else { panic!("recurrent matrices are [n, gates n]") };
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
        vectorized(
            #[inline(always)]
            || {
                for row in 0..rows {
                    let at = row * length + time;
                    let total = &mut total[row * n..][..n];
                    let (gradient, later) = (&gradient[at * n..][..n], &later[row * n..][..n]);
                    for j in 0..n {
                        total[j] = gradient[j] + later[j];
                    }
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
            },
        );
        if time > 0 {
            let of_product = if C::SEPARATE { &d_recurrent } else { &d_projected };
            later.copy_from_slice(&direct);
            let into = (later.as_mut_slice(), Strides::of_rows(n), Old::Keep);
            let right = (recurrent.data, Strides::of_rows(gates).transposed());
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
            // The bias stands in the last gate.
            for at in row * length..(row + 1) * length {
                let inside = &of_product[(at + 1) * gates - n..][..n];
                bias.iter_mut().zip(inside).for_each(|(bias, gradient)| *bias += gradient);
            }
        }
    }
    (matrix, bias)
}
