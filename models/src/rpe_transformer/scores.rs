//! The part of scores that depends on lags.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData, activation, backend::Backend};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::init;
use crate::ops;

/// How scores depend on the lag s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rpe {
    /// `-p log(1 + s)`: weights fall as a power of the lag.
    #[default]
    Log,
    /// `-p s`: weights fall exponentially.
    Linear,
    /// A trainable score per head and lag, at first 0.
    Free,
}

impl Rpe {
    /// `phi(s)` of a real number from 0 up; 0 for free scores, which have none.
    pub fn phi(self, s: f64) -> f64 {
        match self {
            Self::Log => -s.ln_1p(),
            Self::Linear => -s,
            Self::Free => 0.0,
        }
    }
}

/// The trainable part of the scores of one block.
#[derive(Module, Debug)]
pub struct LagScores<B: Backend> {
    /// `log p`, `[n_heads]`.
    pub log_p: Option<Param<Tensor<B, 1>>>,
    /// Free scores, the longest lag first, `[length, n_heads]`.
    pub free: Option<Param<Tensor<B, 2>>>,
}

impl<B: Backend> LagScores<B> {
    /// Starts p evenly spaced in the logarithm from the first to the last head, free scores at 0.
    pub fn init(rpe: Rpe, n_heads: usize, length: usize, p: [f64; 2], device: &B::Device) -> Self {
        let [first, last] = p.map(f64::ln);
        let share = |head: usize| head as f64 / (n_heads - 1).max(1) as f64;
        let values = (0..n_heads).map(|head| first + share(head) * (last - first)).collect();
        let zeros = || vec![0.0; length * n_heads];
        Self {
            log_p: (rpe != Rpe::Free).then(|| init::param(values, [n_heads], device)),
            free: (rpe == Rpe::Free).then(|| init::param(zeros(), [length, n_heads], device)),
        }
    }
}

/// Constants of the scores.
#[derive(Module, Debug)]
pub struct Lags<B: Backend> {
    row: Tensor<B, 2>, // phi(s) of the last step, the longest lag first, [1, length]
    table: Option<Table<B>>,
    #[module(skip)]
    rpe: Rpe,
    length: usize,
}

/// What lies between each query and each key of sequences of one length.
#[derive(Module, Debug)]
struct Table<B: Backend> {
    phi: Tensor<B, 2>,        // [1, length^2] (query, key), 0 where forbidden
    index: Tensor<B, 1, Int>, // row of the free scores, [length^2]
    mask: Tensor<B, 2>,       // [length, length]
}

impl<B: Backend> Lags<B> {
    /// For sequences of at most `length` steps; with `table` the scores of all steps are prepared, not of the last alone.
    pub fn new(rpe: Rpe, length: usize, table: bool, device: &B::Device) -> Self {
        let values = (0..length).rev().map(|lag| rpe.phi(lag as f64)).collect();
        let row = Tensor::from_data(TensorData::new(values, [1, length]), device);
        let table = table.then(|| Table::new(rpe, length, length, device));
        Self { row, table, rpe, length }
    }

    /// The scores of all keys for the last of `length` steps, `[n_heads, length]`.
    ///
    /// # Panics
    /// `length` is longer than the constants were made for.
    pub fn of_last(&self, scores: &LagScores<B>, length: usize) -> Tensor<B, 2> {
        self.assert_length(length);
        let before = self.length - length;
        match (&scores.free, &scores.log_p) {
            (Some(free), _) => free.val().narrow(0, before, length).transpose(),
            (None, Some(log_p)) => {
                ops::linear(log_p.val().exp().unsqueeze_dim(1), self.row.clone().narrow(1, before, length), None)
            }
            (None, None) => unreachable!("scores are free or have a p"),
        }
    }

    /// The scores of all keys (dimension 2) for all of `length` queries, very negative for later keys,
    /// `[n_heads, length, length]`.
    ///
    /// # Panics
    /// As [`Lags::of_last`].
    pub fn of_all(&self, scores: &LagScores<B>, length: usize) -> Tensor<B, 3> {
        self.assert_length(length);
        let Table { phi, index, mask } = match &self.table {
            Some(table) if length == self.length => table.clone(),
            _ => Table::new(self.rpe, self.length, length, &self.row.device()),
        };
        let values = match (&scores.free, &scores.log_p) {
            (Some(free), _) => free.val().select(0, index).transpose(),
            (None, Some(log_p)) => ops::linear(log_p.val().exp().unsqueeze_dim(1), phi, None),
            (None, None) => unreachable!("scores are free or have a p"),
        };
        let n_heads = values.dims()[0];
        ops::add_trailing(values.reshape([n_heads, length, length]), mask)
    }

    /// What "t minus x" adds to all scores of a query whose `w^T x(t)` are `z`, `[batch, length, n_heads]`.
    pub fn of_token(&self, scores: &LagScores<B>, z: Tensor<B, 3>) -> Tensor<B, 3> {
        let z = activation::relu(z);
        let z = if self.rpe == Rpe::Log { z.log1p() } else { z };
        match &scores.log_p {
            Some(log_p) => ops::mul_trailing(z, log_p.val().exp()),
            None => z,
        }
    }

    fn assert_length(&self, length: usize) {
        assert!(length <= self.length, "{length} time steps are more than the {} of the model", self.length);
    }
}

impl<B: Backend> Table<B> {
    /// For sequences of `length` steps in a model for at most `longest`.
    fn new(rpe: Rpe, longest: usize, length: usize, device: &B::Device) -> Self {
        let pairs = || (0..length).flat_map(|query| (0..length).map(move |key| (query, key)));
        let lag = |(query, key): (usize, usize)| query.saturating_sub(key);
        let phi = pairs().map(|pair| rpe.phi(lag(pair) as f64)).collect();
        let index = pairs().map(|pair| (longest - 1 - lag(pair)) as i64).collect();
        let mask = pairs().map(|(query, key)| if key > query { ops::FORBIDDEN } else { 0.0 }).collect();
        Self {
            phi: Tensor::from_data(TensorData::new(phi, [1, length * length]), device),
            index: Tensor::from_data(TensorData::new(index, [length * length]), device),
            mask: Tensor::from_data(TensorData::new(mask, [length, length]), device),
        }
    }
}
