//! A damped oscillation: the memory of one conjugate pair of states.
//!
//! `rho(s) = exp(-alpha s) cos(omega s)`.

use std::f64::consts::PI;

use lookback_registry::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, SURVEY, check};

/// `rho(s) = exp(-alpha s) cos(omega s)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DampedCosine {
    /// Rate of decay per step, from 0 up.
    pub alpha: f64,
    /// Angular frequency per step, in radians, in [0, pi].
    pub omega: f64,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
}

impl Default for DampedCosine {
    fn default() -> Self {
        Self { alpha: 0.05, omega: 0.5, normalise: false }
    }
}

impl MemoryFunction for DampedCosine {
    fn rho(&self, lag: usize) -> f64 {
        libm::exp(-self.alpha * lag as f64) * libm::cos(self.omega * lag as f64)
    }

    fn normalise(&self) -> bool {
        self.normalise
    }
}

impl MemoryConfig for DampedCosine {
    const INFO: MemoryInfo = MemoryInfo {
        name: "damped-cosine",
        title: "Damped cosine",
        formula: "rho(s) = exp(-alpha s) cos(omega s)",
        structure: "decay, fast, oscillating",
        source: SURVEY,
        alphas: &[],
    };
    type Function = Self;

    fn validate(&self) -> Result<()> {
        check("alpha", self.alpha, |alpha| alpha >= 0.0, "a finite number from 0 up")?;
        check("omega", self.omega, |omega| (0.0..=PI).contains(&omega), "a number in [0, pi]")
    }

    fn build(self) -> Result<Self> {
        self.validate()?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obeys_its_two_term_recurrence() {
        let function = DampedCosine::default().build().unwrap();
        let memory = function.memory(64).unwrap();
        let decay = libm::exp(-function.alpha);
        for s in 2..64 {
            let next = 2.0 * decay * libm::cos(function.omega) * memory[s - 1] - decay * decay * memory[s - 2];
            assert!((memory[s] - next).abs() < 1e-14);
        }
    }

    #[test]
    fn alpha_and_omega_must_be_in_range() {
        for (alpha, shown) in [(-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
            let error = DampedCosine { alpha, ..Default::default() }.build().unwrap_err();
            assert_eq!(error.to_string(), format!("`alpha` is {shown}, but it must be a finite number from 0 up."));
        }
        for (omega, shown) in [(-1.0, "-1"), (4.0, "4"), (f64::NAN, "NaN")] {
            let error = DampedCosine { omega, ..Default::default() }.build().unwrap_err();
            assert_eq!(error.to_string(), format!("`omega` is {shown}, but it must be a number in [0, pi]."));
        }
    }
}
