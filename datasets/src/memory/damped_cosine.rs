//! A damped oscillation: the memory of one conjugate pair of states.
//!
//! `rho(s) = exp(-alpha s) cos(omega s)`.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, SURVEY};

/// `rho(s) = exp(-alpha s) cos(omega s)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DampedCosine {
    /// Rate of decay per step, from 0 up.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// Angular frequency per step, in radians, in [0, pi].
    #[schemars(range(min = 0.0, max = PI))]
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
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

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
        for alpha in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(DampedCosine { alpha, ..Default::default() }.build()), "alpha");
        }
        for omega in [-1.0, 4.0, f64::NAN] {
            assert_eq!(refused(DampedCosine { omega, ..Default::default() }.build()), "omega");
        }
    }
}
