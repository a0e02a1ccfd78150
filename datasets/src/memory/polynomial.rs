//! Polynomial decay: a slow forgetting that no finite sum of exponentials equals.
//!
//! `rho(s) = (1 + s)^(-alpha)`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, PAPER};

/// `rho(s) = (1 + s)^(-alpha)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Polynomial {
    /// Exponent of the decay, from 0 up; the smaller, the longer the memory.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
}

impl Default for Polynomial {
    fn default() -> Self {
        Self { alpha: 1.1, normalise: true }
    }
}

impl MemoryFunction for Polynomial {
    fn rho(&self, lag: usize) -> f64 {
        libm::pow(1.0 + lag as f64, -self.alpha)
    }

    fn normalise(&self) -> bool {
        self.normalise
    }
}

impl MemoryConfig for Polynomial {
    const INFO: MemoryInfo = MemoryInfo {
        name: "polynomial",
        title: "Polynomial",
        formula: "rho(s) = (1 + s)^(-alpha)",
        structure: "decay, slow",
        source: PAPER,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    #[test]
    fn is_the_harmonic_sequence_at_1() {
        let function = Polynomial { alpha: 1.0, normalise: false }.build().unwrap();
        assert_eq!(function.memory(4).unwrap(), [1.0, 1.0 / 2.0, 1.0 / 3.0, 1.0 / 4.0]);
    }

    #[test]
    fn alpha_must_be_finite_and_not_negative() {
        for alpha in [-0.5, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(Polynomial { alpha, ..Default::default() }.build()), "alpha");
        }
    }
}
