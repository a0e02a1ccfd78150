use burn::tensor::{FloatDType, Tensor, TensorData, activation::softmax, backend::Backend};

#[cfg(feature = "cube")]
use super::cube;
#[cfg(any(feature = "flex", feature = "cube"))]
use super::erased::erased;
#[cfg(feature = "flex")]
use super::fast;
use super::{add_trailing, masks_itself};

/// A score that leaves nothing after the softmax; finite, because some GPUs assume that all numbers are.
pub const FORBIDDEN: f64 = -1e30;

/// The causal mask for the scores of sequences of `length` steps, `[1, length, length]`, on backends where [`attention`]
/// does not mask later keys by itself: made once, it need not be made at each call.
pub fn causal_table<B: Backend>(length: usize, device: &B::Device) -> Option<Tensor<B, 3>> {
    (!masks_itself::<B>()).then(|| causal_mask(length, device))
}

/// What is added to the scores of attention.
#[derive(Debug, Clone)]
pub struct ScoreBias<B: Backend> {
    /// `[1 or n_heads, length, length]` (query, key), very negative where attention is forbidden.
    pub values: Option<Tensor<B, 3>>,
    /// Whether later keys are forbidden, in `values` too if these are given.
    pub causal: bool,
}

impl<B: Backend> ScoreBias<B> {
    /// Nothing: every key is seen.
    pub fn none() -> Self {
        Self { values: None, causal: false }
    }
}

/// Queries and keys by time step `[batch, length, n_heads * d_head]`, or by head `[batch, n_heads, length, d_head]`.
#[derive(Debug, Clone)]
pub enum Paired<B: Backend> {
    /// Queries and keys, heads side by side.
    BySteps([Tensor<B, 3>; 2]),
    /// Queries and keys.
    ByHeads([Tensor<B, 4>; 2]),
}

/// `softmax(Q K^T / sqrt(d_head) + bias) V` of each head.
///
/// # Shapes
/// - value and output `[batch, length, n_heads * d_head]`
pub fn attention<B: Backend>(
    paired: Paired<B>,
    value: Tensor<B, 3>,
    bias: &ScoreBias<B>,
    n_heads: usize,
) -> Tensor<B, 3> {
    let [batch, length, inner] = value.dims();
    #[cfg(feature = "flex")]
    if fast::applies(&value) && super::precision().is_none() {
        let (by_head, [query, key]) = match paired {
            Paired::BySteps(pair) => (false, pair.map(erased)),
            Paired::ByHeads(pair) => (true, pair.map(erased)),
        };
        let op = fast::attention::Attention { n_heads, by_head, causal: bias.causal };
        let value = erased(value);
        return match bias.values.clone() {
            Some(values) => fast::apply(op, [query, key, value, erased(values)]),
            None => fast::apply(op, [query, key, value]),
        };
    }
    let weights = weights(by_heads(paired, n_heads), bias);
    product(weights, heads(value, n_heads)).swap_dims(1, 2).reshape([batch, length, inner])
}

/// A matrix product in the precision that [`super::in_precision`] asks for.
fn product<B: Backend>(left: Tensor<B, 4>, right: Tensor<B, 4>) -> Tensor<B, 4> {
    match super::precision() {
        Some(dtype) => left.cast(dtype).matmul(right.cast(dtype)).cast(FloatDType::F32),
        None => left.matmul(right),
    }
}

/// The softmax of how well each query fits each key, of queries and keys by head.
fn weights<B: Backend>([query, key]: [Tensor<B, 4>; 2], bias: &ScoreBias<B>) -> Tensor<B, 4> {
    #[cfg(feature = "cube")]
    if cube::applies(&query) {
        let op = cube::softmax::Softmax { scale: scale(&query) as f32, causal: bias.causal };
        let fits = erased(product(query, key.swap_dims(2, 3)));
        return match bias.values.clone() {
            Some(values) => cube::apply(op, [fits, erased(values)]),
            None => cube::apply(op, [fits]),
        };
    }
    softmax(biased([query, key], bias), 3)
}

/// How well each query (dimension 2) fits each key (dimension 3), before the softmax: `[batch, n_heads, length, length]`.
pub fn scores<B: Backend>(paired: Paired<B>, bias: &ScoreBias<B>, n_heads: usize) -> Tensor<B, 4> {
    biased(by_heads(paired, n_heads), bias)
}

fn biased<B: Backend>([query, key]: [Tensor<B, 4>; 2], bias: &ScoreBias<B>) -> Tensor<B, 4> {
    // Scaling the queries touches `d_head` channels per step, scaling the scores `length` of them.
    let scale = scale(&query);
    let scores = product(query.mul_scalar(scale), key.swap_dims(2, 3));
    match &bias.values {
        Some(values) => add_trailing(scores, values.clone()),
        None if bias.causal => {
            let mask = causal_mask(scores.dims()[3], &scores.device());
            add_trailing(scores, mask)
        }
        None => scores,
    }
}

/// What the products of queries, `[.., d_head]`, and keys are multiplied with.
fn scale<B: Backend>(query: &Tensor<B, 4>) -> f64 {
    1.0 / (query.dims()[3] as f64).sqrt()
}

fn by_heads<B: Backend>(paired: Paired<B>, n_heads: usize) -> [Tensor<B, 4>; 2] {
    match paired {
        Paired::BySteps(pair) => pair.map(|tensor| heads(tensor, n_heads)),
        Paired::ByHeads(pair) => pair,
    }
}

/// Forbids later keys, `[1, length, length]`.
pub fn causal_mask<B: Backend>(length: usize, device: &B::Device) -> Tensor<B, 3> {
    let row = |query| (0..length).map(move |key| if key > query { FORBIDDEN } else { 0.0 });
    Tensor::from_data(TensorData::new((0..length).flat_map(row).collect(), [1, length, length]), device)
}

/// `[batch, length, n_heads * d_head]` to `[batch, n_heads, length, d_head]`.
pub fn heads<B: Backend>(channels: Tensor<B, 3>, n_heads: usize) -> Tensor<B, 4> {
    let [batch, length, inner] = channels.dims();
    channels.reshape([batch, length, n_heads, inner / n_heads]).swap_dims(1, 2)
}
