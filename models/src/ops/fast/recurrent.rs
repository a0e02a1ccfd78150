//! Recurrences with dense recurrent matrices, all time steps as one operation.
//!
//! The forward pass keeps the activations of every step; the backward pass takes the gradient of the recurrent
//! matrix as one product over all steps.

use std::fmt::Debug;
use std::marker::PhantomData;

use rayon::prelude::*;

use super::conv::transposed;
use super::matmul::{Old, Strides, product};
use super::simd::{each1, each2, each3, sigmoid, tanh, update1, update2, update3, vectorized};
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
        each2(
            step.hidden,
            step.projected,
            step.recurrent,
            #[inline(always)]
            |projected, recurrent| projected + recurrent,
        );
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
        each2(
            step.hidden,
            step.projected,
            step.recurrent,
            #[inline(always)]
            |projected, recurrent| tanh(projected + recurrent),
        );
    }

    #[inline(always)]
    fn backward(step: Backward) {
        each2(
            step.projected,
            step.gradient,
            step.hidden,
            #[inline(always)]
            |gradient, hidden| gradient * (1.0 - hidden * hidden),
        );
    }
}

/// The long short-term memory: gates in the order input, forget, cell, output; kept are these, c(t) and tanh(c(t)).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LstmCell;

impl Cell for LstmCell {
    const GATES: usize = 4;
    const KEPT: usize = 6;
    const SEPARATE: bool = false;

    #[inline(always)]
    fn forward(step: Forward) {
        let n = step.hidden.len();
        let (projected, recurrent, kept) =
            (&step.projected[..4 * n], &step.recurrent[..4 * n], &mut step.kept[..6 * n]);
        let (gates, states) = kept.split_at_mut(4 * n);
        for (gate, ((into, projected), recurrent)) in
            gates.chunks_exact_mut(n).zip(projected.chunks_exact(n)).zip(recurrent.chunks_exact(n)).enumerate()
        {
            if gate == 2 {
                each2(
                    into,
                    projected,
                    recurrent,
                    #[inline(always)]
                    |projected, recurrent| tanh(projected + recurrent),
                );
            } else {
                each2(
                    into,
                    projected,
                    recurrent,
                    #[inline(always)]
                    |projected, recurrent| sigmoid(projected + recurrent),
                );
            }
        }
        let [input, forget, candidate, output] = quarters(gates);
        let (cells, squashed) = states.split_at_mut(n);
        update1(
            step.cell,
            forget,
            #[inline(always)]
            |cell, forget| cell * forget,
        );
        update2(
            step.cell,
            input,
            candidate,
            #[inline(always)]
            |cell, input, candidate| cell + input * candidate,
        );
        cells.copy_from_slice(step.cell);
        each1(squashed, cells, tanh);
        each2(
            step.hidden,
            output,
            squashed,
            #[inline(always)]
            |output, squashed| output * squashed,
        );
    }

    #[inline(always)]
    fn backward(step: Backward) {
        let n = step.gradient.len();
        let (gates, states) = step.kept[..6 * n].split_at(4 * n);
        let [input, forget, candidate, output] = quarters(gates);
        let squashed = &states[n..];
        let (first, last) = step.projected[..4 * n].split_at_mut(2 * n);
        let ((d_input, d_forget), (d_candidate, d_output)) = (first.split_at_mut(n), last.split_at_mut(n));
        each3(
            d_output,
            step.gradient,
            squashed,
            output,
            #[inline(always)]
            |gradient, squashed, output| gradient * squashed * output * (1.0 - output),
        );
        // From here on `carry` is the gradient of c(t), and at the end that of c(t-1).
        let carry = step.carry;
        update3(
            carry,
            step.gradient,
            squashed,
            output,
            #[inline(always)]
            |carry, gradient, squashed, output| carry + gradient * output * (1.0 - squashed * squashed),
        );
        each3(
            d_input,
            carry,
            candidate,
            input,
            #[inline(always)]
            |carry, candidate, input| carry * candidate * input * (1.0 - input),
        );
        each3(
            d_candidate,
            carry,
            candidate,
            input,
            #[inline(always)]
            |carry, candidate, input| carry * input * (1.0 - candidate * candidate),
        );
        match step.before.get(4 * n..5 * n) {
            Some(before) => each3(
                d_forget,
                carry,
                before,
                forget,
                #[inline(always)]
                |carry, before, forget| carry * before * forget * (1.0 - forget),
            ),
            None => d_forget.fill(0.0),
        }
        update1(
            carry,
            forget,
            #[inline(always)]
            |carry, forget| carry * forget,
        );
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
        let (gates, rest) = kept.split_at_mut(2 * n);
        each2(
            gates,
            &projected[..2 * n],
            &recurrent[..2 * n],
            #[inline(always)]
            |projected, recurrent| sigmoid(projected + recurrent),
        );
        let ((reset, update), (new, inside)) = (gates.split_at(n), rest.split_at_mut(n));
        each2(
            inside,
            &recurrent[2 * n..],
            step.bias,
            #[inline(always)]
            |recurrent, bias| recurrent + bias,
        );
        each3(
            new,
            &projected[2 * n..],
            reset,
            inside,
            #[inline(always)]
            |projected, reset, inside| tanh(projected + reset * inside),
        );
        update2(
            step.hidden,
            new,
            update,
            #[inline(always)]
            |hidden, new, update| new + update * (hidden - new),
        );
    }

    #[inline(always)]
    fn backward(step: Backward) {
        let n = step.gradient.len();
        let [reset, update, new, inside] = quarters(&step.kept[..4 * n]);
        let gradient = step.gradient;
        let (gates, d_new) = step.projected[..3 * n].split_at_mut(2 * n);
        let (d_reset, d_update) = gates.split_at_mut(n);
        each3(
            d_update,
            step.hidden_before,
            new,
            update,
            #[inline(always)]
            |before, new, update| (before - new) * update * (1.0 - update),
        );
        update1(
            d_update,
            gradient,
            #[inline(always)]
            |d_update, gradient| d_update * gradient,
        );
        each3(
            d_new,
            gradient,
            update,
            new,
            #[inline(always)]
            |gradient, update, new| gradient * (1.0 - update) * (1.0 - new * new),
        );
        each3(
            d_reset,
            d_new,
            inside,
            reset,
            #[inline(always)]
            |d_new, inside, reset| d_new * inside * reset * (1.0 - reset),
        );
        each2(
            &mut step.recurrent[2 * n..3 * n],
            d_new,
            reset,
            #[inline(always)]
            |d_new, reset| d_new * reset,
        );
        each2(
            step.direct,
            gradient,
            update,
            #[inline(always)]
            |gradient, update| gradient * update,
        );
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
        vectorized(
            #[inline(always)]
            || {
                for row in 0..rows {
                    let at = row * length + time;
                    let total = &mut total[row * n..][..n];
                    let (gradient, later) = (&gradient[at * n..][..n], &later[row * n..][..n]);
                    each2(
                        total,
                        gradient,
                        later,
                        #[inline(always)]
                        |gradient, later| gradient + later,
                    );
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
            // The bias stands in the last gate.
            for at in row * length..(row + 1) * length {
                let inside = &of_product[(at + 1) * gates - n..][..n];
                bias.iter_mut().zip(inside).for_each(|(bias, gradient)| *bias += gradient);
            }
        }
    }
    (matrix, bias)
}
