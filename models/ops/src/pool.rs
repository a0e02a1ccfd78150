use burn::tensor::{Tensor, activation::softmax, backend::Backend};

use super::{add_trailing, fast_form};

/// Attention of a few queries to all tokens of a sequence, the weighted means of the tokens themselves:
/// `sum_t softmax_t[<d_i, x(t)> + b_i(t)] x(t)` for each direction d_i.
///
/// # Shapes
/// - tokens `[batch, length, channels]`, directions `[batch, queries, channels]`, or `[1, queries, channels]` where all
///   sequences share them, bias `[queries, length]`
/// - output `[batch, queries, channels]`
pub fn pool<B: Backend>(tokens: Tensor<B, 3>, directions: Tensor<B, 3>, bias: Option<Tensor<B, 2>>) -> Tensor<B, 3> {
    fast_form!(fast::pool::Pool, tokens, directions; bias);
    softmax(pool_scores(tokens.clone(), directions, bias), 2).matmul(tokens)
}

/// The scores of [`pool`] before the softmax, `[batch, queries, length]`.
pub fn pool_scores<B: Backend>(
    tokens: Tensor<B, 3>,
    directions: Tensor<B, 3>,
    bias: Option<Tensor<B, 2>>,
) -> Tensor<B, 3> {
    let ([batch, ..], [shared, queries, channels]) = (tokens.dims(), directions.dims());
    // A sum broadcasts, and its gradient is added up again.
    let directions = match shared == batch {
        true => directions,
        false => Tensor::zeros([batch, queries, channels], &tokens.device()) + directions,
    };
    let scores = directions.matmul(tokens.swap_dims(1, 2));
    match bias {
        Some(bias) => add_trailing(scores, bias),
        None => scores,
    }
}
