//! Exponential decay, the memory that recurrent networks learn best.
//!
//! `rho(s) = exp(-alpha s)`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, PAPER};

/// `rho(s) = exp(-alpha s)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Exponential {
    /// Rate of decay per step, from 0 up; the smaller, the longer the memory.
    #[schemars(range(min = 0.0))]
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
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

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
        for alpha in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(Exponential { alpha, ..Default::default() }.build()), "alpha");
        }
    }
}
