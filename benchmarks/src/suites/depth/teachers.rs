//! The targets that models learn.

use std::fmt;

use lookback_registry::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::experiment::evidence::brief;
use crate::oracle::depth::equally_spaced;
use crate::spec::Named;

/// Where the poles of targets lie.
pub(super) const LOW: f64 = 0.3;
pub(super) const HIGH: f64 = 0.95;

/// A target. Serialised as a text such as "poles-6".
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
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

impl fmt::Display for Teacher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poles(count) => write!(formatter, "poles-{count}"),
            Self::UnitPoles(count) => write!(formatter, "unit-poles-{count}"),
            Self::Impulse(lag) => write!(formatter, "impulse-{lag}"),
            Self::Bump(lag, width) => write!(formatter, "bump-{lag}-{width}"),
        }
    }
}

impl From<Teacher> for String {
    fn from(teacher: Teacher) -> Self {
        teacher.to_string()
    }
}

impl TryFrom<String> for Teacher {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        let read = || {
            let (kind, number) = text.rsplit_once('-')?;
            let number = number.parse().ok()?;
            match kind {
                "poles" => Some(Self::Poles(number)),
                "unit-poles" => Some(Self::UnitPoles(number)),
                "impulse" => Some(Self::Impulse(number)),
                _ => Some(Self::Bump(kind.strip_prefix("bump-")?.parse().ok()?, number)),
            }
        };
        // Numbers have one way to be written, so that a target has one name.
        read().filter(|teacher| teacher.to_string() == text).ok_or_else(|| {
            Error::invalid("teacher", &text, "poles-COUNT, unit-poles-COUNT, impulse-LAG or bump-LAG-WIDTH")
        })
    }
}

impl Teacher {
    /// Its task, for sequences of `length` steps and this many samples of training and validation.
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

    /// The largest residue of a product of poles that is not normalised, as a sum of exponentials `c_i lambda_i^s`.
    pub fn residue(self) -> Option<f64> {
        let Self::Poles(count) = self else { return None };
        let poles = equally_spaced(count, LOW, HIGH);
        // With the delay of 1 / (z - lambda_i) taken off, each pole's residue has the factor lambda_i^(n - 1).
        let scaled = poles.iter().map(|pole| {
            let others = poles.iter().filter(|other| *other != pole);
            others.map(|other| (pole / (pole - other)).abs()).product::<f64>()
        });
        scaled.reduce(f64::max)
    }

    /// [`Teacher::residue`] for the end of a title, e.g. " (residue 49)"; empty if there is none.
    pub fn bracketed_residue(self, name: &str) -> String {
        self.residue().map_or_else(String::new, |residue| format!(" ({name} {})", brief(residue)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residues_of_products_of_poles_are_known() {
        let close = |count, value: f64| (Teacher::Poles(count).residue().unwrap() / value - 1.0).abs() < 0.01;
        assert!(close(1, 1.0) && close(2, 0.95 / 0.65), "{:?}", Teacher::Poles(2).residue());
        assert!(Teacher::Poles(12).residue().unwrap() > 1e6 && Teacher::Impulse(8).residue().is_none());
    }

    #[test]
    fn texts_are_read_back_exactly() {
        for teacher in [Teacher::Poles(6), Teacher::UnitPoles(10), Teacher::Impulse(8), Teacher::Bump(20, 5)] {
            let text = serde_json::to_value(teacher).unwrap();
            assert_eq!(serde_json::from_value::<Teacher>(text).unwrap(), teacher);
        }
        for bad in
            ["", "poles", "poles-", "poles-x", "poles-06", "poles-+6", "poles--6", "unit-6", "bump-20", "bump--5"]
        {
            let error = serde_json::from_value::<Teacher>(json!(bad)).unwrap_err().to_string();
            assert!(error.contains("impulse-LAG"), "{bad}: {error}");
        }
    }
}
