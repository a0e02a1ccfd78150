//! The loop over time of recurrences that have no parallel form.

use burn::tensor::{Tensor, backend::Backend};

use crate::ops;

/// Runs `cell` from `state` over all time steps; `cell(input, state)` gives the output and the next state.
///
/// # Shapes
/// - input `[batch, length, channels]`, output `[batch, length, hidden]`
/// - the cell's input `[batch, channels]`, its output `[batch, hidden]`
pub fn scan<B: Backend, S>(
    input: Tensor<B, 3>,
    mut state: S,
    mut cell: impl FnMut(Tensor<B, 2>, S) -> (Tensor<B, 2>, S),
) -> Tensor<B, 3> {
    let [batch, length, _] = input.dims();
    let mut outputs = Vec::with_capacity(length);
    for step in ops::unbind(input) {
        let (output, next) = cell(step, state);
        state = next;
        outputs.push(output);
    }
    let hidden = outputs[0].dims()[1];
    // One concatenation of channels instead of `stack`, which would first reshape every step.
    Tensor::cat(outputs, 1).reshape([batch, length, hidden])
}
