//! The targets that models learn.

use lookback_registry::{Params, Result};
use serde_json::json;

use crate::oracle::depth::equally_spaced;
use crate::spec::Named;
use crate::tasks::memory::MemoryConfig;

/// Where the poles of targets lie.
pub(super) const LOW: f64 = 0.3;
pub(super) const HIGH: f64 = 0.95;

/// A target: its name on the axis `teacher`, and its memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Teacher {
    /// `prod_i 1 / (1 - lambda_i / z)` of this many poles equally spaced in [[`LOW`], [`HIGH`]], as it is.
    Poles(usize),
    /// The same at unit Euclidean norm.
    UnitPoles(usize),
    /// A unit impulse at this lag.
    Impulse(usize),
    /// A bump around this lag, of this standard deviation, at unit Euclidean norm.
    Bump(usize, usize),
}

impl Teacher {
    /// Its name.
    pub fn label(self) -> String {
        match self {
            Self::Poles(count) => format!("poles-{count}"),
            Self::UnitPoles(count) => format!("unit-poles-{count}"),
            Self::Impulse(lag) => format!("impulse-{lag}"),
            Self::Bump(lag, width) => format!("bump-{lag}-{width}"),
        }
    }

    /// Its task, for sequences of `length` steps.
    pub fn task(self, length: usize, samples: [usize; 2]) -> Named {
        let poles = |count, normalise| {
            ("pole-product", json!({"n_poles": count, "low": LOW, "high": HIGH, "normalise": normalise}))
        };
        let (function, params) = match self {
            Self::Poles(count) => poles(count, false),
            Self::UnitPoles(count) => poles(count, true),
            Self::Impulse(lag) => ("impulse", json!({"alpha": lag})),
            Self::Bump(lag, width) => ("gaussian-peak", json!({"center": lag, "width": width, "normalise": true})),
        };
        let params = json!({
            "function": function,
            "function_params": params,
            "length": length,
            "train_samples": samples[0],
            "valid_samples": samples[1],
        });
        Named::new("memory", params)
    }
}

/// What the name on the axis `teacher` says of the norm: the largest residue of a product of poles as a sum of
/// exponentials `c_i lambda_i^s`.
pub(super) fn residue(label: &str) -> Option<f64> {
    let count = label.strip_prefix("poles-")?.parse().ok()?;
    let poles = equally_spaced(count, LOW, HIGH);
    // With the delay of 1 / (z - lambda_i) taken off, each pole's residue has the factor lambda_i^(n - 1).
    let scaled = poles.iter().map(|pole| {
        let others = poles.iter().filter(|other| *other != pole);
        others.map(|other| (pole / (pole - other)).abs()).product::<f64>()
    });
    scaled.reduce(f64::max)
}

/// rho of a resolved `memory` task.
///
/// # Errors
/// The parameters are not those of task `memory`.
pub(super) fn rho(params: &Params) -> Result<Vec<f64>> {
    MemoryConfig::read(params)?.rho()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_norm_is_in_the_name() {
        let close = |label: &str, value: f64| (residue(label).unwrap() / value - 1.0).abs() < 0.01;
        assert!(close("poles-1", 1.0) && close("poles-2", 0.95 / 0.65), "{:?}", residue("poles-2"));
        assert!(residue("poles-12").unwrap() > 1e6 && residue("impulse-8").is_none());
    }
}
