//! The recurrent cells: one time step of one sequence, and its gradient.

use std::fmt::Debug;

use crate::fast::simd::{each1, each2, each3, inlined, sigmoid, tanh, update1, update2, update3};

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
    pub(super) projected: &'a [f32],
    /// `W h(t-1)`.
    pub(super) recurrent: &'a [f32],
    /// The bias within the recurrent product; empty if it has none.
    pub(super) bias: &'a [f32],
    /// h(t-1), then h(t).
    pub(super) hidden: &'a mut [f32],
    /// A second state, for cells that have one.
    pub(super) cell: &'a mut [f32],
    pub(super) kept: &'a mut [f32],
}

/// What [`Cell::backward`] reads and writes.
pub(crate) struct Backward<'a> {
    /// The gradient of h(t).
    pub(super) gradient: &'a [f32],
    pub(super) kept: &'a [f32],
    /// What was kept of the step before; empty at the first.
    pub(super) before: &'a [f32],
    /// h(t-1).
    pub(super) hidden_before: &'a [f32],
    /// h(t).
    pub(super) hidden: &'a [f32],
    /// The gradient of the second state.
    pub(super) carry: &'a mut [f32],
    /// The gradient of h(t-1) past the recurrent product.
    pub(super) direct: &'a mut [f32],
    /// The gradient of the projected input.
    pub(super) projected: &'a mut [f32],
    /// The gradient of the recurrent product, where it is separate.
    pub(super) recurrent: &'a mut [f32],
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
        each2(step.hidden, step.projected, step.recurrent, inlined!(|projected, recurrent| projected + recurrent));
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
            inlined!(|projected, recurrent| tanh(projected + recurrent)),
        );
    }

    #[inline(always)]
    fn backward(step: Backward) {
        each2(
            step.projected,
            step.gradient,
            step.hidden,
            inlined!(|gradient, hidden| gradient * (1.0 - hidden * hidden)),
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
                each2(into, projected, recurrent, inlined!(|projected, recurrent| tanh(projected + recurrent)));
            } else {
                each2(into, projected, recurrent, inlined!(|projected, recurrent| sigmoid(projected + recurrent)));
            }
        }
        let [input, forget, candidate, output] = quarters(gates);
        let (cells, squashed) = states.split_at_mut(n);
        update1(step.cell, forget, inlined!(|cell, forget| cell * forget));
        update2(step.cell, input, candidate, inlined!(|cell, input, candidate| cell + input * candidate));
        cells.copy_from_slice(step.cell);
        each1(squashed, cells, tanh);
        each2(step.hidden, output, squashed, inlined!(|output, squashed| output * squashed));
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
            inlined!(|gradient, squashed, output| gradient * squashed * output * (1.0 - output)),
        );
        // From here on `carry` is the gradient of c(t), and at the end that of c(t-1).
        let carry = step.carry;
        update3(
            carry,
            step.gradient,
            squashed,
            output,
            inlined!(|carry, gradient, squashed, output| carry + gradient * output * (1.0 - squashed * squashed)),
        );
        each3(
            d_input,
            carry,
            candidate,
            input,
            inlined!(|carry, candidate, input| carry * candidate * input * (1.0 - input)),
        );
        each3(
            d_candidate,
            carry,
            candidate,
            input,
            inlined!(|carry, candidate, input| carry * input * (1.0 - candidate * candidate)),
        );
        match step.before.get(4 * n..5 * n) {
            Some(before) => each3(
                d_forget,
                carry,
                before,
                forget,
                inlined!(|carry, before, forget| carry * before * forget * (1.0 - forget)),
            ),
            None => d_forget.fill(0.0),
        }
        update1(carry, forget, inlined!(|carry, forget| carry * forget));
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
            inlined!(|projected, recurrent| sigmoid(projected + recurrent)),
        );
        let ((reset, update), (new, inside)) = (gates.split_at(n), rest.split_at_mut(n));
        each2(inside, &recurrent[2 * n..], step.bias, inlined!(|recurrent, bias| recurrent + bias));
        each3(
            new,
            &projected[2 * n..],
            reset,
            inside,
            inlined!(|projected, reset, inside| tanh(projected + reset * inside)),
        );
        update2(step.hidden, new, update, inlined!(|hidden, new, update| new + update * (hidden - new)));
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
            inlined!(|before, new, update| (before - new) * update * (1.0 - update)),
        );
        update1(d_update, gradient, inlined!(|d_update, gradient| d_update * gradient));
        each3(
            d_new,
            gradient,
            update,
            new,
            inlined!(|gradient, update, new| gradient * (1.0 - update) * (1.0 - new * new)),
        );
        each3(d_reset, d_new, inside, reset, inlined!(|d_new, inside, reset| d_new * inside * reset * (1.0 - reset)));
        each2(&mut step.recurrent[2 * n..3 * n], d_new, reset, inlined!(|d_new, reset| d_new * reset));
        each2(step.direct, gradient, update, inlined!(|gradient, update| gradient * update));
        step.recurrent[..2 * n].copy_from_slice(gates);
    }
}
