//! Positions for attention: what tells a Transformer the place of an input in time.

mod rotary;

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData, backend::Backend};
use lookback_registry::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use rotary::Rotary;

use crate::init::{self, InitRng};
use crate::ops;

/// How attention learns of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// Not at all, but for the causal mask.
    None,
    /// A trainable vector per time step, added once after the input projection.
    #[default]
    Learned,
    /// Sines and cosines of time, added once after the input projection (Vaswani et al., "Attention is all
    /// you need", 2017, <https://arxiv.org/abs/1706.03762>).
    Sinusoidal,
    /// Queries and keys rotated by angles proportional to time (Su et al., "RoFormer: enhanced transformer
    /// with rotary position embedding", 2021, <https://arxiv.org/abs/2104.09864>).
    Rotary,
    /// Scores lowered in proportion to the lag, with the fixed slope `2^(-8h/H)` for head `h = 1..H` (Press,
    /// Smith, Lewis, "Train short, test long: attention with linear biases enables input length
    /// extrapolation", 2021, <https://arxiv.org/abs/2108.12409>).
    Alibi,
    /// A trainable score per head and lag, lags grouped in logarithmic buckets (Raffel et al., "Exploring the
    /// limits of transfer learning with a unified text-to-text transformer", 2019,
    /// <https://arxiv.org/abs/1910.10683>).
    T5Log,
}

/// Where trainable position embeddings start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LearnedStart {
    /// Independent normal draws.
    #[default]
    Normal,
    /// The table of [`Position::Sinusoidal`], scaled. It favours fixed lags, which a query can then find by a
    /// linear map; training is free to leave it.
    Sinusoidal,
}

/// The parameters of [`Positions`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PositionConfig {
    /// How attention learns of time.
    pub position: Position,
    /// Standard deviation of the initial learned positions or T5 scores. From about 1 up, attention can
    /// tell learned positions apart before any training.
    #[schemars(range(min = 0.0))]
    pub position_std: f64,
    /// Where learned positions start; both starts have the root mean square `position_std`.
    pub learned_start: LearnedStart,
    /// Buckets of lags of the T5 scores; half of them for each direction of time if not causal.
    pub num_buckets: usize,
    /// Lag from which on all lags share the last bucket of the T5 scores.
    pub max_distance: usize,
}

impl Default for PositionConfig {
    fn default() -> Self {
        Self {
            position: Position::default(),
            position_std: 1.0,
            learned_start: LearnedStart::Normal,
            num_buckets: 32,
            max_distance: 128,
        }
    }
}

/// The sizes that positions depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionShape {
    /// The longest sequence, in time steps.
    pub length: usize,
    /// Channels of the sequence.
    pub d_model: usize,
    /// Number of attention heads.
    pub n_heads: usize,
    /// Channels of each head's queries and keys.
    pub d_head: usize,
    /// Whether attention to later time steps is forbidden.
    pub causal: bool,
}

/// Positions and the causal mask of a Transformer, all that does not depend on the input made once.
#[derive(Module, Debug)]
pub struct Positions<B: Backend> {
    /// Learned positions, `[length, d_model]`.
    pub learned: Option<Param<Tensor<B, 2>>>,
    /// T5 scores, `[num_buckets, n_heads]`.
    pub scores: Option<Param<Tensor<B, 2>>>,
    /// Rotations of queries and keys.
    pub rotary: Option<Rotary<B>>,
    sinusoids: Option<Tensor<B, 2>>,    // [length, d_model]
    bias: Option<Tensor<B, 3>>,         // mask and ALiBi, [1 or n_heads, length, length]
    buckets: Option<Tensor<B, 2, Int>>, // bucket of (query, key), [length, length]
    length: usize,
    causal: bool,
}

impl PositionConfig {
    /// Checks the fields together, for attention of the given shape.
    ///
    /// # Errors
    /// Rotary positions with an odd `d_head`; T5 scores with too few buckets, an odd number of them if not causal, or a
    /// `max_distance` that the linear buckets reach.
    pub fn constraints(&self, shape: PositionShape) -> Result<()> {
        if self.position == Position::Rotary && shape.d_head % 2 == 1 {
            return Err(Error::invalid("d_head", shape.d_head, "even for rotary positions"));
        }
        if self.position == Position::T5Log {
            if shape.causal && self.num_buckets < 2 {
                return Err(Error::invalid("num_buckets", self.num_buckets, "at least 2"));
            }
            if !shape.causal && (self.num_buckets < 4 || self.num_buckets % 2 == 1) {
                return Err(Error::invalid(
                    "num_buckets",
                    self.num_buckets,
                    "even and at least 4 for bidirectional attention",
                ));
            }
            let exact = self.num_buckets / if shape.causal { 2 } else { 4 };
            if self.max_distance <= exact {
                return Err(Error::invalid(
                    "max_distance",
                    self.max_distance,
                    format!("greater than {exact}, the number of lags with a bucket of their own"),
                ));
            }
        }
        Ok(())
    }

    /// Makes the tables for sequences of at most `shape.length` time steps.
    pub fn init<B: Backend>(&self, shape: PositionShape, rng: &mut InitRng, device: &B::Device) -> Positions<B> {
        let PositionShape { length, d_model, n_heads, d_head, causal } = shape;
        let kind = self.position;
        Positions {
            learned: (kind == Position::Learned).then(|| match self.learned_start {
                LearnedStart::Normal => init::normal([length, d_model], self.position_std, rng, device),
                LearnedStart::Sinusoidal => {
                    // Sines and cosines have the root mean square 1 / sqrt(2).
                    let scale = self.position_std * std::f64::consts::SQRT_2;
                    let values = sinusoids(length, d_model).into_iter().map(|value| scale * value).collect();
                    init::param(values, [length, d_model], device)
                }
            }),
            scores: (kind == Position::T5Log)
                .then(|| init::normal([self.num_buckets, n_heads], self.position_std, rng, device)),
            rotary: (kind == Position::Rotary).then(|| Rotary::new(length, d_head, device)),
            sinusoids: (kind == Position::Sinusoidal)
                .then(|| constant(sinusoids(length, d_model), [length, d_model], device)),
            bias: match kind {
                Position::Alibi => {
                    let of = |slope: f64, (query, key): (usize, usize)| match causal && key > query {
                        true => ops::FORBIDDEN,
                        false => -slope * query.abs_diff(key) as f64,
                    };
                    let values =
                        alibi_slopes(n_heads).into_iter().flat_map(|slope| pairs(length).map(move |at| of(slope, at)));
                    Some(constant(values.collect(), [n_heads, length, length], device))
                }
                Position::T5Log => causal.then(|| ops::causal_mask(length, device)),
                _ => ops::causal_table(length, device).filter(|_| causal),
            },
            buckets: (kind == Position::T5Log).then(|| {
                let bucket = |(query, key)| t5_bucket(query, key, causal, self.num_buckets, self.max_distance) as i64;
                Tensor::from_data(TensorData::new(pairs(length).map(bucket).collect(), [length, length]), device)
            }),
            length,
            causal,
        }
    }
}

impl<B: Backend> Positions<B> {
    /// Adds absolute positions, if there are any.
    ///
    /// # Shapes
    /// - input and output `[batch, length, d_model]`
    ///
    /// # Panics
    /// The sequence is longer than the positions were made for.
    pub fn embed(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let length = input.dims()[1];
        self.assert_length(length);
        let table = self.learned.as_ref().map(Param::val).or_else(|| self.sinusoids.clone());
        match table {
            Some(table) => ops::add_trailing(input, first(table, 0, length)),
            None => input,
        }
    }

    /// What is added to the scores of every block: mask, ALiBi and T5 scores.
    ///
    /// # Panics
    /// `length` is longer than the positions were made for.
    pub fn bias(&self, length: usize) -> ops::ScoreBias<B> {
        self.assert_length(length);
        let constant = self.bias.clone().map(|bias| first(first(bias, 1, length), 2, length));
        let trained = self.scores.as_ref().zip(self.buckets.clone()).map(|(scores, buckets)| {
            let scores = scores.val();
            let n_heads = scores.dims()[1];
            let buckets = first(first(buckets, 0, length), 1, length).reshape([length * length]);
            scores.select(0, buckets).reshape([length, length, n_heads]).permute([2, 0, 1])
        });
        let values = match (constant, trained) {
            (Some(constant), Some(trained)) => Some(ops::add_trailing(trained, constant)),
            (constant, trained) => constant.or(trained),
        };
        ops::ScoreBias { values, causal: self.causal }
    }

    fn assert_length(&self, length: usize) {
        assert!(length <= self.length, "{length} time steps are more than the {} of the positions", self.length);
    }
}

/// The slopes `2^(-8h/H)`, `h = 1..H`.
fn alibi_slopes(n_heads: usize) -> Vec<f64> {
    (1..=n_heads).map(|head| 2f64.powf(-8.0 * head as f64 / n_heads as f64)).collect()
}

/// `sin(t w_i)` in channel `2i` and `cos(t w_i)` in channel `2i+1`, `w_i = 10000^(-2i/d_model)`, row-major.
pub(crate) fn sinusoids(length: usize, d_model: usize) -> Vec<f64> {
    let value = |index: usize| {
        let (time, channel) = (index / d_model, index % d_model);
        let angle = time as f64 * 10_000f64.powf(-((channel - channel % 2) as f64) / d_model as f64);
        if channel % 2 == 0 { angle.sin() } else { angle.cos() }
    };
    (0..length * d_model).map(value).collect()
}

/// T5's bucket of a key seen from a query. Half of the buckets hold one lag each, the others grow
/// logarithmically up to `max_distance`. Bidirectional attention has a first half of buckets for the past
/// and a second one for the future; causal attention puts all of the future, which is masked, into bucket 0.
fn t5_bucket(query: usize, key: usize, causal: bool, num_buckets: usize, max_distance: usize) -> usize {
    let (offset, buckets, lag) = match causal {
        true => (0, num_buckets, query.saturating_sub(key)),
        false => (if key > query { num_buckets / 2 } else { 0 }, num_buckets / 2, query.abs_diff(key)),
    };
    let exact = buckets / 2;
    let bucket = if lag < exact {
        lag
    } else {
        let scale = (lag as f64 / exact as f64).ln() / (max_distance as f64 / exact as f64).ln();
        (exact + (scale * (buckets - exact) as f64) as usize).min(buckets - 1)
    };
    offset + bucket
}

/// All pairs of time steps, row-major.
fn pairs(length: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..length).flat_map(move |query| (0..length).map(move |key| (query, key)))
}

fn constant<B: Backend, const D: usize>(values: Vec<f64>, shape: [usize; D], device: &B::Device) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The first `count` entries along `dim`, without a copy where these are all.
fn first<B: Backend, const D: usize, K: burn::tensor::BasicOps<B>>(
    tensor: Tensor<B, D, K>,
    dim: usize,
    count: usize,
) -> Tensor<B, D, K> {
    if tensor.dims()[dim] == count { tensor } else { tensor.narrow(dim, 0, count) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    const SHAPE: PositionShape = PositionShape { length: 8, d_model: 4, n_heads: 2, d_head: 3, causal: true };

    #[test]
    fn alibi_slopes_halve_for_eight_heads() {
        assert_eq!(alibi_slopes(8)[..3], [0.5, 0.25, 0.125]);
        assert_eq!(alibi_slopes(2), [1.0 / 16.0, 1.0 / 256.0]);
    }

    #[test]
    fn alibi_falls_with_the_lag_and_masks_the_future() {
        let config = PositionConfig { position: Position::Alibi, ..PositionConfig::default() };
        let positions = config.init::<Flex>(SHAPE, &mut init::rng(0), &Default::default());
        let bias = positions.bias(3).values.unwrap().to_data().to_vec::<f32>().unwrap();
        assert_eq!(bias[..9], [0.0, -1e30, -1e30, -0.0625, 0.0, -1e30, -0.125, -0.0625, 0.0]);
        assert_eq!(bias[15], -2.0 / 256.0);
    }

    #[test]
    fn t5_buckets_follow_the_published_formula() {
        let causal = |lag| t5_bucket(lag, 0, true, 32, 128);
        assert_eq!(
            [0, 1, 15, 16, 17, 20, 32, 64, 127, 128, 999].map(causal),
            [0, 1, 15, 16, 16, 17, 21, 26, 31, 31, 31]
        );
        assert_eq!(t5_bucket(0, 5, true, 32, 128), 0);
        let both = |query, key| t5_bucket(query, key, false, 32, 128);
        assert_eq!(
            [both(5, 5), both(5, 0), both(0, 5), both(0, 8), both(200, 0), both(0, 200)],
            [0, 5, 21, 24, 15, 31]
        );
    }

    #[test]
    fn sinusoids_start_with_zero_and_one() {
        let table = sinusoids(2, 4);
        assert_eq!(table[..4], [0.0, 1.0, 0.0, 1.0]);
        assert!((table[4] - 1f64.sin()).abs() < 1e-15 && (table[7] - 0.01f64.cos()).abs() < 1e-15);
    }

    #[test]
    #[should_panic(expected = "9 time steps are more than the 8 of the positions")]
    fn longer_sequences_are_refused() {
        let positions = PositionConfig::default().init::<Flex>(SHAPE, &mut init::rng(0), &Default::default());
        positions.embed(Tensor::zeros([1, 9, 4], &Default::default()));
    }
}
