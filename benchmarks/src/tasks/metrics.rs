//! Metrics and losses that several tasks share.

use burn::tensor::{Tensor, activation::log_softmax, backend::Backend};

use crate::tasks::Metrics;

/// `nmse`, the mean squared error over the variance of the targets (of these very targets, all channels together), and
/// `mse`. In f64.
///
/// # Panics
/// There is not one prediction per target.
pub fn squared_errors(predictions: &[f32], targets: &[f32]) -> Metrics {
    assert_eq!(predictions.len(), targets.len(), "there must be one prediction per target");
    let count = targets.len() as f64;
    let mean = targets.iter().copied().map(f64::from).sum::<f64>() / count;
    let variance = targets.iter().map(|target| (f64::from(*target) - mean).powi(2)).sum::<f64>() / count;
    let errors = predictions.iter().zip(targets).map(|(p, t)| (f64::from(*p) - f64::from(*t)).powi(2));
    let mse = errors.sum::<f64>() / count;
    vec![("nmse", mse / variance), ("mse", mse)]
}

/// The mean of the squared differences, `[1]`.
///
/// # Shapes
/// - both `[batch, output length, d_output]`
pub fn mean_squared_error<B: Backend>(prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
    let error = prediction - target;
    (error.clone() * error).mean()
}

/// `-sum_k q_k log p_k` with the softmax p of the logits and the probabilities q, averaged over samples and outputs, `[1]`.
///
/// # Shapes
/// - both `[batch, output length, classes]`
pub fn cross_entropy<B: Backend>(logits: Tensor<B, 3>, probabilities: Tensor<B, 3>) -> Tensor<B, 1> {
    let [batch, outputs, _] = logits.dims();
    (probabilities * log_softmax(logits, 2)).sum() / -((batch * outputs) as f64)
}
