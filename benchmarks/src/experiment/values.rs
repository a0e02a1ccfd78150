//! Types for the fields of settings, beside numbers, booleans and enums.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The setting of an experiment that trains nothing: it has no axes.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct NoAxes {}

/// A number, or infinity, which is larger than any: a number or null in JSON, the number or "inf" for people.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Extended<T> {
    /// The number.
    Finite(T),
    /// No limit.
    Infinite,
}

impl<T> Extended<T> {
    /// The number; `None` for infinity.
    pub fn finite(self) -> Option<T> {
        match self {
            Self::Finite(value) => Some(value),
            Self::Infinite => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Extended<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finite(value) => value.fmt(formatter),
            Self::Infinite => formatter.pad("inf"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn infinity_is_null_and_comes_last() {
        for (value, written) in [(Extended::Finite(0.5), json!(0.5)), (Extended::Infinite, json!(null))] {
            assert_eq!(serde_json::to_value(value).unwrap(), written);
            assert_eq!(serde_json::from_value::<Extended<f64>>(written).unwrap(), value);
        }
        assert!(Extended::Infinite > Extended::Finite(f64::MAX));
        assert!(Extended::Finite(2) > Extended::Finite(1));
        assert_eq!([Extended::Finite(6), Extended::Infinite].map(|value| value.to_string()), ["6", "inf"]);
        for bad in [json!("inf"), json!(-1), json!(0.5)] {
            assert!(serde_json::from_value::<Extended<usize>>(bad).is_err());
        }
    }
}
