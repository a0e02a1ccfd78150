//! Recurrent cells: one time step of a recurrence, from the projected input `U x(t) + b`.

use burn::tensor::{Tensor, activation, backend::Backend};

/// What an LSTM carries from one step to the next.
#[derive(Debug, Clone)]
pub struct LstmState<B: Backend> {
    /// `h`, `[batch, n]`.
    pub hidden: Tensor<B, 2>,
    /// `c`, `[batch, n]`.
    pub cell: Tensor<B, 2>,
}

impl<B: Backend> LstmState<B> {
    /// The state before the first step.
    pub fn zeros(batch: usize, n: usize, device: &B::Device) -> Self {
        let zeros = Tensor::zeros([batch, n], device);
        Self { hidden: zeros.clone(), cell: zeros }
    }
}

/// `h(t) = tanh(W h(t-1) + U x(t) + b)`.
///
/// # Shapes
/// - projected, hidden and output `[batch, n]`, recurrent `W^T`, `[n, n]`
pub fn tanh_cell<B: Backend>(projected: Tensor<B, 2>, hidden: Tensor<B, 2>, recurrent: &Tensor<B, 2>) -> Tensor<B, 2> {
    (projected + hidden.matmul(recurrent.clone())).tanh()
}

/// `(i, f, g, o) = W h(t-1) + U x(t) + b`, `c(t) = sigmoid(f) c(t-1) + sigmoid(i) tanh(g)`, `h(t) = sigmoid(o) tanh(c(t))`.
///
/// # Shapes
/// - projected `[batch, 4 n]`, recurrent `W^T`, `[n, 4 n]`, columns in the order i, f, g, o
pub fn lstm_cell<B: Backend>(projected: Tensor<B, 2>, state: LstmState<B>, recurrent: &Tensor<B, 2>) -> LstmState<B> {
    let n = recurrent.dims()[0];
    let gates = projected + state.hidden.matmul(recurrent.clone());
    let gate = |index: usize| gates.clone().narrow(1, index * n, n);
    let input = activation::sigmoid(gate(0));
    let forget = activation::sigmoid(gate(1));
    let candidate = gate(2).tanh();
    let output = activation::sigmoid(gate(3));
    let cell = forget * state.cell + input * candidate;
    LstmState { hidden: output * cell.clone().tanh(), cell }
}

/// `r = sigmoid(W_r h(t-1) + U_r x(t) + b_r)`, `z = sigmoid(W_z h(t-1) + U_z x(t) + b_z)`,
/// `n = tanh(U_n x(t) + b_n + r (W_n h(t-1) + c_n))`, `h(t) = (1 - z) n + z h(t-1)`.
///
/// # Shapes
/// - projected `[batch, 3 n]`, recurrent `W^T`, `[n, 3 n]`, columns in the order r, z, n
/// - hidden and output `[batch, n]`, bias `c_n`, `[1, n]`
pub fn gru_cell<B: Backend>(
    projected: Tensor<B, 2>,
    hidden: Tensor<B, 2>,
    recurrent: &Tensor<B, 2>,
    bias: &Tensor<B, 2>,
) -> Tensor<B, 2> {
    let n = recurrent.dims()[0];
    let recurrent = hidden.clone().matmul(recurrent.clone());
    // Reset and update share one sum and one sigmoid.
    let gates = projected.clone().narrow(1, 0, 2 * n) + recurrent.clone().narrow(1, 0, 2 * n);
    let gates = activation::sigmoid(gates);
    let reset = gates.clone().narrow(1, 0, n);
    let update = gates.narrow(1, n, n);
    let inside = recurrent.narrow(1, 2 * n, n) + bias.clone();
    let new = (projected.narrow(1, 2 * n, n) + reset * inside).tanh();
    new.clone() + update * (hidden - new)
}
