//! Attention on the host, head by head.

use burn::tensor::{Tensor, backend::Backend};
use lookback_models::attention::Attended;
use lookback_registry::{Error, ErrorKind, Result};
use nalgebra::DMatrix;

use super::TrainedModel;
use crate::backends::TrainBackend;

/// The attention of one layer to one input.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerAttention {
    /// How well each query (row) fits each key (column), before the softmax, by head.
    pub(super) scores: Vec<DMatrix<f64>>,
    /// How much each query attends to each key, by head; rows sum to 1.
    pub(super) weights: Vec<DMatrix<f64>>,
}

impl LayerAttention {
    /// The attention to the first input of a batch.
    ///
    /// # Errors
    /// A score is no number.
    pub fn first<B: Backend>(attended: &Attended<B>) -> Result<Self> {
        let layer = Self { scores: matrices(attended.scores.clone()), weights: matrices(attended.weights()) };
        if layer.scores.iter().chain(&layer.weights).flatten().all(|value| value.is_finite()) {
            return Ok(layer);
        }
        Err(Error::new(
            ErrorKind::Failed,
            "The model's attention has scores that are not finite numbers; there is nothing to see in it.",
        ))
    }

    /// Tokens that attend to each other.
    pub fn tokens(&self) -> usize {
        self.weights.first().map_or(0, DMatrix::nrows)
    }

    /// The mean of the weights over heads, `[tokens, tokens]`.
    pub(super) fn mean_weights(&self) -> DMatrix<f64> {
        let tokens = self.tokens();
        let sum = self.weights.iter().fold(DMatrix::zeros(tokens, tokens), |sum, head| sum + head);
        sum / self.weights.len().max(1) as f64
    }
}

/// One matrix per head of `[batch, heads, queries, keys]`, for the first of the batch.
fn matrices<B: Backend>(tensor: Tensor<B, 4>) -> Vec<DMatrix<f64>> {
    let [_, heads, queries, keys] = tensor.dims();
    let values: Vec<f64> = tensor.narrow(0, 0, 1).into_data().iter::<f64>().collect();
    let head = |head: usize| &values[head * queries * keys..(head + 1) * queries * keys];
    (0..heads).map(|index| DMatrix::from_row_slice(queries, keys, head(index))).collect()
}

/// What attends to what in a model for one input, `[length, d_input]`, row-major; layer by layer, none for a model
/// without attention.
///
/// # Errors
/// A score is no number.
pub fn attention<B: TrainBackend>(run: &TrainedModel<B>, values: Vec<f32>) -> Result<Vec<LayerAttention>> {
    run.state().attention(run.input(values)).iter().map(LayerAttention::first).collect()
}

/// Attention rollout: how much each input token (column) is in each output token (row), if residual branches pass
/// on half of what they get: the product over layers of the mean over heads plus the identity, rows normalised.
///
/// Source: Abnar and Zuidema, "Quantifying attention flow in Transformers", 2020, <https://arxiv.org/abs/2005.00928>.
pub(super) fn rollout(layers: &[LayerAttention]) -> DMatrix<f64> {
    let tokens = layers.first().map_or(0, LayerAttention::tokens);
    layers.iter().fold(DMatrix::identity(tokens, tokens), |below, layer| {
        let mut flow = layer.mean_weights() + DMatrix::identity(tokens, tokens);
        for mut row in flow.row_iter_mut() {
            let sum = row.sum();
            row /= sum;
        }
        flow * below
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[cfg(feature = "flex")]
    type Plain = <crate::backends::types::Flex as burn::tensor::backend::AutodiffBackend>::InnerBackend;

    /// A layer with these weights and the same for scores, row-major, by head.
    pub(in super::super) fn layer(tokens: usize, heads: &[&[f64]]) -> LayerAttention {
        let heads: Vec<_> = heads.iter().map(|head| DMatrix::from_row_slice(tokens, tokens, head)).collect();
        LayerAttention { scores: heads.clone(), weights: heads }
    }

    #[test]
    fn rollout_is_that_of_two_layers_by_hand() {
        // The first layer swaps the tokens; of the second, one head keeps them and one looks at token 0 alone.
        let first = layer(2, &[&[0.0, 1.0, 1.0, 0.0]]);
        let second = layer(2, &[&[1.0, 0.0, 0.0, 1.0], &[1.0, 0.0, 1.0, 0.0]]);
        // Half of the identity and half of the mean: A_1 = [[.5, .5], [.5, .5]], A_2 = [[1, 0], [.25, .75]].
        assert_eq!(rollout(std::slice::from_ref(&second)), DMatrix::from_row_slice(2, 2, &[1.0, 0.0, 0.25, 0.75]));
        assert_eq!(rollout(&[first.clone(), second.clone()]), DMatrix::from_element(2, 2, 0.5));
        // The order of the layers matters: A_1 A_2.
        assert_eq!(rollout(&[second, first]), DMatrix::from_row_slice(2, 2, &[0.625, 0.375, 0.625, 0.375]));
    }

    #[cfg(feature = "flex")]
    #[test]
    fn tensors_become_matrices_of_queries_by_keys() {
        let scores = [0.0, 3.0f32.ln(), 0.0, 0.0, 5.0, 5.0, 5.0, 5.0];
        let tensor = Tensor::<Plain, 1>::from_floats(scores, &Default::default()).reshape([1, 2, 2, 2]);
        let layer = LayerAttention::first(&Attended { scores: tensor }).unwrap();
        assert_eq!((layer.tokens(), layer.scores.len()), (2, 2));
        assert!((layer.scores[0][(0, 1)] - 3.0f64.ln()).abs() < 1e-6 && layer.scores[0][(1, 0)] == 0.0);
        assert!((layer.weights[0][(0, 1)] - 0.75).abs() < 1e-6 && (layer.mean_weights()[(0, 0)] - 0.375).abs() < 1e-6);
    }

    #[cfg(feature = "flex")]
    #[test]
    fn scores_that_are_no_numbers_are_an_error() {
        let tensor = Tensor::<Plain, 1>::from_floats([f32::NAN], &Default::default()).reshape([1, 1, 1, 1]);
        assert_eq!(
            LayerAttention::first(&Attended { scores: tensor }).unwrap_err().to_string(),
            "The model's attention has scores that are not finite numbers; there is nothing to see in it."
        );
    }
}
