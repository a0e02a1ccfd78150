use burn::tensor::{Tensor, backend::Backend};

use super::{LstmState, fast_form, gru_cell, lstm_cell, scan, shift, tanh_cell};

/// The outputs of an LSTM, `h(-1) = c(-1) = 0`; see [`lstm_cell`].
///
/// # Shapes
/// - projected `[batch, length, 4 n]`, recurrent `[n, 4 n]`, output `[batch, length, n]`
pub fn lstm<B: Backend>(projected: Tensor<B, 3>, recurrent: Tensor<B, 2>) -> Tensor<B, 3> {
    fast_form!(fast::recurrent::Scan::<fast::recurrent::LstmCell>::default(), projected, recurrent);
    let state = LstmState::zeros(projected.dims()[0], recurrent.dims()[0], &projected.device());
    scan(projected, state, |step, state| {
        let state = lstm_cell(step, state, &recurrent);
        (state.hidden.clone(), state)
    })
}

/// The outputs of a GRU, `h(-1) = 0`; see [`gru_cell`].
///
/// # Shapes
/// - projected `[batch, length, 3 n]`, recurrent `[n, 3 n]`, bias `[n]`, output `[batch, length, n]`
pub fn gru<B: Backend>(projected: Tensor<B, 3>, recurrent: Tensor<B, 2>, bias: Tensor<B, 1>) -> Tensor<B, 3> {
    fast_form!(fast::recurrent::Scan::<fast::recurrent::GruCell>::default(), projected, recurrent, bias);
    let (state, bias) = (first_state(&projected, &recurrent), bias.unsqueeze());
    scan(projected, state, |step, hidden| {
        let hidden = gru_cell(step, hidden, &recurrent, &bias);
        (hidden.clone(), hidden)
    })
}

/// The outputs of a tanh recurrence, `h(-1) = 0`; see [`tanh_cell`].
///
/// # Shapes
/// - projected and output `[batch, length, n]`, recurrent `[n, n]`
pub fn tanh_rnn<B: Backend>(projected: Tensor<B, 3>, recurrent: Tensor<B, 2>) -> Tensor<B, 3> {
    fast_form!(fast::recurrent::Scan::<fast::recurrent::TanhCell>::default(), projected, recurrent);
    let state = first_state(&projected, &recurrent);
    scan(projected, state, |step, hidden| {
        let hidden = tanh_cell(step, hidden, &recurrent);
        (hidden.clone(), hidden)
    })
}

/// The outputs of a linear recurrence `h(t) = W h(t-1) + u(t)`, `h(-1) = 0`.
///
/// Composed, it is parallel over time: after round k, `h` holds the last `2^k` terms of `sum_s W^s u(t-s)` (Hillis and
/// Steele's scan, with `W^(2^k)` by squaring).
///
/// # Shapes
/// - projected `u` and output `[batch, length, n]`, recurrent `W^T`, `[n, n]`
pub fn linear_rnn<B: Backend>(projected: Tensor<B, 3>, recurrent: Tensor<B, 2>) -> Tensor<B, 3> {
    fast_form!(fast::recurrent::Scan::<fast::recurrent::LinearCell>::default(), projected, recurrent);
    let length = projected.dims()[1];
    let (mut hidden, mut power) = (projected, recurrent);
    let mut reach = 1;
    while reach < length {
        hidden = hidden.clone() + shift(hidden, reach).matmul(power.clone().unsqueeze());
        reach *= 2;
        if reach < length {
            power = power.clone().matmul(power);
        }
    }
    hidden
}

fn first_state<B: Backend>(projected: &Tensor<B, 3>, recurrent: &Tensor<B, 2>) -> Tensor<B, 2> {
    Tensor::zeros([projected.dims()[0], recurrent.dims()[0]], &projected.device())
}
