//! Sequences whose outputs mix their inputs through a temporal coupling of known singular values.

use std::f64::consts::{SQRT_2, TAU};
use std::sync::Arc;

use lookback_registry::{Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DrawnDataset, Sample, Split};

/// The second basis of a coupling; the first is `phi_i(x) = sqrt(2) sin(2 pi i x)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PsiBasis {
    /// `psi_i = phi_i`.
    #[default]
    Same,
    /// `psi_i = phi_(r+1-i)`.
    Reversed,
    /// `psi_i(x) = sqrt(2) cos(2 pi i x)`.
    Cosines,
}

/// A coupling and the length of its sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CouplingConfig {
    /// Time steps of a sequence, from 1 to 4096.
    #[schemars(range(min = 1, max = 4096))]
    pub length: usize,
    /// Terms r of the coupling, from 1 to 4096.
    #[schemars(range(min = 1, max = 4096))]
    pub rank: usize,
    /// How fast the singular values fall: `sigma_i = i^(-alpha)`, a number from 0 up.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// The second basis: same, reversed or cosines.
    pub psi: PsiBasis,
}

impl Default for CouplingConfig {
    fn default() -> Self {
        Self { length: 16, rank: 64, alpha: 1.0, psi: PsiBasis::Same }
    }
}

impl CouplingConfig {
    /// Sequences of independent values uniform on [0, 1), `[length, 1]`, with targets `[length, 1]`.
    ///
    /// # Errors
    /// A field is out of range, or `split` has no samples.
    pub fn dataset(&self, split: Split) -> Result<DrawnDataset> {
        let coupling = Arc::new(Coupling::new(self)?);
        let Self { length, rank, .. } = *self;
        DrawnDataset::new("temporal coupling", split, move |_, rng| {
            let inputs: Vec<f32> = (0..length).map(|_| rng.uniform() as f32).collect();
            // From the inputs as rounded to f32, which are all that a model sees.
            let exact: Vec<f64> = inputs.iter().copied().map(f64::from).collect();
            let targets = coupling.targets(&exact, rank).into_iter().map(|value| value as f32).collect();
            Sample { inputs, targets }
        })
    }
}

/// `H_t(x) = sum_s softmax_s[rho(x(t), x(s))] x(s)` with `rho(u, v) = sum_(i<=r) sigma_i phi_i(u) psi_i(v)`.
///
/// The bases are orthonormal on [0, 1], so the sigma_i are the singular values of rho, and the first m terms are the
/// best approximation of rank m of rho in the mean square.
///
/// Source: Jiang, Li, "Approximation rate of the Transformer architecture for sequence modeling", 2024,
/// <https://arxiv.org/abs/2305.18475>, equation 64 with F = f = id.
#[derive(Debug, Clone)]
pub struct Coupling {
    sigma: Vec<f64>,
    psi: PsiBasis,
}

impl Coupling {
    /// The coupling of a configuration.
    ///
    /// # Errors
    /// A field is out of range.
    pub fn new(config: &CouplingConfig) -> Result<Self> {
        check(config)?;
        let sigma = (1..=config.rank).map(|term| libm::pow(term as f64, -config.alpha)).collect();
        Ok(Self { sigma, psi: config.psi })
    }

    /// `rho(x(t), x(s))` of the first `terms` terms, `[length, length]` row-major with rows t.
    pub fn rho(&self, x: &[f64], terms: usize) -> Vec<f64> {
        let rank = self.sigma.len();
        let terms = terms.min(rank);
        let (left, right): (Vec<_>, Vec<_>) = x
            .iter()
            .map(|x| {
                let (sines, cosines) = harmonics(*x, rank);
                let left: Vec<f64> = sines.iter().zip(&self.sigma).map(|(sine, sigma)| sigma * sine).collect();
                let right = match self.psi {
                    PsiBasis::Same => sines,
                    PsiBasis::Reversed => sines.into_iter().rev().collect(),
                    PsiBasis::Cosines => cosines,
                };
                (left, right)
            })
            .unzip();
        let product = |t: &[f64], s: &[f64]| t.iter().zip(s).take(terms).map(|(t, s)| t * s).sum::<f64>();
        left.iter().flat_map(|t| right.iter().map(move |s| product(t, s))).collect()
    }

    /// `H_t(x)` with the first `terms` terms of rho, `[length]`.
    pub fn targets(&self, x: &[f64], terms: usize) -> Vec<f64> {
        self.rho(x, terms)
            .chunks_exact(x.len().max(1))
            .map(|row| {
                let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<f64> = row.iter().map(|score| libm::exp(score - largest)).collect();
                weights.iter().zip(x).map(|(weight, x)| weight * x).sum::<f64>() / weights.iter().sum::<f64>()
            })
            .collect()
    }
}

/// `sqrt(2) sin(2 pi i x)` and `sqrt(2) cos(2 pi i x)` for i = 1..=count, by turning one angle on and on.
fn harmonics(x: f64, count: usize) -> (Vec<f64>, Vec<f64>) {
    let (sine, cosine) = libm::sincos(TAU * x);
    let mut turned = (SQRT_2 * sine, SQRT_2 * cosine);
    (0..count)
        .map(|_| {
            let here = turned;
            turned = (here.0 * cosine + here.1 * sine, here.1 * cosine - here.0 * sine);
            here
        })
        .unzip()
}

#[cfg(test)]
mod tests {
    use burn_dataset::Dataset;

    use super::*;
    use crate::testing::refused;

    /// A direct sum with the platform's sines.
    fn direct(config: &CouplingConfig, u: f64, v: f64) -> f64 {
        let wave = |term: usize, x: f64| TAU * term as f64 * x;
        (1..=config.rank)
            .map(|i| {
                let psi = match config.psi {
                    PsiBasis::Same => libm::sin(wave(i, v)),
                    PsiBasis::Reversed => libm::sin(wave(config.rank + 1 - i, v)),
                    PsiBasis::Cosines => libm::cos(wave(i, v)),
                };
                libm::pow(i as f64, -config.alpha) * 2.0 * libm::sin(wave(i, u)) * psi
            })
            .sum()
    }

    #[test]
    fn targets_are_those_of_the_definition() {
        for psi in [PsiBasis::Same, PsiBasis::Reversed, PsiBasis::Cosines] {
            let config = CouplingConfig { length: 5, rank: 7, alpha: 0.55, psi };
            let sample = config.dataset(Split::train(3, 4)).unwrap().get(2).unwrap();
            let x: Vec<f64> = sample.inputs.iter().copied().map(f64::from).collect();
            for (t, target) in sample.targets.iter().enumerate() {
                let weights: Vec<f64> = x.iter().map(|s| libm::exp(direct(&config, x[t], *s))).collect();
                let mixed = weights.iter().zip(&x).map(|(weight, x)| weight * x).sum::<f64>();
                let expected = mixed / weights.iter().sum::<f64>();
                assert!((f64::from(*target) - expected).abs() < 1e-7, "{psi:?} {t}: {target} {expected}");
            }
        }
    }

    #[test]
    fn all_terms_are_the_target_and_none_are_the_mean() {
        let coupling = Coupling::new(&CouplingConfig { rank: 6, ..CouplingConfig::default() }).unwrap();
        let x = [0.1, 0.7, 0.4];
        assert_eq!(coupling.targets(&x, 6), coupling.targets(&x, 99));
        assert!(coupling.targets(&x, 0).iter().all(|value| (value - 0.4).abs() < 1e-12));
        assert_ne!(coupling.targets(&x, 5), coupling.targets(&x, 6));
    }

    #[test]
    fn bad_couplings_are_named() {
        let refused = |config: CouplingConfig| refused(config.dataset(Split::train(0, 1)));
        let config = CouplingConfig::default();
        assert_eq!(refused(CouplingConfig { rank: 0, ..config.clone() }), "rank");
        assert_eq!(refused(CouplingConfig { alpha: -1.0, ..config }), "alpha");
    }
}
