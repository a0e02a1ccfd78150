//! Two separate parts: a fast decay, and a bump some lags later.
//!
//! `rho(s) = exp(-s) + exp(-(s - shift)^2)`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, SURVEY};

/// `rho(s) = exp(-s) + exp(-(s - shift)^2)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TwoParts {
    /// The lag of the second part's peak, from 0 up.
    #[schemars(range(min = 0.0))]
    pub shift: f64,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
}

impl Default for TwoParts {
    fn default() -> Self {
        Self { shift: 9.0, normalise: false }
    }
}

impl MemoryFunction for TwoParts {
    fn rho(&self, lag: usize) -> f64 {
        let s = lag as f64;
        libm::exp(-s) + libm::exp(-(s - self.shift) * (s - self.shift))
    }

    fn normalise(&self) -> bool {
        self.normalise
    }
}

impl MemoryConfig for TwoParts {
    const INFO: MemoryInfo = MemoryInfo {
        name: "two-parts",
        title: "Two parts",
        formula: "rho(s) = exp(-s) + exp(-(s - shift)^2)",
        structure: "decay and a later peak",
        source: SURVEY,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    #[test]
    fn peaks_at_0_and_at_the_shift() {
        let memory = TwoParts::default().build().unwrap().memory(20).unwrap();
        assert!((memory[0] - 1.0).abs() < 1e-15);
        assert!((memory[9] - (1.0 + libm::exp(-9.0))).abs() < 1e-15);
        assert!(memory[5] < 0.01 && memory[14] < 0.01);
    }

    #[test]
    fn shift_must_be_finite_and_not_negative() {
        for shift in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(TwoParts { shift, ..Default::default() }.build()), "shift");
        }
    }
}
