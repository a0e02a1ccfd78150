//! A decaying memory behind inputs whose order is altered, or that are mixed.

use lookback_registry::{Error, Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::{Key, SampleRng};
use crate::{Convolution, DrawnDataset, Sample, Split};

/// What is done to the relationship between inputs and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Alteration {
    /// Nothing.
    #[default]
    None,
    /// The model sees the first inputs in the place of the last and the other way round; the outputs stay.
    Order,
    /// The outputs are those of the inputs after a causal filter, which the model does not see.
    Mixing,
}

/// `y(t) = sum_{s=0..t} e^(-s) x(t-s)` with x independent and uniform on [0, 1), altered.
///
/// The filter of [`Alteration::Mixing`] is causal, `(theta * x)(t) = sum_s theta(s) x(t-s)`: with the paper's
/// `x(t+s)` no recurrent model could reach the error that it reports.
///
/// Source: Jiang, Li, "Approximation rate of the Transformer architecture for sequence modeling", 2024,
/// <https://arxiv.org/abs/2305.18475>, section 6 and appendix C.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OrderingConfig {
    /// Time steps of a sequence, from 1 to 65536.
    #[schemars(range(min = 1, max = 65_536))]
    pub length: usize,
    /// What is altered: none, order or mixing.
    pub alteration: Alteration,
    /// Inputs at either end that change places where `alteration` is order, at most half of the sequence.
    pub swapped: usize,
    /// Weights of the filter where `alteration` is mixing, from 1 up to the length.
    pub filter_length: usize,
    /// Seeds the filter.
    pub filter_seed: u64,
}

impl Default for OrderingConfig {
    fn default() -> Self {
        Self { length: 32, alteration: Alteration::None, swapped: 10, filter_length: 5, filter_seed: 0 }
    }
}

impl OrderingConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    pub fn validate(&self) -> Result<()> {
        check(self)?;
        let length = self.length;
        if self.alteration == Alteration::Order && self.swapped > length / 2 {
            let valid = format!("at most {}, half of the length", length / 2);
            return Err(Error::invalid("swapped", self.swapped, valid));
        }
        if self.alteration == Alteration::Mixing && !(1..=length).contains(&self.filter_length) {
            let valid = format!("a whole number from 1 to the length, {length}");
            return Err(Error::invalid("filter_length", self.filter_length, valid));
        }
        Ok(())
    }

    /// theta: uniform draws on [-1, 1) over the sum of their absolute values, so that that is 1.
    pub fn filter(&self) -> Vec<f64> {
        let mut rng = SampleRng::new(Key::new("mixing filter", self.filter_seed), 0);
        let draws: Vec<f64> = (0..self.filter_length).map(|_| 2.0 * rng.uniform() - 1.0).collect();
        let sum: f64 = draws.iter().map(|draw| draw.abs()).sum();
        draws.into_iter().map(|draw| draw / sum).collect()
    }

    /// What the outputs remember of the inputs before any change of their order: `[length]`.
    pub fn memory(&self) -> Vec<f64> {
        let rho = |lag: usize| libm::exp(-(lag as f64));
        if self.alteration != Alteration::Mixing {
            return (0..self.length).map(rho).collect();
        }
        let filter = self.filter();
        let mixed = |lag: usize| filter.iter().take(lag + 1).enumerate().map(|(s, theta)| theta * rho(lag - s)).sum();
        (0..self.length).map(mixed).collect()
    }

    /// The time at which the model sees the input of time `time`; its own inverse.
    pub fn place(&self, time: usize) -> usize {
        let Self { length, swapped, .. } = *self;
        match self.alteration {
            Alteration::Order if time < swapped => length - swapped + time,
            Alteration::Order if time >= length - swapped => time - (length - swapped),
            _ => time,
        }
    }

    /// Sequences `[length, 1]` with targets `[length, 1]`.
    ///
    /// # Errors
    /// A field is out of range, or `split` has no samples.
    pub fn dataset(&self, split: Split) -> Result<DrawnDataset> {
        self.validate()?;
        let (config, memory) = (self.clone(), Convolution::new(&self.memory()));
        DrawnDataset::new("ordering", split, move |_, rng| {
            let x: Vec<f32> = (0..config.length).map(|_| rng.uniform() as f32).collect();
            let exact: Vec<f64> = x.iter().copied().map(f64::from).collect();
            let inputs = (0..config.length).map(|time| x[config.place(time)]).collect();
            Sample { inputs, targets: memory.apply(&exact) }
        })
    }
}

#[cfg(test)]
mod tests {
    use burn_dataset::Dataset;

    use super::*;
    use crate::testing::refused;

    fn config(alteration: Alteration) -> OrderingConfig {
        OrderingConfig { alteration, ..OrderingConfig::default() }
    }

    fn sample(alteration: Alteration) -> Sample {
        config(alteration).dataset(Split::train(5, 3)).unwrap().get(1).unwrap()
    }

    #[test]
    fn altered_order_moves_inputs_and_leaves_outputs() {
        let (plain, altered) = (sample(Alteration::None), sample(Alteration::Order));
        assert_eq!(plain.targets, altered.targets);
        assert_eq!(altered.inputs[..10], plain.inputs[22..]);
        assert_eq!(altered.inputs[10..22], plain.inputs[10..22]);
        assert_eq!(altered.inputs[22..], plain.inputs[..10]);
    }

    #[test]
    fn mixed_outputs_are_those_of_filtered_inputs() {
        let (plain, mixed) = (sample(Alteration::None), sample(Alteration::Mixing));
        let filter = config(Alteration::Mixing).filter();
        assert_eq!(filter.len(), 5);
        assert!((filter.iter().map(|theta| theta.abs()).sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(plain.inputs, mixed.inputs);
        for t in 0..32 {
            let filtered: f64 =
                filter.iter().take(t + 1).enumerate().map(|(s, theta)| theta * f64::from(plain.targets[t - s])).sum();
            assert!((f64::from(mixed.targets[t]) - filtered).abs() < 1e-6, "{t}");
        }
    }

    #[test]
    fn bad_alterations_are_named() {
        for length in [0, 65_537] {
            assert_eq!(refused(OrderingConfig { length, ..config(Alteration::None) }.validate()), "length");
        }
        let message = |config: OrderingConfig| config.validate().unwrap_err().to_string();
        assert_eq!(
            message(OrderingConfig { length: 16, ..config(Alteration::Order) }),
            "`swapped` is 10, but it must be at most 8, half of the length."
        );
        assert_eq!(
            message(OrderingConfig { filter_length: 0, ..config(Alteration::Mixing) }),
            "`filter_length` is 0, but it must be a whole number from 1 to the length, 32."
        );
    }
}
