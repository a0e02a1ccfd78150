//! A cascade of first-order filters: close real poles, and with them large residues.
//!
//! `rho(s) = sum_i c_i lambda_i^s = [z^-s] prod_i 1 / (1 - lambda_i z^-1)`, with `n_poles` poles lambda_i equally spaced
//! in `[low, high]`: that of `prod_i 1 / (z - lambda_i)` without its delay of `n_poles` steps.
//!
//! Written as a sum of exponentials, close poles have residues `c_i = prod_(j != i) lambda_i / (lambda_i - lambda_j)` that
//! are large and cancel. They are the norm of this target as a model of one layer meets it. Scaled to unit Euclidean norm
//! they are modest (34 at most of 12 poles in [0.3, 0.95], against 8 million), and sums of exponentials that keep
//! residues of 1 come within an NMSE of 1e-2: so rho is not scaled unless asked for.

use lookback_registry::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo};

/// `rho(s) = [z^-s] prod_i 1 / (1 - lambda_i z^-1)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PoleProduct {
    /// How many poles, from 1 to 64.
    #[schemars(range(min = 1, max = 64))]
    pub n_poles: usize,
    /// The smallest pole, at least 0; the only one if `n_poles` is 1.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub low: f64,
    /// The largest pole, greater than `low` and less than 1.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub high: f64,
    /// Whether rho is scaled to unit Euclidean norm over the sequence, and its residues with it.
    pub normalise: bool,
}

impl Default for PoleProduct {
    fn default() -> Self {
        Self { n_poles: 8, low: 0.3, high: 0.95, normalise: false }
    }
}

impl PoleProduct {
    /// The poles, ascending.
    pub fn poles(&self) -> Vec<f64> {
        let step = (self.high - self.low) / (self.n_poles.max(2) - 1) as f64;
        (0..self.n_poles).map(|index| self.low + step * index as f64).collect()
    }
}

impl MemoryFunction for PoleProduct {
    fn rho(&self, lag: usize) -> f64 {
        // The filters one after the other on a unit impulse: all terms are positive, so nothing cancels.
        let mut response = vec![0.0; lag + 1];
        response[0] = 1.0;
        for pole in self.poles() {
            let mut before = 0.0;
            for value in &mut response {
                *value += pole * before;
                before = *value;
            }
        }
        response[lag]
    }

    fn normalise(&self) -> bool {
        self.normalise
    }
}

impl MemoryConfig for PoleProduct {
    const INFO: MemoryInfo = MemoryInfo {
        name: "pole-product",
        title: "Product of poles",
        formula: "rho(s) = [z^-s] prod_i 1 / (1 - lambda_i z^-1), lambda_i equally spaced in [low, high]",
        structure: "smooth, of large norm as a sum of exponentials",
        source: "Targets of large norm as in Bao, Yu, Jiang, Li, \"The effect of depth on the expressivity of deep linear \
                 state-space models\", 2025, https://arxiv.org/abs/2506.19296; form and defaults ours",
    };

    fn validate(&self) -> Result<()> {
        if self.high > self.low {
            return Ok(());
        }
        Err(Error::invalid("high", self.high, format!("greater than `low`, which is {}, and less than 1", self.low)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    #[test]
    fn is_the_sum_of_its_residues() {
        let function = PoleProduct { n_poles: 4, ..Default::default() }.build().unwrap();
        let poles = function.poles();
        assert!(poles.iter().zip([0.3, 0.3 + 0.65 / 3.0, 0.3 + 1.3 / 3.0, 0.95]).all(|(a, b)| (a - b).abs() < 1e-15));
        let residue = |pole: f64| -> f64 {
            poles.iter().filter(|other| **other != pole).map(|other| pole / (pole - other)).product()
        };
        for lag in [0, 1, 5, 40] {
            let sum: f64 = poles.iter().map(|pole| residue(*pole) * libm::pow(*pole, f64::from(lag))).sum();
            let rho = function.rho(lag as usize);
            assert!((rho - sum).abs() < 1e-12 * rho.max(1.0), "{lag}: {rho}, residues give {sum}");
        }
        let single = PoleProduct { n_poles: 1, ..Default::default() };
        assert_eq!([single.rho(0), single.rho(1)], [1.0, 0.3]);
    }

    #[test]
    fn poles_must_be_in_range() {
        let base = PoleProduct::default;
        assert_eq!(refused(PoleProduct { n_poles: 65, ..base() }.build()), "n_poles");
        assert_eq!(refused(PoleProduct { low: -0.1, ..base() }.build()), "low");
        assert_eq!(refused(PoleProduct { high: 1.0, ..base() }.build()), "high");
        assert_eq!(
            PoleProduct { high: 0.3, ..base() }.build().unwrap_err().to_string(),
            "`high` is 0.3, but it must be greater than `low`, which is 0.3, and less than 1."
        );
    }
}
