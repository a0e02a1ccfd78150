//! Generalised D-retrieval: sequences whose target depends on D extreme values, each of another function of a token.
//!
//! `z_i = max_{t in S_i} f_i(x(t))` (or the minimum), `y = F_0(z_1, .., z_D)`, with `x(t)` independent over time.
//!
//! Source: Yu, Bao, Li, Jiang, Yu, "The effect of attention head count on Transformer approximation", 2025,
//! <https://arxiv.org/abs/2510.06662>.

mod config;

use lookback_registry::Result;

pub use config::{Extreme, FeatureFunction, IndexSets, OuterFunction, RetrievalConfig};

use crate::random::{Key, SampleRng};
use crate::{DrawnDataset, Sample, Split};

/// The functions of a target with their vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieval {
    config: RetrievalConfig,
    /// `[n_functions, d_input]`.
    vectors: Vec<Vec<f64>>,
    /// Subtracted from what the functions make of a sequence.
    shift: f64,
    /// What the difference is divided by.
    scale: f64,
}

/// An extreme value and where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retrieved {
    /// The value `z_i`.
    pub value: f64,
    /// The first time at which the function takes it.
    pub time: usize,
}

impl Retrieval {
    /// Channels of the targets.
    pub const D_OUTPUT: usize = 1;

    /// Sequences of independent tokens, inputs `[length, d_input]`, with one target, `[1, 1]`. The functions leave the
    /// inputs as they are.
    ///
    /// # Errors
    /// `split` has no samples.
    pub fn dataset(&self, split: Split) -> Result<DrawnDataset> {
        let retrieval = self.clone();
        DrawnDataset::new("retrieval dataset", split, move |_, rng| {
            let inputs = retrieval.draw(rng);
            // Of the inputs as rounded to f32, which are all that a model sees.
            let targets = vec![retrieval.target(&inputs) as f32];
            Sample { inputs, targets }
        })
    }

    /// Draws the vectors.
    ///
    /// # Errors
    /// A field of `config` is out of range.
    pub fn new(config: RetrievalConfig) -> Result<Self> {
        config.validate()?;
        let key = Key::new("retrieval, functions", config.function_seed);
        let vector = |index: usize| {
            let mut rng = SampleRng::new(key, index as u64);
            let normal: Vec<f64> = (0..config.d_input).map(|_| rng.normal()).collect();
            match function(&config, index) {
                FeatureFunction::Linear => {
                    let norm = normal.iter().map(|value| value * value).sum::<f64>().sqrt();
                    normal.into_iter().map(|value| value / norm).collect()
                }
                FeatureFunction::SquaredDistance | FeatureFunction::Bump => normal,
            }
        };
        let vectors = (0..config.n_functions).map(vector).collect();
        let mut retrieval = Self { config, vectors, shift: 0.0, scale: 1.0 };
        if retrieval.config.standardised {
            (retrieval.shift, retrieval.scale) = retrieval.moments();
        }
        Ok(retrieval)
    }

    /// The tokens of a sequence, `[length, d_input]`, row-major.
    fn draw(&self, rng: &mut SampleRng) -> Vec<f32> {
        let RetrievalConfig { length, d_input, input, .. } = self.config;
        // The correlation matters to processes that the configuration refuses.
        input.draw(length, d_input, 0.0, rng)
    }

    /// Mean and standard deviation of the targets over sequences of their own seed; a deviation of 1 where all are the
    /// same.
    fn moments(&self) -> (f64, f64) {
        const SEQUENCES: u64 = 4096;
        let key = Key::new("retrieval, moments", self.config.function_seed);
        let (mut mean, mut squares) = (0.0, 0.0);
        for index in 0..SEQUENCES {
            let target = self.target(&self.draw(&mut SampleRng::new(key, index)));
            let difference = target - mean;
            mean += difference / (index + 1) as f64;
            squares += difference * (target - mean);
        }
        let deviation = (squares / SEQUENCES as f64).sqrt();
        (mean, if deviation > 0.0 { deviation } else { 1.0 })
    }

    /// The vectors a_i or c_i, `[n_functions][d_input]`.
    pub fn vectors(&self) -> &[Vec<f64>] {
        &self.vectors
    }

    /// The times `S_i` of function `index`.
    pub fn times(&self, index: usize) -> std::ops::Range<usize> {
        let RetrievalConfig { length, n_functions, index_sets, .. } = self.config;
        match index_sets {
            IndexSets::All => 0..length,
            IndexSets::Windows => {
                let width = (2 * length).div_ceil(n_functions + 1).max(length.div_ceil(4));
                let start = (length - width) * index / n_functions.saturating_sub(1).max(1);
                start..start + width
            }
        }
    }

    /// What is retrieved from a sequence `[length, d_input]`, row-major, function by function.
    pub fn retrieve(&self, tokens: &[f32]) -> Vec<Retrieved> {
        let of = |(index, vector): (usize, &Vec<f64>)| {
            let value = |time: usize| {
                let token = &tokens[time * self.config.d_input..][..self.config.d_input];
                evaluate(function(&self.config, index), vector, token)
            };
            let all = self.times(index).map(|time| Retrieved { value: value(time), time });
            let better = |best: Retrieved, next: Retrieved| {
                let wins = match self.config.extreme {
                    Extreme::Max => next.value > best.value,
                    Extreme::Min => next.value < best.value,
                };
                if wins { next } else { best }
            };
            all.reduce(better).expect("an index set has times")
        };
        self.vectors.iter().enumerate().map(of).collect()
    }

    /// The target of a sequence `[length, d_input]`, row-major.
    pub fn target(&self, tokens: &[f32]) -> f64 {
        let values = self.retrieve(tokens).into_iter().map(|retrieved| retrieved.value);
        let target = match self.config.outer {
            OuterFunction::Sum => values.sum::<f64>(),
            OuterFunction::Product => values.product(),
            OuterFunction::Norm => values.map(|value| value * value).sum::<f64>().sqrt(),
        };
        (target - self.shift) / self.scale
    }
}

fn function(config: &RetrievalConfig, index: usize) -> FeatureFunction {
    config.functions[index % config.functions.len()]
}

fn evaluate(function: FeatureFunction, vector: &[f64], token: &[f32]) -> f64 {
    let pairs = vector.iter().zip(token).map(|(a, x)| (*a, f64::from(*x)));
    match function {
        FeatureFunction::Linear => pairs.map(|(a, x)| a * x).sum(),
        FeatureFunction::SquaredDistance => pairs.map(|(c, x)| (x - c) * (x - c)).sum(),
        FeatureFunction::Bump => libm::exp(-0.5 * pairs.map(|(c, x)| (x - c) * (x - c)).sum::<f64>()),
    }
}

#[cfg(test)]
mod tests {
    use burn_dataset::Dataset;

    use super::*;
    use crate::testing::refused;

    fn retrieval(config: RetrievalConfig) -> Retrieval {
        Retrieval::new(config).unwrap()
    }

    /// Two channels, of which the vectors are replaced by `vectors`.
    fn by_hand(config: RetrievalConfig, vectors: [[f64; 2]; 2]) -> Retrieval {
        let config = RetrievalConfig { d_input: 2, n_functions: 2, ..config };
        Retrieval { config, vectors: vectors.map(Vec::from).into(), shift: 0.0, scale: 1.0 }
    }

    #[test]
    fn targets_are_those_worked_out_by_hand() {
        let tokens = [1.0, 5.0, 2.0, -1.0, -3.0, 0.0];
        let config = RetrievalConfig { length: 3, ..Default::default() };
        let axes = [[1.0, 0.0], [0.0, 1.0]];
        let largest = by_hand(config.clone(), axes);
        let expected = [Retrieved { value: 2.0, time: 1 }, Retrieved { value: 5.0, time: 0 }];
        assert_eq!(largest.retrieve(&tokens), expected);
        assert_eq!(largest.target(&tokens), 7.0);
        let with = |config| by_hand(config, axes).target(&tokens);
        assert_eq!(with(RetrievalConfig { extreme: Extreme::Min, ..config.clone() }), -4.0);
        assert_eq!(with(RetrievalConfig { outer: OuterFunction::Product, ..config.clone() }), 10.0);
        assert_eq!(with(RetrievalConfig { outer: OuterFunction::Norm, ..config.clone() }), 29f64.sqrt());
        // |x - (1, 0)|^2 is 25, 2, 16; exp(-|x - (0, 1)|^2 / 2) is largest where the distance is smallest, 5 + .. = 8.
        let functions = vec![FeatureFunction::SquaredDistance, FeatureFunction::Bump];
        let mixed = by_hand(RetrievalConfig { functions, ..config }, axes);
        assert_eq!(mixed.retrieve(&tokens)[0], Retrieved { value: 25.0, time: 0 });
        assert_eq!(mixed.retrieve(&tokens)[1], Retrieved { value: libm::exp(-4.0), time: 1 });
    }

    #[test]
    fn windows_cover_the_sequence_and_hold_a_quarter_of_it() {
        for n_functions in [1, 2, 3, 4, 7, 20] {
            for length in [1, 3, 8, 30, 128] {
                let index_sets = IndexSets::Windows;
                let all = retrieval(RetrievalConfig { length, n_functions, index_sets, ..Default::default() });
                let windows: Vec<_> = (0..n_functions).map(|index| all.times(index)).collect();
                assert_eq!((windows[0].start, windows[n_functions - 1].end), (0, length));
                assert!(windows.iter().all(|window| 4 * window.len() >= length), "{windows:?}");
                assert!(windows.windows(2).all(|pair| pair[1].start <= pair[0].end), "{windows:?}");
            }
        }
        let two = RetrievalConfig { length: 3, index_sets: IndexSets::Windows, ..Default::default() };
        let two = by_hand(two, [[1.0, 0.0], [1.0, 0.0]]);
        assert_eq!([two.times(0), two.times(1)], [0..2, 1..3]);
        assert_eq!(two.target(&[9.0, 0.0, 1.0, 0.0, 2.0, 0.0]), 11.0);
    }

    #[test]
    fn standardised_targets_are_an_affine_map_of_the_others() {
        for (length, outer) in [(8, OuterFunction::Sum), (64, OuterFunction::Sum), (8, OuterFunction::Product)] {
            let plain = RetrievalConfig { length, outer, ..Default::default() };
            let of = |standardised| {
                let config = RetrievalConfig { standardised, ..plain.clone() };
                let data = retrieval(config).dataset(Split::valid(0, 2000)).unwrap();
                let samples: Vec<Sample> = (0..2000).map(|index| data.get(index).unwrap()).collect();
                samples
            };
            let (plain, standardised) = (of(false), of(true));
            let target = |sample: &Sample| f64::from(sample.targets[0]);
            let mean = standardised.iter().map(target).sum::<f64>() / 2000.0;
            let variance =
                standardised.iter().map(|sample| target(sample) * target(sample)).sum::<f64>() / 2000.0 - mean * mean;
            assert!(mean.abs() < 0.1 && (variance - 1.0).abs() < 0.2, "{length}: {mean}, {variance}");
            let slope = |index: usize| {
                let difference = |of: &[Sample]| target(&of[index]) - target(&of[0]);
                difference(&standardised) / difference(&plain)
            };
            for (index, (one, other)) in plain.iter().zip(&standardised).enumerate().skip(1).take(50) {
                assert_eq!(one.inputs, other.inputs);
                assert!((slope(index) / slope(1) - 1.0).abs() < 1e-3, "{} and {}", slope(index), slope(1));
            }
        }
    }

    #[test]
    fn vectors_come_from_their_own_seed() {
        let config = RetrievalConfig::default();
        let four = retrieval(config.clone());
        let three = retrieval(RetrievalConfig { n_functions: 3, ..config.clone() });
        assert_eq!(four.vectors()[..3], *three.vectors());
        let lengths = four.vectors().iter().map(|vector| vector.iter().map(|value| value * value).sum::<f64>());
        assert!(lengths.into_iter().all(|length| (length - 1.0).abs() < 1e-12));
        assert_ne!(four, retrieval(RetrievalConfig { function_seed: 1, ..config }));
    }

    #[test]
    fn samples_depend_on_seed_split_and_index_alone() {
        let data = |split| retrieval(RetrievalConfig::default()).dataset(split).unwrap();
        let train = data(Split::train(5, 20));
        assert_eq!((train.len(), train.get(20)), (20, None));
        assert_eq!(train.get(7), data(Split::train(5, 8)).get(7));
        assert_eq!((train.get(0).unwrap().inputs.len(), train.get(0).unwrap().targets.len()), (128, 1));
        for other in [data(Split::train(6, 20)), data(Split::valid(5, 20))] {
            assert_ne!(train.get(0).unwrap().inputs, other.get(0).unwrap().inputs);
        }
        let fewer = RetrievalConfig { n_functions: 2, ..Default::default() };
        let fewer = retrieval(fewer).dataset(Split::train(5, 20)).unwrap().get(0).unwrap();
        assert_eq!(train.get(0).unwrap().inputs, fewer.inputs);
        assert_eq!(refused(retrieval(RetrievalConfig::default()).dataset(Split::train(0, 0))), "samples");
    }
}
