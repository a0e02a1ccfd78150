//! Positions for attention: what tells a Transformer where in time an input stands.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData, backend::Backend, module::linear};
use lookback_registry::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// The dials of [`Positions`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PositionConfig {
    /// How attention learns of time.
    pub position: Position,
    /// Standard deviation of the initial learned positions or T5 scores. From about 1 up, attention can
    /// tell learned positions apart before any training.
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
    /// Checks the dials for attention of the given shape.
    ///
    /// # Errors
    /// `position_std` is negative or not finite; rotary positions with an odd `d_head`; T5 scores with too
    /// few buckets, an odd number of them if not causal, or a `max_distance` that the linear buckets reach.
    pub fn validate(&self, shape: PositionShape) -> Result<()> {
        if !(self.position_std.is_finite() && self.position_std >= 0.0) {
            return Err(Error::invalid("position_std", self.position_std, "a finite number from 0 up"));
        }
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

    /// Trainable scalars.
    pub fn num_params(&self, shape: PositionShape) -> usize {
        match self.position {
            Position::Learned => shape.length * shape.d_model,
            Position::T5Log => self.num_buckets * shape.n_heads,
            Position::None | Position::Sinusoidal | Position::Rotary | Position::Alibi => 0,
        }
    }

    /// Makes the tables for sequences of at most `shape.length` time steps.
    pub fn init<B: Backend>(&self, shape: PositionShape, rng: &mut InitRng, device: &B::Device) -> Positions<B> {
        let PositionShape { length, d_model, n_heads, d_head, causal } = shape;
        let kind = self.position;
        let slopes = if kind == Position::Alibi { alibi_slopes(n_heads) } else { vec![0.0] };
        let has_table = match kind {
            Position::Alibi => true,
            Position::T5Log => causal,
            // The mask alone needs no table where attention masks by itself.
            _ => causal && !ops::masks_itself::<B>(),
        };
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
            bias: has_table.then(|| {
                let values = slopes.iter().flat_map(|slope| {
                    pairs(length).map(move |(query, key)| match causal && key > query {
                        true => ops::FORBIDDEN,
                        false => -slope * query.abs_diff(key) as f64,
                    })
                });
                constant(values.collect(), [slopes.len(), length, length], device)
            }),
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

/// Rotations of consecutive time steps: the channel pairs `(i, i + d_head/2)` turn by the angle
/// `t 10000^(-2i/d_head)`, so that scores depend on the lag alone.
#[derive(Module, Debug)]
pub struct Rotary<B: Backend> {
    cosines: Tensor<B, 2>, // [length, d_head]
    sines: Tensor<B, 2>,   // [length, d_head]
    turn: Tensor<B, 2>,    // the quarter turn (a, b) -> (-b, a) of all pairs, [d_head, d_head]
}

impl<B: Backend> Rotary<B> {
    /// The rotations for at most `length` time steps; `d_head` is even.
    pub fn new(length: usize, d_head: usize, device: &B::Device) -> Self {
        assert!(d_head.is_multiple_of(2), "rotations need pairs of channels, not {d_head}");
        let half = d_head / 2;
        let angle = |index: usize| {
            let (time, channel) = (index / d_head, index % d_head % half);
            time as f64 * 10_000f64.powf(-2.0 * channel as f64 / d_head as f64)
        };
        let table = |function: fn(f64) -> f64| {
            constant((0..length * d_head).map(|index| function(angle(index))).collect(), [length, d_head], device)
        };
        let mut turn = vec![0.0; d_head * d_head];
        for pair in 0..half {
            turn[(pair + half) * d_head + pair] = -1.0;
            turn[pair * d_head + pair + half] = 1.0;
        }
        Self { cosines: table(f64::cos), sines: table(f64::sin), turn: constant(turn, [d_head, d_head], device) }
    }

    /// # Shapes
    /// - input and output `[batch, n_heads, length, d_head]`
    pub fn rotate(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let length = input.dims()[2];
        let turned = linear(input.clone(), self.turn.clone(), None);
        let cosines = first(self.cosines.clone(), 0, length);
        let sines = first(self.sines.clone(), 0, length);
        ops::mul_trailing(input, cosines) + ops::mul_trailing(turned, sines)
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
    fn rotated_scores_depend_on_the_lag_alone() {
        let device = Default::default();
        let rotary = Rotary::<Flex>::new(6, 4, &device);
        let constant_in_time =
            |row: [f32; 4]| Tensor::<Flex, 1>::from_floats(row, &device).reshape([1, 1, 1, 4]).repeat_dim(2, 6);
        let query = rotary.rotate(constant_in_time([1.0, -2.0, 0.5, 3.0]));
        let key = rotary.rotate(constant_in_time([0.3, 1.0, -1.0, 2.0]));
        let scores = query.matmul(key.swap_dims(2, 3)).to_data().to_vec::<f32>().unwrap();
        for time in 0..5 {
            assert!((scores[time * 7] - scores[(time + 1) * 7]).abs() < 1e-5);
        }
        assert!((scores[1] - scores[6]).abs() > 0.1, "past and future differ");
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
    fn invalid_dials_are_named() {
        let message = |config: PositionConfig, causal| {
            config.validate(PositionShape { causal, ..SHAPE }).unwrap_err().to_string()
        };
        let with = |position| PositionConfig { position, ..PositionConfig::default() };
        assert_eq!(
            message(PositionConfig { position_std: -1.0, ..PositionConfig::default() }, true),
            "`position_std` is -1, but it must be a finite number from 0 up."
        );
        assert_eq!(message(with(Position::Rotary), true), "`d_head` is 3, but it must be even for rotary positions.");
        assert_eq!(
            message(PositionConfig { num_buckets: 1, ..with(Position::T5Log) }, true),
            "`num_buckets` is 1, but it must be at least 2."
        );
        assert_eq!(
            message(PositionConfig { num_buckets: 7, ..with(Position::T5Log) }, false),
            "`num_buckets` is 7, but it must be even and at least 4 for bidirectional attention."
        );
        assert_eq!(
            message(PositionConfig { max_distance: 16, ..with(Position::T5Log) }, true),
            "`max_distance` is 16, but it must be greater than 16, the number of lags with a bucket of their own."
        );
    }

    #[test]
    #[should_panic(expected = "9 time steps are more than the 8 of the positions")]
    fn longer_sequences_are_refused() {
        let positions = PositionConfig::default().init::<Flex>(SHAPE, &mut init::rng(0), &Default::default());
        positions.embed(Tensor::zeros([1, 9, 4], &Default::default()));
    }
}
