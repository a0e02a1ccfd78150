//! A soft window: inputs around one lag.
//!
//! `rho(s) = exp(-(s - center)^2 / (2 width^2))`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, SURVEY};

/// `rho(s) = exp(-(s - center)^2 / (2 width^2))`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GaussianPeak {
    /// The lag of the peak, from 0 up.
    #[schemars(range(min = 0.0))]
    pub center: f64,
    /// Standard deviation of the peak in steps, in [0.1, 1e6].
    #[schemars(range(min = 0.1, max = 1e6))]
    pub width: f64,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
}

impl Default for GaussianPeak {
    fn default() -> Self {
        Self { center: 32.0, width: 3.0, normalise: false }
    }
}

impl MemoryFunction for GaussianPeak {
    fn rho(&self, lag: usize) -> f64 {
        let z = (lag as f64 - self.center) / self.width;
        libm::exp(-0.5 * z * z)
    }

    fn normalise(&self) -> bool {
        self.normalise
    }
}

impl MemoryConfig for GaussianPeak {
    const INFO: MemoryInfo = MemoryInfo {
        name: "gaussian-peak",
        title: "Gaussian peak",
        formula: "rho(s) = exp(-(s - center)^2 / (2 width^2))",
        structure: "long range, smooth",
        source: SURVEY,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    #[test]
    fn is_symmetric_around_its_center() {
        let memory = GaussianPeak::default().build().unwrap().memory(65).unwrap();
        assert_eq!(memory[32], 1.0);
        assert!((memory[35] - libm::exp(-0.5)).abs() < 1e-15);
        assert!((0..65).all(|lag| memory[lag] == memory[64 - lag]));
    }

    #[test]
    fn center_and_width_must_be_in_range() {
        for center in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(refused(GaussianPeak { center, ..Default::default() }.build()), "center");
        }
        assert_eq!(refused(GaussianPeak { width: 0.0, ..Default::default() }.build()), "width");
    }
}
