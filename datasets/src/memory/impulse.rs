//! A pure delay: one input, alpha steps ago, and nothing else.
//!
//! `rho(s) = 1 if s = alpha, else 0`.

use lookback_registry::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, PAPER};

/// `rho(s) = 1 if s = alpha, else 0`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Impulse {
    /// The lag that is remembered: a whole number from 0 to length - 1.
    #[schemars(range(min = 0.0), extend("multipleOf" = 1))]
    pub alpha: f64,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
}

impl Default for Impulse {
    fn default() -> Self {
        Self { alpha: 8.0, normalise: true }
    }
}

impl MemoryFunction for Impulse {
    fn rho(&self, lag: usize) -> f64 {
        // A whole number that an f64 holds exactly, so equality is meant.
        if lag as f64 == self.alpha { 1.0 } else { 0.0 }
    }

    fn normalise(&self) -> bool {
        self.normalise
    }

    fn check_length(&self, length: usize) -> Result<()> {
        if self.alpha < length as f64 {
            return Ok(());
        }
        let valid = format!("a whole number from 0 to {} (length - 1)", length - 1);
        Err(Error::invalid("alpha", self.alpha, valid))
    }
}

impl MemoryConfig for Impulse {
    const INFO: MemoryInfo = MemoryInfo {
        name: "impulse",
        title: "Impulse",
        formula: "rho(s) = 1 if s = alpha, else 0",
        structure: "long range",
        source: PAPER,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    #[test]
    fn is_one_at_alpha_alone() {
        let function = Impulse { alpha: 2.0, ..Default::default() }.build().unwrap();
        assert_eq!(function.memory(5).unwrap(), [0.0, 0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn alpha_must_be_a_whole_number() {
        for alpha in [-1.0, 2.5, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(Impulse { alpha, ..Default::default() }.build()), "alpha");
        }
    }

    #[test]
    fn alpha_must_lie_within_the_sequence() {
        let function = Impulse { alpha: 128.0, ..Default::default() }.build().unwrap();
        assert_eq!(
            function.memory(128).unwrap_err().to_string(),
            "`alpha` is 128, but it must be a whole number from 0 to 127 (length - 1)."
        );
        assert_eq!(function.memory(129).unwrap()[128], 1.0);
    }
}
