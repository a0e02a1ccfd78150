//! Sequences of signs with one target each: a function of a few inputs of the past, or a weighted sum of all.

use lookback_registry::{Error, Result};

use crate::random::{Key, SampleRng};
use crate::{DrawnDataset, Sample, Split};

/// What is asked of a sequence, seen from its last step; lag 0 is the last input.
#[derive(Debug, Clone, PartialEq)]
pub enum Functional {
    /// `sum_s rho(s) x(T-1-s)`: the weight of each lag, lag 0 first; lags beyond the last weight count nothing.
    Linear(Vec<f64>),
    /// `sum_k max(0, <w_k, (x(T-1-lag_1), x(T-1-lag_2), ..)>)`.
    Relu {
        /// The lags.
        lags: Vec<usize>,
        /// `w_k`, each as long as `lags`.
        weights: Vec<Vec<f64>>,
    },
}

impl Functional {
    /// Independent signs, `[length, 1]`, each -1 or 1 with probability 1/2, with one target, `[1, 1]`. The sequences of two
    /// functionals are the same.
    ///
    /// Source: Wang, E, "Understanding the expressive power and mechanisms of Transformer for sequence modeling", 2024,
    /// <https://arxiv.org/abs/2402.00522>.
    ///
    /// # Errors
    /// `length` is 0, or too short for the farthest lag; `split` has no samples.
    pub fn dataset(self, length: usize, split: Split) -> Result<DrawnDataset> {
        let least = self.reach().max(1);
        if length < least {
            let valid = format!("at least {least}, so that the farthest lag is seen");
            return Err(Error::invalid("length", length, valid));
        }
        DrawnDataset::new("sparse dataset", split, move |_, rng| {
            let inputs: Vec<f32> = (0..length).map(|_| rng.sign() as f32).collect();
            let targets = vec![self.of(&inputs) as f32];
            Sample { inputs, targets }
        })
    }

    /// The sum of the inputs at `lags`; a lag that comes twice counts twice. Takes memory for all lags up to the farthest.
    pub fn sum(lags: &[usize]) -> Self {
        let mut rho = vec![0.0; lags.iter().max().map_or(0, |last| last + 1)];
        for lag in lags {
            rho[*lag] += 1.0;
        }
        Self::Linear(rho)
    }

    /// A sum of `terms` ReLUs with weights `w_k ~ N(0, I)`, a pure function of `seed`.
    pub fn relu(lags: Vec<usize>, terms: usize, seed: u64) -> Self {
        let mut rng = SampleRng::new(Key::new("sparse dataset, target", seed), 0);
        let weights = (0..terms).map(|_| lags.iter().map(|_| rng.normal()).collect()).collect();
        Self::Relu { lags, weights }
    }

    /// How many of the last inputs matter at most.
    fn reach(&self) -> usize {
        match self {
            Self::Linear(rho) => rho.len(),
            Self::Relu { lags, .. } => lags.iter().max().map_or(0, |last| last.saturating_add(1)),
        }
    }

    /// The target of a sequence that is long enough.
    fn of(&self, inputs: &[f32]) -> f64 {
        let at = |lag: usize| f64::from(inputs[inputs.len() - 1 - lag]);
        match self {
            Self::Linear(rho) => rho.iter().enumerate().map(|(lag, weight)| weight * at(lag)).sum(),
            Self::Relu { lags, weights } => {
                let inputs: Vec<f64> = lags.iter().map(|lag| at(*lag)).collect();
                let term = |w: &Vec<f64>| w.iter().zip(&inputs).map(|(w, x)| w * x).sum::<f64>().max(0.0);
                weights.iter().map(term).sum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn_dataset::Dataset;

    use super::*;

    #[test]
    fn targets_are_read_from_the_end() {
        let data = Functional::sum(&[1, 3]).dataset(8, Split::train(3, 50)).unwrap();
        let relu = Functional::Relu { lags: vec![0, 2], weights: vec![vec![1.0, -2.0], vec![0.5, 0.5]] };
        let other = relu.dataset(8, Split::train(3, 50)).unwrap();
        for index in 0..50 {
            let Sample { inputs: x, targets } = data.get(index).unwrap();
            assert!(x.iter().all(|value| value.abs() == 1.0));
            assert_eq!(targets, [x[6] + x[4]]);
            let sample = other.get(index).unwrap();
            assert_eq!(sample.inputs, x);
            assert_eq!(sample.targets, [(x[7] - 2.0 * x[5]).max(0.0) + (0.5 * (x[7] + x[5])).max(0.0)]);
        }
        let valid = Functional::sum(&[1, 3]).dataset(8, Split::valid(3, 50)).unwrap();
        assert!((0..50).any(|index| valid.get(index) != data.get(index)));
        assert_eq!(data.get(50), None);
    }

    #[test]
    fn drawn_weights_depend_on_the_seed_alone() {
        let of = |seed| Functional::relu(vec![1, 2, 4], 64, seed);
        assert_eq!(of(0), of(0));
        assert_ne!(of(0), of(1));
        let Functional::Relu { weights, .. } = of(0) else { panic!("these are ReLUs") };
        assert!(weights.len() == 64 && weights.iter().all(|w| w.len() == 3));
    }

    #[test]
    fn a_sequence_must_reach_back_to_the_farthest_lag() {
        let error = Functional::sum(&[1, 8]).dataset(8, Split::train(0, 1)).unwrap_err();
        assert_eq!(error.to_string(), "`length` is 8, but it must be at least 9, so that the farthest lag is seen.");
    }
}
