use burn::tensor::{Tensor, backend::Backend};

use super::fast_form;

/// The values of what each head has pooled, `x_h W_h` with the head's block of columns W_h.
///
/// # Shapes
/// - input `[batch, n_heads, channels]`, weight `[channels, n_heads * d_head]`
/// - output `[batch, n_heads * d_head]`
pub fn head_values<B: Backend>(input: Tensor<B, 3>, weight: Tensor<B, 2>) -> Tensor<B, 2> {
    let ([batch, n_heads, channels], [_, inner]) = (input.dims(), weight.dims());
    fast_form!(fast::by_head::HeadMap { n_heads, transposed: false }, input, weight);
    let weight = weight.reshape([channels, n_heads, inner / n_heads]).swap_dims(0, 1);
    input.swap_dims(0, 1).matmul(weight).swap_dims(0, 1).reshape([batch, inner])
}

/// The directions in which each head's query sees tokens: `<q_h, x W_h>` is `<q_h W_h^T, x>`, with the head's block of
/// columns W_h of the key map.
///
/// # Shapes
/// - query `[batch, n_heads * d_head]`, weight `[channels, n_heads * d_head]`
/// - output `[batch, n_heads, channels]`
pub fn head_directions<B: Backend>(query: Tensor<B, 2>, weight: Tensor<B, 2>, n_heads: usize) -> Tensor<B, 3> {
    fast_form!(fast::by_head::HeadMap { n_heads, transposed: true }, query, weight);
    let ([batch, inner], [channels, _]) = (query.dims(), weight.dims());
    let d_head = inner / n_heads;
    let query = query.reshape([batch, n_heads, d_head]).swap_dims(0, 1);
    query.matmul(weight.reshape([channels, n_heads, d_head]).permute([1, 2, 0])).swap_dims(0, 1)
}
