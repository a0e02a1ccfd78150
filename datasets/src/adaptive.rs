//! Sequences whose targets sit at lags that the inputs themselves name.

use lookback_registry::{Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DrawnDataset, Sample, Split};

/// The values of the inputs, with the lag g(x) that each names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// -1, 0 and 1, with g = 0, 1 and 2.
    #[default]
    Ternary,
    /// -1 and 1, with g = 2 and 1.
    Binary,
}

impl Alphabet {
    /// The values, each with the lag that it names.
    const fn symbols(self) -> &'static [(f32, usize)] {
        match self {
            Self::Ternary => &[(-1.0, 0), (0.0, 1), (1.0, 2)],
            Self::Binary => &[(-1.0, 2), (1.0, 1)],
        }
    }
}

/// What is made of the inputs that the chain of lags visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdaptiveReadout {
    /// The last of them.
    #[default]
    Last,
    /// Their product, the present input included.
    Product,
}

/// The targets of [`AdaptiveDatasetConfig::dataset`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AdaptiveDatasetConfig {
    /// Time steps of a sequence, from 3 to 1048576: the first two have targets that count for nothing.
    #[schemars(range(min = 3, max = 1_048_576))]
    pub length: usize,
    /// ternary (-1, 0, 1 name the lags 0, 1, 2) or binary (-1, 1 name the lags 2, 1).
    pub alphabet: Alphabet,
    /// How many lags are read one after the other, K from 1 to 1024: `t_1 = g(x_t)`, `t_(k+1) = g(x_(t - t_k))`.
    #[schemars(range(min = 1, max = 1024))]
    pub depth: usize,
    /// last (the input at the last lag) or product (of the inputs at all lags and the present one).
    pub readout: AdaptiveReadout,
}

impl Default for AdaptiveDatasetConfig {
    fn default() -> Self {
        Self { length: 16, alphabet: Alphabet::default(), depth: 1, readout: AdaptiveReadout::default() }
    }
}

impl AdaptiveDatasetConfig {
    /// Independent, uniform inputs of an [`Alphabet`], `[length, 1]`, with targets `[length, 1]`
    /// `y_t = f(x_t, x_(t - t_1), .., x_(t - t_K))`, where `t_1 = g(x_t)` and `t_(k+1) = g(x_(t - t_k))`: all lags are counted
    /// from t.
    ///
    /// Source: Wang, E, "Understanding the expressive power and mechanisms of Transformer for sequence modeling", 2024,
    /// <https://arxiv.org/abs/2402.00522>: the target of Proposition 4.2 (ternary, depth 1, last) and example I of section 4.1
    /// (binary, depth 2, product).
    ///
    /// # Errors
    /// A field is out of range, or `split` has no samples.
    pub fn dataset(&self, split: Split) -> Result<DrawnDataset> {
        check(self)?;
        let config = self.clone();
        DrawnDataset::new("adaptive dataset", split, move |_, rng| {
            let symbols = config.alphabet.symbols();
            let inputs: Vec<f32> = (0..config.length).map(|_| symbols[rng.below(symbols.len())].0).collect();
            let targets = (0..inputs.len()).map(|time| config.target(&inputs, time)).collect();
            Sample { inputs, targets }
        })
    }

    /// The largest lag: targets before it read inputs from before the start, as 0, and count for nothing.
    pub const REACH: usize = 2;

    /// The target at `time`, or 0 where the chain of lags leaves the sequence.
    fn target(&self, inputs: &[f32], time: usize) -> f32 {
        let symbols = self.alphabet.symbols();
        let mut value = inputs[time];
        let mut product = value;
        for _ in 0..self.depth {
            let named = symbols.iter().find(|(symbol, _)| *symbol == value).map_or(0, |(_, lag)| *lag);
            let Some(position) = time.checked_sub(named) else { return 0.0 };
            value = inputs[position];
            product *= value;
        }
        match self.readout {
            AdaptiveReadout::Last => value,
            AdaptiveReadout::Product => product,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn_dataset::Dataset;

    use super::*;
    use crate::testing::refused;

    #[test]
    fn targets_are_those_of_the_paper() {
        let ternary = AdaptiveDatasetConfig::default();
        let nested = AdaptiveDatasetConfig {
            alphabet: Alphabet::Binary,
            depth: 2,
            readout: AdaptiveReadout::Product,
            ..ternary.clone()
        };
        let data = |config: &AdaptiveDatasetConfig| config.dataset(Split::train(1, 40)).unwrap();
        let mut seen = [false; 3];
        for index in 0..40 {
            let Sample { inputs: x, targets } = data(&ternary).get(index).unwrap();
            for t in 2..16 {
                let lag = (x[t] + 1.0) as usize;
                seen[lag] = true;
                assert_eq!(targets[t], x[t - lag]);
            }
            let Sample { inputs: x, targets } = data(&nested).get(index).unwrap();
            let g = |value: f32| if value == 1.0 { 1 } else { 2 };
            for t in 2..16 {
                let first = x[t - g(x[t])];
                assert_eq!(targets[t], x[t] * first * x[t - g(first)]);
            }
        }
        assert_eq!(seen, [true; 3]);
    }

    #[test]
    fn bad_configurations_are_errors() {
        let refused = |config: AdaptiveDatasetConfig| refused(config.dataset(Split::train(0, 1)));
        let config = AdaptiveDatasetConfig::default();
        for length in [AdaptiveDatasetConfig::REACH, usize::MAX] {
            assert_eq!(refused(AdaptiveDatasetConfig { length, ..config.clone() }), "length");
        }
        for depth in [0, 1025] {
            assert_eq!(refused(AdaptiveDatasetConfig { depth, ..config.clone() }), "depth");
        }
    }
}
