//! A memory that never fades: a sine of the lag.
//!
//! `rho(s) = sin(omega s + phase)`.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, SURVEY};

/// `rho(s) = sin(omega s + phase)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sine {
    /// Angular frequency per step, in radians, in (0, pi].
    #[schemars(range(max = PI), extend("exclusiveMinimum" = 0.0))]
    pub omega: f64,
    /// Phase at lag 0, in radians, in [-pi, pi].
    #[schemars(range(min = -PI, max = PI))]
    pub phase: f64,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
}

impl Default for Sine {
    fn default() -> Self {
        Self { omega: 0.2, phase: 0.0, normalise: false }
    }
}

impl MemoryFunction for Sine {
    fn rho(&self, lag: usize) -> f64 {
        libm::sin(self.omega * lag as f64 + self.phase)
    }

    fn normalise(&self) -> bool {
        self.normalise
    }
}

impl MemoryConfig for Sine {
    const INFO: MemoryInfo = MemoryInfo {
        name: "sine",
        title: "Sine",
        formula: "rho(s) = sin(omega s + phase)",
        structure: "no decay, oscillating",
        source: SURVEY,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    use std::f64::consts::FRAC_PI_2;

    #[test]
    fn a_quarter_turn_per_step_repeats_after_4() {
        let function = Sine { omega: FRAC_PI_2, phase: FRAC_PI_2, normalise: false }.build().unwrap();
        for (rho, expected) in function.memory(8).unwrap().into_iter().zip([1.0, 0.0, -1.0, 0.0].repeat(2)) {
            assert!((rho - expected).abs() < 1e-14);
        }
    }

    #[test]
    fn omega_and_phase_must_be_in_range() {
        for omega in [0.0, 4.0, f64::NAN] {
            assert_eq!(refused(Sine { omega, ..Default::default() }.build()), "omega");
        }
        assert_eq!(refused(Sine { phase: 4.0, ..Default::default() }.build()), "phase");
    }
}
