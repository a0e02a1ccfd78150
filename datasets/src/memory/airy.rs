//! The Airy function: oscillations of growing period, then a sharp end near lag `alpha / kappa`.
//!
//! `rho(s) = Ai(kappa s - alpha)`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, PAPER, airy_ai::airy_ai};

/// `rho(s) = Ai(kappa s - alpha)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Airy {
    /// Shift along the Airy function, in [-20, 1000]; the larger, the longer and more oscillating the memory.
    #[schemars(range(min = -20.0, max = 1000.0))]
    pub alpha: f64,
    /// Step along the Airy function per lag, in (0, 10].
    #[schemars(range(max = 10.0), extend("exclusiveMinimum" = 0.0))]
    pub kappa: f64,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
}

impl Default for Airy {
    fn default() -> Self {
        Self { alpha: 4.0, kappa: 0.25, normalise: true }
    }
}

impl MemoryFunction for Airy {
    fn rho(&self, lag: usize) -> f64 {
        airy_ai(self.kappa * lag as f64 - self.alpha)
    }

    fn normalise(&self) -> bool {
        self.normalise
    }
}

impl MemoryConfig for Airy {
    const INFO: MemoryInfo = MemoryInfo {
        name: "airy",
        title: "Airy",
        formula: "rho(s) = Ai(kappa s - alpha)",
        structure: "sparse, oscillating",
        source: PAPER,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    #[test]
    fn starts_at_ai_of_minus_alpha() {
        // Ai(-4), Ai(-3.5) from DLMF's and SciPy's tables.
        let function = Airy { alpha: 4.0, kappa: 0.5, normalise: false }.build().unwrap();
        let memory = function.memory(2).unwrap();
        assert!((memory[0] - -0.070_265_532_949_289_5).abs() < 1e-12);
        assert!((memory[1] - -0.375_533_823_140_431_8).abs() < 1e-12);
    }

    #[test]
    fn alpha_and_kappa_must_be_in_range() {
        for alpha in [-21.0, 1001.0, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(Airy { alpha, ..Default::default() }.build()), "alpha");
        }
        for kappa in [0.0, -1.0, 11.0, f64::NAN] {
            assert_eq!(refused(Airy { kappa, ..Default::default() }.build()), "kappa");
        }
    }
}
