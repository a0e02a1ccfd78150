//! Averages of other time steps' values, whose weights are known: what attention should recover.

use lookback_registry::{Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::SampleRng;
use crate::{DrawnDataset, Sample, Split};

/// Indices that a time step of [`RecoveryKind::Selection`] names.
const CHOSEN: usize = 3;
/// The fewest time steps of a segment of [`RecoveryKind::CentreOfGravity`]: a prediction token and two points.
const SHORTEST: usize = 3;

/// Whose values are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryKind {
    /// The nearest point of another set: `y(t) = argmin_v |u(t) - v|`.
    #[default]
    NearestPoint,
    /// Where a segment begins, the norm of its points' centre of gravity; elsewhere the norm of the point itself.
    CentreOfGravity,
    /// `y(t) = (v(s_1) + v(s_2) + v(s_3)) / 3` at three indices that the input names.
    Selection,
}

/// Sequences of points in the plane, one channel pair of the inputs, uniform on a square of side 1.
///
/// | kind | input channels | output |
/// |---|---|---|
/// | nearest-point | u (2), v (2), both on [0, 1]^2 | the nearest v (2) |
/// | centre-of-gravity | x (2) on [-1/2, 1/2]^2, mass on [0, 1], 1 for a prediction token, one-hot segment | a norm (1) |
/// | selection | v (2) on [0, 1]^2, three indices over `length - 1` | the mean of the three v (2) |
///
/// The inputs name the segment because no function of two time steps alone tells whether a segment ends between them.
///
/// Source: Jiang, Li, "Approximation rate of the Transformer architecture for sequence modeling", 2024,
/// <https://arxiv.org/abs/2305.18475>, appendix B.1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RecoveryConfig {
    /// Whose values are averaged: nearest-point, centre-of-gravity or selection.
    pub kind: RecoveryKind,
    /// Time steps of a sequence, from 3 to 4096; null for the paper's: 6, 10 and 8.
    #[schemars(range(min = SHORTEST, max = 4096))]
    pub length: Option<usize>,
    /// Validation samples whose attention is looked into, the first of the split, at most 65536.
    #[schemars(range(max = 65_536))]
    pub examples: usize,
    /// Validation samples behind these in which all points are the same, at most 65536: they show what the pointwise
    /// networks do by themselves, F(f(x)), and count in the errors as all samples of the split do.
    #[schemars(range(max = 65_536))]
    pub constants: usize,
}

impl Default for RecoveryConfig {
    fn default() -> Self {
        Self { kind: RecoveryKind::default(), length: None, examples: 16, constants: 48 }
    }
}

impl RecoveryConfig {
    /// Time steps of a sequence.
    pub fn length(&self) -> usize {
        self.length.unwrap_or(match self.kind {
            RecoveryKind::NearestPoint => 6,
            RecoveryKind::CentreOfGravity => 10,
            RecoveryKind::Selection => 8,
        })
    }

    /// Input channels.
    pub fn d_input(&self) -> usize {
        match self.kind {
            RecoveryKind::NearestPoint => 4,
            RecoveryKind::CentreOfGravity => 4 + self.length() / SHORTEST,
            RecoveryKind::Selection => 2 + CHOSEN,
        }
    }

    /// Output channels.
    pub fn d_output(&self) -> usize {
        if self.kind == RecoveryKind::CentreOfGravity { 1 } else { 2 }
    }

    /// Sequences `[length, d_input]` with targets `[length, d_output]`.
    ///
    /// # Errors
    /// A field is out of range, or `split` has no samples.
    pub fn dataset(&self, split: Split) -> Result<DrawnDataset> {
        check(self)?;
        let config = self.clone();
        let constants = if split.is_validation() { self.examples..self.examples + self.constants } else { 0..0 };
        DrawnDataset::new("attention recovery", split, move |index, rng| {
            let mut inputs = match config.kind {
                RecoveryKind::NearestPoint => (0..config.d_input() * config.length()).map(|_| rng.uniform()).collect(),
                RecoveryKind::CentreOfGravity => config.segments(rng),
                RecoveryKind::Selection => config.selections(rng),
            };
            if constants.contains(&index) {
                config.repeat_one_point(&mut inputs);
            }
            let inputs: Vec<f32> = inputs.into_iter().map(|value| value as f32).collect();
            let targets = config.targets(&inputs);
            Sample { inputs, targets }
        })
    }

    /// How much the value of each time step (columns) counts in each output (rows); rows sum to 1.
    ///
    /// # Panics
    /// `inputs` is not `[length, d_input]`.
    pub fn weights(&self, inputs: &[f32]) -> Vec<Vec<f64>> {
        let (length, d_input) = (self.length(), self.d_input());
        assert_eq!(inputs.len(), length * d_input, "inputs must be [length, d_input]");
        let steps: Vec<&[f32]> = inputs.chunks_exact(d_input).collect();
        (0..length).map(|t| self.row(&steps, t)).collect()
    }

    fn row(&self, steps: &[&[f32]], t: usize) -> Vec<f64> {
        let one_hot = |at: usize| (0..steps.len()).map(|s| f64::from(u8::from(s == at))).collect();
        match self.kind {
            RecoveryKind::NearestPoint => {
                let distance = |s: &usize| -> f64 {
                    let apart = |axis: usize| f64::from(steps[t][axis]) - f64::from(steps[*s][2 + axis]);
                    (0..2).map(|axis| apart(axis) * apart(axis)).sum()
                };
                let nearest = (0..steps.len()).min_by(|left, right| distance(left).total_cmp(&distance(right)));
                one_hot(nearest.unwrap_or(t))
            }
            RecoveryKind::CentreOfGravity if steps[t][3] == 1.0 => {
                let same = |step: &[f32]| step[3] == 0.0 && step[4..] == steps[t][4..];
                let masses: Vec<f64> =
                    steps.iter().map(|step| if same(step) { f64::from(step[2]) } else { 0.0 }).collect();
                let total: f64 = masses.iter().sum();
                masses.into_iter().map(|mass| mass / total).collect()
            }
            RecoveryKind::CentreOfGravity => one_hot(t),
            RecoveryKind::Selection => {
                let mut weights = vec![0.0; steps.len()];
                for index in &steps[t][2..] {
                    let index = (f64::from(*index) * (steps.len() - 1) as f64).round() as usize;
                    weights[index] += 1.0 / CHOSEN as f64;
                }
                weights
            }
        }
    }

    /// The first of the input channels that hold a point.
    fn point(&self) -> usize {
        if self.kind == RecoveryKind::NearestPoint { 2 } else { 0 }
    }

    fn targets(&self, inputs: &[f32]) -> Vec<f32> {
        let steps: Vec<&[f32]> = inputs.chunks_exact(self.d_input()).collect();
        let mean = |weights: &[f64], axis: usize| -> f64 {
            weights.iter().zip(&steps).map(|(weight, step)| weight * f64::from(step[self.point() + axis])).sum()
        };
        self.weights(inputs)
            .iter()
            .flat_map(|weights| {
                let mean = [mean(weights, 0), mean(weights, 1)];
                match self.kind {
                    RecoveryKind::CentreOfGravity => vec![(mean[0] * mean[0] + mean[1] * mean[1]).sqrt() as f32],
                    _ => mean.map(|value| value as f32).to_vec(),
                }
            })
            .collect()
    }

    /// Segments of random lengths: a prediction token, then points with masses.
    fn segments(&self, rng: &mut SampleRng) -> Vec<f64> {
        let (length, d_input) = (self.length(), self.d_input());
        let mut inputs = vec![0.0; length * d_input];
        let (mut start, mut segment) = (0, 0);
        while start < length {
            let left = length - start;
            // What is left after a segment is nothing or long enough for another.
            let sizes: Vec<usize> = (SHORTEST..=left).filter(|size| left == *size || left - size >= SHORTEST).collect();
            let size = sizes[rng.below(sizes.len())];
            for (offset, step) in inputs.chunks_exact_mut(d_input).skip(start).take(size).enumerate() {
                if offset == 0 {
                    step[3] = 1.0;
                } else {
                    // A mass of exactly 0 for all of a segment would leave it without a centre.
                    (step[0], step[1], step[2]) = (rng.uniform() - 0.5, rng.uniform() - 0.5, 1.0 - rng.uniform());
                }
                step[4 + segment] = 1.0;
            }
            (start, segment) = (start + size, segment + 1);
        }
        inputs
    }

    /// Points, each with three indices.
    fn selections(&self, rng: &mut SampleRng) -> Vec<f64> {
        let length = self.length();
        (0..length)
            .flat_map(|_| {
                let point = [rng.uniform(), rng.uniform()];
                let indices: [f64; CHOSEN] = std::array::from_fn(|_| rng.below(length) as f64 / (length - 1) as f64);
                point.into_iter().chain(indices)
            })
            .collect()
    }

    /// Puts the last point in the place of all others; prediction tokens have none.
    fn repeat_one_point(&self, inputs: &mut [f64]) {
        let (point, d_input) = (self.point(), self.d_input());
        let from = inputs.len() - d_input + point;
        let [x, y] = [inputs[from], inputs[from + 1]];
        for step in inputs.chunks_exact_mut(d_input) {
            if self.kind != RecoveryKind::CentreOfGravity || step[3] == 0.0 {
                (step[point], step[point + 1]) = (x, y);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn_dataset::Dataset;

    use super::*;
    use crate::testing::refused;

    fn config(kind: RecoveryKind) -> RecoveryConfig {
        RecoveryConfig { kind, examples: 2, constants: 3, ..RecoveryConfig::default() }
    }

    fn steps(config: &RecoveryConfig, sample: &Sample) -> Vec<Vec<f32>> {
        sample.inputs.chunks_exact(config.d_input()).map(<[f32]>::to_vec).collect()
    }

    #[test]
    fn outputs_are_the_nearest_point_the_centre_of_gravity_and_the_mean_of_the_chosen() {
        let nearest = config(RecoveryKind::NearestPoint);
        let inputs = [0.0, 0.0, 0.9, 0.9, 1.0, 1.0, 0.1, 0.2, 0.5, 0.9, 0.6, 0.7].map(|value: f64| value as f32);
        let three = RecoveryConfig { length: Some(3), ..nearest };
        assert_eq!(three.targets(&inputs), [0.1, 0.2, 0.9, 0.9, 0.6, 0.7]);

        let gravity = RecoveryConfig { length: Some(3), ..config(RecoveryKind::CentreOfGravity) };
        let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.4, 0.0, 0.25, 0.0, 1.0, 0.0, 0.4, 0.75, 0.0, 1.0];
        let expected = [0.1f64.hypot(0.3) as f32, 0.4, 0.4];
        for (output, expected) in gravity.targets(&inputs).iter().zip(expected) {
            assert!((output - expected).abs() < 1e-6, "{output} {expected}");
        }

        // The paper's example: (1 1 2), (1 2 3), (3 3 3) of three values.
        let selection = RecoveryConfig { length: Some(3), ..config(RecoveryKind::Selection) };
        let inputs = [3.0, 0.0, 0.0, 0.0, 0.5, 0.0, 6.0, 0.0, 0.5, 1.0, 9.0, 9.0, 1.0, 1.0, 1.0];
        assert_eq!(selection.targets(&inputs), [2.0, 2.0, 4.0, 5.0, 9.0, 9.0]);
    }

    #[test]
    fn segments_fill_the_sequence_and_rows_sum_to_one() {
        for kind in [RecoveryKind::NearestPoint, RecoveryKind::CentreOfGravity, RecoveryKind::Selection] {
            let config = config(kind);
            let data = config.dataset(Split::train(0, 200)).unwrap();
            for sample in (0..200).map(|index| data.get(index).unwrap()) {
                for row in config.weights(&sample.inputs) {
                    assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12 && row.iter().all(|weight| *weight >= 0.0));
                }
                if kind == RecoveryKind::CentreOfGravity {
                    let tokens: Vec<usize> = steps(&config, &sample)
                        .iter()
                        .enumerate()
                        .filter_map(|(time, step)| (step[3] == 1.0).then_some(time))
                        .collect();
                    assert_eq!(tokens[0], 0);
                    let ends = tokens[1..].iter().chain([&10]);
                    assert!(tokens.iter().zip(ends).all(|(start, end)| end - start >= 3), "{tokens:?}");
                }
            }
        }
    }

    #[test]
    fn constant_samples_follow_the_examples_of_the_validation_split_alone() {
        for kind in [RecoveryKind::NearestPoint, RecoveryKind::CentreOfGravity, RecoveryKind::Selection] {
            let config = config(kind);
            let distinct = |split, index| {
                let sample = config.dataset(split).unwrap().get(index).unwrap();
                let d_output = config.d_output();
                let mut outputs: Vec<Vec<i64>> = sample
                    .targets
                    .chunks(d_output)
                    .map(|output| output.iter().map(|value| (value * 1e6).round() as i64).collect())
                    .collect();
                outputs.sort();
                outputs.dedup_by(|left, right| left.iter().zip(right.iter()).all(|(a, b)| (a - b).abs() < 3));
                outputs.len()
            };
            for index in 0..6 {
                assert_eq!(distinct(Split::valid(0, 6), index) == 1, (2..5).contains(&index), "{kind:?} {index}");
                assert!(distinct(Split::train(0, 6), index) > 1, "{kind:?} {index}");
            }
        }
    }

    #[test]
    fn fields_out_of_range_are_refused() {
        let config = RecoveryConfig::default;
        assert_eq!(refused(check(&RecoveryConfig { length: Some(2), ..config() })), "length");
        assert_eq!(refused(check(&RecoveryConfig { examples: usize::MAX, ..config() })), "examples");
        assert_eq!(refused(check(&RecoveryConfig { constants: 65_537, ..config() })), "constants");
    }
}
