//! Sequences whose targets have a given memory.

use burn_dataset::Dataset;
use lookback_registry::{Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::drawn::check_size;
use crate::{Convolution, DrawnDataset, InputProcess, MemoryFunction, Sample, Split};

/// The shape and the inputs of a [`MemoryDataset`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MemoryDatasetConfig {
    /// Time steps of a sequence, from 1 up.
    #[schemars(range(min = 1))]
    pub length: usize,
    /// Input channels, from 1 up: independent copies of the input process.
    #[schemars(range(min = 1))]
    pub d_input: usize,
    /// What the inputs are: white, ar1, brownian, rademacher or uniform.
    pub input: InputProcess,
    /// The correlation of neighbouring inputs where `input` is ar1, in (-1, 1); without effect elsewhere.
    #[schemars(extend("exclusiveMinimum" = -1.0, "exclusiveMaximum" = 1.0))]
    pub phi: f64,
    /// Standard deviation of the white noise on the targets of the training split, from 0 up; validation targets
    /// are always exact.
    #[schemars(range(min = 0.0))]
    pub observation_noise: f64,
}

impl Default for MemoryDatasetConfig {
    fn default() -> Self {
        Self { length: 128, d_input: 1, input: InputProcess::White, phi: 0.9, observation_noise: 0.0 }
    }
}

impl MemoryDatasetConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    pub fn validate(&self) -> Result<()> {
        check(self)?;
        check_size(self.length, self.d_input)
    }
}

/// Sequences with targets `y(t) = sum_{s=0..t} rho(s) u(t-s)`, where `u(t) = sum_c x_c(t) / sqrt(d_input)`.
///
/// There is one output channel. Its input is the sum over the input channels, scaled so that its variance does not
/// depend on their number; with one channel it is the input itself. Inputs are `[length, d_input]`, targets
/// `[length, 1]`.
///
/// Sample i is a pure function of (seed, split, i) and the configuration, the same bits on every platform and in
/// every thread. Memory functions, and noise, leave the inputs as they are.
#[derive(Debug)]
pub struct MemoryDataset {
    memory: Vec<f64>,
    samples: DrawnDataset,
}

impl MemoryDataset {
    /// Channels of the targets.
    pub const D_OUTPUT: usize = 1;

    /// The samples of `split` with the memory `function`.
    ///
    /// # Errors
    /// A field of `config` is out of range, `split` has no samples, or `function` does not fit the length.
    pub fn new(function: &dyn MemoryFunction, config: &MemoryDatasetConfig, split: Split) -> Result<Self> {
        config.validate()?;
        let MemoryDatasetConfig { length, d_input, input, phi, observation_noise } = *config;
        let memory = function.memory(length)?;
        let convolution = Convolution::new(&memory);
        let scale = 1.0 / (d_input as f64).sqrt();
        let samples = DrawnDataset::new("memory dataset", split, move |_, rng| {
            let inputs = input.draw(length, d_input, phi, rng);
            // From the inputs as rounded to f32, which are all that a model sees.
            let channel_sums: Vec<f64> =
                inputs.chunks_exact(d_input).map(|x| x.iter().copied().map(f64::from).sum::<f64>() * scale).collect();
            let mut targets = convolution.apply(&channel_sums);
            if observation_noise > 0.0 && !split.is_validation() {
                for target in &mut targets {
                    *target = (f64::from(*target) + observation_noise * rng.normal()) as f32;
                }
            }
            Sample { inputs, targets }
        })?;
        Ok(Self { memory, samples })
    }

    /// `rho(s)`, s = 0..length, as the targets have it.
    pub fn memory(&self) -> &[f64] {
        &self.memory
    }
}

impl Dataset<Sample> for MemoryDataset {
    fn get(&self, index: usize) -> Option<Sample> {
        self.samples.get(index)
    }

    fn len(&self) -> usize {
        self.samples.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Exponential, Impulse};
    use crate::testing::refused;

    fn dataset(config: &MemoryDatasetConfig, split: Split) -> MemoryDataset {
        MemoryDataset::new(&Exponential::default(), config, split).unwrap()
    }

    /// The bit patterns come from an independent computation, `tests/reference/memory_dataset.py`.
    #[test]
    fn values_are_pinned() {
        let config = MemoryDatasetConfig { length: 64, observation_noise: 0.1, ..Default::default() };
        let sample = dataset(&config, Split::train(1, 8)).get(3).unwrap();
        let bits = |values: &[f32]| [values[0].to_bits(), values[1].to_bits(), values[63].to_bits()];
        assert_eq!(bits(&sample.inputs), [3215749796, 1047652151, 1046422322]);
        assert_eq!(bits(&sample.targets), [3202949305, 3198534641, 1065809518]);
        let sample = dataset(&config, Split::valid(1, 8)).get(3).unwrap();
        assert_eq!(bits(&sample.inputs), [1044926197, 1042208370, 1060245072]);
        assert_eq!(bits(&sample.targets), [1034588374, 1041287973, 1065009274]);
    }

    #[test]
    fn samples_depend_on_seed_split_and_index_alone() {
        let config = MemoryDatasetConfig { length: 40, ..Default::default() };
        let data = dataset(&config, Split::train(5, 20));
        let again = dataset(&config, Split::train(5, 20));
        let stream = dataset(&config, Split::stream(5));
        for index in [7, 0, 19, 7] {
            assert_eq!(data.get(index), again.get(index));
            assert_eq!(data.get(index), stream.get(index));
        }
        assert_eq!((data.len(), data.get(20)), (20, None));
        assert_eq!(stream.len(), usize::MAX);
        assert!(stream.get(usize::MAX - 1).is_some());
        for other in [dataset(&config, Split::train(6, 20)), dataset(&config, Split::valid(5, 20))] {
            assert_ne!(data.get(0).unwrap().inputs, other.get(0).unwrap().inputs);
        }
        assert_ne!(data.get(0), data.get(1));
    }

    #[test]
    fn threads_change_nothing() {
        let config = MemoryDatasetConfig::default();
        let data = dataset(&config, Split::train(2, 16));
        let alone: Vec<_> = (0..16).map(|index| data.get(index)).collect();
        std::thread::scope(|scope| {
            let data = &data;
            let handles: Vec<_> = (0..16).rev().map(|index| (index, scope.spawn(move || data.get(index)))).collect();
            for (index, handle) in handles {
                assert_eq!(handle.join().unwrap(), alone[index]);
            }
        });
    }

    #[test]
    fn noise_is_on_training_targets_alone() {
        let clean = MemoryDatasetConfig { length: 2000, ..Default::default() };
        let noisy = MemoryDatasetConfig { observation_noise: 0.5, ..clean.clone() };
        assert_eq!(dataset(&clean, Split::valid(0, 1)).get(0), dataset(&noisy, Split::valid(0, 1)).get(0));
        let clean = dataset(&clean, Split::train(0, 1)).get(0).unwrap();
        let noisy = dataset(&noisy, Split::train(0, 1)).get(0).unwrap();
        assert_eq!(clean.inputs, noisy.inputs);
        let variance =
            clean.targets.iter().zip(&noisy.targets).map(|(a, b)| libm::pow(f64::from(a - b), 2.0)).sum::<f64>();
        assert!((variance / 2000.0 - 0.25).abs() < 0.05, "{}", variance / 2000.0);
    }

    #[test]
    fn channels_are_summed_with_unit_variance() {
        let config = MemoryDatasetConfig { length: 16, d_input: 4, ..Default::default() };
        let impulse = Impulse { alpha: 3.0, ..Default::default() };
        let sample = MemoryDataset::new(&impulse, &config, Split::train(0, 1)).unwrap().get(0).unwrap();
        assert_eq!((sample.inputs.len(), sample.targets.len()), (64, 16));
        for t in 3..16 {
            let x = &sample.inputs[4 * (t - 3)..][..4];
            assert!((sample.targets[t] - x.iter().sum::<f32>() / 2.0).abs() < 1e-6);
        }
    }

    #[test]
    fn bad_configurations_are_errors() {
        let refused = |config: MemoryDatasetConfig| {
            refused(MemoryDataset::new(&Exponential::default(), &config, Split::train(0, 1)))
        };
        let config = MemoryDatasetConfig::default();
        assert_eq!(refused(MemoryDatasetConfig { length: 0, ..config.clone() }), "length");
        assert_eq!(refused(MemoryDatasetConfig { d_input: 0, ..config.clone() }), "d_input");
        assert_eq!(refused(MemoryDatasetConfig { phi: 1.0, ..config.clone() }), "phi");
        for observation_noise in [-0.1, f64::NAN] {
            assert_eq!(refused(MemoryDatasetConfig { observation_noise, ..config.clone() }), "observation_noise");
        }
        let large = MemoryDatasetConfig { length: usize::MAX, d_input: 2, ..config };
        assert_eq!(
            large.validate().unwrap_err().to_string(),
            "`length` is 18446744073709551615, but it must be at most 134217728 at d_input 2 (2^28 values in all)."
        );
    }
}
