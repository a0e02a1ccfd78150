//! Exponential decay, the memory that recurrent networks learn best.
//!
//! `rho(s) = exp(-alpha s)`.

use lookback_registry::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, PAPER, check};

/// `rho(s) = exp(-alpha s)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Exponential {
    /// Rate of decay per step, from 0 up; the smaller, the longer the memory.
    pub alpha: f64,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { alpha: 0.1, normalise: true }
    }
}

impl MemoryFunction for Exponential {
    fn rho(&self, lag: usize) -> f64 {
        libm::exp(-self.alpha * lag as f64)
    }

    fn normalise(&self) -> bool {
        self.normalise
    }
}

impl MemoryConfig for Exponential {
    const INFO: MemoryInfo = MemoryInfo {
        name: "exponential",
        title: "Exponential",
        formula: "rho(s) = exp(-alpha s)",
        structure: "decay, fast",
        source: PAPER,
        alphas: &[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0],
    };
    type Function = Self;

    fn validate(&self) -> Result<()> {
        check("alpha", self.alpha, |alpha| alpha >= 0.0, "a finite number from 0 up")
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
    fn halves_every_step_at_ln_2() {
        let function = Exponential { alpha: std::f64::consts::LN_2, normalise: false }.build().unwrap();
        for (lag, rho) in function.memory(20).unwrap().into_iter().enumerate() {
            let expected = 1.0 / (1_u64 << lag) as f64;
            assert!((rho - expected).abs() <= 1e-14 * expected);
        }
    }

    #[test]
    fn alpha_must_be_finite_and_not_negative() {
        for (alpha, shown) in [(-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
            let error = Exponential { alpha, ..Default::default() }.build().unwrap_err();
            assert_eq!(error.to_string(), format!("`alpha` is {shown}, but it must be a finite number from 0 up."));
        }
    }
}
